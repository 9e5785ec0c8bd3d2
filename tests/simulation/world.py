"""Shell. Brokers, stores and daemons in one process, from one seed: crashes, zombies, lost and late answers.

The store is `ModelStore`, which the server's function is held to; the daemons run the real pump, the
real decisions and the real kernels. Only the edges are played here.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from balance_store.decision_record import unpack_decisions
from balance_store.lowest_catalogue import raise_lowest_catalogue
from balance_store.mark_record import is_mark
from balance_store.model import ModelStore
from balance_store.requests import (
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
    CommitStatus,
    DirectoryEntry,
    Load,
    LoadAnswer,
    StoreUnreachableError,
)
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
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Charging, Settings
from rating_kernels.outcomes import Outcome

SETTINGS = Settings(
    charging=Charging(
        batch_events_max=7, batch_linger_ms=1, horizon_hours=0, ahead_seconds=0, sweep_seconds=1
    )
)


NOBODYS = (Outcome.UNKNOWN_IDENTIFIER, Outcome.NO_SERVICE)


class CrashError(BaseException):
    """The process is gone: nothing above catches it."""


@dataclass
class Faults:
    """How often what goes wrong; chances per call."""

    crash: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    late_request: float = 0.0
    rebalance: float = 0.0
    zombie: float = 0.0
    new_catalogue: float = 0.0  # a newer one is written, or the store is closed to older ones
    look: float = 0.0  # a daemon looks at the folder


@dataclass
class World:
    """All that survives a crash, and the dice."""

    seed: int
    catalogues: dict[int, CompiledCatalogue]  # by version, all that the folder will ever hold
    faults: Faults
    partitions: int
    store: ModelStore
    logs: list[list[Message]] = field(default_factory=list)
    published: dict[str, set[bytes]] = field(default_factory=dict)
    commits: list[tuple[int, int, list[tuple[int, int, int]]]] = field(default_factory=list)
    customer_of: dict[tuple[int, int, int], int] = field(default_factory=dict)
    # (commits before it, version): when the store was closed to older catalogues.
    closed: list[tuple[int, int]] = field(default_factory=list)
    in_folder: int = 1  # version
    # Positions of events that no customer was found for, and (commits before it, record) of changed profiles.
    nobodys: set[tuple[int, int, int]] = field(default_factory=set)
    # Positions of events whose customer's profile names what the store lacks.
    incomplete: set[tuple[int, int, int]] = field(default_factory=set)
    edits: list[tuple[int, bytes]] = field(default_factory=list)
    office: Any = None
    cache_rows: int = 10_000  # of a daemon
    crash_at: frozenset[int] = frozenset()
    steps: int = 0
    owner: dict[int, int] = field(default_factory=dict)  # partition -> daemon that Kafka gives it to
    late: list[asyncio.Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"world/{self.seed}")

    def late_under_way(self) -> bool:
        """Whether a call that its caller gave up may still reach the store."""
        return any(not task.done() for task in self.late)

    async def another_catalogue(self) -> None:
        """Write a newer catalogue, or close the store to older ones: sometimes before anybody can have it."""
        if self.dice.random() < 0.5:
            self.in_folder = min(self.in_folder + 1, max(self.catalogues))
            return
        version = min(self.in_folder + self.dice.choice((0, 0, 1)), max(self.catalogues))
        if all(version >= before for _, before in self.closed):
            await raise_lowest_catalogue(self.store, version, b"catalog")
            self.closed.append((len(self.commits), version))

    async def step(self, daemon: Any) -> None:
        """One await of a daemon: time passes, others run, and it may be the end of this one."""
        self.steps += 1
        if self.steps in self.crash_at or self.dice.random() < self.faults.crash:
            raise CrashError
        await asyncio.sleep(self.dice.choice((0.0, 0.0, 0.0005, 0.003)))
        if daemon.dead:
            raise CrashError


class SimStore:
    """A daemon's connection to the store: calls and answers get lost, or come late."""

    def __init__(self, world: World, daemon: Any) -> None:
        self._world = world
        self._daemon = daemon
        self.shards = world.store.shards
        self._in_flight: set[int] = set()

    async def load(self, load: Load) -> LoadAnswer:
        return await self._call(load.shard, lambda: self._world.store.load(load))

    async def commit(self, commit: Commit) -> CommitAnswer:
        return await self._call(commit.shard, lambda: self._commit(commit))

    async def claim(self, claim: Claim) -> ClaimAnswer:
        return await self._call(claim.shard, lambda: self._world.store.claim(claim))

    async def draw_epoch(self, partition: int) -> int:
        return await self._call(None, lambda: self._world.store.draw_epoch(partition))

    async def settle(self, shard: int) -> None:
        await self._call(shard, lambda: self._world.store.settle(shard))

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        return await self._call(None, lambda: self._world.store.find_identifiers(identifiers))

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        return await self._call(None, lambda: self._world.store.swap_identifier(identifier, before, after))

    async def _commit(self, commit: Commit) -> CommitAnswer:
        answer = await self._world.store.commit(commit)
        if answer.status is CommitStatus.ACCEPTED:
            for usage in commit.usage:
                if usage.decisions:
                    version, events = unpack_decisions(usage.decisions)
                    places = [(usage.partition, e.offset, e.event_index) for e in events]
                    self._world.commits.append((commit.shard, version, places))
                    whose = {(usage.partition, e.offset, e.event_index): e.customer_id for e in events}
                    self._world.customer_of |= whose
                    self._world.nobodys |= {
                        place for place, e in zip(places, events, strict=True) if e.outcome in NOBODYS
                    }
                    self._world.incomplete |= {
                        place
                        for place, e in zip(places, events, strict=True)
                        if e.outcome == Outcome.STORE_INCOMPLETE
                    }
            # An arrival writes groups too, a mark is no profile: what is left is a change of a profile.
            if not commit.writes.groups:
                for record in commit.writes.profiles.values():
                    if not is_mark(record):
                        self._world.edits.append((len(self._world.commits), record))
        return answer

    async def _call(self, shard, call):
        world = self._world
        assert shard not in self._in_flight, "two calls in flight on one shard"
        if shard is not None:
            self._in_flight.add(shard)
        try:
            await world.step(self._daemon)
            chance = world.dice.random()
            if chance < world.faults.lost_request:
                raise StoreUnreachableError("the request was lost")
            if chance < world.faults.lost_request + world.faults.late_request:
                world.late.append(asyncio.ensure_future(_later(world, call)))
                raise StoreUnreachableError("no answer in time; the request is still on its way")
            answer = await call()
            await world.step(self._daemon)
            if world.dice.random() < world.faults.lost_answer:
                raise StoreUnreachableError("the answer was lost")
            return answer
        finally:
            self._in_flight.discard(shard)


async def _later(world: World, call) -> None:
    await asyncio.sleep(world.dice.random() * 0.5)
    await call()


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

    async def poll(self, messages_max: int, linger_ms: int) -> MessageColumns:
        # What was fetched already is handed on at once: nobody else runs meanwhile.
        if not self._at or self._world.dice.random() < 0.7:
            await self._world.step(self._daemon)
            await asyncio.sleep(linger_ms / 1000)
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
        metrics = Metrics()
        catalogue = world.catalogues[world.in_folder]
        cache = BalanceCache(catalogue, world.cache_rows)
        writer = RecordWriter(catalogue, SETTINGS.kafka.topics.usage, "json")
        self.catalogues = CatalogueInUse(catalogue, cache, writer, self.look)
        sessions = ShardSessions(SimStore(world, self), cache)
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
