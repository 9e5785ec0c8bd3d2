"""The group takes partitions back while one of them is being claimed."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from charging.kafka_source import KafkaSource
from config.settings import Kafka

AT_ONCE_S = 0.5


class InRebalance:
    """A consumer in the middle of a rebalance, as aiokafka is: nothing is polled before it is over."""

    def seek(self, *_):
        pass

    pause = resume = seek

    async def getmany(self, *_, **__):
        await asyncio.Event().wait()


def test_a_rebalance_does_not_wait_for_a_read_that_waits_for_the_rebalance():
    async def reading_and_taken_back():
        turn = asyncio.Lock()

        async def release():
            async with turn:
                released.append(True)

        released = []
        source = KafkaSource(Kafka(), release)
        await source.stop()
        source._consumer = InRebalance()
        source.given({TopicPartition(Kafka().topics.usage, 0)})

        async def claim():
            async with turn:
                await source.read_one(0, 17)

        claiming = asyncio.create_task(claim())
        await asyncio.sleep(0)
        async with asyncio.timeout(AT_ONCE_S):
            await source.revoked()
            with pytest.raises(KafkaError, match="rebalance"):
                await claiming
        assert released
        assert not source.assigned()

    asyncio.run(reading_and_taken_back())
