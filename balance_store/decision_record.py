"""Pure. What was decided, as a shard keeps it: one entry a commit and partition (schema 1).

Enough to write the rated record and the notifications again from the event, whoever does it. All numbers
are varints: schema, catalogue version, count; then each event with its impacts and notices. Offsets count
from the event before, group ids of impacts from the user's group.
"""

from typing import NamedTuple

import numpy as np

from balance_store.varint import VARINT_BYTES_MAX, get_varint, put_varint
from rating_kernels import batch_words as e
from rating_kernels.batch_words import DecisionWords
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

SCHEMA = 1
HEAD_NUMBERS = 3


class Impact(NamedTuple):
    """What an event did to one balance; `amount` signed, in the resource's stored unit."""

    kind: int
    group_id: int
    balance_id: int
    resource_id: int
    item_id: int
    quantity: int
    amount: int


class Notice(NamedTuple):
    """A threshold that an event crossed; direction +1 upward, -1 downward."""

    group_id: int
    resource_id: int
    direction: int
    threshold: int
    before: int
    after: int


class DecidedEvent(NamedTuple):
    """The decision of one event; `duplicate_of` is the first one's position for a duplicate, else -1."""

    offset: int
    event_index: int
    outcome: int
    flags: int
    customer_id: int
    subscription_id: int
    group_id: int
    product_id: int
    price_id: int
    duplicate_of: int
    impacts: tuple[Impact, ...]
    notices: tuple[Notice, ...]


# Numbers of an event before its impacts: the fields above, and the two counts.
EVENT_NUMBERS = len(DecidedEvent._fields)
_COLUMNS = np.array(
    [
        e.DECIDED,
        e.FLAGS,
        e.CUSTOMER_ID,
        e.SUBSCRIPTION_ID,
        e.USER_GROUP_ID,
        e.PRODUCT_ID,
        e.PRICE_ID,
        e.DUPLICATE_OF,
        e.IMPACT_COUNT,
        e.NOTICE_COUNT,
    ],
    np.int64,
)


@kernel
def _bound(rows: Ints, decided: Ints) -> int:
    numbers = HEAD_NUMBERS
    for row in rows:
        numbers += EVENT_NUMBERS
        numbers += (
            e.IMPACT_WORDS * decided[row, e.IMPACT_COUNT] + e.NOTICE_WORDS * decided[row, e.NOTICE_COUNT]
        )
    return numbers * VARINT_BYTES_MAX


@kernel
def _pack(
    events: Ints, rows: Ints, decided: Ints, impacts: Ints, notices: Ints, catalogue_version: int, out: Bytes
) -> int:
    at = put_varint(out, 0, SCHEMA)
    at = put_varint(out, at, catalogue_version)
    at = put_varint(out, at, len(rows))
    offset = 0
    for row in rows:
        at = put_varint(out, at, events[row, e.OFFSET] - offset)
        at = put_varint(out, at, events[row, e.EVENT_INDEX])
        offset = events[row, e.OFFSET]
        for column in _COLUMNS:
            at = put_varint(out, at, decided[row, column])
        first = decided[row, e.IMPACT_FIRST]
        for impact in range(first, first + decided[row, e.IMPACT_COUNT]):
            for column in range(e.IMPACT_WORDS):
                value = impacts[impact, column]
                if column == e.GROUP_ID:
                    value -= decided[row, e.USER_GROUP_ID]
                at = put_varint(out, at, value)
        first = decided[row, e.NOTICE_FIRST]
        for notice in range(first, first + decided[row, e.NOTICE_COUNT]):
            for column in range(e.NOTICE_WORDS):
                value = notices[notice, column]
                if column == e.NOTICE_GROUP_ID:
                    value -= decided[row, e.USER_GROUP_ID]
                at = put_varint(out, at, value)
    return at


def pack_decisions(events: Ints, rows: Ints, decisions: DecisionWords, catalogue_version: int) -> bytes:
    """The entry of these rows of a batch; `events` as made by `batch_words.event_words`."""
    out = np.empty(_bound(rows, decisions.rows), np.uint8)
    end = _pack(events, rows, decisions.rows, decisions.impacts, decisions.notices, catalogue_version, out)
    return out[:end].tobytes()


def unpack_decisions(entry: bytes) -> tuple[int, list[DecidedEvent]]:
    """(catalogue version, decisions in order); raises ValueError where the bytes are no entry.

    Read after a crash only, so its objects are made in plain Python.
    """
    reader = _Reader(entry)
    if reader.next() != SCHEMA:
        raise ValueError("not an entry of decisions of this schema")
    catalogue_version, count = reader.next(), reader.count()
    events = []
    offset = 0
    for _ in range(count):
        offset += reader.next()
        head = [offset, *reader.take(len(_COLUMNS) - 1)]
        impact_count, notice_count = reader.count(), reader.count()
        group_id = head[6]
        impacts = tuple(_impact(reader, group_id) for _ in range(impact_count))
        notices = tuple(_notice(reader, group_id) for _ in range(notice_count))
        events.append(DecidedEvent._make([*head, impacts, notices]))
    reader.expect_end()
    return catalogue_version, events


@kernel
def _get_varints(data: Bytes, out: Ints) -> tuple[int, int]:
    """Fill `out` with the varints of `data`; (how many there are before its end or the first that is none, offset)."""
    count = 0
    at = 0
    while at < len(data):
        value, after = get_varint(data, at)
        if after < 0:
            break
        out[count] = value
        count += 1
        at = after
    return count, at


class _Reader:
    """Varints one after the other, decoded in one call."""

    def __init__(self, entry: bytes) -> None:
        data = np.frombuffer(entry, np.uint8)
        numbers = np.empty(len(data), np.int64)
        count, end = _get_varints(data, numbers)
        self._numbers: list[int] = numbers[:count].tolist()
        self._at = 0
        self._bytes_left = len(data) - end

    def next(self) -> int:
        if self._at == len(self._numbers):
            raise ValueError("an entry of decisions that ends too early")
        self._at += 1
        return self._numbers[self._at - 1]

    def take(self, count: int) -> list[int]:
        self._at += count
        if self._at > len(self._numbers):
            raise ValueError("an entry of decisions that ends too early")
        return self._numbers[self._at - count : self._at]

    def count(self) -> int:
        value = self.next()
        if value < 0:
            raise ValueError(f"an entry of decisions with {value} of something")
        return value

    def expect_end(self) -> None:
        if self._at != len(self._numbers) or self._bytes_left:
            raise ValueError("an entry of decisions with more behind its end")


def _impact(reader: _Reader, group_id: int) -> Impact:
    impact = Impact._make(reader.take(e.IMPACT_WORDS))
    return impact._replace(group_id=impact.group_id + group_id)


def _notice(reader: _Reader, group_id: int) -> Notice:
    notice = Notice._make(reader.take(e.NOTICE_WORDS))
    return notice._replace(group_id=notice.group_id + group_id)


def decided_events(events: Ints, decisions: DecisionWords) -> list[DecidedEvent]:
    """The decisions of a whole batch, straight from the kernel's words; rows as in the batch."""
    impacts = [Impact(*row) for row in decisions.impacts[: decisions.used[0]].tolist()]
    notices = [Notice(*row) for row in decisions.notices[: decisions.used[1]].tolist()]
    places = events[:, [e.OFFSET, e.EVENT_INDEX]].tolist()
    decided = []
    for place, row in zip(places, decisions.rows.tolist(), strict=True):
        impact, notice = row[e.IMPACT_FIRST], row[e.NOTICE_FIRST]
        decided.append(
            DecidedEvent._make(
                [
                    *place,
                    *row[: e.IMPACT_FIRST],
                    tuple(impacts[impact : impact + row[e.IMPACT_COUNT]]),
                    tuple(notices[notice : notice + row[e.NOTICE_COUNT]]),
                ]
            )
        )
    return decided


assert tuple(_COLUMNS[: e.IMPACT_FIRST]) == tuple(range(e.IMPACT_FIRST))
