"""Events as producers write them, and both ways of reading them beside each other."""

import datetime

import msgspec
import numpy as np
from hypothesis import strategies as st

from charging.decode_events import decode_messages, with_objects
from charging.decoded_batch import ABSENT, CODEC_JSON, CODEC_OBJECT, S_CODEC, S_ID_AT, SPAN_WORDS
from charging.messages import Message, message_columns
from config.load import load_compiled_catalogue
from rating_kernels.batch_words import EVENT_WORDS, FIELD_AT, FIELD_LENGTH, OUTCOME
from rating_kernels.tariff_table import FIELDS_MAX

CATALOGUE = load_compiled_catalogue("")
MESSAGE_BYTES_MAX = 4_000
MSGPACK_HEADERS = (("content-type", b"application/msgpack"),)
PARTS = ("id", "source", "type", "service", "time", "quantity", "fields")

texts = st.text(max_size=12) | st.sampled_from(
    ["", "x" * 256, "x" * 257, "é" * 200, "é" * 257, "\U0001f600" * 256, "\U0001f600" * 257]
)
instants = (
    st.datetimes().map(lambda moment: moment.isoformat())
    | st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds"))
    | st.from_regex(
        r"(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{1,9})?",
        fullmatch=True,
    )
)
times = (
    st.builds(
        lambda text, zone: text + zone,
        instants,
        st.sampled_from(
            ["", "Z", "z", "+02:00", "-11:30", "+00:00", "+24:00", "+0200", "+02", "-00:00", "+05:60"]
        ),
    )
    | st.integers(-10, 2**63)
    | st.just(1_791_194_400_000_000)
)
quantities = (
    st.integers(-3, 10**6)
    | st.integers()
    | st.decimals(allow_nan=False, places=3).map(str)
    | st.from_regex(r"-?[0-9]{0,20}(\.[0-9]{0,9})?", fullmatch=True)
    | st.sampled_from(["007", "1.", ".5", "1e3", "NaN", "1.000000000", "\N{ARABIC-INDIC DIGIT ONE}"])
)
scalars = (
    texts
    | st.integers(-(2**64), 2**64)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False)
    | st.lists(st.integers(), max_size=2)
)
field_names = sorted({field.name for info in CATALOGUE.event_types.values() for field in info.fields})
fields = st.dictionaries(st.sampled_from(field_names) | texts, scalars, max_size=5)
plain_fields = st.fixed_dictionaries(
    {name: st.sampled_from(["+4366412345", "é", ""]) | st.integers(-5, 2**40) for name in field_names}
)
ids = st.sampled_from(["e1", "é" * 20, "x" * 250])
plain = st.fixed_dictionaries(
    {
        "id": ids,
        "source": ids,
        "type": st.sampled_from([*CATALOGUE.event_types, "flight"]),
        "service": ids,
        "time": times,
    },
    optional={"quantity": quantities, "fields": plain_fields | fields, "later": scalars},
)
right = st.fixed_dictionaries(
    {
        "id": ids,
        "source": ids,
        "type": st.sampled_from(sorted(CATALOGUE.event_types)),
        "service": ids,
        "time": st.datetimes(datetime.datetime(1970, 1, 2)).map(lambda moment: moment.isoformat() + "Z")  # noqa: DTZ001
        | st.integers(0, 2**57),
    },
    optional={
        "quantity": st.integers(0, 10**6) | st.integers(0, 10**6).map(str),
        "fields": st.fixed_dictionaries(
            {"destination": st.sampled_from(["+4366412345", "é"])},
            optional={"cell": st.integers(-(2**62), 2**62) | texts},
        ),
        "later": texts | st.integers(-5, 5) | st.booleans() | st.none(),
    },
)
unusual = st.builds(
    lambda event, change: event | change,
    plain,
    st.dictionaries(st.sampled_from(PARTS), scalars | fields, max_size=2),
)
events = (right | plain | unusual).flatmap(lambda event: st.permutations(list(event.items()))).map(dict)


def message(value: bytes | None, headers=(), offset: int = 7) -> Message:
    return Message(3, offset, 1_791_194_400_000, value, headers)


def both_ways(messages: list[Message]):
    """(what the kernel and msgspec make of it, what msgspec alone makes of it)."""
    columns = message_columns(messages)
    count = len(messages)
    alone = with_objects(
        columns,
        CATALOGUE,
        MESSAGE_BYTES_MAX,
        np.empty((count, EVENT_WORDS), np.int64),
        np.empty((count, SPAN_WORDS), np.int64),
        list(range(count)),
    )
    return decode_messages(columns, CATALOGUE, MESSAGE_BYTES_MAX), alone


def assert_the_same(ours, alone):
    """The same words, texts, reasons and events; a kernel's spans hold the event's encoded parts."""
    assert len(ours) == len(alone)
    assert ours.details == alone.details
    assert ours.parts == alone.parts
    assert np.array_equal(ours.message_of, alone.message_of)
    assert ours.identifiers() == alone.identifiers()
    for row in range(len(ours)):
        assert _told(ours, row) == _told(alone, row)
        assert ours.event(row) == alone.event(row)
        if ours.spans[row, S_CODEC] != CODEC_OBJECT:
            assert ours.words[row, OUTCOME] == 0
            _assert_spans(ours, row)


def _told(batch, row):
    """A row's words, with the texts in place of where they lie."""
    words = batch.words[row].tolist()
    for slot in range(FIELDS_MAX):
        at, length = words[FIELD_AT + slot], words[FIELD_LENGTH + slot]
        words[FIELD_AT + slot] = batch.text[at : at + length].tobytes() if length > 0 else (at < 0, length)
        if length == 0:  # a number's, or an empty text's, whose place says nothing
            words[FIELD_AT + slot] = 0
    return words


def _assert_spans(batch, row):
    event = batch.event(row)
    decode = msgspec.json.decode if batch.spans[row, S_CODEC] == CODEC_JSON else msgspec.msgpack.decode
    for number, part in enumerate(PARTS):
        at, length = batch.spans[row, S_ID_AT + 2 * number : S_ID_AT + 2 * number + 2].tolist()
        if length == ABSENT:
            assert getattr(event, part) == {"quantity": 1, "fields": {}}[part]
        else:
            assert decode(batch.text[at : at + length].tobytes()) == getattr(event, part)
