"""Record batches taken whole are the messages that aiokafka's own iterator gives, batch by batch."""

import struct

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import has_gzip, has_lz4, has_snappy, has_zstd
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from charging.messages import Message, joined
from charging.wire import whole_batches
from charging.wire.whole_batches import Wanted, WholeBatches, seam_fault
from tests.charging.record_batches import (
    GZIP,
    HEAD_BYTES,
    LAST_DELTA_AT,
    LOG_APPEND_TIME,
    LZ4,
    MAX_TIMESTAMP_AT,
    NONE,
    SNAPPY,
    TRANSACTIONAL,
    ZSTD,
    batch_of,
    changed,
    control_batch,
    old_batch,
    with_attributes,
)

TP = TopicPartition("usage", 3)
RECORDS = [
    (b"key", b"value", [("content-type", b"application/json"), ("trace", None), ("é", b"")]),
    (None, None, []),
    (b"", b"", []),
    (None, b"x" * 300, []),
]
CODECS = {"none": NONE, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
ABORT, COMMIT = 0, 1


def theirs(data, *, fetch_offset=0, aborted=(), isolation=READ_UNCOMMITTED):
    records = PartitionRecords(TP, MemoryRecords(data), aborted, fetch_offset, None, None, True, isolation)
    messages = [
        Message(
            3,
            record.offset,
            record.timestamp,
            record.value,
            tuple((name, value or b"") for name, value in record.headers),
        )
        for record in records
    ]
    return messages, records.next_fetch_offset


def ours(data, *, fetch_offset=0, aborted=(), isolation=READ_UNCOMMITTED, at_once=1_000):
    """(messages, next offset, what was refused), so many messages at a time."""
    wanted = Wanted(lambda _partition, _why: None)
    records = WholeBatches(
        wanted, TP, whole_batches._FetchedRecords(data), aborted, fetch_offset, None, None, True, isolation
    )
    messages: list[Message] = []
    wanted.messages = at_once
    for pieces in records:
        columns = joined(pieces)
        assert 0 < len(columns) <= at_once
        messages += [columns.message(place) for place in range(len(columns))]
        # Only what was handed on is passed.
        assert messages[-1].offset < records.next_fetch_offset
        wanted.messages = at_once
    return messages, records.next_fetch_offset, wanted.refused


def assert_both_ways(data, **how):
    for at_once in (1, 3, 1_000):
        messages, next_offset, refused = ours(data, at_once=at_once, **how)
        assert (messages, next_offset) == theirs(data, **how)
        assert not refused
    return messages


def test_the_seam_is_as_we_know_it():
    assert seam_fault() == ""


def test_all_codecs_are_there():
    assert has_gzip()
    assert has_snappy()
    assert has_lz4()
    assert has_zstd()


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec(codec):
    data = batch_of(RECORDS, base=5, codec=CODECS[codec]) + batch_of(
        RECORDS * 50, base=9, codec=CODECS[codec]
    )
    assert len(assert_both_ways(data)) == 204


def test_what_was_handed_on_before_is_left_out():
    data = batch_of(RECORDS, base=5) + batch_of(RECORDS, base=9)
    assert [message.offset for message in assert_both_ways(data, fetch_offset=7)] == [7, 8, 9, 10, 11, 12]


def test_compaction_leaves_gaps_and_empty_batches():
    gaps = batch_of(RECORDS, base=5, deltas=[1, 4, 5, 9])
    shortened = changed(gaps, ">i", LAST_DELTA_AT, 20)
    emptied = changed(batch_of([], base=26), ">i", LAST_DELTA_AT, 4)
    assert [message.offset for message in assert_both_ways(shortened + emptied)] == [6, 9, 10, 14]
    assert ours(shortened + emptied)[1] == 31


def test_the_brokers_time_takes_the_place_of_the_producers():
    data = with_attributes(batch_of(RECORDS), LOG_APPEND_TIME)
    data = changed(data, ">q", MAX_TIMESTAMP_AT, 77_000)
    assert {message.timestamp_ms for message in assert_both_ways(data)} == {77_000}


@pytest.mark.parametrize("isolation", [READ_COMMITTED, READ_UNCOMMITTED])
def test_transactions(isolation):
    data = (
        batch_of(RECORDS, base=0, producer_id=1, transactional=True)
        + batch_of(RECORDS, base=4, producer_id=2, transactional=True)
        + control_batch(8, 1, ABORT)
        + batch_of(RECORDS, base=9, producer_id=1, transactional=True)
        + control_batch(13, 2, COMMIT)
        + control_batch(14, 1, COMMIT)
        + batch_of(RECORDS, base=15)
    )
    messages = assert_both_ways(data, aborted=[(1, 0)], isolation=isolation)
    assert len(messages) == (12 if isolation == READ_COMMITTED else 16)
    assert with_attributes(batch_of(RECORDS), TRANSACTIONAL) == batch_of(RECORDS, transactional=True)


@pytest.mark.parametrize(
    ("form", "codec"),
    # Kafka never had LZ4 in format 0, nor zstd in either.
    [(0, NONE), (0, GZIP), (0, SNAPPY), (1, NONE), (1, GZIP), (1, SNAPPY), (1, LZ4)],
)
def test_old_formats(form, codec):
    pairs = [(b"k", b"v1"), (None, b"v2"), (b"k", None)]
    if form == 1:
        old, new = old_batch(pairs, base=4, codec=codec), batch_of(RECORDS, base=7)
        assert_both_ways(old)
        # In one answer aiokafka's compiled reader takes the format of the first batch for that of all.
        assert ours(old + new)[0] == theirs(old)[0] + theirs(new)[0]
    else:
        # Format 0 has no timestamps: theirs is None, and ours 0.
        data = old_batch(pairs, base=4, form=0, codec=codec)
        expected = [message._replace(timestamp_ms=0) for message in theirs(data)[0]]
        assert ours(data)[0] == expected


def test_a_batch_that_was_cut_off_is_left_for_the_next_answer():
    data = batch_of(RECORDS) + batch_of(RECORDS, base=4)
    for length in (1, 11, 30, 60, 61, 62, len(data) // 2):
        assert_both_ways(data[: len(data) // 2 + length])


def test_the_last_batch_may_be_passed_over_whole():
    data = control_batch(0, 1, COMMIT)
    assert assert_both_ways(data) == []
    assert ours(data)[1] == 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.none() | st.binary(max_size=3), st.none() | st.binary(max_size=9)),
                min_size=1,
                max_size=5,
            ),
            st.sampled_from(sorted(CODECS.values())),
        ),
        max_size=4,
    ),
    st.integers(0, 8),
)
def test_random_logs(batches, fetch_offset):
    data, base = b"", 0
    for records, codec in batches:
        data += batch_of([(*record, []) for record in records], base=base, codec=codec)
        base += len(records)
    # A broker's answer begins with the batch that holds the offset it was asked for.
    assert_both_ways(
        data, fetch_offset=min(fetch_offset, len(batches[0][0]) - 1) if batches else fetch_offset
    )


# What is corrupt is refused with a reason, and nothing before it is lost or after it handed on.

GOOD = batch_of(RECORDS, base=0)
FORMAT_AT, LENGTH_AT, COUNT_AT = 16, 8, 57


def replaced(at: int, value: bytes, batch=GOOD) -> bytes:
    return batch[:at] + value + batch[at + len(value) :]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replaced(len(GOOD) - 3, b"?"), "checksum"),
        (changed(GOOD, ">i", COUNT_AT, 5), "past the end"),
        (changed(GOOD, ">i", COUNT_AT, 3), "left behind"),
        (changed(GOOD, ">i", COUNT_AT, 2**31 - 1), "cannot hold"),
        (changed(GOOD, ">i", COUNT_AT, -1), "cannot hold"),
        (changed(GOOD, ">i", LAST_DELTA_AT, 2), "offsets do not rise"),
        (changed(GOOD, ">b", HEAD_BYTES, 0x7F), "do not fill"),
        (changed(GOOD, ">b", HEAD_BYTES, 2), "do not fill"),
        (with_attributes(GOOD, 7), "compression 7"),
        (with_attributes(GOOD, GZIP), ""),
        (with_attributes(GOOD, SNAPPY), ""),
        (with_attributes(GOOD, LZ4), ""),
        (with_attributes(GOOD, ZSTD), ""),
        (replaced(FORMAT_AT, b"\x09"), "format 9"),
        (replaced(LENGTH_AT, struct.pack(">i", -50)), "shorter"),
        (replaced(LENGTH_AT, struct.pack(">i", 20)), "shorter"),
        (old_batch([(b"k", b"v")])[:-1] + b"?", "checksum"),
    ],
)
@pytest.mark.parametrize("at_once", [1, 1_000])
def test_a_corrupt_batch_stops_its_partition(bad, said, at_once):
    before = batch_of(RECORDS, base=0)
    messages, next_offset, refused = ours(before + bad + batch_of(RECORDS, base=8), at_once=at_once)
    assert [message.offset for message in messages] == [0, 1, 2, 3]
    assert next_offset == 4
    assert said in refused[3]
    assert "offset 4" in refused[3]


def test_aiokafka_refuses_what_we_refuse_with_an_exception():
    with pytest.raises(CorruptRecordException):
        theirs(replaced(len(GOOD) - 3, b"?"))


@settings(max_examples=1_000, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8), st.integers(0, 4))
def test_any_bytes_end(at, value, codec):
    ours(replaced(at, value, batch_of(RECORDS, codec=codec)) + GOOD)


def test_what_is_read_again_is_not_refused_any_more():
    wanted = Wanted(lambda _partition, _why: None)
    wanted.messages = 10
    wanted.refuse(3, "its checksum is wrong")
    rest = ((), 0, None, None, True, READ_UNCOMMITTED)
    assert len(list(WholeBatches(wanted, TP, whole_batches._FetchedRecords(GOOD), *rest))) == 1
    assert wanted.refused == {}


def test_a_seam_that_changed_is_told(monkeypatch):
    monkeypatch.setattr(whole_batches, "PartitionRecords", lambda tp, records: None)
    assert "PartitionRecords takes ['tp', 'records']" in seam_fault()
