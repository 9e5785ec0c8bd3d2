"""Shell. Two daemons charge one sharing group of a thousand members: rate, balance between them, gaps; all exact.

Every event moves the owner's balance, so the daemons contend for one record with each commit. First both find a
backlog: they are held while it is sent. Then events come as they happen, more than the goal of 50,000 a second, from a
sender that takes next to nothing of the cores (`open_loop.py`).
A daemon waits for the other one's batch, so batches are kept below the default.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import cyclopts

from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed, Servers
from bench.open_loop import send_open_loop, usage_ticks
from bench.pool_run import (
    Shared,
    after_use,
    amounts_of,
    ends_of_rated,
    shared_work,
    wait_for_owners,
    written_from,
)
from bench.pool_workload import pool_events, pool_lines
from bench.results import Recorder, row_of

DAEMONS = 2
MEGABYTES = 100_000_000
STEADY_EVENTS_A_SECOND = 60_000
BATCH_EVENTS = 2_000
ROUND_S = 120


def main(*, members: int = 1_000, events: int = 400_000, rounds: int = 3, batch: int = BATCH_EVENTS) -> None:
    """Measure the pool.

    Parameters
    ----------
    events
        Of a round; the first round is not counted, since it fills caches.
    batch
        The daemons' `batch_events_max`.
    """
    recorder = Recorder("hot_pool")
    backlog: list[Shared] = []
    steady: list[Shared] = []
    everything: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            more = f"batch_events_max = {batch}\n"
            deployed = Deployed(directory / "pool", servers, "pool", 0, "msgpack", more)
            customers = asyncio.run(deployed.deploy_lines(pool_lines(members, MEGABYTES)))
            before = asyncio.run(amounts_of(deployed.settings, customers))
            logs = [directory / f"daemon-{number}.log" for number in range(DAEMONS)]
            daemons = [DaemonProcess(deployed.settings_file, log) for log in logs]
            try:
                for daemon in daemons:
                    daemon.start()
                owners = wait_for_owners(logs, deployed.settings.kafka.partitions)
                for number in range(2 * rounds + 1):
                    sent = list(pool_events(members, events, f"r{number}"))
                    everything += sent
                    rate = STEADY_EVENTS_A_SECOND if number > rounds else 0
                    (steady if rate else backlog).append(_round(deployed, daemons, owners, sent, rate))
            finally:
                for daemon in daemons:
                    daemon.stop()
            after = asyncio.run(amounts_of(deployed.settings, customers))
    assert after == after_use(before, everything), "the pool is not exact"
    split = " and ".join(str(list(owners.values()).count(number)) for number in range(DAEMONS))
    print(
        f"one pool of {members:,} members, {DAEMONS} daemons with {split} partitions, "
        f"{len(everything):,} events; exact to the byte"
    )
    _report("hot_pool", backlog[1:], recorder)
    _report("hot_pool_steady", steady, recorder)
    print(f"kept in {recorder.save()}")


def _round(
    deployed: Deployed,
    daemons: list[DaemonProcess],
    owners: dict[int, int],
    sent: list[dict[str, Any]],
    rate: int,
) -> Shared:
    """Charge these events: so many a second, or as a backlog."""
    kafka = deployed.settings.kafka
    start = asyncio.run(ends_of_rated(kafka))
    before = sum(daemon.page().events for daemon in daemons)
    if not rate:
        for daemon in daemons:
            daemon.hold()
    if rate:
        ticks = usage_ticks(sent, kafka.partitions, rate)
        asyncio.run(send_open_loop(kafka.bootstrap, kafka.topics.usage, ticks))
    else:
        asyncio.run(deployed.send(sent))
        for daemon in daemons:
            daemon.go_on()
    began = time.monotonic()
    while sum(daemon.page().events for daemon in daemons) < before + len(sent):
        for daemon in daemons:
            daemon.check()
        if time.monotonic() - began > ROUND_S:
            raise RuntimeError("the daemons hang")
        time.sleep(POLL_S)
    return shared_work(asyncio.run(written_from(kafka, start, len(sent))), owners)


def _report(name: str, rounds: list[Shared], recorder: Recorder) -> None:
    recorder.add(row_of(name, [one.events_a_second for one in rounds], "events/s"))
    recorder.add(row_of(f"{name}_balance", [one.balance for one in rounds], "slower/faster"))
    recorder.add(row_of(f"{name}_gap", [one.largest_gap_ms for one in rounds], "ms"))


if __name__ == "__main__":
    cyclopts.run(main)
