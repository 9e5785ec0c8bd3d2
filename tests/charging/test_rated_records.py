"""The kernel of rated records writes what the reference writes, or leaves the event to it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_store.decision_record import decided_events
from charging.decoded_batch import CODEC_JSON, CODEC_MSGPACK
from charging.output_records import FLAG_NAMES, RecordWriter
from charging.usage_event import UsageEvent
from charging.wire import rated_records
from charging.wire.plain_values import FIELDS_MAX, REFUSED
from charging.wire.rated_records import IMPACTS_MAX, R_AT, R_LENGTH, write_rated
from config.load import load_compiled_catalogue
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import IMPACT_DISCOUNT, IMPACT_UNRATED
from rating_kernels.batch_words import DecisionWords
from rating_kernels.group_image import AMOUNT_MAX
from rating_kernels.outcomes import REJECTED_FROM, Outcome
from tests.charging.broken_spans import fuzz
from tests.charging.plain_spans import json_message, msgpack_message, spans_of

CATALOGUE = load_compiled_catalogue("")
CATALOGUE.names.setdefault("discount", {})[77] = "loyal"
WRITERS = {form: RecordWriter(CATALOGUE, "usage", form) for form in ("json", "msgpack")}
RATED = [int(outcome) for outcome in Outcome if outcome < REJECTED_FROM]
UNKNOWN_ID = 999_999_999_999

plain_text = st.text(
    st.characters(min_codepoint=32, exclude_characters='"\\', exclude_categories=["Cs"]), max_size=70
)
name_text = st.text("abc_é", max_size=4)
whole = st.integers(-(10**18) + 1, 10**18 - 1)
events = st.fixed_dictionaries(
    {
        "id": plain_text | st.just("x" * 256),
        "source": plain_text,
        "type": st.sampled_from(sorted(CATALOGUE.event_types)),
        "service": plain_text.filter(bool),
        "time": whole | plain_text,
    },
    optional={
        "quantity": whole | st.just("1.50"),
        "fields": st.dictionaries(name_text, whole | plain_text, max_size=FIELDS_MAX),
    },
)
ids = st.integers(1, 2**62)


def known(kind):
    return sorted(CATALOGUE.names.get(kind, {}))


amounts = st.integers(-AMOUNT_MAX, AMOUNT_MAX) | st.integers(-(10**6), 10**6) | st.just(0)
impacts = st.tuples(
    st.integers(0, IMPACT_UNRATED),
    ids,
    st.integers(0, 3) | st.just(77),
    st.sampled_from(sorted(info.id for info in CATALOGUE.resources.values())),
    st.sampled_from([0, UNKNOWN_ID, *CATALOGUE.items]),
    amounts,
    amounts,
).map(lambda one: (*one[:2], 77, *one[3:]) if one[0] == IMPACT_DISCOUNT and one[2] else one)
decisions = st.tuples(
    st.sampled_from(RATED),
    st.integers(0, sum(FLAG_NAMES)),
    ids,
    ids,
    ids,
    st.sampled_from([0, *known("product")]),
    st.sampled_from([0, *known("price")]),
    st.just(-1) | st.integers(0, 2**62),
    st.lists(impacts, max_size=4),
)
positions = st.tuples(st.integers(0, 2**14), st.integers(0, 2**48), st.integers(0, 10**6))


def written(writer, rows):
    """(what the kernel wrote, None where it refused; what the reference writes) of (codec, message parts, decision, position)."""
    text, spans = spans_of([(codec, *message) for codec, message, _, _ in rows])
    words = DecisionWords(len(rows), sum(len(d[-1]) for _, _, d, _ in rows) + 1, 1, 1)
    columns = np.zeros((len(rows), e.EVENT_WORDS), np.int64)
    opened = []
    for row, (codec, (message, _), decision, position) in enumerate(rows):
        decoder = msgspec.json if codec == CODEC_JSON else msgspec.msgpack
        opened.append(decoder.decode(message, type=UsageEvent))
        columns[row, [e.PARTITION, e.OFFSET, e.EVENT_INDEX]] = position
        columns[row, e.EVENT_TYPE] = CATALOGUE.event_types[opened[-1].type].index
        first, count = words.used[0], len(decision[-1])
        words.rows[row] = [*decision[:-1], first, count, 0, 0]
        words.impacts[first : first + count] = np.array(decision[-1], np.int64).reshape(count, e.IMPACT_WORDS)
        words.used[0] += count
    values, places = write_rated(columns, spans, text, words, np.arange(len(rows)), 7, writer.pieces)
    kernels = [
        None if length == REFUSED else values[at : at + length].tobytes()
        for at, length in places[:, [R_AT, R_LENGTH]].tolist()
    ]
    reference = [
        writer.rated(position[0], event, decided, 7)
        for (_, _, _, position), event, decided in zip(
            rows, opened, decided_events(columns, words), strict=True
        )
    ]
    return kernels, reference


def message_of(codec, parts, unusual=False):
    if codec == CODEC_JSON:
        return json_message(parts, " \n" if unusual else "")
    return msgpack_message(parts, wide=unusual)


rows = st.tuples(
    st.sampled_from([CODEC_JSON, CODEC_MSGPACK]),
    events,
    st.booleans(),
    st.randoms(use_true_random=False),
    decisions,
    positions,
)


@pytest.mark.parametrize("form", ["json", "msgpack"])
@given(st.lists(rows, min_size=1, max_size=4))
def test_the_kernel_writes_the_bytes_of_the_reference(form, drawn):
    batch = []
    for codec, parts, unusual, dice, decision, position in drawn:
        order = list(parts)
        dice.shuffle(order)
        message = message_of(codec, {name: parts[name] for name in order}, unusual)
        batch.append((codec, message, decision, position))
    kernels, reference = written(WRITERS[form], batch)
    assert kernels == reference


PARTS = {"id": "e1", "source": "msc", "type": "call", "service": "+43", "time": 1, "quantity": 2}
DECISION = (0, 0, 1, 2, 3, 0, 0, -1, [])
IMPACT = (2, 5, 1, CATALOGUE.resources["EUR"].id, 0, 3, 4)


def one(form, codec, parts=None, decision=DECISION):
    message = message_of(codec, parts or PARTS)
    return written(WRITERS[form], [(codec, message, decision, (1, 2, 0))])


@pytest.mark.parametrize("text", ['say "so"', "back\\slash", "tab\t", "\x00"])
@pytest.mark.parametrize("where", ["id", "key", "value"])
def test_a_text_that_json_would_escape_is_left_to_the_reference(text, where):
    fields = {text: 1} if where == "key" else {"name": text} if where == "value" else {}
    parts = PARTS | {"fields": fields} | ({"id": text} if where == "id" else {})
    assert one("json", CODEC_MSGPACK, parts)[0] == [None]
    kernels, reference = one("msgpack", CODEC_MSGPACK, parts)
    assert kernels == reference
    assert one("json", CODEC_JSON, parts)[0] == [None]


@pytest.mark.parametrize(
    "parts",
    [
        PARTS | {"fields": {f"name{number}": number for number in range(FIELDS_MAX + 1)}},
        PARTS | {"fields": {"deep": {"er": 1}}},
        PARTS | {"fields": {"list": [1]}},
        PARTS | {"fields": {"truth": True}},
        PARTS | {"fields": {"nothing": None}},
        PARTS | {"quantity": 2.5},
        PARTS | {"time": 10**18},
    ],
)
@pytest.mark.parametrize("codec", [CODEC_JSON, CODEC_MSGPACK])
def test_what_is_not_plain_is_left_to_the_reference(codec, parts):
    for form in WRITERS:
        encoder = msgspec.json if codec == CODEC_JSON else msgspec.msgpack
        encoded = [(name, encoder.encode(value)) for name, value in parts.items()]
        batch = [(codec, (encoder.encode(parts), encoded), DECISION, (1, 2, 0))]
        assert written(WRITERS[form], batch)[0] == [None]


@pytest.mark.parametrize(
    "fields", [b'{"a":1,"b":2,"a":3}', b'{"a":01}', b'{"a":-0}', b'{"a":1e2}', b'{"a":1}']
)
def test_a_key_that_comes_twice_and_numbers_with_another_form_are_left(fields):
    encoded = [(n, msgspec.json.encode(v)) for n, v in PARTS.items()] + [("fields", fields)]
    message = b"{" + b",".join(b'"%s":%s' % (n.encode(), v) for n, v in encoded) + b"}"
    text, spans = spans_of([(CODEC_JSON, message, encoded)])
    words = DecisionWords(1, 1, 1, 1)
    words.rows[0] = [*DECISION[:-1], 0, 0, 0, 0]
    events = np.zeros((1, e.EVENT_WORDS), np.int64)
    places = write_rated(events, spans, text, words, np.arange(1), 7, WRITERS["json"].pieces)[1]
    assert (places[0, R_LENGTH] == REFUSED) == (fields != b'{"a":1}')


@pytest.mark.parametrize(
    "decision",
    [
        (int(Outcome.TOO_OLD), *DECISION[1:]),
        (0, 1 << 20, *DECISION[2:]),
        (*DECISION[:5], UNKNOWN_ID, *DECISION[6:]),
        (*DECISION[:6], UNKNOWN_ID, *DECISION[7:]),
        (*DECISION[:8], [(9, *IMPACT[1:])]),
        (*DECISION[:8], [(*IMPACT[:3], UNKNOWN_ID, *IMPACT[4:])]),
        (*DECISION[:8], [(IMPACT_DISCOUNT, 5, UNKNOWN_ID, *IMPACT[3:])]),
        (*DECISION[:8], [(*IMPACT[:6], AMOUNT_MAX + 1)]),
        (*DECISION[:8], [(*IMPACT[:6], -(2**63))]),
        (*DECISION[:8], [(*IMPACT[:5], -(2**63), 1)]),
        (*DECISION[:8], [IMPACT] * (IMPACTS_MAX + 1)),
    ],
)
def test_what_the_catalogue_does_not_name_is_left_to_the_reference(decision):
    text, spans = spans_of([(CODEC_JSON, *json_message(PARTS))])
    words = DecisionWords(1, IMPACTS_MAX + 1, 1, 1)
    words.rows[0] = [*decision[:-1], 0, len(decision[-1]), 0, 0]
    words.impacts[: len(decision[-1])] = np.array(decision[-1], np.int64).reshape(-1, e.IMPACT_WORDS)
    events = np.zeros((1, e.EVENT_WORDS), np.int64)
    for writer in WRITERS.values():
        places = write_rated(events, spans, text, words, np.arange(1), 7, writer.pieces)[1]
        assert places[0, R_LENGTH] == REFUSED


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_as_many_impacts_as_are_taken_are_written_and_their_room_is_asked_for(form):
    decision = (
        *DECISION[:8],
        [
            (0, 2**62, 2**62, IMPACT[3], item, AMOUNT_MAX, -AMOUNT_MAX)
            for item in list(CATALOGUE.items)[:1] * IMPACTS_MAX
        ],
    )
    for codec in (CODEC_JSON, CODEC_MSGPACK):
        batch = [(codec, message_of(codec, PARTS), decision, (1, number, 0)) for number in range(20)]
        kernels, reference = written(WRITERS[form], batch)
        assert kernels == reference


def test_no_bytes_make_the_kernel_reach_beyond_its_arrays():
    assert fuzz(200) > 100, "some of it is still plain, so all of the kernel ran"


def test_a_record_is_the_same_however_often_room_was_asked_for(monkeypatch):
    batch = [
        (CODEC_JSON, json_message(PARTS), (*DECISION[:8], [IMPACT]), (1, number, 0)) for number in range(50)
    ]
    kernels, reference = written(WRITERS["json"], batch)
    monkeypatch.setattr(rated_records, "RECORD_BYTES", 1)
    assert written(WRITERS["json"], batch) == (kernels, reference)
    assert kernels == reference
