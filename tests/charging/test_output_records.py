import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from balance_store.decision_record import (
    DecidedEvent,
    Impact,
    Notice,
    decided_events,
    pack_decisions,
    unpack_decisions,
)
from charging.messages import Message
from charging.output_records import RECORD_BYTES_MAX, RecordWriter, decimal_text
from charging.usage_event import UsageEvent
from config.code_ids import code_id
from config.load import load_compiled_catalogue
from rating_kernels.batch_columns import FLAG_LATE, FLAG_SHARED, IMPACT_CREDIT, IMPACT_OWED
from rating_kernels.batch_words import EVENT_INDEX, EVENT_WORDS, OFFSET, DecisionWords
from rating_kernels.outcomes import Outcome

CATALOGUE = load_compiled_catalogue("")
WRITER = RecordWriter(CATALOGUE, "usage", "json")
EUR = CATALOGUE.resources["EUR"].id
EVENT = UsageEvent("e1", "msc", "call", "+43660", 0, 95, {"destination": "+43"})


def decided(**change):
    return DecidedEvent(7, 0, 0, 0, 1, 2, 3, code_id("product", "calls"), 99, -1, (), ())._replace(**change)


def test_a_rated_record_says_who_used_who_paid_and_what_it_cost():
    (item,) = [i for i, key in CATALOGUE.items.items() if key.bill_item == "calls"]
    impacts = (
        Impact(IMPACT_CREDIT, 9, 1, EUR, item, 95, 150_000),
        Impact(IMPACT_OWED, 3, 2, EUR, item, 0, 60_000),
    )
    record = msgspec.json.decode(
        WRITER.rated(4, EVENT, decided(flags=FLAG_SHARED | FLAG_LATE, impacts=impacts), 5)
    )
    assert record["id"] == "usage/4/7/0"
    assert record["amounts"] == {"EUR": "0.21"}
    assert [(i["kind"], i["group"], i["amount"], i["bill_item"]) for i in record["impacts"]] == [
        ("credit", 9, "0.15", "calls"),
        ("owed", 3, "0.06", "calls"),
    ]
    assert record["flags"] == ["late", "shared"]
    assert (record["product"], record["rate"], record["catalogue"]) == ("calls", 99, 5)


def test_a_duplicate_names_the_first_position():
    record = msgspec.json.decode(
        WRITER.rated(4, EVENT, decided(outcome=int(Outcome.DUPLICATE), duplicate_of=(2 << 48) | 31), 1)
    )
    assert record["duplicate_of"] == "usage/2/31"


def test_a_notification_says_what_was_crossed():
    notice = Notice(3, EUR, 1, 50_000_000, 49_950_000, 50_160_000)
    record = msgspec.json.decode(WRITER.notification(4, decided(notices=(notice,)), notice, 0, 1_000_000))
    assert (record["id"], record["event"]) == ("usage/4/7/0/0", "usage/4/7/0")
    assert (record["threshold"], record["before"], record["after"]) == ("50", "49.95", "50.16")


def test_a_rejected_record_carries_its_original():
    message = Message(4, 7, 0, b"no event", (("content-type", b"text/plain"),))
    record = msgspec.json.decode(
        WRITER.rejected(message, None, decided(outcome=int(Outcome.BAD_ENCODING)), "why")
    )
    assert (record["message"], record["encoding"], record["content_type"]) == (
        "no event",
        "text",
        "text/plain",
    )
    assert (record["reason"], record["detail"]) == (100, "why")


def test_an_original_that_does_not_fit_is_cut_and_says_so():
    for value in (b"\x00" * RECORD_BYTES_MAX, b"x" * (2 * RECORD_BYTES_MAX), b"\xff" * RECORD_BYTES_MAX):
        encoded = WRITER.rejected(
            Message(4, 7, 0, value, ()), None, decided(outcome=int(Outcome.TOO_LARGE)), ""
        )
        record = msgspec.json.decode(encoded)
        assert len(encoded) <= RECORD_BYTES_MAX
        assert record["cut_from_bytes"] == len(value)
        assert len(record["sha256"]) == 64


@given(st.integers(-(2**53), 2**53), st.integers(0, 6))
def test_decimal_text_is_the_number(amount, decimals):
    import decimal

    assert decimal.Decimal(decimal_text(amount, decimals)) == decimal.Decimal(amount).scaleb(-decimals)


# Group ids are written as differences, which must not wrap.
numbers = st.integers(-(2**61), 2**61)
small = st.integers(0, 3)


@st.composite
def batches(draw):
    """Decisions as the kernel leaves them."""
    count = draw(st.integers(1, 5))
    words = DecisionWords(count, 12, 12, 1)
    events = np.zeros((count, EVENT_WORDS), np.int64)
    for row in range(count):
        events[row, OFFSET] = (
            draw(st.integers(0, 2**40)) if row == 0 else events[row - 1, OFFSET] + draw(small)
        )
        events[row, EVENT_INDEX] = draw(small)
        words.rows[row, :8] = [draw(numbers) for _ in range(8)]
        for place, used, table in ((8, 0, words.impacts), (10, 1, words.notices)):
            length = draw(st.integers(0, 2))
            words.rows[row, place : place + 2] = words.used[used], length
            for _ in range(length):
                table[words.used[used]] = [draw(numbers) for _ in range(table.shape[1])]
                words.used[used] += 1
    return events, words


@given(batches(), st.integers(1, 9))
def test_a_decision_read_back_from_the_store_is_the_one_that_was_made(batch, version):
    events, words = batch
    entry = pack_decisions(events, np.arange(len(events)), words, version)
    assert unpack_decisions(entry) == (version, decided_events(events, words))
