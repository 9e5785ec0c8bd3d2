"""Shell. A daemon of a simulated world: the real pump, the real decisions and the real kernels between played edges.

The store is `ModelStore`, which the server's function is held to; broker and network are played.
"""

import asyncio
import functools
import random
from collections.abc import Awaitable

import msgspec

from charging.backoff import Backoff
from charging.balance_cache import BalanceCache
from charging.catalogue_in_use import CatalogueInUse
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import Message, MessageColumns, message_columns
from charging.metrics import Metrics
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.outputs import Output, Outputs
from charging.ports import Bounds
from charging.pump import Pump
from charging.shard_sessions import ShardSessions
from charging.waits import Waits
from tests.simulation.sim_store import SimStore
from tests.simulation.world import SETTINGS, CrashError, World

# How long a poll waits at the end of the log: nothing will ever come, and each look costs real time.
IDLE_S = 0.025


@functools.cache
def shared_metrics() -> Metrics:
    """One for all daemons of all worlds: making the series takes longer than a daemon lives."""
    return Metrics()


class SimSource:
    """A group member: Kafka gives and takes partitions, the member may be slow to hear of it."""

    def __init__(self, world: World, daemon: "SimDaemon") -> None:
        self._world = world
        self._daemon = daemon
        self.heard: frozenset[int] = frozenset()
        self._at: dict[int, int] = {}

    def assigned(self) -> frozenset[int]:
        return self.heard

    def started(self) -> frozenset[int]:
        return frozenset(self._at)

    async def poll(
        self, messages_max: int, linger_ms: int, until: Awaitable[None] | None = None
    ) -> MessageColumns:
        # Where there is a batch full, nobody waits for the commit before it.
        if until is not None and self._world.dice.random() < 0.5:
            await asyncio.wait([asyncio.ensure_future(until)])
        # What was fetched already is handed on at once: nobody else runs meanwhile.
        if not self._at or self._world.dice.random() < 0.7:
            await self._world.step(self._daemon)
            await asyncio.sleep(linger_ms / 1000 if self._has_more() else IDLE_S)
        if self._world.dice.random() < self._world.faults.new_catalogue:
            await self._world.another_catalogue()
        if self._world.dice.random() < self._world.faults.look:
            self._daemon.look()
        taken: list[Message] = []
        for partition in sorted(self._at):
            log = self._world.logs[partition]
            count = self._world.dice.randint(0, max(0, messages_max - len(taken)))
            batch = log[self._at[partition] : self._at[partition] + count]
            self._at[partition] += len(batch)
            taken += batch
        return message_columns(taken)

    def _has_more(self) -> bool:
        return any(at < len(self._world.logs[partition]) for partition, at in self._at.items())

    async def bounds(self, partitions: frozenset[int]) -> dict[int, Bounds]:
        await self._world.step(self._daemon)
        return {partition: Bounds(0, len(self._world.logs[partition])) for partition in partitions}

    async def read_one(self, partition: int, offset: int) -> Message | None:
        await self._world.step(self._daemon)
        return self._world.logs[partition][offset]

    def start_at(self, partition: int, offset: int) -> None:
        self._at[partition] = offset

    def hold(self, partition: int) -> None:
        self._at.pop(partition, None)

    async def commit_offsets(self, next_offsets: dict[int, int]) -> None:
        await self._world.step(self._daemon)


class SimSink:
    """Publishes; a crash may come before or after the broker took the records."""

    def __init__(self, world: World, daemon: "SimDaemon") -> None:
        self._world = world
        self._daemon = daemon

    async def publish(self, outputs: Outputs) -> None:
        await self._world.step(self._daemon)
        records = list(outputs)
        cut = self._world.dice.randint(0, len(records))
        self._take(records[:cut])
        await self._world.step(self._daemon)
        self._take(records[cut:])
        await self._world.step(self._daemon)

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            name = output.topic + " " + _record_id(output.value)
            self._world.published.setdefault(name, set()).add(output.value)


def _record_id(value: bytes) -> str:
    return str(msgspec.json.decode(value)["id"])


class SimDaemon:
    """One process: the real pump between played edges, until it crashes."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.world = world
        self.dead = False
        self.source = SimSource(world, self)
        dice = random.Random(f"daemon/{world.seed}/{number}")
        metrics = shared_metrics()
        catalogue = world.catalogues[world.in_folder]
        cache = BalanceCache(catalogue, world.cache_rows)
        writer = RecordWriter(catalogue, SETTINGS.kafka.topics.usage, "json")
        self.catalogues = CatalogueInUse(catalogue, cache, writer, self.look)
        self.old = number <= world.old_daemons
        sessions = ShardSessions(SimStore(world, self, old=self.old), cache)
        charger = BatchCharger(
            sessions,
            decision_limits(SETTINGS.charging),
            number.to_bytes(8, "big"),
            lambda: dice.randbytes(8),
            metrics,
        )
        self.pump = Pump(
            self.source,
            SimSink(world, self),
            sessions,
            charger,
            self.catalogues,
            lambda messages, owned: ChargedBatch(
                decode_messages(messages, self.catalogues.catalogue, SETTINGS.charging.message_bytes_max),
                owned,
                self.catalogues.version,
            ),
            lambda batch: batch_outputs(batch, self.catalogues.writer)[0],
            SETTINGS.charging,
            lambda: int(asyncio.get_running_loop().time() * 1e6),
            Backoff(dice.random),
            metrics,
            Waits(metrics.waits.set),
        )

    async def live(self) -> None:
        """Run until stopped or crashed; a crash takes everything in memory with it."""
        try:
            await self.pump.run()
        except CrashError:
            self.dead = True
        finally:
            in_flight = [task for one in self.pump._in_flight for task in (one.committed, one.finished)]
            for task in in_flight:
                task.cancel()
            await asyncio.gather(*in_flight, return_exceptions=True)

    def look(self) -> None:
        """Find what is in the folder."""
        if self.world.in_folder > self.catalogues.latest.version:
            self.catalogues.offer(self.world.catalogues[self.world.in_folder])

    async def hear(self) -> None:
        """Learn what Kafka has decided: everything is taken back, then what is ours is given."""
        mine = frozenset(p for p, owner in self.world.owner.items() if owner == self.number)
        try:
            await self.pump.release()
        except (CrashError, asyncio.CancelledError):
            # It crashed meanwhile, and what it was publishing went with it.
            self.dead = True
            return
        for partition in list(self.source.started()):
            self.source.hold(partition)
        self.source.heard = mine
