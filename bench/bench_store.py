"""Shell. What a commit costs the store, beside a plain HSET of the same records in the same run.

Server CPU a balance group, from the server's own process time, and groups a second, at 10 to 4,000 groups a call;
one writer, two writers of disjoint groups on the same shards; then what a customer takes in memory and on the
wire, what packing costs the client, what a decision takes, refusals by the list of recent commits, a commit by the
number of customers, and (`--tried`) what lost.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cyclopts
import numpy as np

from balance_store.commit_call import Call, commit_call
from balance_store.deployment import create
from balance_store.group_record import pack_group
from balance_store.packed_records import packed_groups
from balance_store.requests import Commit, Epoch, Floor, Records, Usage, Version
from bench.store_growth import by_customers, by_shards, by_threads
from bench.store_lists import DAEMONS, KEPT, bytes_a_decision, refused
from bench.store_server import StoreServer, store_server
from bench.store_tried import TRIED, Way, tried_library
from bench.store_ways import calls_a_slice, compare, line
from bench.store_world import StoreWorld
from bench.typical_customer import typical_group
from config.settings import Store as StoreSettings
from rating_kernels.tariff_table import Ints

# As many as calls of 4,000 groups need, on 16 shards with two writers.
CUSTOMERS = 128_000
SHARDS = 16
RECORD_BYTES = 256
DECISION_BYTES = 48
ROUNDS = 7
SIZES = (10, 64, 600, 4_000)
PACKED_GROUPS = 600
PACK_TURNS = 200
GROWTH = (10_000, 100_000, 1_000_000)
TEN_MILLION = 10_000_000
SEED = 7


def main(
    *,
    customers: int = CUSTOMERS,
    shards: int = SHARDS,
    record_bytes: int = RECORD_BYTES,
    decision_bytes: int = DECISION_BYTES,
    rounds: int = ROUNDS,
    io_threads: int = 1,
    tried: bool = False,
    ten_million: bool = False,
) -> None:
    """Measure the store.

    Parameters
    ----------
    customers
        Balance groups in the store.
    shards
        Shards that they are spread over.
    record_bytes
        Length of a record in the comparison with HSET.
    decision_bytes
        Bytes of decisions a group in each commit (`commit_records` has none).
    rounds
        Turns of each measurement; figures are medians over them.
    io_threads
        Threads of the server that read and write sockets.
    tried
        Also measure the other ways to write the same records, other numbers of shards, and threads for sockets.
    ten_million
        Load ten million customers too, 4 GB of memory and some minutes.
    """
    with store_server(io_threads) as server:
        settings = StoreSettings(url=server.url, shards=shards)
        asyncio.run(create(settings))
        world = StoreWorld(server, customers, shards, record_bytes)
        world.fill()
        if tried:
            server.client.function_load(tried_library())
        for size in SIZES:
            if size * shards * 2 <= customers:
                _compare(server, world, size, rounds, decision_bytes, TRIED if tried else {})
    _memory(customers, shards)
    _packing()
    _decisions()
    _refusals()
    growth = (*GROWTH, TEN_MILLION) if ten_million else GROWTH
    by_customers(growth, shards, rounds, record_bytes, decision_bytes)
    if tried:
        by_shards(rounds, record_bytes, decision_bytes)
        by_threads(2, shards, rounds, record_bytes, decision_bytes)


def _compare(
    server: StoreServer, world: StoreWorld, size: int, rounds: int, decision_bytes: int, tried: dict[str, Way]
) -> None:
    """Every way at one size."""
    calls = calls_a_slice(size)
    ways: dict[str, Callable[[], list[Call]]] = {
        "hset": partial(world.hsets, size, calls),
        "commit": partial(world.commits, size, calls, 1, decision_bytes),
        "commit_records": partial(world.commits, size, calls, 1, 0),
        "commit_two_writers": partial(world.commits, size, calls, 2, decision_bytes),
        **{name: partial(world.tried, make, size, calls) for name, make in tried.items()},
    }
    compare(server, "", size, rounds, ways)


def _decisions() -> None:
    """Bytes of decisions an event."""
    for impacts in (1, 2):
        took = bytes_a_decision(impacts, SEED)
        print(f"\n{took:.0f} bytes of decisions an event with {impacts} impacts")
        line(f"store_decision_{impacts}", took, "bytes", None)


def _refusals() -> None:
    """How long the list of recent commits has to be."""
    print("\nshare of calls refused, by the commits that the list keeps")
    for pace in DAEMONS:
        shares = [asyncio.run(refused(pace, kept, SEED)) for kept in KEPT]
        print(f"  {len(pace)} daemons, slowest {min(pace):.0%}: ", end="")
        print(", ".join(f"{kept} {share:.2%}" for kept, share in zip(KEPT, shares, strict=True)))
        slow = "_one_slow" if min(pace) < max(pace) else ""
        by_kept = {f"kept_{kept}": 100 * share for kept, share in zip(KEPT, shares, strict=True)}
        line(f"store_refused_{len(pace)}_daemons{slow}", 100 * shares[-1], "%", None, **by_kept)


def _memory(customers: int, shards: int) -> None:
    """What typical customers take in the server's own figure, and on the wire."""
    with store_server() as server:
        asyncio.run(create(StoreSettings(url=server.url, shards=shards)))
        world = StoreWorld(server, customers, shards, RECORD_BYTES)
        sizes = world.fill_typical()
    print(f"\ntypical customer, {customers:,} of them (bytes)")
    for name, value in sizes.items():
        print(f"  {name:28} {value:,.0f}")
        line(f"store_{name}", value, "bytes", None)


def _packing() -> None:
    """The client's part: from images to what is sent, by the kernel and by an object a group."""
    images = [typical_group(1_000_000 + number) for number in range(PACKED_GROUPS)]
    words = np.concatenate(images)
    offsets = np.cumsum([0, *(len(image) for image in images[:-1])])
    packed_us, plain_us = [], []
    for _ in range(PACK_TURNS):
        packed_us.append(_timed(lambda: _packed(words, offsets)))
        plain_us.append(_timed(lambda: _one_by_one(words, offsets)))
    packed, plain = statistics.median(packed_us), statistics.median(plain_us)
    print(
        f"\nclient: {packed:.2f} us a group to pack a commit of {PACKED_GROUPS}, {plain:.2f} an object a group"
    )
    line("store_client_pack", packed, "us/group", plain / packed)


def _timed(work: Callable[[], Any]) -> float:
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1_000 / PACKED_GROUPS


def _packed(words: Ints, offsets: Ints) -> Call:
    records = packed_groups(words, offsets)
    return commit_call(_commit(Records(records, {}), records.ids))


def _one_by_one(words: Ints, offsets: Ints) -> Call:
    records = {int(words[at]): pack_group(words, int(at)) for at in offsets}
    return commit_call(_commit(Records(records, {}), tuple(records)))


def _commit(writes: Records, read: Any) -> Commit:
    usage = (Usage(0, Epoch(1, 0), bytes(DECISION_BYTES * PACKED_GROUPS), 1, Floor(0, -1, 0)),)
    return Commit(0, Version(1, bytes(8)), bytes(8), b"bench", 1, writes, (), read, usage)


if __name__ == "__main__":
    cyclopts.run(main)
