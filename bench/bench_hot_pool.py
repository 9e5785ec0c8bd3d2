"""Shell. Two daemons charge one sharing group of a thousand members: rate, balance between them, gaps; all exact.

Every event moves the owner's balance, so the daemons contend for one record with each commit. Both find a
backlog: they are held while it is sent. When a record was written is said by its timestamp, which the daemon
gives it; a partition's records come from the daemon that owns the partition.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import cyclopts
import msgspec
import numpy as np

from balance_store.client import StoreClient
from balance_store.group_record import unpack_group
from balance_store.requests import Load
from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed, Servers
from bench.pool_workload import BYTES_A_MEGABYTE, MONTH_US, RESOURCE, pool_events, pool_lines
from bench.results import Recorder, row_of
from config.load import load_compiled_catalogue
from customer_care.onboarding import Onboarded
from rating_kernels.balances import total_valid

DAEMONS = 2
MEGABYTES = 100_000_000
ROUND_S = 300
# A rebalance is over when all partitions are claimed; then nothing but the backlog moves.
CLAIM_S = 60


class Shared(NamedTuple):
    """One round: events a second of both while both had work, the slower one's part of the faster one's, gaps."""

    events_a_second: float
    balance: float
    largest_gap_ms: float


def main(*, members: int = 1_000, events: int = 400_000, rounds: int = 3, more: str = "") -> None:
    """Measure the pool.

    Parameters
    ----------
    events
        Of a round; the first round is not counted, since it fills caches.
    more
        Lines for the daemons' [charging] section.
    """
    recorder = Recorder("hot_pool")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            deployed = Deployed(directory / "pool", servers, "pool", 0, "msgpack", more)
            customers = asyncio.run(deployed.deploy_lines(pool_lines(members, MEGABYTES)))
            before = asyncio.run(_amounts(deployed, customers))
            logs = [directory / f"daemon-{number}.log" for number in range(DAEMONS)]
            daemons = [DaemonProcess(deployed.settings_file, log) for log in logs]
            shared, used = [], 0
            try:
                for daemon in daemons:
                    daemon.start()
                owners = _wait_for_owners(deployed, logs)
                for number in range(rounds + 1):
                    sent = list(pool_events(members, events, f"r{number}"))
                    used += sum(event["quantity"] for event in sent)
                    one = _round(deployed, daemons, owners, sent)
                    print(f"  {one}", flush=True)
                    shared.append(one)
            finally:
                for daemon in daemons:
                    daemon.stop()
            _check_exact(before, asyncio.run(_amounts(deployed, customers)), used)
    _report(shared[1:], members, recorder)


def _wait_for_owners(deployed: Deployed, logs: list[Path]) -> dict[int, int]:
    """Which daemon has which partition, once each has its part and every one is claimed."""
    partitions = deployed.settings.kafka.partitions
    deadline = time.monotonic() + CLAIM_S
    while True:
        owners: dict[int, tuple[str, int]] = {}
        for number, log in enumerate(logs):
            for line in log.read_text().splitlines():
                if '"event":"partition claimed"' in line:
                    entry = msgspec.json.decode(line)
                    at = str(entry["timestamp"])
                    owners[entry["partition"]] = max(owners.get(entry["partition"], ("", 0)), (at, number))
        found = {partition: number for partition, (_, number) in owners.items()}
        if len(found) == partitions and set(found.values()) == set(range(len(logs))):
            return found
        if time.monotonic() > deadline:
            raise RuntimeError(f"the daemons do not share the partitions: {found}")
        time.sleep(POLL_S)


def _round(
    deployed: Deployed, daemons: list[DaemonProcess], owners: dict[int, int], sent: list[dict[str, Any]]
) -> Shared:
    """One backlog."""
    rated = deployed.settings.kafka.topics.rated
    start = asyncio.run(deployed.ends(rated))
    before = sum(daemon.page().events for daemon in daemons)
    for daemon in daemons:
        daemon.hold()
    asyncio.run(deployed.send(iter(sent)))
    for daemon in daemons:
        daemon.go_on()
    began = time.monotonic()
    while sum(daemon.page().events for daemon in daemons) < before + len(sent):
        if time.monotonic() - began > ROUND_S:
            raise RuntimeError("the daemons hang")
        time.sleep(POLL_S)
    return shared_work(asyncio.run(_written(deployed, start, len(sent))), owners)


async def _written(deployed: Deployed, start: dict[Any, int], events: int) -> dict[int, list[int]]:
    """When each record from there on was written, in milliseconds, by partition."""
    consumer = deployed.consumer(deployed.settings.kafka.topics.rated)
    await consumer.start()
    moments: dict[int, list[int]] = {place.partition: [] for place in start}
    try:
        for place, offset in start.items():
            consumer.seek(place, offset)
        seen = 0
        async with asyncio.timeout(ROUND_S):
            while seen < events:
                for place, records in (await consumer.getmany(timeout_ms=200)).items():
                    seen += len(records)
                    moments[place.partition].extend(record.timestamp for record in records)
    finally:
        await consumer.stop()
    return moments


def shared_work(moments: dict[int, list[int]], owners: dict[int, int]) -> Shared:
    """Rate, balance and gaps from when both wrote their first record until one of them wrote its last."""
    by_daemon: dict[int, list[int]] = {number: [] for number in set(owners.values())}
    for partition, written in moments.items():
        by_daemon[owners[partition]] += written
    times = [np.sort(np.array(written, np.int64)) for written in by_daemon.values()]
    first = max(int(one[0]) for one in times)
    last = min(int(one[-1]) for one in times)
    within = [one[(one >= first) & (one <= last)] for one in times]
    counts = [len(one) for one in within]
    gap_ms = max(int(np.diff(one).max()) for one in within)
    return Shared(sum(counts) * 1_000 / (last - first), min(counts) / max(counts), gap_ms)


async def _amounts(deployed: Deployed, customers: list[Onboarded]) -> dict[str, dict[int, int]]:
    """What is valid of each resource, by customer's number in the order of the lines."""
    catalogue = load_compiled_catalogue(deployed.settings.catalogue.directory)
    (shard,) = {one.shard for one in customers}
    ids = tuple(one.numbers.group_id for one in customers)
    store = await StoreClient.connect(deployed.settings.store)
    try:
        records = (await store.load(Load(shard, None, ids, ()))).records.groups
    finally:
        await store.close()
    found: dict[str, dict[int, int]] = {code: {} for code in catalogue.resources}
    for number, group_id in enumerate(ids):
        record = records[group_id]
        assert record is not None, "groups do not go away"
        image = unpack_group(record)
        for code, resource in catalogue.resources.items():
            found[code][number] = int(total_valid(image, 0, resource.id, MONTH_US + 3_600_000_000))
    return found


def _check_exact(before: dict[str, dict[int, int]], after: dict[str, dict[int, int]], sent: int) -> None:
    """The pool has moved by what was used, to the byte, and nothing else has moved at all."""
    expected = {code: dict(amounts) for code, amounts in before.items()}
    expected[RESOURCE][0] += sent * BYTES_A_MEGABYTE
    assert after == expected, (before[RESOURCE][0], sent * BYTES_A_MEGABYTE, after[RESOURCE][0])


def _report(shared: list[Shared], members: int, recorder: Recorder) -> None:
    print(f"one pool of {members:,} members, {DAEMONS} daemons; the pool is exact to the byte")
    recorder.add(row_of("hot_pool", [one.events_a_second for one in shared], "events/s"))
    recorder.add(row_of("hot_pool_balance", [one.balance for one in shared], "slower/faster"))
    recorder.add(row_of("hot_pool_gap", [one.largest_gap_ms for one in shared], "ms"))


if __name__ == "__main__":
    cyclopts.run(main)
