"""Shell. What does not depend on one size of store or of call: the number of customers, and of shards."""

import asyncio
from collections.abc import Callable
from functools import partial

from balance_store.commit_call import Call
from balance_store.deployment import create
from balance_store.measure_size import StoreSize
from bench.store_server import StoreServer, store_server
from bench.store_ways import calls_a_slice, compare, line
from bench.store_world import StoreWorld
from charging.store_tools import load_synthetic_store, size_of_store
from config.settings import Settings
from config.settings import Store as StoreSettings

SEED = 20_261_125
CALL = 600
SAMPLE = 20_000
BATCH = 8_192
SHARDS_TRIED = (4, 16, 64, 256)
CUSTOMERS_TRIED = 100_000


def by_customers(
    counts: tuple[int, ...], shards: int, rounds: int, record_bytes: int, decisions: int
) -> None:
    """Load so many synthetic customers, one deployment after the other; their memory, and what a commit costs."""
    for count in counts:
        with store_server() as server:
            settings = Settings(store=StoreSettings(url=server.url, shards=shards))
            # Nobody shares, so that a group's number says its shard.
            asyncio.run(load_synthetic_store(settings, count, SEED, 0))
            size: StoreSize = asyncio.run(size_of_store(settings, SAMPLE))
            print(
                f"\n{count:,} customers who have used nothing yet: {size.memory_a_customer} bytes each, "
                f"{size.used_memory:,} in all"
            )
            memory, used = size.memory_a_customer, size.used_memory
            line(f"store_memory_{count}", memory, "bytes/customer", None, used=used)
            world = StoreWorld(server, count, shards, record_bytes)
            world.claim()
            if min(CALL, count // shards) == CALL:
                _commits(server, world, f", {count:,} customers", CALL, rounds, decisions)


def by_shards(rounds: int, record_bytes: int, decisions: int) -> None:
    """A batch of so many groups over more and more shards: calls grow smaller."""
    for shards in SHARDS_TRIED:
        with store_server() as server:
            asyncio.run(create(StoreSettings(url=server.url, shards=shards)))
            world = StoreWorld(server, CUSTOMERS_TRIED, shards, record_bytes)
            world.fill()
            _commits(server, world, f", {shards} shards", BATCH // shards, rounds, decisions)


def by_threads(threads: int, shards: int, rounds: int, record_bytes: int, decisions: int) -> None:
    """More threads for sockets."""
    with store_server(threads) as server:
        asyncio.run(create(StoreSettings(url=server.url, shards=shards)))
        world = StoreWorld(server, CUSTOMERS_TRIED, shards, record_bytes)
        world.fill()
        _commits(server, world, f", {threads} io-threads", CALL, rounds, decisions)


def _commits(
    server: StoreServer, world: StoreWorld, what: str, size: int, rounds: int, decisions: int
) -> None:
    calls = calls_a_slice(size)
    ways: dict[str, Callable[[], list[Call]]] = {
        "hset": partial(world.hsets, size, calls),
        "commit": partial(world.commits, size, calls, 1, decisions),
    }
    compare(server, what, size, rounds, ways)
