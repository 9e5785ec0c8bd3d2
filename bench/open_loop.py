"""Shell. Messages sent when they are due, whatever became of those before, and records noted as they come.

Sender and reader share the cores with what they measure, so both are as cheap as they can be: the record batches of a
tick are made before the clock runs, and of what is read only the heads of batches are looked at. Both speak the
broker's protocol through aiokafka's connections: its producer has one request under way, and makes the next one wait.
"""

import asyncio
import gc
import struct
import time
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

from charging.outputs import Output, outputs_of
from charging.wire.producer_seam import CHECKED_FROM, CODECS, CRC, CRC_AT, packed_batches
from charging.wire.whole_batches import COUNT_AT, LENGTH, batch_end

TICK_S = 0.005
ONE_ACKNOWLEDGES = 1
PATIENCE_MS = 30_000
FETCH_WAIT_MS = 500
FETCH_BYTES = 4 * 1024 * 1024
BATCH_BYTES = 900_000
# First and last timestamp of a record batch, in Kafka's format 2.
TIMES = struct.Struct(">qq")
TIMES_AT = struct.calcsize(">qiibIhi")


class Tick(NamedTuple):
    """What is due at one moment."""

    batches: dict[int, bytearray]  # a record batch of each partition
    counts: dict[int, int]  # and its events


class Moments(NamedTuple):
    """When events of each partition were due, in their order, and when so many more records had come."""

    due_s: dict[int, list[tuple[float, int]]]
    came_s: dict[int, list[tuple[float, int]]]
    # How late each tick was sent, and acknowledged.
    sent_late_s: list[float]
    acknowledged_late_s: list[float]

    @classmethod
    def of(cls, partitions: Iterable[int]) -> "Moments":
        """None yet."""
        places = list(partitions)
        return cls({place: [] for place in places}, {place: [] for place in places}, [], [])

    def late_ms(self, after_s: float) -> np.ndarray:
        """How late each record was, of events due so long after the first; the n-th record is the n-th event's."""
        from_s = min(due[0][0] for due in self.due_s.values() if due) + after_s
        late = []
        for partition, due in self.due_s.items():
            wanted, came = _each(due), _each(self.came_s[partition])
            assert len(came) == len(wanted), "a record for each event"
            late.append((came - wanted)[wanted >= from_s])
        return np.concatenate(late) * 1e3


def _each(moments: list[tuple[float, int]]) -> np.ndarray:
    """A moment for each of those that it counts."""
    return np.repeat([at for at, _ in moments], [count for _, count in moments])


def usage_ticks(events: Iterable[dict[str, Any]], partitions: int, rate: int) -> list[Tick]:
    """So many events a second, in their order, as JSON; the service decides the partition."""
    ticks = []
    due: list[Output] = []
    for event in events:
        key = event["service"].encode()
        due.append(Output("rated", zlib.crc32(key) % partitions, key, msgspec.json.encode(event)))
        if len(due) >= rate * TICK_S:
            ticks.append(_tick(due, partitions))
            due = []
    return [*ticks, _tick(due, partitions)] if due else ticks


def _tick(records: list[Output], partitions: int) -> Tick:
    outputs = outputs_of(records)
    tick = Tick({}, {})
    for (_, partition), rows in outputs.rows_by_place((partitions,) * 3).items():
        (batch,) = packed_batches(outputs, rows, BATCH_BYTES, 0, CODECS["lz4"])
        tick.batches[partition] = batch._build()
        tick.counts[partition] = len(rows)
    return tick


async def send_open_loop(bootstrap: str, topic: str, ticks: list[Tick]) -> None:
    """Send each tick when it is due, and wait until all are acknowledged."""
    moments = Moments.of({partition for tick in ticks for partition in tick.counts})
    sender = await _connection(bootstrap)
    try:
        await _send(sender, topic, ticks, moments)
    finally:
        sender.close()


async def run_open_loop(
    bootstrap: str, to_topic: str, from_topic: str, starts: dict[int, int], ticks: list[Tick]
) -> Moments:
    """Send each tick when it is due to one topic, and read as many records from the other."""
    moments = Moments.of(starts)
    sender, reader = await _connection(bootstrap), await _connection(bootstrap)
    left = sum(sum(tick.counts.values()) for tick in ticks)
    try:
        async with asyncio.timeout(len(ticks) * TICK_S + PATIENCE_MS / 1_000), asyncio.TaskGroup() as both:
            both.create_task(_read(reader, from_topic, dict(starts), left, moments))
            both.create_task(_send(sender, to_topic, ticks, moments))
    finally:
        sender.close()
        reader.close()
    return moments


async def _connection(bootstrap: str) -> AIOKafkaConnection:
    host, port = bootstrap.split(":")
    return await create_conn(host, int(port), request_timeout_ms=PATIENCE_MS)


async def _send(sender: AIOKafkaConnection, topic: str, ticks: list[Tick], moments: Moments) -> None:
    # A collection that looks at all that was made before the clock runs holds up sender and reader for 0.2 s.
    gc.collect()
    gc.freeze()
    answers = []
    began = time.perf_counter()
    for number, tick in enumerate(ticks):
        at = began + number * TICK_S
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        now_ms = time.time_ns() // 1_000_000
        for partition, batch in tick.batches.items():
            _set_time(batch, now_ms)
            moments.due_s[partition].append((at, tick.counts[partition]))
        places = [(partition, bytes(batch)) for partition, batch in tick.batches.items()]
        answer = sender.send(ProduceRequest(None, ONE_ACKNOWLEDGES, PATIENCE_MS, [(topic, places)]))
        moments.sent_late_s.append(time.perf_counter() - at)
        answers.append(asyncio.create_task(_acknowledged(answer, at, moments)))
    await asyncio.gather(*answers)


def _set_time(batch: bytearray, now_ms: int) -> None:
    TIMES.pack_into(batch, TIMES_AT, now_ms, now_ms)
    CRC.pack_into(batch, CRC_AT, calc_crc32c(memoryview(batch)[CHECKED_FROM:]))


async def _acknowledged(answer: Any, at: float, moments: Moments) -> None:
    for _, partitions in (await answer).topics:
        for _, error, *_ in partitions:
            if error:
                raise for_code(error)
    moments.acknowledged_late_s.append(time.perf_counter() - at)


async def _read(
    reader: AIOKafkaConnection, topic: str, offsets: dict[int, int], left: int, moments: Moments
) -> None:
    while left > 0:
        places = [(partition, offset, FETCH_BYTES) for partition, offset in offsets.items()]
        answer = await reader.send(FetchRequest(FETCH_WAIT_MS, 1, FETCH_BYTES, 0, [(topic, places)]))
        now = time.perf_counter()
        for _, partitions in answer.topics:
            for partition, error, *_, data in partitions:
                if error:
                    raise for_code(error)
                count = _count(data or b"")
                if count:
                    moments.came_s[partition].append((now, count))
                offsets[partition] += count
                left -= count


def _count(data: bytes) -> int:
    """Records of the batches that came whole; we read from the begin of one."""
    count = at = 0
    while (end := batch_end(data, at)) is not None:
        count += LENGTH.unpack_from(data, at + COUNT_AT)[0]
        at = end
    return count
