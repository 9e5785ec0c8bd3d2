"""Shell. What survives a crash in a simulated world, from one seed: the store, the messages, what was published."""

import asyncio
import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from balance_store.lowest_catalogue import raise_lowest_catalogue
from balance_store.model import ModelStore
from charging.messages import Message
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Charging, Settings
from tests.simulation.edits import Edit
from tests.simulation.replicas import Replicas

SETTINGS = Settings(
    charging=Charging(
        batch_events_max=7, batch_linger_ms=1, horizon_hours=0, ahead_seconds=0, sweep_seconds=1
    )
)


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
    upgrade: float = 0.0  # a daemon of the version before is ended, in each 50 ms
    failover: float = 0.0  # a master dies before its replica has what was written


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
    schemas: list[int] = field(default_factory=list)  # of the groups that each commit wrote
    late_events: int = 0  # of cycles that were sealed or taken out by then
    edits: list[tuple[int, Edit]] = field(default_factory=list)
    # Orders whose command the store took, how often; and those that were answered with what they changed.
    done: Counter[int] = field(default_factory=Counter)
    answered: set[int] = field(default_factory=set)
    replicas: Replicas | None = None  # of a store that may fail over
    office: Any = None
    cache_rows: int = 10_000  # of a daemon
    crash_at: frozenset[int] = frozenset()
    steps: int = 0
    old_daemons: int = 0  # so many are started of the version before, then of this one
    owner: dict[int, int] = field(default_factory=dict)  # partition -> daemon that Kafka gives it to
    late: list[asyncio.Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"world/{self.seed}")
        if self.faults.failover:
            self.replicas = Replicas(self.store, self.dice)

    def story(self) -> str:
        """A hash of all that happened, in order: the same for the same seed, whichever process lives through it."""
        published = sorted((name, sorted(contents)) for name, contents in self.published.items())
        happened = self.steps, self.commits, self.edits, self.closed, published
        return hashlib.sha256(repr(happened).encode()).hexdigest()

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
