"""What the latency bench sends and counts, against a real broker: all of it, in order, and late where it was late."""

import asyncio

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from bench.open_loop import TICK_S, Moments, run_open_loop, usage_ticks
from charging.kafka_source import KafkaSource
from charging.topics import create_topics
from config.settings import Kafka, Topics

EVENTS, PARTITIONS = 300, 3
# Ten events a tick.
RATE = round(10 / TICK_S)


def events():
    return [{"id": f"e{number}", "service": f"+43{number % 7}"} for number in range(EVENTS)]


@pytest.mark.live
def test_ticks_are_sent_whole_in_order_and_every_record_is_counted(live_servers, topic_prefix):
    topics = Topics(**{name: f"{topic_prefix}{name}" for name in Topics.__struct_fields__})
    kafka = Kafka(
        bootstrap=live_servers.kafka_bootstrap,
        topics=topics,
        group_id=f"{topic_prefix}open-loop",
        partitions=PARTITIONS,
    )
    ticks = usage_ticks(events(), PARTITIONS, RATE)
    assert len(ticks) == EVENTS / 10

    async def sent_and_polled():
        await create_topics(kafka)
        consumer = AIOKafkaConsumer(topics.usage, bootstrap_servers=kafka.bootstrap)
        await consumer.start()
        try:
            # Answered once each partition has a leader.
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
        finally:
            await consumer.stop()
        starts = {place.partition: end for place, end in ends.items()}
        moments = await run_open_loop(kafka.bootstrap, topics.usage, topics.usage, starts, ticks)
        source = KafkaSource(kafka, lambda: asyncio.sleep(0))
        await source.start()
        try:
            while len(source.assigned()) < PARTITIONS:
                await source.poll(1, 50)
            for partition in range(PARTITIONS):
                source.start_at(partition, 0)
            found = []
            while len(found) < EVENTS:
                # What comes until then is one poll, and what came is not lost by its end.
                polled = await source.poll(EVENTS, 50, asyncio.ensure_future(asyncio.sleep(0.02)))
                found += [polled.message(place) for place in range(len(polled))]
            return moments, found
        finally:
            await source.stop()

    moments, found = asyncio.run(sent_and_polled())
    assert len(moments.late_ms(0.0)) == EVENTS
    assert (moments.late_ms(0.0) > 0).all()
    assert len(moments.sent_late_s) == len(moments.acknowledged_late_s) == len(ticks)
    for partition in range(PARTITIONS):
        ids = [msgspec.json.decode(one.value)["id"] for one in found if one.partition == partition]
        assert ids == sorted(ids, key=lambda name: int(name[1:]))
    assert len({one.value for one in found}) == EVENTS


def test_a_record_is_as_late_as_the_event_of_its_place_in_the_partition():
    due = {0: [(1.0, 2), (2.0, 1)], 1: [(1.0, 1)]}
    came = {0: [(1.5, 1), (2.25, 2)], 1: [(1.125, 1)]}
    moments = Moments(due, came, [], [])
    assert moments.late_ms(0.0).tolist() == [500.0, 1250.0, 250.0, 125.0]
    assert moments.late_ms(0.5).tolist() == [250.0]
