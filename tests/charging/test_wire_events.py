"""A kernel reads plain events; what it reads, msgspec reads the same."""

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charging.decoded_batch import CODEC_JSON, CODEC_MSGPACK, CODEC_OBJECT, S_CODEC
from charging.wire.id_hash import id_hash, xxh64
from rating_kernels.batch_words import ID_HASH, MESSAGE_TIME_US
from tests.charging.wire_events import (
    MSGPACK_HEADERS,
    assert_the_same,
    both_ways,
    events,
    message,
)

CALL = {
    "id": "e1",
    "source": "msc",
    "type": "call",
    "service": "+43660",
    "time": "2026-10-05T10:00:00Z",
    "quantity": 95,
    "fields": {"destination": "+4366412345"},
}
JSON_CALL = msgspec.json.encode(CALL)


def codecs(*messages):
    ours, alone = both_ways(list(messages))
    assert_the_same(ours, alone)
    return ours.spans[:, S_CODEC].tolist()


@settings(max_examples=1_500, deadline=None)
@given(st.lists(events, min_size=1, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_msgspec_reads_it(some, indent):
    texts = [
        json.dumps(event, indent=indent, ensure_ascii=False).encode("utf-8", "replace") for event in some
    ]
    codecs(*(message(text, offset=offset) for offset, text in enumerate(texts)))


@settings(max_examples=1_500, deadline=None)
@given(st.lists(events, min_size=1, max_size=4))
def test_messagepack_is_read_as_msgspec_reads_it(some):
    in_range = [
        {
            name: value if not isinstance(value, int) or -(2**63) <= value < 2**64 else 2**63 - 1
            for name, value in event.items()
        }
        for event in some
    ]
    values = []
    for event in in_range:
        try:
            values.append(msgspec.msgpack.encode(event))
        except OverflowError:  # within the fields: MessagePack has no such integers
            continue
    codecs(*(message(value, MSGPACK_HEADERS, offset) for offset, value in enumerate(values)))


@pytest.mark.parametrize(
    ("value", "headers", "codec"),
    [
        (JSON_CALL, (), CODEC_JSON),
        (JSON_CALL, (("Content-Type", b"application/json; charset=utf-8"), ("trace", b"1")), CODEC_JSON),
        (msgspec.msgpack.encode(CALL), MSGPACK_HEADERS, CODEC_MSGPACK),
        (msgspec.msgpack.encode(CALL), (("trace", b"1"), *MSGPACK_HEADERS), CODEC_MSGPACK),
        (json.dumps(CALL, indent=2).encode() + b"\r\n\t ", (), CODEC_JSON),
        (msgspec.json.encode(CALL | {"unknown": None, "quantity": "95.00"}), (), CODEC_JSON),
        (msgspec.json.encode(CALL | {"time": "2026-02-28T23:59:59.123456+02:00"}), (), CODEC_JSON),
        (msgspec.json.encode(CALL | {"time": 1_791_194_400_000_000}), (), CODEC_JSON),
    ],
)
def test_what_is_usual_is_read_by_the_kernel(value, headers, codec):
    assert codecs(message(value, headers)) == [codec]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"[]",
        msgspec.json.encode([CALL, CALL]),
        JSON_CALL + b"}",
        JSON_CALL[:-1],
        JSON_CALL[:-1] + b",}",
        JSON_CALL.replace(b'"e1"', b'"\\u0065"'),
        JSON_CALL.replace(b'"e1"', b'"\xc0\xaf"'),
        JSON_CALL.replace(b'"e1"', b'"\xed\xa0\x80"'),
        JSON_CALL.replace(b'"e1"', b'"\xf4\x90\x80\x80"'),
        JSON_CALL.replace(b'"e1"', b'"\xe2\x82"'),
        JSON_CALL.replace(b'"e1"', b'"a\nb"'),
        JSON_CALL.replace(b'"e1"', b'"e1","id":"e2"'),
        JSON_CALL.replace(b"95", b"095"),
        JSON_CALL.replace(b"95", b"-0"),
        JSON_CALL.replace(b"95", b"95.0"),
        JSON_CALL.replace(b"95", b"NaN"),
        JSON_CALL.replace(b"95", b"1e2"),
        JSON_CALL.replace(b"95", b"1" * 30),
        JSON_CALL.replace(b"95", b"true"),
        JSON_CALL.replace(b"95", b"[" * 5_000),
        JSON_CALL.replace(b'{"destination"', b'{"x":{},"destination"'),
        JSON_CALL.replace(b'{"destination"', b'{"destination":"1","destination"'),
        JSON_CALL.replace(b'"fields"', b'"fields":{},"fields"'),
        b"\xef\xbb\xbf" + JSON_CALL,
        JSON_CALL + b"\0",
    ],
)
def test_what_is_unusual_or_wrong_is_left_to_msgspec(value):
    assert set(codecs(message(value))) == {CODEC_OBJECT}


@pytest.mark.parametrize(
    "headers",
    [
        (("content-type", b"application/cloudevents+json"),),
        (("ce_specversion", b"1.0"),),
        (("CE_id", b"1"),),
        (("content-type", b"application/json"), ("content-type", b"text/html")),
        (("content-type", b"application/jsonx"),),
        (("content-type", b"text/html"),),
        (("content-type", b""),),
    ],
)
def test_headers_that_say_more_are_left_to_msgspec(headers):
    assert codecs(message(JSON_CALL, headers)) == [CODEC_OBJECT]


def test_rows_stay_in_order_of_arrival():
    many = msgspec.json.encode([CALL | {"id": "e2"}, {"id": "bad"}, CALL | {"id": "e3"}])
    values = [JSON_CALL, b"no event", many, msgspec.json.encode(CALL | {"id": "e4"})]
    assert codecs(*(message(value, offset=at) for at, value in enumerate(values))) == [
        CODEC_JSON,
        *[CODEC_OBJECT] * 4,
        CODEC_JSON,
    ]
    ours, _ = both_ways([message(value, offset=at) for at, value in enumerate(values)])
    assert ours.message_of.tolist() == [0, 1, 2, 2, 2, 3]
    events_read = [ours.event(row) for row in range(6)]
    assert [event.id if event else None for event in events_read] == ["e1", None, "e2", None, "e3", "e4"]


def test_text_is_the_messages_own_bytes_where_all_is_plain():
    ours, _ = both_ways([message(JSON_CALL)])
    assert ours.text is ours.messages.data
    assert not ours.text.flags.writeable


def test_a_message_that_is_too_large_is_not_looked_at():
    assert codecs(message(JSON_CALL + b" " * 4_000)) == [CODEC_OBJECT]


@pytest.mark.parametrize("timestamp_ms", [2**62, -(2**62), -1, 0])
def test_a_timestamp_from_nowhere_stays_within_what_counts_as_time(timestamp_ms):
    ours, alone = both_ways([message(JSON_CALL)._replace(timestamp_ms=timestamp_ms)])
    assert_the_same(ours, alone)
    assert abs(int(ours.words[0, MESSAGE_TIME_US])) < 2**60


# xxHash's own vectors (Cyan4973/xxHash, cli/xsum_sanity_check.c): prefixes of a generated buffer.
@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, 0xEF46DB3751D8E999),
        (1, 0xE934A84ADB052768),
        (4, 0x9136A0DCA57457EE),
        (14, 0x8282DCC4994E35C8),
        (222, 0xB641AE8CB691C174),
    ],
)
def test_the_hash_is_xxh64(length, expected):
    state = 2_654_435_761
    buffer = np.zeros(222, np.uint8)
    for place in range(len(buffer)):
        buffer[place] = state >> 56
        state = state * 11_400_714_785_074_694_797 % 2**64
    assert xxh64(buffer, length) % 2**64 == expected


def test_source_and_id_are_hashed_apart():
    assert id_hash("a", "bc") != id_hash("ab", "c")
    ours, _ = both_ways([message(JSON_CALL)])
    assert ours.words[0, ID_HASH] == id_hash("msc", "e1")
