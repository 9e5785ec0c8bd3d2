"""The same log polled whole and message by message, from a real broker."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from charging import kafka_source
from charging.kafka_source import KafkaSource
from charging.messages import message_hash
from charging.topics import create_topics
from charging.wire import whole_batches
from config.settings import Kafka, Topics

pytestmark = pytest.mark.live

CODECS = (None, "gzip", "snappy", "lz4", "zstd")
MESSAGES = 400
AT_ONCE = 37
PARTITIONS = 2


def settings(servers, prefix, group):
    topics = Topics(**{name: f"{prefix}{name}" for name in Topics.__struct_fields__})
    return Kafka(
        bootstrap=servers.kafka_bootstrap, topics=topics, group_id=f"{prefix}{group}", partitions=PARTITIONS
    )


async def send(kafka, codec, number):
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap,
        compression_type=codec,
        linger_ms=5,
        transactional_id=f"{kafka.group_id}-{codec}" if number % 2 else None,
    )
    await producer.start()
    try:
        if number % 2:
            await producer.begin_transaction()
        for place in range(MESSAGES):
            headers = [("trace", b"%d" % place)] if place % 3 else []
            value = None if place % 50 == 49 else b"%d of %a " % (place, codec) * (place % 7)
            await producer.send(
                kafka.topics.usage,
                value,
                key=b"k",
                headers=headers,
                partition=place % PARTITIONS,
                timestamp_ms=place,
            )
        if number == 3:
            await producer.abort_transaction()
        elif number % 2:
            await producer.commit_transaction()
    finally:
        await producer.stop()


async def polled(kafka, count):
    """Every message of the log by partition, and one that was asked for by its offset."""

    async def release():
        return None

    source = KafkaSource(kafka, release)
    await source.start()
    try:
        while len(source.assigned()) < PARTITIONS:
            await source.poll(1, 20)
        bounds = await source.bounds(source.assigned())
        one = await source.read_one(1, bounds[1].end_offset // 2)
        for partition in source.assigned():
            source.start_at(partition, bounds[partition].first_offset)
        messages = {partition: [] for partition in range(PARTITIONS)}
        while sum(map(len, messages.values())) < count:
            columns = await source.poll(AT_ONCE, 100)
            assert len(columns) <= AT_ONCE
            for place in range(len(columns)):
                message = columns.message(place)
                messages[message.partition].append(message)
        assert len(await source.poll(AT_ONCE, 50)) == 0
        assert source.alarms() == []
        return messages, one, source._by_batch
    finally:
        await source.stop()


async def both_ways(servers, prefix, monkeypatch):
    kafka = settings(servers, prefix, "whole")
    await create_topics(kafka)
    for number, codec in enumerate(CODECS):
        await send(kafka, codec, number)
    count = MESSAGES * len(CODECS)
    whole = await polled(kafka, count)
    monkeypatch.setattr(kafka_source, "seam_fault", lambda: "for the test")
    one_by_one = await polled(settings(servers, prefix, "single"), count)
    return whole, one_by_one


def test_both_ways_poll_the_same_log(live_servers, topic_prefix, monkeypatch):
    whole, one_by_one = asyncio.run(both_ways(live_servers, topic_prefix, monkeypatch))
    assert (whole[2], one_by_one[2]) == (True, False)
    assert whole[:2] == one_by_one[:2]
    assert whole[1] is not None
    assert message_hash(whole[1]) == message_hash(one_by_one[1])
    for messages in whole[0].values():
        offsets = [message.offset for message in messages]
        # Offsets of the ends of transactions are nobody's messages.
        assert offsets == sorted(set(offsets))
        assert offsets[-1] - offsets[0] >= len(offsets)


async def held(servers, prefix, monkeypatch):
    """(alarms while a partition's batches cannot be read, what comes of the others, and all of it afterwards)."""
    monkeypatch.setattr(kafka_source, "REFUSED_RETRY_S", 1)
    kafka = settings(servers, prefix, "held")
    await create_topics(kafka)

    async def release():
        return None

    source = KafkaSource(kafka, release)
    await source.start()
    try:
        while len(source.assigned()) < PARTITIONS:
            await source.poll(1, 20)
        sound = whole_batches.DefaultRecordBatch

        def broken(data):
            whole = bytes(data)
            return sound(whole) if b"sound" in whole else sound(whole[:-1] + b"?")

        monkeypatch.setattr(whole_batches, "DefaultRecordBatch", broken)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        await producer.send_and_wait(kafka.topics.usage, b"hurt", partition=0)
        await producer.send_and_wait(kafka.topics.usage, b"sound", partition=1)
        await producer.stop()
        for partition in source.assigned():
            source.start_at(partition, 0)
        others = await _until(source, lambda values: b"sound" in values and source.alarms())
        alarms = source.alarms()
        monkeypatch.setattr(whole_batches, "DefaultRecordBatch", sound)
        later = await _until(source, lambda values: b"hurt" in values)
        return alarms, others, later, source.alarms(), source.started()
    finally:
        await source.stop()


async def _until(source, enough):
    values = []
    async with asyncio.timeout(30):
        while not enough(values):
            columns = await source.poll(10, 50)
            values += [columns.message(place).value for place in range(len(columns))]
    return values


def test_a_partition_that_cannot_be_read_is_held_and_tried_again(live_servers, topic_prefix, monkeypatch):
    alarms, others, later, alarms_after, started = asyncio.run(held(live_servers, topic_prefix, monkeypatch))
    assert len(alarms) == 1
    assert "partition 0 at or after offset 0: its checksum is wrong" in alarms[0]
    assert (others, later, alarms_after) == ([b"sound"], [b"hurt"], [])
    assert started == frozenset(range(PARTITIONS))


async def given_and_taken(servers, prefix):
    """What is ours: given; taken back but still in aiokafka's assignment; given again; and what is started by then."""
    kafka = settings(servers, prefix, "given")
    await create_topics(kafka)
    released = []

    async def release():
        released.append(source.assigned())

    source = KafkaSource(kafka, release)
    await source.start()
    try:
        while len(source.assigned()) < PARTITIONS:
            await source.poll(1, 20)
        assignment = source._consumer.assignment()
        source.start_at(0, 0)
        seen = [(source.assigned(), source.started())]
        await source.revoked()
        assert source._consumer.assignment() == assignment
        source.start_at(0, 0)
        seen.append((source.assigned(), source.started()))
        source.given(assignment)
        source.start_at(0, 0)
        seen.append((source.assigned(), source.started()))
        return seen, released
    finally:
        await source.stop()


def test_what_was_taken_back_is_not_ours_until_it_is_given_again(live_servers, topic_prefix):
    seen, released = asyncio.run(given_and_taken(live_servers, topic_prefix))
    both, first, nothing = frozenset(range(PARTITIONS)), frozenset({0}), frozenset()
    assert seen == [(both, first), (nothing, nothing), (both, first)]
    assert released == [both]
