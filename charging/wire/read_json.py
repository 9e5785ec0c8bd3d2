"""Pure. An event in JSON (RFC 8259) as notes and spans: an object of the known names, and fields one deep.

NOT_MINE is said to escapes, floats, what is nested, names that come twice, and everything malformed: msgspec
then says what it is. Nothing at or behind `end` is read.
"""

import numpy as np

from charging.wire.event_parts import (
    FIELDS,
    INTEGER,
    MAP,
    MISSING,
    OTHER,
    TEXT,
    UNKNOWN_PART,
    V_KIND,
    VALUE_WORDS,
    new_field,
    note_span,
    note_value,
    part_named,
)
from charging.wire.read_text import MINUS, NINE, NOT_MINE, ZERO, byte_at, characters
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

QUOTE, COMMA, COLON, BACKSLASH, OPEN, CLOSE = 34, 44, 58, 92, 123, 125
SPACE, TAB, NEWLINE, RETURN = 32, 9, 10, 13
DIGITS_MAX = 18
NO_BYTE = 0
_LITERALS = np.frombuffer(b"truefalsenull", np.uint8)


@kernel
def _byte(data: Bytes, at: int, end: int) -> int:
    """The byte at a place; NO_BYTE, which JSON has nowhere, at the end."""
    return byte_at(data, at) if at < end else NO_BYTE


@kernel
def _past_blanks(data: Bytes, at: int, end: int) -> int:
    while at < end and (data[at] == SPACE or data[at] == NEWLINE or data[at] == RETURN or data[at] == TAB):
        at += 1
    return at


@kernel
def _text_end(data: Bytes, at: int, end: int) -> int:
    """Place of the quote that ends a text; `at` is behind the one that begins it."""
    first = at
    bits = np.uint8(0)
    while at < end:
        byte = data[at]
        if byte == QUOTE:
            if bits >= 0x80 and characters(data, first, at - first) == NOT_MINE:
                return NOT_MINE
            return at
        if byte == BACKSLASH or byte < SPACE:
            return NOT_MINE
        bits |= byte
        at += 1
    return NOT_MINE


@kernel
def _past_integer(data: Bytes, at: int, end: int, notes: Ints, base: int) -> int:
    sign = -1 if data[at] == MINUS else 1
    first = at + 1 if sign < 0 else at
    at = first
    number = 0
    while at < end and ZERO <= data[at] <= NINE:
        number = number * 10 + byte_at(data, at) - ZERO
        at += 1
        if at - first > DIGITS_MAX:
            return NOT_MINE
    # No digits, a zero in front of others, or minus nothing.
    if at == first or (data[first] == ZERO and (at - first > 1 or sign < 0)):
        return NOT_MINE
    note_value(notes, base, INTEGER, first, at - first, sign * number)
    return at


@kernel
def _past_literal(data: Bytes, at: int, end: int, name_at: int, length: int) -> int:
    if length > end - at:
        return NOT_MINE
    for place in range(length):
        if data[at + place] != _LITERALS[name_at + place]:
            return NOT_MINE
    return at + length


@kernel
def _past_value(data: Bytes, at: int, end: int, notes: Ints, base: int) -> int:
    """Note a text, an integer or a literal; returns the place behind it."""
    byte = _byte(data, at, end)
    if byte == QUOTE:
        close = _text_end(data, at + 1, end)
        if close == NOT_MINE:
            return NOT_MINE
        note_value(notes, base, TEXT, at + 1, close - at - 1, 0)
        return close + 1
    if byte == MINUS or ZERO <= byte <= NINE:
        return _past_integer(data, at, end, notes, base)
    note_value(notes, base, OTHER, at, 0, 0)
    if byte == 116:  # t
        return _past_literal(data, at, end, 0, 4)
    if byte == 102:  # f
        return _past_literal(data, at, end, 4, 5)
    if byte == 110:  # n
        return _past_literal(data, at, end, 9, 4)
    return NOT_MINE


@kernel
def _to_value(data: Bytes, at: int, end: int) -> int:
    """Place of a member's value; `at` is behind its name."""
    at = _past_blanks(data, at, end)
    if _byte(data, at, end) != COLON:
        return NOT_MINE
    return _past_blanks(data, at + 1, end)


@kernel
def _name_end(data: Bytes, at: int, end: int) -> int:
    """Place of the quote that ends a name; `at` is at the one that begins it."""
    if _byte(data, at, end) != QUOTE:
        return NOT_MINE
    return _text_end(data, at + 1, end)


@kernel
def _past_fields(data: Bytes, at: int, end: int, notes: Ints) -> int:
    """Note the members of a flat object."""
    if _byte(data, at, end) != OPEN:
        return NOT_MINE
    at = _past_blanks(data, at + 1, end)
    if _byte(data, at, end) == CLOSE:
        return at + 1
    while True:
        close = _name_end(data, at, end)
        if close == NOT_MINE:
            return NOT_MINE
        base = new_field(data, notes, at + 1, close - at - 1)
        at = _to_value(data, close + 1, end)
        if base < 0 or at == NOT_MINE:
            return NOT_MINE
        at = _past_value(data, at, end, notes, base)
        if at == NOT_MINE:
            return NOT_MINE
        at = _past_blanks(data, at, end)
        byte = _byte(data, at, end)
        if byte == CLOSE:
            return at + 1
        if byte != COMMA:
            return NOT_MINE
        at = _past_blanks(data, at + 1, end)


@kernel
def _past_part(data: Bytes, at: int, end: int, part: int, notes: Ints) -> int:
    """Note a part's value; returns the place behind it."""
    base = part * VALUE_WORDS
    if part != UNKNOWN_PART and notes[base + V_KIND] != MISSING:
        return NOT_MINE
    if part == FIELDS:
        notes[base + V_KIND] = MAP
        return _past_fields(data, at, end, notes)
    return _past_value(data, at, end, notes, base)


@kernel
def read_json(data: Bytes, at: int, end: int, notes: Ints, spans: Ints, row: int) -> bool:
    """Whether the bytes are an event in the plain form; then its parts are noted, and their spans in the row."""
    at = _past_blanks(data, at, end)
    if _byte(data, at, end) != OPEN:
        return False
    at = _past_blanks(data, at + 1, end)
    while True:
        close = _name_end(data, at, end)
        if close == NOT_MINE:
            return False
        part = part_named(data, at + 1, close - at - 1)
        first = _to_value(data, close + 1, end)
        if first == NOT_MINE:
            return False
        at = _past_part(data, first, end, part, notes)
        if at == NOT_MINE:
            return False
        note_span(spans, row, part, first, at - first)
        at = _past_blanks(data, at, end)
        byte = _byte(data, at, end)
        if byte == CLOSE:
            return _past_blanks(data, at + 1, end) == end
        if byte != COMMA:
            return False
        at = _past_blanks(data, at + 1, end)
