"""Bytes that went wrong on the way: nothing is read that is not there (CI runs this with every index checked)."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from charging.messages import M_HEADERS_AT, M_HEADERS_LENGTH, M_VALUE_AT, M_VALUE_LENGTH, MESSAGE_WORDS
from charging.wire.cut_records import EACH_ITS_OWN, REFUSALS, cut_records
from charging.wire.event_names import event_names
from charging.wire.read_events import read_events
from tests.charging.record_batches import batch_of, records_of
from tests.charging.wire_events import (
    CATALOGUE,
    MESSAGE_BYTES_MAX,
    MSGPACK_HEADERS,
    assert_the_same,
    both_ways,
    events,
    message,
)

NAMES = event_names(tuple(CATALOGUE.event_types.values()))
# Each: where, how many bytes go, and what comes in their place.
mutations = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=3
)


def mutated(value: bytes, changes) -> bytes:
    for at, gone, come in changes:
        at %= len(value) + 1
        value = value[:at] + come + value[at + gone :]
    return value


@settings(max_examples=1_500, deadline=None)
@given(events, mutations)
def test_a_mutated_json_event_is_read_as_msgspec_reads_it(event, changes):
    assert_the_same(*both_ways([message(mutated(msgspec.json.encode(event), changes))]))


@settings(max_examples=1_500, deadline=None)
@given(events, mutations)
def test_a_mutated_messagepack_event_is_read_as_msgspec_reads_it(event, changes):
    try:
        value = msgspec.msgpack.encode(event)
    except OverflowError:  # MessagePack has no such integers
        value = msgspec.msgpack.encode({"id": event["id"]})
    assert_the_same(*both_ways([message(mutated(value, changes), MSGPACK_HEADERS)]))


@settings(max_examples=500, deadline=None)
@given(events, st.integers(0, 400))
def test_an_event_that_was_cut_off_at_the_end_of_the_bytes_is_not_read_past_it(event, length):
    value = msgspec.json.encode(event)[:length]
    assert_the_same(*both_ways([message(value)]))


records = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=5),
        st.none() | st.binary(max_size=20),
        st.lists(st.tuples(st.text(max_size=4), st.none() | st.binary(max_size=4)), max_size=2),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=1_500, deadline=None)
@given(records, mutations, st.integers(-2, 9), st.integers(-2, 9), st.integers(0, 9))
def test_mutated_records_are_refused_or_lie_within_their_bytes(some, changes, more, last_delta, from_offset):
    data = mutated(records_of(batch_of(some)), changes)
    batch = [3, 100, last_delta, 0, EACH_ITS_OWN, 100 + from_offset, len(some) + more]
    # What lies around the records is not looked at.
    words = cut_records(np.frombuffer(b"??" + data + b"?", np.uint8), 2, 2 + len(data), batch)
    if isinstance(words, str):
        assert words in REFUSALS.values()
        return
    assert words.shape[1] == MESSAGE_WORDS
    for row in words.tolist():
        assert 2 <= row[M_VALUE_AT] <= row[M_VALUE_AT] + max(row[M_VALUE_LENGTH], 0) <= 2 + len(data)
        assert 2 <= row[M_HEADERS_AT] <= row[M_HEADERS_AT] + row[M_HEADERS_LENGTH] <= 2 + len(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_headers_of_any_bytes_are_survived(value, headers):
    """The kernel looks at headers again, whoever found them sound before."""
    both = message(value, ())
    columns = both_ways([both])[0].messages
    columns.words[0, M_HEADERS_AT] = len(value)
    columns.words[0, M_HEADERS_LENGTH] = len(headers)
    columns.data = np.frombuffer(value + headers + b"\0", np.uint8)
    words, spans = read_events(columns, NAMES, MESSAGE_BYTES_MAX)
    assert len(words) == len(spans) == 1
