"""Pure. Messages to columns: what is well-formed becomes a row to decide, everything else a row with a reason.

A kernel reads events in the plain form (`charging.wire.read_events`); whatever else comes, msgspec looks at.
Nothing raises on any input. Rows are events in order of arrival; a message that cannot be read is one
row with event index 0.
"""

from typing import NamedTuple

import numpy as np

from charging.decoded_batch import CODEC_OBJECT, S_CODEC, DecodedBatch, EventPlaces, object_spans
from charging.messages import Message, MessageColumns
from charging.open_message import Unreadable, open_message
from charging.usage_event import TEXT_MAX, UsageEvent, epoch_us, scaled
from charging.wire.event_names import event_names
from charging.wire.id_hash import id_hash
from charging.wire.read_events import message_time_us, read_events
from config.compiled_catalogue import CompiledCatalogue, EventTypeInfo
from rating_kernels.batch_words import (
    EVENT_INDEX,
    EVENT_TYPE,
    EVENT_WORDS,
    FIELD_AT,
    FIELD_LENGTH,
    FIELD_NUMBER,
    ID_HASH,
    MESSAGE_TIME_US,
    OFFSET,
    OUTCOME,
    PARTITION,
    PROFILE_AT,
    QUANTITY,
    TIME_US,
)
from rating_kernels.group_image import INFINITE_US
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Ints

UNKNOWN = -1
INT64_MAX = 2**63 - 1


class Refusal(NamedTuple):
    """Why a row was refused before it came to a decision."""

    outcome: Outcome
    detail: str


def decode_messages(
    messages: MessageColumns, catalogue: CompiledCatalogue, message_bytes_max: int
) -> DecodedBatch:
    """Every event of every message as a row."""
    words, spans = read_events(
        messages, event_names(tuple(catalogue.event_types.values())), message_bytes_max
    )
    unread = np.flatnonzero(spans[:, S_CODEC] == CODEC_OBJECT).tolist()
    if not unread:
        message_of = np.arange(len(messages), dtype=np.int64)
        return DecodedBatch(words, spans, messages.data, messages, message_of, {}, {}, {})
    return with_objects(messages, catalogue, message_bytes_max, words, spans, unread)


def with_objects(
    messages: MessageColumns,
    catalogue: CompiledCatalogue,
    message_bytes_max: int,
    read_words: Ints,
    read_spans: Ints,
    unread: list[int],
) -> DecodedBatch:
    """Rows that the kernel read, and between them those that msgspec has to look at."""
    opened = {place: _events_of(messages.message(place), message_bytes_max) for place in unread}
    rows_of = np.ones(len(messages), np.int64)
    rows_of[unread] = [len(events) for events in opened.values()]
    first_row = np.cumsum(rows_of) - rows_of
    words = np.repeat(read_words, rows_of, axis=0)
    spans = np.repeat(read_spans, rows_of, axis=0)
    places = EventPlaces(messages.data)
    objects: dict[int, UsageEvent] = {}
    details: dict[int, str] = {}
    parts: dict[int, bytes] = {}
    for place, events in opened.items():
        message = messages.message(place)
        for index, event in enumerate(events):
            row = int(first_row[place]) + index
            filled = _blank_row(message, index)
            refusal = event if isinstance(event, Unreadable) else _fill(filled, event, catalogue, places)
            if refusal is not None:
                filled[OUTCOME] = refusal.outcome
                details[row] = refusal.detail
            if isinstance(event, UsageEvent):
                objects[row] = event
            elif event.part is not None:
                parts[row] = event.part
            spans[row] = object_spans(*places.add(event.service if isinstance(event, UsageEvent) else ""))
            words[row] = filled
    message_of = np.repeat(np.arange(len(messages), dtype=np.int64), rows_of)
    return DecodedBatch(words, spans, places.text(), messages, message_of, objects, details, parts)


def _events_of(message: Message, message_bytes_max: int) -> list[UsageEvent | Unreadable]:
    size = len(message.value or b"")
    if size > message_bytes_max:
        return [Unreadable(Outcome.TOO_LARGE, f"{size} bytes, allowed are {message_bytes_max}")]
    return open_message(message)


_BLANK = [0] * EVENT_WORDS
_BLANK[FIELD_AT : FIELD_AT + 2 * (FIELD_LENGTH - FIELD_AT)] = [UNKNOWN] * (2 * (FIELD_LENGTH - FIELD_AT))


def _blank_row(message: Message, index: int) -> list[int]:
    row = _BLANK.copy()
    row[PARTITION] = message.partition
    row[OFFSET] = message.offset
    row[EVENT_INDEX] = index
    row[MESSAGE_TIME_US] = message_time_us(message.timestamp_ms)
    row[EVENT_TYPE] = UNKNOWN
    row[PROFILE_AT] = UNKNOWN
    return row


def _fill(
    row: list[int], event: UsageEvent, catalogue: CompiledCatalogue, places: EventPlaces
) -> Refusal | None:
    """Put an event into its row; a refusal where something is wrong with it."""
    for name, value in (("id", event.id), ("source", event.source), ("service", event.service)):
        if not value or len(value) > TEXT_MAX:
            return Refusal(
                Outcome.BAD_FIELD, f"`{name}` has {len(value)} characters, allowed are 1 to {TEXT_MAX}"
            )
    info = catalogue.event_types.get(event.type)
    if info is None:
        return Refusal(Outcome.UNKNOWN_EVENT_TYPE, f"`type` {event.type[:80]!r} is not in the catalogue")
    time_us = epoch_us(event.time)
    if time_us is None or not 0 <= time_us < INFINITE_US:
        return Refusal(
            Outcome.BAD_FIELD,
            f"`time` {str(event.time)[:40]!r} is neither RFC 3339 with an offset nor microseconds",
        )
    # Whatever else is refused: a decision made before, by another catalogue version, goes by its time.
    row[TIME_US] = time_us
    quantity = scaled(event.quantity, info.quantity_decimals)
    if quantity is None:
        return Refusal(
            Outcome.BAD_FIELD,
            f"`quantity` {str(event.quantity)[:40]!r} is no integer or decimal text with up to {info.quantity_decimals} decimals",
        )
    if not 0 <= quantity <= info.quantity_max:
        return Refusal(
            Outcome.QUANTITY_OUT_OF_RANGE,
            f"`quantity` {str(event.quantity)[:40]} is not between 0 and the type's largest",
        )
    row[EVENT_TYPE] = info.index
    row[QUANTITY] = quantity
    row[ID_HASH] = id_hash(event.source, event.id)
    return _fill_fields(row, event, info, places)


def _fill_fields(
    row: list[int], event: UsageEvent, info: EventTypeInfo, places: EventPlaces
) -> Refusal | None:
    for field in info.fields:
        value = event.fields.get(field.name)
        if value is None:
            if field.mandatory:
                return Refusal(Outcome.MISSING_FIELD, f"`fields.{field.name}` is missing")
            continue
        if field.kind == "text":
            if not isinstance(value, str):
                return Refusal(Outcome.BAD_FIELD, f"`fields.{field.name}` is no text")
            if field.slot >= 0:
                row[FIELD_AT + field.slot], row[FIELD_LENGTH + field.slot] = places.add(value)
        else:
            if isinstance(value, bool) or not isinstance(value, int) or not -INT64_MAX <= value <= INT64_MAX:
                return Refusal(Outcome.BAD_FIELD, f"`fields.{field.name}` is no integer")
            if field.slot >= 0:
                row[FIELD_LENGTH + field.slot] = 0
                row[FIELD_NUMBER + field.slot] = value
    return None
