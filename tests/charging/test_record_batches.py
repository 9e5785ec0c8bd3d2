"""Record batches that kernels wrote are those that aiokafka builds, and are read back by its own parser."""

import asyncio

import numpy as np
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from charging.outputs import NOTIFICATIONS, RATED, REJECTED, TOPICS, Output, outputs_of
from charging.wire.producer_seam import CODECS, THEIRS, PackedBatch, packed_batches, seam_holds
from config.settings import Kafka

records = st.lists(
    st.builds(
        Output,
        st.sampled_from(TOPICS),
        st.integers(0, 5),
        st.binary(max_size=70) | st.just(b"k" * 70),
        st.binary(max_size=70) | st.integers(100, 20_000).map(bytes),
    ),
    max_size=12,
)
TIMESTAMP_MS = 1_791_194_400_000


def with_producer(compression, act):
    """What `act` says of a producer that has not been started."""

    async def run():
        producer = AIOKafkaProducer(
            compression_type=None if compression == "none" else compression, max_batch_size=BATCH_BYTES
        )
        try:
            return act(producer)
        finally:
            await producer.stop()

    return asyncio.run(run())


BATCH_BYTES = 30_000
FRAME_BYTES = 50  # what a codec puts around bytes that it cannot make shorter


def theirs(producer, outputs):
    """The same records by aiokafka's own builder."""
    built = []
    batch = producer.create_batch()
    for record in outputs:
        if batch.append(timestamp=TIMESTAMP_MS, key=record.key, value=record.value) is None:
            built.append(batch)
            batch = producer.create_batch()
            assert batch.append(timestamp=TIMESTAMP_MS, key=record.key, value=record.value) is not None
    return [*built, batch] if len(outputs) else []


def read(batches):
    """(key, value, timestamp, offset within its batch) of every record, by aiokafka's parser."""
    found = []
    for batch in batches:
        parser = MemoryRecords(bytes(batch._build()))
        while parser.has_next():
            one = parser.next_batch()
            assert one.validate_crc()
            found += [(record.key, record.value, record.timestamp, record.offset) for record in one]
    return found


@pytest.mark.parametrize("compression", sorted(CODECS))
@given(records)
def test_batches_are_the_bytes_that_aiokafka_builds(compression, given_records):
    outputs = outputs_of(given_records)
    rows = np.arange(len(outputs))

    def both(producer):
        return (
            list(packed_batches(outputs, rows, BATCH_BYTES, TIMESTAMP_MS, THEIRS[compression])),
            theirs(producer, outputs),
        )

    ours, reference = with_producer(compression, both)
    for number, batch in enumerate([*ours, *reference]):
        batch._set_producer_state(9, 2, number % max(len(ours), 1))
    assert [bytes(batch._build()) for batch in ours] == [bytes(batch._build()) for batch in reference]
    assert [batch.record_count() for batch in ours] == [batch.record_count() for batch in reference]


@pytest.mark.parametrize("compression", sorted(CODECS))
@given(records)
def test_what_is_packed_is_read_back(compression, given_records):
    outputs = outputs_of(given_records)
    assert list(outputs) == given_records
    rows = np.arange(len(outputs))[::-1]
    batches = list(packed_batches(outputs, rows, BATCH_BYTES, TIMESTAMP_MS, CODECS[compression]))
    assert [(key, value, time) for key, value, time, _ in read(batches)] == [
        (record.key, record.value, TIMESTAMP_MS) for record in reversed(given_records)
    ]
    assert all(batch.size() <= BATCH_BYTES + FRAME_BYTES for batch in batches)


def test_a_record_that_is_larger_than_a_batch_has_one_of_its_own():
    outputs = outputs_of([Output("rated", 0, b"", bytes(size)) for size in (10, 50_000, 10)])
    batches = list(packed_batches(outputs, np.arange(3), BATCH_BYTES, TIMESTAMP_MS, CODECS["none"]))
    assert [batch.record_count() for batch in batches] == [1, 1, 1]


def test_a_built_batch_stays_as_it_is_for_a_producer_that_sends_it_again():
    lz4 = CODECS["lz4"]
    batch = PackedBatch(lz4.compress(memoryview(bytes(5_000))), 3, TIMESTAMP_MS, lz4.number)
    batch._set_producer_state(1, 1, 7)
    once = bytes(batch._build())
    assert bytes(batch._build()) == once
    assert len(once) < 1_000
    assert batch.closed()
    assert batch.append(timestamp=0, key=b"", value=b"") is None


@pytest.mark.parametrize("compression", sorted(CODECS))
def test_the_seam_is_proved_and_a_strange_builder_is_noticed(compression):
    assert with_producer(compression, lambda producer: seam_holds(producer.create_batch, compression))
    other = "none" if compression != "none" else "zstd"
    assert not with_producer(other, lambda producer: seam_holds(producer.create_batch, compression))
    assert not seam_holds(object, compression)


def test_every_compression_of_the_settings_is_known():
    for compression in CODECS:
        assert Kafka(compression=compression).compression == compression
    annotation = Kafka.__annotations__["compression"]
    assert set(annotation.__origin__.__args__) == set(CODECS)


@given(records, st.tuples(*[st.integers(1, 4)] * 3))
def test_a_partitions_records_go_to_one_partition_in_order(given_records, partitions):
    outputs = outputs_of(given_records)
    places = outputs.rows_by_place(partitions)
    assert sorted(row for rows in places.values() for row in rows.tolist()) == list(range(len(outputs)))
    for (topic, partition), rows in places.items():
        assert rows.tolist() == sorted(rows.tolist())
        for record in outputs.of(rows):
            assert record.topic == TOPICS[topic]
            assert record.partition % partitions[topic] == partition
    assert (RATED, NOTIFICATIONS, REJECTED) == (0, 1, 2)
