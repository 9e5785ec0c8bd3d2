"""Shell. A world from a seed: families that share, a few customers, a few dozen events, some of them wrong."""

import asyncio
import functools
import random

import msgspec

from balance_store.group_record import SCHEMA_BEFORE, in_schema
from balance_store.model import ModelStore
from bench.workload import customer_lines, usage_events
from charging.messages import Message
from customer_care.install_customers import install
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from tests.simulation.catalogues import catalogues, sample
from tests.simulation.office import JOINS, MOVES, open_office
from tests.simulation.replicas import copy_of
from tests.simulation.virtual_loop import run
from tests.simulation.world import Faults, World

CUSTOMERS = 24
# So many sets of customers take turns: making them takes longer than living with them.
CUSTOMER_SETS = 4
EVENTS = 60
CROWD_EVENTS = 160
PARTITIONS = 2
SHARDS = 2
MOVING_SHARDS = 3
MOVING_EVENTS = 72
OLD_DAEMONS_MAX = 5
ORDERS = 10
# Where moves are all that happens, a daemon knows everybody and waits for nobody.
JOINING_EVENTS, JOINING_ORDERS, JOINING_CACHE_ROWS = 400, 60, 1_000
# So few that members are read again and again while their owners are still in the cache.
MOVING_CACHE_ROWS = 12


@functools.cache
def publications(seed: int, shards: int):
    lines = [msgspec.json.encode(line) for line in customer_lines(CUSTOMERS, seed)]
    onboarded, faults = onboard_lines(lines, sample(), shards)
    assert not faults
    return [publication_of(one) for one in onboarded]


@functools.cache
def _installed(seed: int, shards: int) -> ModelStore:
    store = ModelStore(shards, clock_ms=lambda: 0)
    run(install(store, publications(seed, shards)))
    return store


def store_of(seed: int, shards: int) -> ModelStore:
    """The store with the customers of a seed, in which nothing has happened yet."""
    store = ModelStore(shards, clock_ms=lambda: int(asyncio.get_running_loop().time() * 1000))
    installed = _installed(seed % CUSTOMER_SETS, shards)
    store._shards = [copy_of(one) for one in installed._shards]
    store._directory = dict(installed._directory)
    return store


def make_world(
    seed: int, faults: Faults, crash_at: frozenset[int] = frozenset(), *, crowded: bool = False
) -> World:
    """A world ready to run; the same seed gives the same customers and messages.

    Crowded: more events, and those of a customer come by any partition, so that daemons contend all the time.
    """
    world = World(seed, catalogues(), faults, PARTITIONS, store_of(seed, SHARDS), crash_at=crash_at)
    world.office = open_office(world, publications(seed % CUSTOMER_SETS, SHARDS), 0)
    world.logs = messages(seed, CROWD_EVENTS if crowded else EVENTS, crowded=crowded)
    return world


def make_moving_world(seed: int, faults: Faults, orders: tuple[str, ...] = MOVES) -> World:
    """A world whose customers join, leave and move while they use, or whatever `orders` are drawn from."""
    world = World(seed, catalogues(), faults, PARTITIONS, store_of(seed, MOVING_SHARDS))
    world.cache_rows = MOVING_CACHE_ROWS
    world.office = open_office(world, publications(seed % CUSTOMER_SETS, MOVING_SHARDS), ORDERS, orders)
    world.logs = messages(seed, MOVING_EVENTS)
    return world


def make_joining_world(seed: int, faults: Faults) -> World:
    """A world of nothing but moves, many of them, of customers who use all the time, on both partitions."""
    world = World(seed, catalogues(), faults, PARTITIONS, store_of(seed, MOVING_SHARDS))
    world.cache_rows = JOINING_CACHE_ROWS
    world.office = open_office(
        world, publications(seed % CUSTOMER_SETS, MOVING_SHARDS), JOINING_ORDERS, JOINS
    )
    world.logs = messages(seed, JOINING_EVENTS, crowded=True)
    return world


def make_upgraded_world(seed: int, faults: Faults, orders: tuple[str, ...]) -> World:
    """A moving world in which daemons of the version before are replaced one by one."""
    world = make_moving_world(seed, faults, orders)
    for shard in world.store._shards:
        shard.groups = in_schema(shard.groups, SCHEMA_BEFORE)
    world.store.group_schema = SCHEMA_BEFORE
    world.old_daemons = world.dice.randint(1, OLD_DAEMONS_MAX)
    return world


def messages(seed: int, events: int = EVENTS, *, crowded: bool = False) -> list[list[Message]]:
    """Usage spread over partitions by customer; a twentieth is sent twice or is no event at all."""
    dice = random.Random(f"messages/{seed}")
    logs: list[list[Message]] = [[] for _ in range(PARTITIONS)]
    sent: list[bytes] = []
    for event in usage_events(CUSTOMERS, events, seed, 0.8):
        # Members of a family are on different partitions now and then: their pool is contended.
        partition = int(event["service"][-1]) % PARTITIONS
        if crowded:
            partition = dice.randrange(PARTITIONS)
        value = msgspec.json.encode(event)
        values = [value]
        chance = dice.random()
        if chance < 0.03 and sent:
            values.append(dice.choice(sent))
        elif chance < 0.06:
            values.append(b"no event")
        elif chance < 0.08:
            values.append(msgspec.json.encode(event | {"service": "+0", "id": f"{event['id']}x"}))
        for one in values:
            log = logs[partition]
            log.append(Message(partition, len(log), event["time"] // 1000, one, ()))
        sent.append(value)
    return logs
