"""Shell. From a message sent to its record published: open loop, so that waiting counts.

Events go out when they are due, whatever the daemon does, and a record that comes late counts from when its
event was due. The load is a share of what the daemon charged of a backlog just before, on the same machine;
sender and reader are one more process on the same cores, and write and read whole record batches.
"""

import asyncio
import tempfile
import time
import zlib
from pathlib import Path

import cyclopts
import msgspec
import numpy as np

from bench.bench_pipeline import charge_backlog
from bench.daemon_process import DaemonProcess
from bench.deployed import Deployed, Servers
from bench.results import Recorder, Row
from charging.kafka_sink import KafkaSink
from charging.kafka_source import KafkaSource
from charging.messages import M_PARTITION
from charging.outputs import O_PARTITION, Output, Outputs, outputs_of
from config.settings import Kafka

TICK_S = 0.005
SHARES = (0.1, 0.6)
QUANTILES = (50.0, 99.0, 99.9)
# Records that are still on their way when the last event was sent.
DRAIN_S = 10.0


def main(*, customers: int = 20_000, seconds: float = 10.0) -> None:
    """Measure latency.

    Parameters
    ----------
    seconds
        Of each load.
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
                    events = int(rate * seconds)
                    parts = _parts(deployed, events, number + 10, rate)
                    late_ms = asyncio.run(_measure(deployed, parts, events))
                    daemon.check()
                    _report(share, rate, late_ms, recorder)
    print(f"kept in {recorder.save()}")


def _parts(deployed: Deployed, events: int, number: int, rate: int) -> list[Outputs]:
    """What is due at each tick, made before the clock runs."""
    usage = deployed.settings.kafka.partitions
    records = [
        Output(
            "rated",
            zlib.crc32(event["service"].encode()) % usage,
            event["service"].encode(),
            msgspec.json.encode(event),
        )
        for event in deployed.events(events, number, 1.1)
    ]
    a_tick = max(1, round(rate * TICK_S))
    return [outputs_of(records[first : first + a_tick]) for first in range(0, len(records), a_tick)]


async def _measure(deployed: Deployed, parts: list[Outputs], events: int) -> np.ndarray:
    """How late each record was, in milliseconds, from when its event was due."""
    kafka = deployed.settings.kafka
    due: dict[int, list[float]] = {partition: [] for partition in range(kafka.partitions)}
    seen: dict[int, list[tuple[float, int]]] = {partition: [] for partition in due}
    # The sink writes rated records; here it writes usage. The source reads usage; here it reads rated records.
    sink = KafkaSink(_renamed(kafka, rated=kafka.topics.usage))
    source = KafkaSource(_renamed(kafka, usage=kafka.topics.rated, group="latency-reader"), _nothing)
    await sink.start()
    await source.start()
    try:
        while len(source.assigned()) < kafka.partitions:
            await source.poll(1, 50)
        ends = await source.bounds(source.assigned())
        for partition, bounds in ends.items():
            source.start_at(partition, bounds.end_offset)
        reading = asyncio.create_task(_read(source, seen, events))
        await _send(sink, parts, due)
        await asyncio.wait_for(reading, DRAIN_S)
    finally:
        await source.stop()
        await sink.stop()
    return _late_ms(due, seen)


async def _nothing() -> None:
    """A reader has nothing to let go of."""


def _renamed(kafka: Kafka, *, usage: str = "", rated: str = "", group: str = "") -> Kafka:
    topics = msgspec.structs.replace(
        kafka.topics, usage=usage or kafka.topics.usage, rated=rated or kafka.topics.rated
    )
    return msgspec.structs.replace(kafka, topics=topics, group_id=group or kafka.group_id)


async def _send(sink: KafkaSink, parts: list[Outputs], due: dict[int, list[float]]) -> None:
    """One part a tick, each once the broker has the one before; what that delays counts as late."""
    began = time.perf_counter()
    for tick, part in enumerate(parts):
        at = began + tick * TICK_S
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        for partition in part.words[:, O_PARTITION].tolist():
            due[partition].append(at)
        await sink.publish(part)


async def _read(source: KafkaSource, seen: dict[int, list[tuple[float, int]]], events: int) -> None:
    left = events
    while left > 0:
        messages = await source.poll(100_000, 5)
        now = time.perf_counter()
        partitions, counts = np.unique(messages.words[:, M_PARTITION], return_counts=True)
        for partition, count in zip(partitions.tolist(), counts.tolist(), strict=True):
            seen[partition].append((now, count))
            left -= count


def _late_ms(due: dict[int, list[float]], seen: dict[int, list[tuple[float, int]]]) -> np.ndarray:
    """A partition's records come in the order of its events, so the n-th record is the n-th event's."""
    late = []
    for partition, moments in due.items():
        came = np.repeat([at for at, _ in seen[partition]], [count for _, count in seen[partition]])
        assert len(came) == len(moments), "a record for each event"
        late.append(came - np.array(moments))
    return np.concatenate(late) * 1e3


def _report(share: float, rate: int, late_ms: np.ndarray, recorder: Recorder) -> None:
    percent = round(share * 100)
    quantiles = np.percentile(late_ms, QUANTILES)
    said = ", ".join(f"p{q:g} {ms:.1f} ms" for q, ms in zip(QUANTILES, quantiles, strict=True))
    print(f"{percent} % of capacity, {rate:,} events/s: {said}")
    for quantile, ms in zip(QUANTILES, quantiles, strict=True):
        recorder.add(Row(f"latency_{percent}_p{quantile:g}", round(float(ms), 2), "ms"))


if __name__ == "__main__":
    cyclopts.run(main)
