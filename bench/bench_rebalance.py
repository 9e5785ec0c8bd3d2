"""Shell. How long the records of a partition stop when a daemon joins the group, leaves it or dies.

aiokafka takes every partition back at each rebalance, so those that stay where they are pause, too. A steady load
flows into all partitions; the pause of a partition is the longest gap between two of its rated records, by the
time that their producer put on them. Of a daemon that dies the others' partitions and its own are told apart: its
own also wait until the group has noticed.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cyclopts
import numpy as np

from bench.daemon_process import DaemonProcess
from bench.deployed import Deployed, Servers
from bench.results import Recorder, Row

SESSION_TIMEOUT_MS = 6_000
# From a change to the next one: the session's timeout, a rebalance and the claims are over by then.
WINDOW_S = 14.0
CHANGES = 4
# A daemon that died publishes nothing from then on, the others go on until the group notices.
DEAD_AFTER_MS = 1_000


def main(*, customers: int = 20_000, rate: int = 4_000) -> None:
    """Measure what a rebalance costs.

    Parameters
    ----------
    rate
        Events a second, spread over all partitions.
    """
    recorder = Recorder("rebalance")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers, contextlib.ExitStack() as stack:
            deployed = Deployed(
                directory / "group", servers, "group", 0, "msgpack", session_timeout_ms=SESSION_TIMEOUT_MS
            )
            asyncio.run(deployed.deploy(customers))
            daemons = [
                DaemonProcess(deployed.settings_file, directory / f"daemon-{number}.log")
                for number in range(3)
            ]
            for daemon in daemons:
                stack.callback(daemon.stop)
            events = deployed.events(int(rate * WINDOW_S * (CHANGES + 1)), 0, 0.3)
            with ThreadPoolExecutor(1) as beside:
                daemons[0].start()
                daemons[1].start()
                sending = beside.submit(lambda: asyncio.run(deployed.send(events, rate)))
                time.sleep(WINDOW_S / 2)
                changes: list[Callable[[], None]] = [
                    lambda: None,
                    daemons[2].start,
                    daemons[2].stop,
                    daemons[1].kill,
                ]
                windows = [_window(change) for change in changes]
                sending.result()
            published = asyncio.run(_published_ms(deployed))
    _report(published, windows, recorder)
    print(f"kept in {recorder.save()}")


def _window(change: Callable[[], None]) -> tuple[float, float]:
    """When a change began and when the next one may, in milliseconds of the wall clock."""
    began = time.time()
    change()
    time.sleep(max(0.0, began + WINDOW_S - time.time()))
    return began * 1e3, time.time() * 1e3


async def _published_ms(deployed: Deployed) -> dict[int, np.ndarray]:
    """When the rated records of each partition were published; their order is that of their offsets."""
    consumer = deployed.consumer(deployed.settings.kafka.topics.rated)
    await consumer.start()
    found: dict[int, list[int]] = {}
    try:
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        await consumer.seek_to_beginning()
        left = sum(ends.values())
        while left > 0:
            for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
                found.setdefault(place.partition, []).extend(record.timestamp for record in records)
                left -= len(records)
    finally:
        await consumer.stop()
    return {partition: np.array(times, np.int64) for partition, times in found.items()}


def _pauses_ms(published: dict[int, np.ndarray], begin: float, end: float) -> dict[int, float]:
    """The longest gap of each partition in a window."""
    pauses = {}
    for partition, times in published.items():
        seen = times[(times >= begin) & (times < end)]
        pauses[partition] = float(np.diff(np.concatenate([[begin], seen, [end]])).max())
    return pauses


def _report(published: dict[int, np.ndarray], windows: list[tuple[float, float]], recorder: Recorder) -> None:
    calm, join, leave, crash = [_pauses_ms(published, *window) for window in windows]
    begin, _ = windows[-1]
    noticed = begin + DEAD_AFTER_MS
    dead = {
        partition
        for partition, times in published.items()
        if not ((times >= begin + DEAD_AFTER_MS / 2) & (times < noticed)).any()
    }
    others = [pause for partition, pause in crash.items() if partition not in dead]
    for name, pauses in (
        ("_calm", list(calm.values())),
        ("", [*join.values(), *leave.values()]),
        ("_join", list(join.values())),
        ("_leave", list(leave.values())),
        ("_crash_others", others),
        ("_crash_its_own", [crash[partition] for partition in dead]),
    ):
        if pauses:
            recorder.add(
                Row(
                    f"rebalance_pause_ms{name}",
                    round(float(np.median(pauses)), 1),
                    "ms",
                    low=round(min(pauses), 1),
                    high=round(max(pauses), 1),
                )
            )


if __name__ == "__main__":
    cyclopts.run(main)
