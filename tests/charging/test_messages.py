"""Messages as columns are the messages that came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charging.messages import Message, message_columns, pack_headers, unpack_headers

headers = st.lists(st.tuples(st.text(max_size=80), st.binary(max_size=200)), max_size=3).map(tuple)
messages = st.lists(
    st.builds(
        Message,
        st.integers(0, 3),
        st.integers(0, 2**62),
        st.integers(0, 2**45),
        st.none() | st.binary(max_size=40),
        headers,
    ),
    max_size=8,
)


@given(messages)
def test_every_message_comes_back(given_messages):
    columns = message_columns(given_messages)
    assert [columns.message(place) for place in range(len(columns))] == given_messages
    assert len(columns.data) > 0


@given(messages, st.frozensets(st.integers(0, 3)))
def test_some_partitions_keep_their_order(given_messages, partitions):
    columns = message_columns(given_messages).of_partitions(partitions)
    kept = [message for message in given_messages if message.partition in partitions]
    assert [columns.message(place) for place in range(len(columns))] == kept
    assert columns.last_of_partitions() == {message.partition: message for message in kept}


@given(headers)
def test_headers_come_back(given_headers):
    assert unpack_headers(pack_headers(given_headers)) == given_headers


def test_a_header_without_a_value_is_an_empty_one():
    assert unpack_headers(pack_headers((("trace", None),))) == (("trace", b""),)


def test_bytes_of_messages_cannot_be_written():
    assert not message_columns([Message(0, 0, 0, b"x", ())]).data.flags.writeable
    assert np.array_equal(message_columns([]).words, np.zeros((0, 7)))
