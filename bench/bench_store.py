"""Shell. What a commit costs the store, beside a plain HSET of the same records in the same run.

Server CPU a balance group, from the server's own process time, and groups a second, at 10 to 4,000 groups a call;
one writer, two writers of disjoint groups on the same shards; then what a customer takes in memory and on the
wire, what packing costs the client, and (`--tried`) the ways that lost. Ways are measured in turns, call by call in
small slices, so that all meet the same neighbours; a ratio is between slices of one turn.
"""

import asyncio
import json
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
from bench.store_server import StoreServer, accept, store_server
from bench.store_tried import TRIED, Way, tried_library
from bench.store_world import StoreWorld
from bench.typical_customer import typical_group
from config.settings import Store as StoreSettings
from rating_kernels.tariff_table import Ints

CUSTOMERS = 100_000
SHARDS = 16
RECORD_BYTES = 256
DECISION_BYTES = 48
ROUNDS = 7
SIZES = (10, 64, 600, 4_000)
GROUPS_A_SLICE = 24_000
CALLS_A_SLICE_MAX = 200
PACKED_GROUPS = 600
PACK_TURNS = 200
HEADLINE_SIZE = 600


def main(
    *,
    customers: int = CUSTOMERS,
    shards: int = SHARDS,
    record_bytes: int = RECORD_BYTES,
    decision_bytes: int = DECISION_BYTES,
    rounds: int = ROUNDS,
    io_threads: int = 1,
    tried: bool = False,
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
        Also measure the other ways to write the same records.
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


def _compare(
    server: StoreServer, world: StoreWorld, size: int, rounds: int, decision_bytes: int, tried: dict[str, Way]
) -> None:
    """Every way at one size, in turns."""
    calls = max(4, min(CALLS_A_SLICE_MAX, GROUPS_A_SLICE // size))
    ways: dict[str, Callable[[], list[Call]]] = {
        "hset": partial(world.hsets, size, calls),
        "commit": partial(world.commits, size, calls, 1, decision_bytes),
        "commit_records": partial(world.commits, size, calls, 1, 0),
        "commit_two_writers": partial(world.commits, size, calls, 2, decision_bytes),
        **{name: partial(world.tried, make, size, calls) for name, make in tried.items()},
    }
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    rate: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, calls_of in ways.items():
            cpu_us, groups_s = _slice(server, calls_of(), size)
            # The first turn warms up.
            if number:
                cpu[name].append(cpu_us)
                rate[name].append(groups_s)
    print(f"\n{size:,} groups a call (server CPU a group, beside HSET; groups/s)", flush=True)
    for name in ways:
        ratios = [mine / plain for mine, plain in zip(cpu[name], cpu["hset"], strict=True)]
        times = statistics.median(ratios)
        print(
            f"  {name:20} {_spread(cpu[name], '.2f')} us  {times:.2f} times HSET "
            f"({min(ratios):.2f} to {max(ratios):.2f})  {_spread(rate[name], ',.0f')} groups/s"
        )
        bench = "store_commit" if (name, size) == ("commit", HEADLINE_SIZE) else f"store_{name}_{size}"
        _line(
            bench,
            statistics.median(rate[name]),
            "groups/s",
            1 / times,
            cpu_us=statistics.median(cpu[name]),
            times_hset=times,
            low=min(ratios),
            high=max(ratios),
        )


def _slice(server: StoreServer, calls: list[Call], size: int) -> tuple[float, float]:
    """(server CPU us a group, groups a second) of these calls, one after the other."""
    began_us, began = server.cpu_us(), time.perf_counter()
    answers = [server.send(call) for call in calls]
    took, ran_us = time.perf_counter() - began, server.cpu_us() - began_us
    for call, answer in zip(calls, answers, strict=True):
        accept(call, answer)
    groups = size * len(calls)
    return ran_us / groups, groups / took


def _memory(customers: int, shards: int) -> None:
    """What typical customers take in the server's own figure, and on the wire."""
    with store_server() as server:
        asyncio.run(create(StoreSettings(url=server.url, shards=shards)))
        world = StoreWorld(server, customers, shards, RECORD_BYTES)
        sizes = world.fill_typical()
    print(f"\ntypical customer, {customers:,} of them (bytes)")
    for name, value in sizes.items():
        print(f"  {name:28} {value:,.0f}")
        _line(f"store_{name}", value, "bytes", None)


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
    _line("store_client_pack", packed, "us/group", plain / packed)


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


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _line(bench: str, value: float, unit: str, ratio: float | None, **more: float) -> None:
    row: dict[str, Any] = {"bench": bench, "value": round(value, 3), "unit": unit}
    row["ratio"] = None if ratio is None else round(ratio, 3)
    print(json.dumps(row | {name: round(number, 3) for name, number in more.items()}), flush=True)


if __name__ == "__main__":
    cyclopts.run(main)
