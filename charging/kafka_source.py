"""Shell. Usage messages from Kafka: a group member that never lets Kafka choose a position.

The automatic reset and automatic commit of offsets are off. A partition that the group gives us is held
until the pump has claimed it in the store and says where to start. Record batches come whole where aiokafka is
as `whole_batches` knows it, otherwise message by message in aiokafka's public way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, KafkaTimeoutError, NoOffsetForPartitionError, OffsetOutOfRangeError

from charging.kafka_security import security_arguments
from charging.messages import NO_MESSAGES, Message, MessageColumns, joined, message_columns
from charging.ports import Bounds
from charging.wire.whole_batches import Wanted, read_answers_at_once, seam_fault, take_whole_batches
from config.settings import Kafka

log = structlog.get_logger()

# A revoke waits for the batch in flight; the others wait for that, within this bound.
REBALANCE_TIMEOUT_MS = 60_000
FETCH_MAX_WAIT_MS = 100
# How long the broker may take to say where a log ends, or what a message is.
ANSWER_S = 3.0
# An answer of the broker: more than a batch of usual events, and so little that its memory is used again for the next one.
FETCH_BYTES, PARTITION_FETCH_BYTES = 4 * 1024 * 1024, 1024 * 1024
# A batch that cannot be read may be sound on the next answer, or when the broker's disk was mended.
REFUSED_RETRY_S = 10


class KafkaSource:
    """The input side; `release` is awaited whenever the group takes partitions back."""

    def __init__(self, settings: Kafka, release: Callable[[], Awaitable[None]]) -> None:
        self._topic = settings.topics.usage
        self._release = release
        self._given: frozenset[int] = frozenset()
        self._started: set[int] = set()
        self._wanted = Wanted(self._refuse)
        self._reading: asyncio.Timeout | None = None
        self._by_batch = False
        self._retry_refused_at_s: float = 0
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=settings.group_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 4,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            metadata_max_age_ms=settings.metadata_max_age_ms,
            **security_arguments(settings.security),
        )

    async def start(self) -> None:
        """Join the group; raises KafkaError where no broker answers."""
        read_answers_at_once()
        await self._consumer.start()
        fault = seam_fault()
        self._by_batch = not fault
        if fault:
            log.warning("messages are polled one by one", why=fault)
        else:
            take_whole_batches(self._consumer, self._wanted)
        self._consumer.subscribe([self._topic], listener=_Listener(self))

    async def stop(self) -> None:
        """Leave the group, so that the others take over at once; also after a start that failed."""
        await self._consumer.stop()

    def assigned(self) -> frozenset[int]:
        """Partitions that are ours: given to us by the group, and not taken back since.

        aiokafka's own assignment is not it: that still holds what was taken back until the group has decided, and
        holds what is new before we are told. Who claims then is in the way of the next owner, or is held for ever.
        """
        return self._given

    async def poll(
        self, messages_max: int, linger_ms: int, until: Awaitable[None] | None = None
    ) -> MessageColumns:
        """The next messages of started partitions, each partition's in order of offset.

        Whatever comes before `until` is done is among them, as far as there is room.
        """
        self._retry_refused()
        ends = None if until is None else asyncio.ensure_future(until)
        try:
            if self._by_batch:
                return joined(await self._poll_batches(messages_max, linger_ms, ends))
            if ends is not None:
                await asyncio.wait([ends])
            return message_columns(await self._poll_messages(messages_max, linger_ms))
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            # The partition was given to us a moment ago, or the log moved away below us: claim anew.
            log.warning("partition has no position", error=str(error))
            self._started.clear()
            return NO_MESSAGES

    async def _poll_batches(
        self, messages_max: int, linger_ms: int, ends: asyncio.Future[None] | None
    ) -> list[MessageColumns]:
        """A "record" is a list of columns here, as many as there is room for; one of each partition.

        aiokafka asks the broker for more only when all that it has is taken. So we take while we wait: what lay there
        for the time of a commit would be old, and what came since an answer of the broker away.
        """
        self._wanted.messages = messages_max
        pieces: list[MessageColumns] = []
        while self._wanted.messages:
            waits = ends is not None and not ends.done()
            polled = await self._consumer.getmany(
                timeout_ms=0 if pieces or waits else linger_ms, max_records=1
            )
            if not polled and ends is not None and waits:
                polled = await self._taken_before(ends)
            elif not polled:
                break
            for tp, lists in polled.items():
                if tp.partition in self._started:
                    pieces += [piece for one in lists for piece in one]
        return pieces

    async def _taken_before(self, ends: asyncio.Future[None]) -> dict[TopicPartition, list[Any]]:
        """What comes next; nothing where `ends` is done first."""
        taking = asyncio.ensure_future(self._consumer.getmany(timeout_ms=FETCH_MAX_WAIT_MS, max_records=1))
        try:
            await asyncio.wait((taking, ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            # aiokafka takes and returns without a pause between, so nothing that was taken is lost here.
            taking.cancel()
        await asyncio.wait((taking,))
        return {} if taking.cancelled() else taking.result()

    async def _poll_messages(self, messages_max: int, linger_ms: int) -> list[Message]:
        polled: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
            timeout_ms=linger_ms, max_records=messages_max
        )
        return [
            _message(tp.partition, record)
            for tp, records in polled.items()
            if tp.partition in self._started
            for record in records
        ]

    def alarms(self) -> list[str]:
        """Partitions that stand still because a record batch cannot be read, and why."""
        return [
            f"held, tried again every {REFUSED_RETRY_S} s: {why}" for why in self._wanted.refused.values()
        ]

    def _refuse(self, partition: int, why: str) -> None:
        """Nothing behind a batch that cannot be read is charged before it; the other partitions go on."""
        self._consumer.pause(self._tp(partition))
        self._retry_refused_at_s = asyncio.get_running_loop().time() + REFUSED_RETRY_S
        log.error("partition held", partition=partition, why=why)

    def _retry_refused(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._wanted.refused and now_s >= self._retry_refused_at_s:
            self._retry_refused_at_s = now_s + REFUSED_RETRY_S
            for partition in self._wanted.refused.keys() & self._started:
                self._consumer.resume(self._tp(partition))

    def started(self) -> frozenset[int]:
        """Partitions that are being delivered."""
        return frozenset(self._started)

    async def bounds(self, partitions: frozenset[int]) -> dict[int, Bounds]:
        """What the partitions' logs hold; raises KafkaError, also where the broker takes longer than we wait."""
        places = [self._tp(partition) for partition in sorted(partitions)]
        try:
            # A question that the broker's end cut off is not asked again by aiokafka before its 40 s are over.
            async with asyncio.timeout(ANSWER_S):
                first, end = await asyncio.gather(
                    self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
                )
        except TimeoutError as error:
            raise KafkaTimeoutError(f"no answer in {ANSWER_S:g} s") from error
        return {tp.partition: Bounds(first[tp], end[tp]) for tp in places}

    async def read_one(self, partition: int, offset: int) -> Message | None:
        """The message at this offset, if the log still has it (compaction may have taken it).

        Raises KafkaError, also where the group takes partitions back meanwhile: in a rebalance aiokafka's own timeout
        does not run, and the rebalance waits for `release`, which waits for whoever called this.
        """
        tp = self._tp(partition)
        if partition not in self.assigned():
            # Taken from us while it was being claimed: it will not be started either.
            return None
        self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        try:
            self._wanted.messages = 1
            async with asyncio.timeout(ANSWER_S) as self._reading:
                polled = await self._consumer.getmany(tp, timeout_ms=2_000, max_records=1)
        except TimeoutError as error:
            raise KafkaTimeoutError("a rebalance came while a partition was being claimed") from error
        finally:
            self._reading = None
            self.hold(partition)
        for record in polled.get(tp, ()):
            message = joined(record).message(0) if self._by_batch else _message(partition, record)
            if message.offset == offset:
                return message
        return None

    def start_at(self, partition: int, offset: int) -> None:
        """Deliver the partition from this offset on; not if it was taken from us while it was being claimed."""
        tp = self._tp(partition)
        if partition not in self.assigned():
            return
        self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        self._started.add(partition)

    def hold(self, partition: int) -> None:
        """Deliver nothing of the partition until it is started again."""
        self._started.discard(partition)
        self._wanted.refused.pop(partition, None)
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
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())
        if self._given:
            await self._release()
        self._given = frozenset()
        self._started.clear()
        self._wanted.refused.clear()

    def given(self, partitions: set[TopicPartition]) -> None:
        """Hold what the group gives us; any position will do until the pump has claimed it."""
        self._given = frozenset(tp.partition for tp in partitions)
        for tp in partitions:
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def _message(partition: int, record: Any) -> Message:
    return Message(partition, record.offset, record.timestamp, record.value, tuple(record.headers))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Passes the group's decisions on to the source."""

    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    async def on_partitions_revoked(self, _: set[TopicPartition]) -> None:
        """Called before a rebalance; aiokafka takes everything back each time."""
        await self._source.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called after a rebalance."""
        self._source.given(assigned)
        await asyncio.sleep(0)
