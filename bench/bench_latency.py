"""Shell. From a message sent to its record published: open loop, so that waiting counts.

Events go out when they are due, whatever the daemon or the broker do, and a record that comes late counts from when
its event was due. The load is a share of what the daemon charged of a backlog just before, on the same machine;
sender and reader are one more process on the same cores, and write and read whole record batches. The first seconds
of a load are not counted: a broker that has just started compiles itself, for some ten seconds, on the same cores.
"""

import asyncio
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import cyclopts
import msgspec
import numpy as np

from bench.bench_pipeline import charge_backlog
from bench.daemon_process import DaemonProcess
from bench.deployed import Deployed, Servers
from bench.results import Recorder, Row
from bench.scrape import ARRIVAL, Scrape
from charging.kafka_sink import KafkaSink
from charging.outputs import O_PARTITION, Output, Outputs, outputs_of
from charging.wire.whole_batches import Wanted, take_whole_batches

TICK_S = 0.005
SHARES = (0.1, 0.6)
QUANTILES = (50.0, 99.0, 99.9)
# Of the daemon, in their order.
STAGES = ("wait", "decode", "load", "decide", "commit", "publish")
# Records that are still on their way when the last event was sent.
DRAIN_S = 10.0


def main(*, customers: int = 20_000, seconds: float = 10.0, warm_seconds: float = 15.0) -> None:
    """Measure latency.

    Parameters
    ----------
    seconds
        Of each load, counted.
    warm_seconds
        Of each load before that.
    """
    recorder = Recorder("latency")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            deployed = Deployed(directory / "latency", servers, "latency", 0, "json")
            asyncio.run(deployed.deploy(customers))
            with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
                charged = 0
                capacity = 0.0
                for number in range(3):
                    daemon.hold()
                    asyncio.run(deployed.send(deployed.events(200_000, number, 1.1)))
                    charged += 200_000
                    capacity = charge_backlog(daemon, servers, 200_000, charged).events_a_second
                recorder.add(Row("latency_capacity", round(capacity), "events/s"))
                for number, share in enumerate(SHARES):
                    rate = int(capacity * share)
                    ticks = Ticks(_parts(deployed, rate, warm_seconds + seconds, number + 10), warm_seconds)
                    late_ms = asyncio.run(_measure(deployed, daemon, ticks))
                    daemon.check()
                    _report(share, rate, late_ms, ticks, recorder)
    print(f"kept in {recorder.save()}")


class Ticks:
    """What is due at each tick, and what the daemon says of itself when counting begins and at the end."""

    def __init__(self, parts: list[Outputs], warm_seconds: float) -> None:
        self.parts = parts
        self.counted_from = round(warm_seconds / TICK_S)
        self.before = self.after = Scrape.empty()


def _parts(deployed: Deployed, rate: int, seconds: float, number: int) -> list[Outputs]:
    """What is due at each tick, made before the clock runs."""
    usage = deployed.settings.kafka.partitions
    records = [
        Output(
            "rated",
            zlib.crc32(event["service"].encode()) % usage,
            event["service"].encode(),
            msgspec.json.encode(event),
        )
        for event in deployed.events(int(rate * seconds), number, 1.1)
    ]
    a_tick = max(1, round(rate * TICK_S))
    return [outputs_of(records[first : first + a_tick]) for first in range(0, len(records), a_tick)]


async def _measure(deployed: Deployed, daemon: DaemonProcess, ticks: Ticks) -> np.ndarray:
    """How late each counted record was, in milliseconds, from when its event was due."""
    kafka = deployed.settings.kafka
    due: dict[int, list[float]] = {partition: [] for partition in range(kafka.partitions)}
    seen: dict[int, list[tuple[float, int]]] = {partition: [] for partition in due}
    # The sink writes rated records; here it writes usage.
    topics = msgspec.structs.replace(kafka.topics, rated=kafka.topics.usage)
    sink = KafkaSink(msgspec.structs.replace(kafka, topics=topics))
    consumer = deployed.consumer(kafka.topics.rated)
    wanted = Wanted(_refuse)
    await sink.start()
    await consumer.start()
    try:
        take_whole_batches(consumer, wanted)
        await consumer.seek_to_end()
        reading = asyncio.create_task(_read(consumer, wanted, seen, sum(map(len, ticks.parts))))
        counted_from = await _send(sink, ticks, due, daemon)
        await asyncio.wait_for(reading, DRAIN_S)
        ticks.after = daemon.page()
    finally:
        await consumer.stop()
        await sink.stop()
    return _late_ms(due, seen, counted_from)


def _refuse(partition: int, why: str) -> None:
    raise AssertionError(f"partition {partition}: {why}")


async def _send(sink: KafkaSink, ticks: Ticks, due: dict[int, list[float]], daemon: DaemonProcess) -> float:
    """One part a tick, whatever became of the ones before; returns when counting began."""
    began = time.perf_counter()
    sent = []
    for tick, part in enumerate(ticks.parts):
        at = began + tick * TICK_S
        if tick == ticks.counted_from:
            ticks.before = await asyncio.to_thread(daemon.page)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        for partition in part.words[:, O_PARTITION].tolist():
            due[partition].append(at)
        sent.append(asyncio.create_task(sink.publish(part)))
    await asyncio.gather(*sent)
    return began + ticks.counted_from * TICK_S


async def _read(consumer: Any, wanted: Wanted, seen: dict[int, list[tuple[float, int]]], left: int) -> None:
    """Until so many records came."""
    while left > 0:
        wanted.messages = 1_000_000
        polled = await consumer.getmany(timeout_ms=1_000)
        now = time.perf_counter()
        for place, lists in polled.items():
            count = sum(len(piece) for pieces in lists for piece in pieces)
            seen[place.partition].append((now, count))
            left -= count


def _late_ms(
    due: dict[int, list[float]], seen: dict[int, list[tuple[float, int]]], counted_from: float
) -> np.ndarray:
    """A partition's records come in the order of its events, so the n-th record is the n-th event's."""
    late = []
    for partition, moments in due.items():
        came = np.repeat([at for at, _ in seen[partition]], [count for _, count in seen[partition]])
        wanted = np.array(moments)
        assert len(came) == len(wanted), "a record for each event"
        late.append((came - wanted)[wanted >= counted_from])
    return np.concatenate(late) * 1e3


def _report(share: float, rate: int, late_ms: np.ndarray, ticks: Ticks, recorder: Recorder) -> None:
    percent = round(share * 100)
    quantiles = np.percentile(late_ms, QUANTILES)
    said = ", ".join(f"p{q:g} {ms:.1f} ms" for q, ms in zip(QUANTILES, quantiles, strict=True))
    print(f"{percent} % of capacity, {rate:,} events/s: {said}")
    # The curve of a plot: how late, and how much is not later.
    shares = (*range(1, 100), 99.5, 99.9, 99.99)
    curve = [(round(float(np.percentile(late_ms, q)), 3), float(q)) for q in shares]
    for quantile, ms in zip(QUANTILES, quantiles, strict=True):
        series = curve if quantile == QUANTILES[0] else []
        recorder.add(Row(f"latency_{percent}_p{quantile:g}", round(float(ms), 2), "ms", series=series))
    _report_stages(percent, ticks.before, ticks.after, recorder)


def _report_stages(percent: int, before: Scrape, after: Scrape, recorder: Recorder) -> None:
    """Where the time of a batch goes; `arrival` is the age of its oldest message when it was polled."""
    batches = after.batches - before.batches
    events = (after.events - before.events) / batches
    recorder.add(Row(f"latency_{percent}_batch", round(events, 1), "events"))
    for stage in (ARRIVAL, *STAGES):
        spent_ms = (after.stage_s[stage] - before.stage_s[stage]) * 1e3 / batches
        recorder.add(Row(f"latency_{percent}_{stage}", round(spent_ms, 2), "ms/batch"))


if __name__ == "__main__":
    cyclopts.run(main)
