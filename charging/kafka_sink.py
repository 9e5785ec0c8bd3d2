"""Shell. Rated records, notifications and rejected records to Kafka, by an idempotent producer
where the broker has them.

Records of one input partition go to one output partition of each topic, in order. Batches are written by
kernels and sent whole; where aiokafka is not as we know it, record by record by its own builder.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from charging.kafka_security import security_arguments
from charging.outputs import TOPICS, Outputs
from charging.wire.producer_seam import CODECS, abandon, packed_batches, seam_holds
from config.settings import Kafka
from rating_kernels.tariff_table import Ints

log = structlog.get_logger()

# The broker takes 1 MiB a record batch; what a single record may be is bounded by the same number.
BATCH_BYTES = 900_000
REQUEST_BYTES = 1_048_576


class KafkaSink:
    """The output side."""

    def __init__(self, settings: Kafka) -> None:
        self._topics = tuple(getattr(settings.topics, topic) for topic in TOPICS)
        self._partitions: tuple[int, ...] = ()
        self._codec = CODECS[settings.compression]
        self._settings = settings
        self._producer = self._new_producer()
        self._is_broken = False
        self.packs = seam_holds(self._producer.create_batch, settings.compression)

    def _new_producer(self) -> AIOKafkaProducer:
        settings = self._settings
        return AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            enable_idempotence=settings.idempotent,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
            metadata_max_age_ms=settings.metadata_max_age_ms,
            linger_ms=0,
            **security_arguments(settings.security),
        )

    async def start(self) -> None:
        """Connect; raises KafkaError where no broker answers or a topic is missing."""
        if not self.packs:
            log.warning("records are handed to the producer one by one: aiokafka is not the version we know")
        await self._producer.start()
        self._partitions = tuple([len(await self._producer.partitions_for(topic)) for topic in self._topics])

    async def stop(self) -> None:
        """Wait for what is under way and disconnect; also after a start that failed."""
        await self._producer.stop()

    async def publish(self, outputs: Outputs) -> None:
        """Return when all are acknowledged by the broker. Raises KafkaError where it refuses any: give all again."""
        if self._is_broken:
            await self._renew()
        places = outputs.rows_by_place(self._partitions)
        sends = [
            asyncio.ensure_future(self._send(outputs, rows, topic, partition))
            for (topic, partition), rows in places.items()
        ]
        try:
            await asyncio.gather(*sends)
        except KafkaError:
            self._is_broken = True
            for send in sends:
                send.cancel()
            await asyncio.gather(*sends, return_exceptions=True)
            raise

    async def _renew(self) -> None:
        """Another producer: a record batch that was refused leaves a gap in the numbers of this one, for ever."""
        await abandon(self._producer)
        self._producer = self._new_producer()
        await self.start()
        self._is_broken = False

    async def _send(self, outputs: Outputs, rows: Ints, topic: int, partition: int) -> None:
        acknowledgements = [
            await self._producer.send_batch(batch, self._topics[topic], partition=partition)
            for batch in self._batches(outputs, rows)
        ]
        await asyncio.gather(*acknowledgements)

    def _batches(self, outputs: Outputs, rows: Ints) -> Iterator[Any]:
        """The rows in order, in batches that the broker takes."""
        if self.packs:
            yield from packed_batches(outputs, rows, BATCH_BYTES, time.time_ns() // 1_000_000, self._codec)
            return
        batch = self._producer.create_batch()
        for record in outputs.of(rows):
            if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                yield batch
                batch = self._producer.create_batch()
                taken = batch.append(key=record.key, value=record.value, timestamp=None)
                assert taken is not None, "records are cut to fit a batch where they are built"
        yield batch
