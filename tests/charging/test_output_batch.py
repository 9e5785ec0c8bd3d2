"""All records of a batch come out in order of its events, by whoever they were written."""

import msgspec
import numpy as np
import pytest

from charging.charged_batch import ChargedBatch
from charging.decoded_batch import (
    CODEC_JSON,
    CODEC_OBJECT,
    S_CODEC,
    DecodedBatch,
)
from charging.messages import Message, message_columns
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.ownership import Decided, Ownership
from charging.usage_event import UsageEvent
from config.load import load_compiled_catalogue
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import FLAG_LATE, FLAG_RING_EVICTED
from rating_kernels.outcomes import Outcome
from tests.charging.plain_spans import spans_of

CATALOGUE = load_compiled_catalogue("")
EUR = CATALOGUE.resources["EUR"].id
ROWS = 8
PLAIN, QUOTED, DENIED, REFUSED, CROSSING, OBJECT, BEFORE, LAST = range(ROWS)


def parts(row):
    fields = {"note": ["not plain"]} if row == QUOTED else {"destination": "+43"}
    return {
        "id": f"e{row}",
        "source": "msc",
        "type": "call",
        "service": f"+4366{row}",
        "time": row,
        "fields": fields,
    }


def charged(*, by_kernel):
    """Eight events, each with a reason of its own to be written by the kernel or not."""
    texts = []
    for row in range(ROWS):
        given = parts(row)
        encoded = [(name, msgspec.json.encode(value)) for name, value in given.items()]
        texts.append((CODEC_JSON, msgspec.json.encode(given), encoded))
    text, spans = spans_of(texts)
    if not by_kernel:
        spans[:, S_CODEC] = CODEC_OBJECT
    spans[OBJECT, S_CODEC] = CODEC_OBJECT
    words = np.zeros((ROWS, e.EVENT_WORDS), np.int64)
    words[:, e.OFFSET] = np.arange(ROWS)
    words[:, e.PARTITION] = np.arange(ROWS) % 2
    words[:, e.EVENT_TYPE] = CATALOGUE.event_types["call"].index
    messages = message_columns([Message(row % 2, row, 0, texts[row][1], ()) for row in range(ROWS)])
    objects = {row: UsageEvent(**parts(row)) for row in range(ROWS)}
    owned = {p: Ownership(p, None, None, {}) for p in (0, 1)}
    decoded = DecodedBatch(words, spans, text, messages, np.arange(ROWS), objects, {REFUSED: "why"}, {})
    batch = ChargedBatch(decoded, owned, 3)
    rows = batch.decisions.rows
    rows[:, [e.CUSTOMER_ID, e.SUBSCRIPTION_ID, e.USER_GROUP_ID]] = np.arange(1, ROWS + 1)[:, None]
    rows[:, e.DUPLICATE_OF] = -1
    rows[:, [e.IMPACT_FIRST, e.IMPACT_COUNT]] = [[row, 1] for row in range(ROWS)]
    batch.decisions.impacts[:ROWS] = [[2, row + 1, 1, EUR, 0, row, 100 * row] for row in range(ROWS)]
    rows[DENIED, e.DECIDED] = Outcome.DENIED_LIMIT
    rows[REFUSED, e.DECIDED] = Outcome.TOO_OLD
    rows[CROSSING, [e.NOTICE_FIRST, e.NOTICE_COUNT]] = 0, 2
    batch.decisions.notices[:2] = [[5, EUR, 1, 10, 9, 11], [5, EUR, -1, 10, 11, 9]]
    batch.decisions.used[:2] = ROWS, 2
    _, event = batch.decision(PLAIN)
    before = event._replace(
        offset=BEFORE, outcome=int(Outcome.DUPLICATE), duplicate_of=(1 << 48) | 5, impacts=()
    )
    batch.decided_before[BEFORE] = Decided(2, before)
    return batch


def test_ids_that_left_a_ring_too_early_are_counted_by_who_decided():
    batch = charged(by_kernel=True)
    assert batch.ring_evictions() == 0
    batch.decisions.rows[[PLAIN, LAST], e.FLAGS] = FLAG_LATE | FLAG_RING_EVICTED
    batch.decisions.rows[DENIED, e.FLAGS] = FLAG_LATE
    assert batch.ring_evictions() == 2


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_records_are_the_same_whether_a_kernel_writes_them_or_not(form):
    writer = RecordWriter(CATALOGUE, "usage", form)
    by_kernel, counts = batch_outputs(charged(by_kernel=True), writer)
    one_by_one, same_counts = batch_outputs(charged(by_kernel=False), writer)
    assert list(by_kernel) == list(one_by_one)
    assert counts == same_counts
    assert counts == {
        Outcome.CHARGED: 5,
        Outcome.DENIED_LIMIT: 1,
        Outcome.DUPLICATE: 1,
        Outcome.TOO_OLD: 1,
    }
    ids = [msgspec.json.decode(record.value)["id"] for record in by_kernel] if form == "json" else []
    topics = [record.topic for record in by_kernel]
    assert topics == ["rated"] * 3 + ["rejected", "rated", "notifications", "notifications"] + ["rated"] * 3
    assert ids in (
        [],
        [
            f"usage/{r % 2}/{r}/0{n}"
            for r, n in zip(
                [0, 1, 2, 3, 4, 4, 4, 5, 6, 7], ["", "", "", "", "", "/0", "/1", "", "", ""], strict=True
            )
        ],
    )
    assert [record.key.decode() for record in by_kernel][-1] == f"+4366{LAST}"


def test_one_decision_is_what_all_decisions_are():
    batch = charged(by_kernel=True)
    assert [batch.decision(row) for row in range(ROWS)] == batch.decided()
    assert batch.outcomes().tolist() == [event.outcome for _, event in batch.decided()]


def test_a_batch_of_which_nothing_is_plain_is_written():
    batch = charged(by_kernel=False)
    assert len(batch_outputs(batch, RecordWriter(CATALOGUE, "usage", "json"))[0]) == ROWS + 2
