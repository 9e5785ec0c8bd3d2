"""Shell. Put usage events from an NDJSON file on the usage topic, keyed by service identifier.

What a network element does, for people who have a file: lines go out as they are, or as MessagePack.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from charging.kafka_security import security_arguments
from config.settings import Kafka

BATCH_BYTES = 500_000
CONTENT_TYPES = {"json": b"application/json", "msgpack": b"application/msgpack"}
# Enough to keep the broker busy, few enough that a file of any size fits in memory.
BATCHES_IN_FLIGHT = 32


class _Key(msgspec.Struct):
    """The one field that decides the partition; the rest of the line is not looked at."""

    service: str


async def send_usage(
    settings: Kafka,
    lines: Iterable[bytes],
    wire: Literal["json", "msgpack"],
    rate: int,
) -> int:
    """Send every line; returns how many. `rate` is the most events a second, 0 = as fast as the broker takes them.

    A line that is no JSON object with a `service` goes to partition 0 as it is: the daemon rejects it
    with a reason, and nothing is lost here. Raises KafkaError where no broker answers.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        enable_idempotence=settings.idempotent,
        max_batch_size=BATCH_BYTES,
        **security_arguments(settings.security),
    )
    await producer.start()
    try:
        sender = _Sender(producer, settings.topics.usage, wire)
        partitions = len(await producer.partitions_for(settings.topics.usage))
        pace = _Pace(rate, asyncio.get_running_loop().time)
        for line in lines:
            stripped = line.strip()
            if stripped:
                await sender.add(stripped, partitions)
                if pace.is_due():
                    await sender.flush()
                    await pace.wait()
        return await sender.finish()
    finally:
        await producer.stop()


class _Pace:
    """Spreads events evenly: a fiftieth of a second's worth, then a pause until the next is due."""

    def __init__(self, rate: int, clock_s: Callable[[], float]) -> None:
        self._rate = rate
        self._portion = max(1, rate // 50)
        self._clock_s = clock_s
        self._started_s = clock_s()
        self._count = 0

    def is_due(self) -> bool:
        """Count an event; whether a portion is full."""
        self._count += 1
        return self._rate > 0 and self._count % self._portion == 0

    async def wait(self) -> None:
        """Until as much time has passed as the events so far may take."""
        await asyncio.sleep(max(0.0, self._started_s + self._count / self._rate - self._clock_s()))


class _Sender:
    """Fills one batch a partition and keeps a bounded number of them in flight."""

    def __init__(self, producer: Any, topic: str, wire: str) -> None:
        self._producer = producer
        self._topic = topic
        self._wire = wire
        self._headers = [("content-type", CONTENT_TYPES[wire])]
        self._open: dict[int, Any] = {}
        self._in_flight: list[asyncio.Future[Any]] = []
        self._key = msgspec.json.Decoder(_Key)
        self._total = 0

    async def add(self, line: bytes, partitions: int) -> None:
        """Append a line to its partition's batch, sending the batch first where it is full."""
        try:
            key = self._key.decode(line).service.encode()
            value = msgspec.msgpack.encode(msgspec.json.decode(line)) if self._wire == "msgpack" else line
            partition = (murmur2(key) & 0x7FFFFFFF) % partitions
        except msgspec.MsgspecError:
            key, value, partition = b"", line, 0
        batch = self._open.get(partition)
        if batch is None or batch.append(key=key, value=value, timestamp=None, headers=self._headers) is None:
            if batch is not None:
                await self._send(partition, batch)
            batch = self._open[partition] = self._producer.create_batch()
            if batch.append(key=key, value=value, timestamp=None, headers=self._headers) is None:
                raise ValueError(f"a line of {len(line)} bytes does not fit a message")

    async def flush(self) -> None:
        """Send what is collected so far."""
        for partition, batch in self._open.items():
            await self._send(partition, batch)
        self._open.clear()

    async def finish(self) -> int:
        """Send what is left and wait for every acknowledgement."""
        await self.flush()
        await asyncio.gather(*self._in_flight)
        return self._total

    async def _send(self, partition: int, batch: Any) -> None:
        count = batch.record_count()
        self._in_flight.append(await self._producer.send_batch(batch, self._topic, partition=partition))
        self._total += count
        if len(self._in_flight) >= BATCHES_IN_FLIGHT:
            await asyncio.gather(*self._in_flight)
            self._in_flight.clear()
