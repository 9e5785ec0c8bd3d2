"""Shell. What is left to look at when all is quiet: topics, the store, its append-only file."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer

from balance_store.client import StoreClient
from balance_store.requests import Load
from charging.messages import Message
from charging.outputs import NOTIFICATIONS, TOPICS
from config.settings import Kafka
from config.settings import Store as StoreSettings

CHUNK_BYTES = 1 << 20
FETCH_BYTES = 4 * 1024 * 1024


class Published(NamedTuple):
    """Records by (kind, id), kinds as in `charging.outputs.TOPICS`: content, and when it was first written in ms; and ids that had two contents."""

    records: dict[tuple[str, str], bytes]
    first_ms: dict[tuple[str, str], int]
    differing: set[tuple[str, str]]
    copies: int  # records that came again with the same content


async def read_usage(kafka: Kafka) -> dict[int, dict[int, Message]]:
    """The usage topic as it is: partition -> offset -> message."""
    logs: dict[int, dict[int, Message]] = {partition: {} for partition in range(kafka.partitions)}
    consumer = _consumer(kafka, kafka.topics.usage)
    await consumer.start()
    try:
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                for one in records:
                    headers = tuple(one.headers)
                    message = Message(place.partition, one.offset, one.timestamp, one.value, headers)
                    logs[place.partition][one.offset] = message
    finally:
        await consumer.stop()
    return logs


async def read_published(kafka: Kafka, events: int, wait_s: float) -> Published:
    """All output, once so many events have a rated or a rejected record, or after so long; then what follows at once."""
    found = Published({}, {}, set(), 0)
    kinds = {getattr(kafka.topics, kind): kind for kind in TOPICS}
    consumer = _consumer(kafka, *kinds)
    await consumer.start()
    deadline = time.monotonic() + wait_s
    seen = copies = 0
    try:
        await consumer.seek_to_beginning()
        while True:
            polled = await consumer.getmany(timeout_ms=500)
            for place, records in polled.items():
                for one in records:
                    name = kinds[place.topic], msgspec.json.decode(one.value)["id"]
                    if name not in found.records:
                        found.records[name] = one.value
                        found.first_ms[name] = one.timestamp
                        seen += name[0] != TOPICS[NOTIFICATIONS]
                    elif found.records[name] != one.value:
                        found.differing.add(name)
                    else:
                        copies += 1
            if (seen >= events and not polled) or time.monotonic() > deadline:
                return found._replace(copies=copies)
    finally:
        await consumer.stop()


def _consumer(kafka: Kafka, *topics: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )


async def read_groups(settings: StoreSettings, group_ids: tuple[int, ...]) -> dict[int, list[bytes]]:
    """Every record of each group, on whatever shards: exactly one is right."""
    store = await StoreClient.connect(settings)
    found: dict[int, list[bytes]] = {group_id: [] for group_id in group_ids}
    try:
        for shard in range(store.shards):
            records = (await store.load(Load(shard, None, group_ids, ()))).records.groups
            for group_id, record in records.items():
                if record is not None:
                    found[group_id].append(record)
    finally:
        await store.close()
    return found


def chunks_of(files: list[Path]) -> Iterator[bytes]:
    """Bytes of several files, one after the other."""
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
