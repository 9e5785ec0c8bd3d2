"""Records reach a real broker by both ways, each partition's in order, and the broker counts batches of both."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from charging.kafka_sink import KafkaSink
from charging.outputs import TOPICS, Output, outputs_of
from charging.topics import create_topics
from config.settings import Kafka, Topics

PARTITIONS = 3
WAIT_S = 60
# Larger together than a record batch may be, so that several follow one another.
RECORDS = [
    Output(
        TOPICS[0 if number % 10 else number // 10 % 3],
        number % 7,
        b"+43%d" % number,
        b'{"n":%d}' % number * 60,
    )
    for number in range(9_000)
]


async def publish(settings, records, packs):
    sink = KafkaSink(settings)
    assert sink.packs
    sink.packs = packs
    await sink.start()
    try:
        half = len(records) // 2
        await sink.publish(outputs_of(records[:half]))
        await sink.publish(outputs_of(records[half:]))
    finally:
        await sink.stop()


async def read(settings):
    """(topic, output partition) -> (key, value) of its records."""
    names = {getattr(settings.topics, topic): topic for topic in TOPICS}
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found = {(topic, partition): [] for topic in TOPICS for partition in range(PARTITIONS)}
    try:
        async with asyncio.timeout(WAIT_S):
            await consumer.seek_to_beginning()
            while sum(map(len, found.values())) < len(RECORDS):
                for place, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[names[place.topic], place.partition] += [(one.key, one.value) for one in records]
    finally:
        await consumer.stop()
    return found


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("packs", [True, False])
def test_what_is_published_is_read_in_order(live_servers, topic_prefix, packs, compression):
    names = {name: topic_prefix + name for name in ("usage", *TOPICS)}
    settings = Kafka(
        bootstrap=live_servers.kafka_bootstrap,
        partitions=PARTITIONS,
        topics=Topics(**names),
        compression=compression,
    )

    async def run():
        await create_topics(settings)
        await publish(settings, RECORDS, packs)
        return await read(settings)

    wanted = {(topic, p): [] for topic in TOPICS for p in range(PARTITIONS)}
    for record in RECORDS:
        wanted[record.topic, record.partition % PARTITIONS].append((record.key, record.value))
    assert asyncio.run(run()) == wanted
