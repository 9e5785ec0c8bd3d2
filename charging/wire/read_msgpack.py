"""Pure. An event in MessagePack as notes and spans: a map of the known names, and fields one deep.

NOT_MINE is said to floats, binary, what is nested, long forms of what is short enough to never need them, names
that come twice, and everything malformed. Nothing at or behind `end` is read. Formats are those of the
MessagePack specification (msgpack/msgpack, spec.md).
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
from charging.wire.read_text import NOT_MINE, byte_at, characters
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

FIX_INTEGER_LAST, FIX_MAP, FIX_MAP_LAST, FIX_TEXT, FIX_TEXT_LAST = 0x7F, 0x80, 0x8F, 0xA0, 0xBF
NONE, FALSE, TRUE = 0xC0, 0xC2, 0xC3
UNSIGNED_8, UNSIGNED_64, SIGNED_8, SIGNED_64, TEXT_8, TEXT_16, MAP_16 = (
    0xCC,
    0xCF,
    0xD0,
    0xD3,
    0xD9,
    0xDA,
    0xDE,
)
FIX_NEGATIVE = 0xE0


@kernel
def _big_endian(data: Bytes, at: int, size: int) -> int:
    """So many bytes as a number; the top bit of eight is its sign."""
    bits = np.uint64(0)
    for place in range(at, at + size):
        bits = (bits << np.uint64(8)) | np.uint64(data[place])
    return np.int64(bits)  # type: ignore[return-value]  # numba: an int64


@kernel
def _text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(place, length) of a text's bytes, which are UTF-8; NOT_MINE in place of a place."""
    if at >= end:
        return NOT_MINE, 0
    head = byte_at(data, at)
    size = 0
    if head == TEXT_8:
        size = 1
    elif head == TEXT_16:
        size = 2
    elif head < FIX_TEXT or head > FIX_TEXT_LAST:
        return NOT_MINE, 0
    if size > end - at - 1:
        return NOT_MINE, 0
    length = _big_endian(data, at + 1, size) if size else head - FIX_TEXT
    at += 1 + size
    if length > end - at or characters(data, at, length) == NOT_MINE:
        return NOT_MINE, 0
    return at, length


@kernel
def _past_integer(data: Bytes, at: int, end: int, notes: Ints, base: int) -> int:
    """Note an integer of a head and its bytes."""
    head = byte_at(data, at)
    signed = head >= SIGNED_8
    size = 1 << (head - (SIGNED_8 if signed else UNSIGNED_8))
    if size > end - at - 1:
        return NOT_MINE
    number = _big_endian(data, at + 1, size)
    unused = 64 - 8 * size
    if signed:
        number = (number << unused) >> unused
    elif number < 0:
        # Beyond 63 bits.
        return NOT_MINE
    note_value(notes, base, INTEGER, at, 0, number)
    return at + 1 + size


@kernel
def _past_value(data: Bytes, at: int, end: int, notes: Ints, base: int) -> int:
    """Note a text, an integer, a truth value or none; returns the place behind it."""
    if at >= end:
        return NOT_MINE
    head = byte_at(data, at)
    if head <= FIX_INTEGER_LAST or head >= FIX_NEGATIVE:
        note_value(notes, base, INTEGER, at, 0, head if head <= FIX_INTEGER_LAST else head - 256)
        return at + 1
    if UNSIGNED_8 <= head <= UNSIGNED_64 or SIGNED_8 <= head <= SIGNED_64:
        return _past_integer(data, at, end, notes, base)
    if head in (NONE, FALSE, TRUE):
        note_value(notes, base, OTHER, at, 0, 0)
        return at + 1
    first, length = _text(data, at, end)
    if first == NOT_MINE:
        return NOT_MINE
    note_value(notes, base, TEXT, first, length, 0)
    return first + length


@kernel
def _map(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(place behind a map's head, its number of members); NOT_MINE in place of a place."""
    if at < end and FIX_MAP <= data[at] <= FIX_MAP_LAST:
        return at + 1, byte_at(data, at) - FIX_MAP
    if end - at > 2 and data[at] == MAP_16:
        return at + 3, _big_endian(data, at + 1, 2)
    return NOT_MINE, 0


@kernel
def _past_fields(data: Bytes, at: int, end: int, notes: Ints) -> int:
    """Note the members of a flat map."""
    at, count = _map(data, at, end)
    if at == NOT_MINE:
        return NOT_MINE
    for _ in range(count):
        first, length = _text(data, at, end)
        if first == NOT_MINE:
            return NOT_MINE
        base = new_field(data, notes, first, length)
        if base < 0:
            return NOT_MINE
        at = _past_value(data, first + length, end, notes, base)
        if at == NOT_MINE:
            return NOT_MINE
    return at


@kernel
def read_msgpack(data: Bytes, at: int, end: int, notes: Ints, spans: Ints, row: int) -> bool:
    """Whether the bytes are an event in the plain form; then its parts are noted, and their spans in the row."""
    at, count = _map(data, at, end)
    if at == NOT_MINE:
        return False
    for _ in range(count):
        name_at, length = _text(data, at, end)
        if name_at == NOT_MINE:
            return False
        part = part_named(data, name_at, length)
        first = name_at + length
        base = part * VALUE_WORDS
        if part != UNKNOWN_PART and notes[base + V_KIND] != MISSING:
            return False
        if part == FIELDS:
            notes[base + V_KIND] = MAP
            at = _past_fields(data, first, end, notes)
        else:
            at = _past_value(data, first, end, notes, base)
        if at == NOT_MINE:
            return False
        note_span(spans, row, part, first, at - first)
    return at == end
