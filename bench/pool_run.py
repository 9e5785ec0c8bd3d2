"""Shell. What two daemons did with one sharing group: who has which partition, when records were written, what moved.

Used by the bench and by the test, which hold different things of it to be true.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from balance_store.client import StoreClient
from balance_store.group_record import unpack_group
from balance_store.requests import Load
from bench.pool_workload import BYTES_A_MEGABYTE, MONTH_US, RESOURCE
from config.load import load_compiled_catalogue
from config.settings import Kafka, Settings
from customer_care.onboarding import Onboarded
from rating_kernels.balances import total_valid

WAIT_S = 120
LOOK_S = 0.1
FETCH_BYTES = 4 * 1024 * 1024
# Resource -> customer's number in the order of the lines -> what is valid of it.
Amounts = dict[str, dict[int, int]]


class Shared(NamedTuple):
    """What both did while both had work."""

    events_a_second: float
    balance: float  # events of the slower one for each of the faster one
    largest_gap_ms: int  # in which one of them wrote nothing


def wait_for_owners(logs: list[Path], partitions: int) -> dict[int, int]:
    """Which daemon has which partition, by their logs, once each has some and every one is claimed."""
    deadline = time.monotonic() + WAIT_S
    while True:
        owners: dict[int, tuple[str, int]] = {}
        for number, log in enumerate(logs):
            for line in log.read_text().splitlines():
                if '"event":"partition claimed"' in line:
                    entry = msgspec.json.decode(line)
                    claimed = (str(entry["timestamp"]), number)
                    owners[entry["partition"]] = max(owners.get(entry["partition"], claimed), claimed)
        found = {partition: number for partition, (_, number) in owners.items()}
        if len(found) == partitions and set(found.values()) == set(range(len(logs))):
            return found
        if time.monotonic() > deadline:
            raise RuntimeError(f"the daemons do not share the partitions: {found}")
        time.sleep(LOOK_S)


async def ends_of_rated(kafka: Kafka) -> dict[int, int]:
    """Where each partition of the rated records ends now."""
    consumer = AIOKafkaConsumer(kafka.topics.rated, bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        return {place.partition: end for place, end in ends.items()}
    finally:
        await consumer.stop()


async def written_from(kafka: Kafka, start: dict[int, int], events: int) -> dict[int, list[int]]:
    """When each of so many records from there on was written, in milliseconds, by partition."""
    topic = kafka.topics.rated
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, max_partition_fetch_bytes=FETCH_BYTES
    )
    await consumer.start()
    moments: dict[int, list[int]] = {partition: [] for partition in start}
    try:
        for partition, offset in start.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        async with asyncio.timeout(WAIT_S):
            while sum(map(len, moments.values())) < events:
                for place, records in (await consumer.getmany(timeout_ms=200)).items():
                    moments[place.partition].extend(record.timestamp for record in records)
    finally:
        await consumer.stop()
    return moments


def shared_work(moments: dict[int, list[int]], owners: dict[int, int]) -> Shared:
    """Rate, balance and gaps from when both had written their first record until one of them wrote its last.

    A partition's records come from the daemon that owns the partition; their timestamps are the daemon's.
    """
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


async def amounts_of(settings: Settings, customers: list[Onboarded]) -> Amounts:
    """What is valid of each resource for customers who live in one shard."""
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    (shard,) = {one.shard for one in customers}
    ids = tuple(one.numbers.group_id for one in customers)
    store = await StoreClient.connect(settings.store)
    try:
        records = (await store.load(Load(shard, None, ids, ()))).records.groups
    finally:
        await store.close()
    found: Amounts = {code: {} for code in catalogue.resources}
    for number, group_id in enumerate(ids):
        record = records[group_id]
        assert record is not None, "groups do not go away"
        image = unpack_group(record)
        for code, resource in catalogue.resources.items():
            found[code][number] = int(total_valid(image, 0, resource.id, MONTH_US + 3_600_000_000))
    return found


def after_use(before: Amounts, events: list[dict[str, Any]]) -> Amounts:
    """What must be there after these events: the owner's pool has moved by the byte, and nothing else at all."""
    after = {code: dict(amounts) for code, amounts in before.items()}
    after[RESOURCE][0] += sum(event["quantity"] for event in events) * BYTES_A_MEGABYTE
    return after
