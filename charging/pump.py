"""Shell. The loop of the daemon (ARCHITECTURE 5.3): poll, decode, load, decide, commit, publish, raise floors.

While one batch is published the next one is polled, decoded and decided, and while it is committed too where we are
behind: at most two are in flight, and memory is bounded whatever the backlog. Rebalances wait for their turn.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from balance_store.requests import Epoch, StoreUnreachableError
from charging.backoff import Backoff
from charging.catalogue_in_use import CatalogueInUse
from charging.charge_batch import BatchCharger, ClaimsLostError
from charging.charged_batch import ChargedBatch
from charging.messages import MessageColumns
from charging.metrics import Metrics
from charging.outputs import Outputs
from charging.ownership import Ownership
from charging.ports import Bounds, Sink, Source
from charging.shard_sessions import ShardSessions
from charging.take_over import FencedError, WrongLogError, start_of, take_over
from charging.waits import Waits
from config.settings import Charging

log = structlog.get_logger()

# How long an owner of nothing waits in a poll: it has nothing to be quick for.
IDLE_POLL_MS = 100
# How long the broker may take to acknowledge records before we say that we wait for it.
BROKER_PATIENCE_S = 3.0
NOT_ACKNOWLEDGED = f"the broker has not acknowledged records for {BROKER_PATIENCE_S:g} s"


class InFlight:
    """A batch from its commit to its floors: `committed` ends as the commit did, `finished` after publishing.

    Where the claims were lost there is nothing to publish, and `finished` is no failure.
    """

    def __init__(
        self,
        batch: ChargedBatch,
        commit: Coroutine[Any, Any, None],
        publish: Callable[[ChargedBatch], Coroutine[Any, Any, None]],
        before: asyncio.Task[None] | None,
    ) -> None:
        self.batch = batch
        self.committed = asyncio.create_task(commit, name="commit")
        self.finished = asyncio.create_task(self._finish(publish, before), name="publish")

    async def _finish(
        self,
        publish: Callable[[ChargedBatch], Coroutine[Any, Any, None]],
        before: asyncio.Task[None] | None,
    ) -> None:
        try:
            await self.committed
        except ClaimsLostError:
            return
        if before is not None:
            await before
        await publish(self.batch)


class Pump:
    """Owns partitions, batches and their order; knows brokers and stores by their ports only."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        sessions: ShardSessions,
        charger: BatchCharger,
        catalogues: CatalogueInUse,
        decode: Callable[[MessageColumns, dict[int, Ownership]], ChargedBatch],
        encode: Callable[[ChargedBatch], Outputs],
        settings: Charging,
        clock_us: Callable[[], int],
        backoff: Backoff,
        metrics: Metrics,
        waits: Waits,
    ) -> None:
        self._source = source
        self._sink = sink
        self._sessions = sessions
        self._charger = charger
        self._catalogues = catalogues
        self._decode = decode
        self._encode = encode
        self._settings = settings
        self._clock_us = clock_us
        self._backoff = backoff
        self._publish_backoff = backoff.another()
        self._metrics = metrics
        self._waits = waits
        self.owned: dict[int, Ownership] = {}
        self.alarms: dict[int, str] = {}
        self._held: dict[int, Epoch] = {}
        self._fenced: set[int] = set()
        self._turn = asyncio.Lock()
        self._generation = 0
        # The batch before the one in hand; and the one before that, until the one in hand is decided.
        self._in_flight: list[InFlight] = []
        self._claim_not_before_us = 0
        self._swept_at_us = 0
        self._floor_rose_at_us: dict[int, int] = {}
        self._stopping = False

    # The loop ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Charge until `stop`; then finish what is in flight and carry the floors to all shards."""
        while not self._stopping:
            async with self._turn:
                await self._look_after_batches(wait=False)
                await self._switch_catalogue()
                await self._own_what_is_assigned()
            generation = self._generation
            linger_ms = self._settings.batch_linger_ms if self.owned else IDLE_POLL_MS
            # What comes during a commit goes into one batch, and not into a small one that would have to wait. Behind,
            # that batch is full before, and is decided meanwhile.
            until = self._in_flight[-1].committed if self._in_flight else None
            with self._metrics.stage("poll"):
                messages = await self._source.poll(self._settings.batch_events_max, linger_ms, until)
            async with self._turn:
                # A rebalance during the poll took everything back; what was polled comes again.
                if generation != self._generation:
                    continue
                await self._charge(messages.of_partitions(frozenset(self.owned)))
                await self._sweep_if_due()
        async with self._turn:
            await self._let_go()

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand."""
        self._stopping = True

    async def release(self) -> None:
        """The group takes the partitions back: finish what is in flight, then own nothing."""
        async with self._turn:
            await self._let_go()

    async def _let_go(self) -> None:
        await self._finished()
        try:
            await self._charger.carry_floors(self.owned)
        except ClaimsLostError as error:
            log.info("floors not carried", why=str(error))
        await self._source.commit_offsets({p: o.floor.next_offset for p, o in self.owned.items()})
        self._forget(frozenset(self.owned))
        self._held.clear()
        self._fenced.clear()

    async def _switch_catalogue(self) -> None:
        """Go on with a newer catalogue, once nothing that was decided by the old one is in flight."""
        if self._catalogues.offered is None:
            return
        await self._look_after_batches(wait=True)
        before = self._catalogues.version
        self._catalogues.switch()
        log.info("catalogue switched", before=before, catalogue=self._catalogues.version)

    # Ownership ---------------------------------------------------------------------------------

    async def _own_what_is_assigned(self) -> None:
        """Claim what Kafka gives us and we do not own, and let go of what the source lost."""
        assigned = self._source.assigned()
        gone = frozenset(self.owned) - (assigned & self._source.started())
        if gone:
            await self._look_after_batches(wait=True)
            self._forget(gone)
        missing = assigned - self.owned.keys() - self.alarms.keys()
        if not missing:
            self._waits.set("claims", "")
        if not missing or self._catalogues.behind or self._clock_us() < self._claim_not_before_us:
            return
        try:
            claimed = await take_over(self._sessions, missing, self._held, frozenset(self._fenced))
            bounds = await self._source.bounds(missing)
            for owned in claimed:
                await self._start(owned, bounds[owned.partition])
        except FencedError as error:
            self._fenced |= error.partitions
            self._retry_later(str(error))
        except (StoreUnreachableError, KafkaError) as error:
            self._retry_later(str(error))
        else:
            self._fenced.clear()
            self._backoff.reset()
            self._waits.set("claims", "")

    async def _start(self, owned: Ownership, bounds: Bounds) -> None:
        partition = owned.partition
        try:
            start = await start_of(self._source, owned, bounds)
        except WrongLogError as error:
            self.alarms[partition] = str(error)
            log.error("partition stopped", partition=partition, why=str(error))
            return
        self.owned[partition] = owned
        self._floor_rose_at_us[partition] = self._clock_us()
        self._source.start_at(partition, start)
        self._metrics.claims.labels("fenced" if partition in self._fenced else "assigned").inc()
        log.info("partition claimed", partition=partition, start=start, decided=len(owned.decided))

    def _retry_later(self, why: str) -> None:
        # Where a newer catalogue is what we wait for, that is said, and nothing else.
        self._waits.set("claims", "" if self._catalogues.behind else why)
        self._metrics.retries.labels("claim").inc()
        delay_us = self._backoff.next_delay_us()
        self._claim_not_before_us = self._clock_us() + delay_us
        log.warning("claim failed", why=why, retry_in_ms=delay_us // 1_000)

    def _forget(self, partitions: frozenset[int]) -> None:
        for partition in partitions:
            self._source.hold(partition)
            self.owned.pop(partition, None)
        self._generation += 1

    async def _lose(self, error: ClaimsLostError, partitions: frozenset[int]) -> None:
        """Claims were lost in the middle of a batch: claim all its partitions again, from their floors."""
        if error.catalogue_wanted:
            # No shard is worth trying until there is a newer one: `_own_what_is_assigned` waits for it.
            self._catalogues.want(error.catalogue_wanted)
            partitions = frozenset(self.owned)
        self._charger.drop_decided()
        partitions |= await self._finished()
        log.warning("claims lost", why=str(error), partitions=sorted(partitions))
        for partition in partitions & self.owned.keys():
            self._held[partition] = self.owned[partition].epoch
        if error.fenced:
            self._fenced |= error.partitions
        self._forget(partitions)
        self._retry_later(str(error))

    # Batches -----------------------------------------------------------------------------------

    async def _charge(self, messages: MessageColumns) -> None:
        """Decide a batch while the one before it is committed; then let it be committed and published."""
        if not len(messages):
            return
        arrived_us = self._clock_us()
        # What was sent before the last one is published by now, or we wait for it.
        with self._metrics.stage("wait"):
            while len(self._in_flight) > 1:
                await self._in_flight[0].finished
                del self._in_flight[0]
        with self._metrics.stage("decode"):
            batch = self._decode(messages, self.owned)
        self._metrics.arrival.observe((arrived_us - batch.oldest_us()) / 1e6)
        self._metrics.batch_events.observe(len(batch))
        try:
            await self._charger.decide(batch, self.owned)
            with self._metrics.stage("wait"):
                for one in self._in_flight:
                    await one.committed
        except ClaimsLostError as error:
            await self._lose(error, batch.partitions() | error.partitions)
            return
        self._backoff.reset()
        before = self._in_flight[-1].finished if self._in_flight else None
        commit = self._charger.commit(batch, self.owned)
        self._in_flight.append(InFlight(batch, commit, self._publish, before))

    async def _publish(self, batch: ChargedBatch) -> None:
        """Publish and raise floors; the batch before this one is done by now, so floors rise in order."""
        outputs = self._encode(batch)
        with self._metrics.stage("publish"):
            await self._publish_all(outputs)
        now_us = self._clock_us()
        for partition, floor in batch.floors().items():
            self.owned[partition].raise_floor(floor)
            self._floor_rose_at_us[partition] = now_us
        self._metrics.end_to_end.observe((now_us - batch.oldest_us()) / 1e6)

    async def _publish_all(self, outputs: Outputs) -> None:
        """Until all is acknowledged. Nothing may be lost: after a failure the same records again, with the same ids."""
        loop = asyncio.get_running_loop()
        while True:
            patience = loop.call_later(BROKER_PATIENCE_S, self._waits.set, "output", NOT_ACKNOWLEDGED)
            try:
                await self._sink.publish(outputs)
            except KafkaError as error:
                why = f"publishing failed: {error!r}"
                delay_us = self._publish_backoff.next_delay_us()
                self._waits.set("output", why)
                self._metrics.retries.labels("publish").inc()
                log.warning("publishing failed", error=repr(error), retry_in_ms=delay_us // 1_000)
                await asyncio.sleep(delay_us / 1e6)
            else:
                break
            finally:
                patience.cancel()
        self._publish_backoff.reset()
        self._waits.set("output", "")

    async def _look_after_batches(self, *, wait: bool) -> None:
        """Let go of batches that are done, or of all once they are; where one lost its claims, so do we."""
        while self._in_flight and (wait or self._in_flight[0].finished.done()):
            one = self._in_flight[0]
            await one.finished
            try:
                await one.committed
            except ClaimsLostError as error:
                await self._lose(error, error.partitions)
            else:
                del self._in_flight[0]

    async def _finished(self) -> frozenset[int]:
        """Wait until nothing is in flight; partitions of batches that lost their claims."""
        lost: frozenset[int] = frozenset()
        while self._in_flight:
            one = self._in_flight[0]
            await one.finished
            if one.committed.exception() is not None:
                lost |= one.batch.partitions()
            del self._in_flight[0]
        return lost

    # What is done now and then -----------------------------------------------------------------

    async def _sweep_if_due(self) -> None:
        """Tell idle shards the floors, tell Kafka the offsets, and look at the gauges."""
        now_us = self._clock_us()
        if now_us - self._swept_at_us < self._settings.sweep_seconds * 1_000_000:
            return
        self._swept_at_us = now_us
        try:
            await self._charger.carry_floors(self.owned)
        except ClaimsLostError as error:
            await self._lose(error, frozenset(self.owned))
            return
        await self._source.commit_offsets({p: o.floor.next_offset for p, o in self.owned.items()})
        self._metrics.catalogue_version.set(self._catalogues.version)
        self._metrics.catalogue_wanted.set(self._catalogues.wanted)
        self._metrics.cache_groups.set(self._sessions.cache.groups)
        self._metrics.cache_collections.set(self._sessions.cache.collections)
        self._metrics.above_floor.set(sum(len(one.decided) for one in self.owned.values()))
        ages_s = {p: (now_us - rose) / 1e6 for p, rose in self._floor_rose_at_us.items() if p in self.owned}
        self._metrics.show(self._metrics.floor_age, ages_s)

    async def watch_lag(self) -> None:
        """How far each partition is behind, now and then; beside the loop, since the broker takes its time.

        Who owns nothing asks for one partition all the same, so that a broker that is away is noticed and told.
        """
        while not self._stopping:
            await asyncio.sleep(self._settings.sweep_seconds)
            owned = dict(self.owned)
            try:
                bounds = await self._source.bounds(frozenset(owned) or frozenset({0}))
            except KafkaError as error:
                self._waits.set("broker", f"the broker does not say where the log ends: {error!r}")
                log.info("lag not known", error=repr(error))
                continue
            self._waits.set("broker", "")
            behind = {
                partition: bounds[partition].end_offset
                - max(one.floor.next_offset, bounds[partition].first_offset)
                for partition, one in owned.items()
            }
            self._metrics.show(self._metrics.lag, {p: max(messages, 0) for p, messages in behind.items()})
