"""Pure. What a kernel notes of an event while it reads it: its seven parts, and the fields in the last of them.

One array of words a batch, used again for each event. Parts are in the order of their spans
(`charging.decoded_batch`).
"""

import numpy as np

from charging.decoded_batch import ABSENT, S_CODEC, S_ID_AT, SPAN_WORDS
from charging.wire.event_names import is_name
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

ID, SOURCE, TYPE, SERVICE, TIME, QUANTITY, FIELDS = range(7)
PARTS = 7
UNKNOWN_PART = PARTS  # a part that is not ours: its value is noted, and nobody looks

# Words of a value. OTHER is a truth value or none: right as the value of what nobody looks at.
V_KIND, V_AT, V_LENGTH, V_NUMBER = range(4)
VALUE_WORDS = 4
MISSING, TEXT, INTEGER, OTHER, MAP = range(5)

# Fields: where the name is, and the value.
NAME_AT, NAME_LENGTH, FIELD_VALUE = range(3)
FIELD_WORDS = FIELD_VALUE + VALUE_WORDS
FIELDS_READ_MAX = 16
FIELDS_FIRST = (PARTS + 1) * VALUE_WORDS
FIELD_COUNT = FIELDS_FIRST + FIELDS_READ_MAX * FIELD_WORDS
NOTE_WORDS = FIELD_COUNT + 1

_NAMES = np.frombuffer(b"idsourcetypeservicetimequantityfields", np.uint8)
_NAME_AT = np.array([0, 2, 8, 12, 19, 23, 31], np.int64)
_NAME_LENGTH = np.array([2, 6, 4, 7, 4, 8, 6], np.int64)


@kernel
def begin(notes: Ints, spans: Ints, row: int) -> None:
    """Nothing is known of the event yet."""
    for part in range(PARTS):
        notes[part * VALUE_WORDS + V_KIND] = MISSING
    notes[FIELD_COUNT] = 0
    spans[row, S_CODEC] = 0
    for word in range(S_ID_AT, SPAN_WORDS, 2):
        spans[row, word] = 0
        spans[row, word + 1] = ABSENT


@kernel
def part_named(data: Bytes, at: int, length: int) -> int:
    """The part with this name, or UNKNOWN_PART."""
    for part in range(PARTS):
        if is_name(data, at, length, _NAMES, _NAME_AT[part], _NAME_LENGTH[part]):
            return part
    return UNKNOWN_PART


@kernel
def note_value(notes: Ints, base: int, kind: int, at: int, length: int, number: int) -> None:
    """Put a value at its place."""
    notes[base + V_KIND] = kind
    notes[base + V_AT] = at
    notes[base + V_LENGTH] = length
    notes[base + V_NUMBER] = number


@kernel
def note_span(spans: Ints, row: int, part: int, at: int, length: int) -> None:
    """Where a part's encoded value lies."""
    if part != UNKNOWN_PART:
        spans[row, S_ID_AT + 2 * part] = at
        spans[row, S_ID_AT + 2 * part + 1] = length


@kernel
def new_field(data: Bytes, notes: Ints, at: int, length: int) -> int:
    """Place for the value of a field; -1 where there is no room, or the event has this field already."""
    count = notes[FIELD_COUNT]
    if count == FIELDS_READ_MAX:
        return -1
    base = FIELDS_FIRST + count * FIELD_WORDS
    for other in range(FIELDS_FIRST, base, FIELD_WORDS):
        if is_name(data, at, length, data, notes[other + NAME_AT], notes[other + NAME_LENGTH]):
            return -1
    notes[base + NAME_AT] = at
    notes[base + NAME_LENGTH] = length
    notes[FIELD_COUNT] = count + 1
    return base + FIELD_VALUE
