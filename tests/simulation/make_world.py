"""Shell. A world from a seed: families that share, a few customers, a few dozen events, some of them wrong."""

import asyncio
import functools
import random
from decimal import Decimal

import msgspec

from balance_store.model import ModelStore
from bench.workload import customer_lines, usage_events
from charging.messages import Message
from config.compile_catalogue import compile_catalogue
from config.load import load_compiled_catalogue
from customer_care.install_customers import install
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from tests.simulation.office import open_office
from tests.simulation.virtual_loop import run
from tests.simulation.world import Faults, World

CUSTOMERS = 24
EVENTS = 60
CROWD_EVENTS = 240
PARTITIONS = 2
SHARDS = 2
MOVING_SHARDS = 3
MOVING_EVENTS = 120
ORDERS = 14
# So few that members are read again and again while their owners are still in the cache.
MOVING_CACHE_ROWS = 12


@functools.cache
def sample():
    return load_compiled_catalogue("")


@functools.cache
def catalogues():
    """The sample, and what follows it: dearer each time, and with other indexes of everything."""
    return {1: sample()} | {version: compile_catalogue(dearer(version)) for version in (2, 3, 4)}


def dearer(version: int):
    before = sample().catalogue
    plans = {code: _dearer_plan(plan, version) for code, plan in before.rate_plans.items()}
    return msgspec.structs.replace(
        before,
        version=version,
        rate_plans=_turned(plans, version),
        resources=_turned(before.resources, version),
        sharing_policies=_turned(before.sharing_policies, version),
    )


def _dearer_plan(plan, version: int):
    fee = Decimal(version) / 100
    versions = tuple(
        msgspec.structs.replace(
            one,
            price={
                name: msgspec.structs.replace(price, connect_fee=fee) if price.periods else price
                for name, price in one.price.items()
            },
        )
        for one in plan.version
    )
    return msgspec.structs.replace(plan, version=versions)


def _turned(rows: dict, by: int) -> dict:
    """The same rows, beginning elsewhere: what was the first plan is another one now."""
    items = list(rows.items())
    return dict(items[by % len(items) :] + items[: by % len(items)])


@functools.cache
def publications(seed: int, shards: int = SHARDS):
    lines = [msgspec.json.encode(line) for line in customer_lines(CUSTOMERS, seed)]
    onboarded, faults = onboard_lines(lines, sample(), shards)
    assert not faults
    return [publication_of(one) for one in onboarded]


def make_world(
    seed: int, faults: Faults, crash_at: frozenset[int] = frozenset(), *, crowded: bool = False
) -> World:
    """A world ready to run; the same seed gives the same customers and messages.

    Crowded: more events, and those of a customer come by any partition, so that daemons contend all the time.
    """
    world = World(
        seed=seed,
        catalogues=catalogues(),
        faults=faults,
        partitions=PARTITIONS,
        store=ModelStore(SHARDS, clock_ms=lambda: int(asyncio.get_event_loop().time() * 1000)),
        crash_at=crash_at,
    )
    published = publications(seed % 4)
    run(install(world.store, published))
    world.office = open_office(world, published, 0)
    world.logs = messages(seed, CROWD_EVENTS if crowded else EVENTS, crowded=crowded)
    return world


def make_moving_world(seed: int, faults: Faults, shards: int = MOVING_SHARDS) -> World:
    """A world whose customers join, leave and move while they use; one shard is a world without moves."""
    world = World(
        seed=seed,
        catalogues=catalogues(),
        faults=faults,
        partitions=PARTITIONS,
        store=ModelStore(shards, clock_ms=lambda: int(asyncio.get_event_loop().time() * 1000)),
    )
    world.cache_rows = MOVING_CACHE_ROWS
    published = publications(seed % 4, shards)
    run(install(world.store, published))
    world.office = open_office(world, published, ORDERS)
    world.logs = messages(seed, MOVING_EVENTS)
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
