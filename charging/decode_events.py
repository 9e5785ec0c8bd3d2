"""Pure. Messages to columns: what is well-formed becomes a row to decide, everything else a row with a reason.

Nothing raises on any input. Rows are events in order of arrival; a message that cannot be read is one
row with event index 0.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from charging.decoded_batch import SPAN_WORDS, DecodedBatch, EventPlaces, object_spans
from charging.messages import Message, MessageColumns
from charging.open_message import Unreadable, open_message
from charging.usage_event import TEXT_MAX, UsageEvent, epoch_us, scaled
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
    rows: list[list[int]] = []
    spans: list[list[int]] = []
    places = EventPlaces(messages.data)
    events: dict[int, UsageEvent] = {}
    details: dict[int, str] = {}
    parts: dict[int, bytes] = {}
    message_of: list[int] = []
    for place in range(len(messages)):
        message = messages.message(place)
        for index, event in enumerate(_events_of(message, message_bytes_max)):
            row = _blank_row(message, index)
            refusal = event if isinstance(event, Unreadable) else _fill(row, event, catalogue, places)
            if refusal is not None:
                row[OUTCOME] = refusal.outcome
                details[len(rows)] = refusal.detail
            if isinstance(event, UsageEvent):
                events[len(rows)] = event
            elif event.part is not None:
                parts[len(rows)] = event.part
            spans.append(object_spans(*places.add(event.service if isinstance(event, UsageEvent) else "")))
            rows.append(row)
            message_of.append(place)
    return DecodedBatch(
        np.array(rows, np.int64).reshape(len(rows), EVENT_WORDS),
        np.array(spans, np.int64).reshape(len(rows), SPAN_WORDS),
        places.text(),
        messages,
        np.array(message_of, np.int64),
        events,
        details,
        parts,
    )


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
    row[MESSAGE_TIME_US] = message.timestamp_ms * 1_000
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


def id_hash(source: str, event_id: str) -> int:
    """64 bits of BLAKE2b over source and id, as a signed number: what the ring of recent events keeps."""
    data = f"{source}\0{event_id}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
