"""Shell. Usage messages by aiokafka's public way: a group member that never lets Kafka choose a position.

The automatic reset and automatic commit of offsets are off. A partition that the group gives us is held
until the pump has claimed it in the store and says where to start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from charging.kafka_security import security_arguments
from charging.messages import NO_MESSAGES, Message, MessageColumns, message_columns
from charging.ports import Bounds
from config.settings import Kafka

log = structlog.get_logger()

# A revoke waits for the batch in flight; the others wait for that, within this bound.
REBALANCE_TIMEOUT_MS = 60_000
FETCH_MAX_WAIT_MS = 100
PARTITION_FETCH_BYTES = 4 * 1024 * 1024


class KafkaSource:
    """The input side; `release` is awaited whenever the group takes partitions back."""

    def __init__(self, settings: Kafka, release: Callable[[], Awaitable[None]]) -> None:
        self._topic = settings.topics.usage
        self._release = release
        self._started: set[int] = set()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=settings.group_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 4,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            **security_arguments(settings.security),
        )

    async def start(self) -> None:
        """Join the group; raises KafkaError where no broker answers."""
        await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=_Listener(self))

    async def stop(self) -> None:
        """Leave the group, so that the others take over at once."""
        await self._consumer.stop()

    def assigned(self) -> frozenset[int]:
        """Partitions given to us by now."""
        return frozenset(tp.partition for tp in self._consumer.assignment() if tp.topic == self._topic)

    async def poll(self, messages_max: int, linger_ms: int) -> MessageColumns:
        """The next messages of started partitions, each partition's in order of offset."""
        try:
            polled: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                timeout_ms=linger_ms, max_records=messages_max
            )
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            # The partition was given to us a moment ago, or the log moved away below us: claim anew.
            log.warning("partition has no position", error=str(error))
            self._started.clear()
            return NO_MESSAGES
        return message_columns(
            [
                Message(tp.partition, record.offset, record.timestamp, record.value, tuple(record.headers))
                for tp, records in polled.items()
                if tp.partition in self._started
                for record in records
            ]
        )

    def started(self) -> frozenset[int]:
        """Partitions that are being delivered."""
        return frozenset(self._started)

    async def bounds(self, partitions: frozenset[int]) -> dict[int, Bounds]:
        """What the partitions' logs hold."""
        places = [self._tp(partition) for partition in sorted(partitions)]
        first, end = await asyncio.gather(
            self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        )
        return {tp.partition: Bounds(first[tp], end[tp]) for tp in places}

    async def read_one(self, partition: int, offset: int) -> Message | None:
        """The message at this offset, if the log still has it (compaction may have taken it)."""
        tp = self._tp(partition)
        self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        try:
            records = await self._consumer.getmany(tp, timeout_ms=2_000, max_records=1)
        finally:
            self.hold(partition)
        for record in records.get(tp, ()):
            if record.offset == offset:
                return Message(partition, offset, record.timestamp, record.value, tuple(record.headers))
        return None

    def start_at(self, partition: int, offset: int) -> None:
        """Deliver the partition from this offset on."""
        tp = self._tp(partition)
        self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        self._started.add(partition)

    def hold(self, partition: int) -> None:
        """Deliver nothing of the partition until it is started again."""
        self._started.discard(partition)
        if partition in self.assigned():
            self._consumer.pause(self._tp(partition))

    async def commit_offsets(self, next_offsets: dict[int, int]) -> None:
        """For lag tools; a failure is only logged, since the floor is what counts."""
        offsets = {self._tp(p): offset for p, offset in next_offsets.items() if p in self.assigned()}
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except KafkaError as error:
            log.info("offsets not committed", error=str(error))

    async def revoked(self) -> None:
        """Partitions are taken back: let the pump finish or undo what is in flight, then let go."""
        await self._release()
        self._started.clear()

    def given(self, partitions: set[TopicPartition]) -> None:
        """Hold what the group gives us; any position will do until the pump has claimed it."""
        for tp in partitions:
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Passes the group's decisions on to the source."""

    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called before a rebalance; aiokafka takes everything back each time."""
        if revoked:
            await self._source.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called after a rebalance."""
        self._source.given(assigned)
        await asyncio.sleep(0)
