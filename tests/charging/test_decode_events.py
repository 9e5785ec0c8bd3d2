import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charging.decode_events import decode_messages, id_hash
from charging.messages import Message, message_columns
from config.load import load_compiled_catalogue
from rating_kernels.batch_words import FIELD_AT, FIELD_LENGTH, ID_HASH, OUTCOME, QUANTITY, TIME_US
from rating_kernels.outcomes import Outcome

CATALOGUE = load_compiled_catalogue("")
CALL = {
    "id": "e1",
    "source": "msc",
    "type": "call",
    "service": "+43660",
    "time": "2026-10-05T10:00:00Z",
    "quantity": 95,
    "fields": {"destination": "+4366412345"},
}
CLOUD = {
    "specversion": "1.0",
    "id": "e1",
    "source": "msc",
    "type": "call",
    "subject": "+43660",
    "time": "2026-10-05T10:00:00Z",
    "data": {"quantity": 95, "fields": {"destination": "+4366412345"}},
}
MSGPACK = b"application/msgpack"


def message(value, content_type=None, **headers):
    named = list(headers.items())
    if content_type:
        named.append(("content-type", content_type))
    return Message(3, 7, 1_000, value, tuple(named))


def decoded(*messages, largest=1_000_000):
    return decode_messages(message_columns(list(messages)), CATALOGUE, largest)


def outcome_of(event) -> tuple[Outcome, str]:
    batch = decoded(message(msgspec.json.encode(event)))
    return Outcome.__members__[Outcome(int(batch.words[0, OUTCOME])).name], batch.details.get(0, "")


@pytest.mark.parametrize(
    "one",
    [
        message(msgspec.json.encode(CALL)),
        message(msgspec.json.encode(CALL), b"application/json; charset=utf-8"),
        message(msgspec.msgpack.encode(CALL), MSGPACK),
        message(msgspec.json.encode([CALL])),
        message(msgspec.msgpack.encode([CALL]), MSGPACK),
        message(msgspec.json.encode(CLOUD), b"application/cloudevents+json"),
        message(msgspec.json.encode([CLOUD]), b"application/cloudevents-batch+json"),
        message(
            msgspec.msgpack.encode(CLOUD["data"]),
            MSGPACK,
            ce_specversion=b"1.0",
            ce_id=b"e1",
            ce_source=b"msc",
            ce_type=b"call",
            ce_subject=b"+43660",
            ce_time=b"2026-10-05T10:00:00Z",
        ),
    ],
    ids=["json", "json-utf8", "msgpack", "json-many", "msgpack-many", "structured", "batched", "binary"],
)
def test_every_packing_gives_the_same_row(one):
    batch = decoded(one)
    (row,) = batch.words
    assert row[OUTCOME] == 0, batch.details
    assert (row[TIME_US], row[QUANTITY]) == (1_791_194_400_000_000, 95)
    assert row[ID_HASH] == id_hash("msc", "e1")
    assert bytes(batch.text[row[FIELD_AT] :][: row[FIELD_LENGTH]]) == b"+4366412345"
    assert batch.identifiers() == ["+43660"]


@pytest.mark.parametrize(
    ("change", "outcome", "said"),
    [
        ({"id": ""}, Outcome.BAD_FIELD, "id"),
        ({"id": "x" * 300}, Outcome.BAD_FIELD, "300"),
        ({"type": "flight"}, Outcome.UNKNOWN_EVENT_TYPE, "flight"),
        ({"time": "noon"}, Outcome.BAD_FIELD, "time"),
        ({"time": -1}, Outcome.BAD_FIELD, "time"),
        ({"quantity": 1.5}, Outcome.BAD_FIELD, "quantity"),
        ({"quantity": -1}, Outcome.QUANTITY_OUT_OF_RANGE, "quantity"),
        ({"quantity": 10**15}, Outcome.QUANTITY_OUT_OF_RANGE, "quantity"),
        ({"fields": {}}, Outcome.MISSING_FIELD, "destination"),
        ({"fields": {"destination": 43}}, Outcome.BAD_FIELD, "destination"),
        ({"service": 5}, Outcome.BAD_FIELD, "service"),
    ],
)
def test_a_wrong_field_is_named(change, outcome, said):
    got, detail = outcome_of(CALL | change)
    assert (got, said in detail) == (outcome, True), detail


@pytest.mark.parametrize("missing", ["id", "source", "type", "service", "time"])
def test_a_missing_field_is_named(missing):
    got, detail = outcome_of({name: value for name, value in CALL.items() if name != missing})
    assert (got, missing in detail) == (Outcome.MISSING_FIELD, True), detail


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (message(None), Outcome.BAD_ENCODING),
        (message(b""), Outcome.BAD_ENCODING),
        (message(b"no event"), Outcome.BAD_ENCODING),
        (message(b"\xff\xfe"), Outcome.BAD_ENCODING),
        (message(b"[]"), Outcome.BAD_ENCODING),
        (message(b"17"), Outcome.BAD_ENCODING),
        (message(b"{}", b"text/html"), Outcome.BAD_ENCODING),
        (
            message(msgspec.json.encode(CLOUD | {"specversion": "0.3"}), b"application/cloudevents+json"),
            Outcome.BAD_FIELD,
        ),
        (message(b"[" * 100_000), Outcome.BAD_ENCODING),
    ],
)
def test_what_is_no_event_says_so(one, outcome):
    batch = decoded(one)
    assert [Outcome(o).name for o in batch.words[:, OUTCOME].tolist()] == [outcome.name]
    assert batch.details[0]


def test_one_bad_event_of_many_does_not_take_the_others_along():
    batch = decoded(message(msgspec.json.encode([CALL, {"id": "x"}, CALL | {"id": "e2"}])))
    assert batch.words[:, OUTCOME].tolist() == [0, Outcome.MISSING_FIELD, 0]
    assert batch.parts == {1: b'{"id":"x"}'}


def test_a_message_that_is_too_large_is_not_looked_at():
    batch = decoded(message(msgspec.json.encode(CALL)), largest=10)
    assert batch.words[:, OUTCOME].tolist() == [Outcome.TOO_LARGE]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.binary(max_size=60), st.sampled_from([None, MSGPACK, b"application/cloudevents+json"]))
    )
)
def test_arbitrary_bytes_are_survived(values):
    batch = decoded(*(message(value, content_type) for value, content_type in values))
    assert len(batch.words) >= len(values)
    assert all(batch.words[:, OUTCOME] >= 100) or b"service" in b"".join(v for v, _ in values)


@given(
    st.dictionaries(
        st.sampled_from(sorted(CALL)),
        st.none() | st.integers() | st.text() | st.floats() | st.lists(st.integers()),
    )
)
@settings(max_examples=200, deadline=None)
def test_arbitrary_fields_are_survived(change):
    batch = decoded(message(msgspec.json.encode(CALL | change)))
    assert len(batch.words) == 1
