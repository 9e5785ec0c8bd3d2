"""Shell. Rated records, notifications and rejected records to Kafka, by an idempotent producer
where the broker has them.

Records of one input partition go to one output partition of each topic, in order. Batches are filled
here and sent whole: an `append` costs a tenth of a `send`.
"""

import asyncio
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaProducer

from charging.kafka_security import security_arguments
from charging.ports import Output
from config.settings import Kafka

# The broker takes 1 MiB a record batch; what a single record may be is bounded by the same number.
BATCH_BYTES = 900_000
REQUEST_BYTES = 1_048_576


class KafkaSink:
    """The output side."""

    def __init__(self, settings: Kafka) -> None:
        self._topics = {
            "rated": settings.topics.rated,
            "notifications": settings.topics.notifications,
            "rejected": settings.topics.rejected,
        }
        self._partitions: dict[str, int] = {}
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            enable_idempotence=settings.idempotent,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            linger_ms=0,
            **security_arguments(settings.security),
        )

    async def start(self) -> None:
        """Connect; raises KafkaError where no broker answers, KeyError-free: topics must exist."""
        await self._producer.start()
        for topic in self._topics.values():
            self._partitions[topic] = len(await self._producer.partitions_for(topic))

    async def stop(self) -> None:
        """Wait for what is under way and disconnect."""
        await self._producer.stop()

    async def publish(self, outputs: list[Output]) -> None:
        """Return when all are acknowledged by the broker."""
        by_place: dict[tuple[str, int], list[Output]] = defaultdict(list)
        for output in outputs:
            topic = self._topics[output.topic]
            by_place[topic, output.partition % self._partitions[topic]].append(output)
        await asyncio.gather(*(self._send(*place, records) for place, records in by_place.items()))

    async def _send(self, topic: str, partition: int, records: list[Output]) -> None:
        acknowledgements = []
        batch: Any = self._producer.create_batch()
        for record in records:
            if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                acknowledgements.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                taken = batch.append(key=record.key, value=record.value, timestamp=None)
                assert taken is not None, "records are cut to fit a batch where they are built"
        acknowledgements.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*acknowledgements)
