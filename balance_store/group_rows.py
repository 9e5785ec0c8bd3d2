"""Pure. Schemas 1 and 2 of a balance group: row by row, in whole bytes. Both are read, 2 can still be written.

    schema 1 byte | counts of the six sections | stored header words | rows, section by section

Every word is a zigzag varint, but for times, which count from the cycle's start (0 = no end, so the
commonest is one byte), cycle numbers, which count back from the open cycle, and 64-bit hashes, raw.
The ring's hashes take the six bytes that they have, positions and message times count from the row
before, message times in milliseconds where they are whole ones.
In schema 1 its hashes took eight bytes, its positions and times were as all others.
"""

import numpy as np

from balance_store.varint import get_varint, put_varint
from rating_kernels.group_image import (
    B_CREATED_US,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    C_CYCLE_NO,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    HOUR_US,
    I_CYCLE_NO,
    ID_HASH_BITS,
    INFINITE_US,
    M_DONE_US,
    M_ID_HASH,
    R_ID_HASH,
    R_MESSAGE_HOUR,
    R_POSITION,
    S_CYCLE_NO,
    S_END_US,
    S_START_US,
    SECTION_BALANCES,
    SECTION_COMMANDS,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_ROW_WORDS,
    SECTION_SNAPSHOTS,
    SECTIONS,
    STORED_WORDS,
)
from rating_kernels.group_layout import row_at, section_count, set_count
from rating_kernels.kernel import kernel
from rating_kernels.recent_events import age_ring, mark_ring
from rating_kernels.tariff_table import Bytes, Ints

ROWS_SCHEMA, ROWS_SCHEMA_BEFORE = 2, 1
PLAIN, TIME, CYCLE, RAW, SHORT, STEP, STEP_MS = range(7)
RAW_BYTES, SHORT_BYTES = 8, 6
MS_US = 1_000
STEP_MS_MAX = 1 << 52
COUNT_MAX = 1 << 20
BAD_RECORD = -1

_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)
_KIND = np.zeros((SECTIONS, max(SECTION_ROW_WORDS)), np.int64)
_KIND[SECTION_BALANCES, [B_VALID_FROM_US, B_VALID_TO_US, B_CREATED_US]] = TIME
_KIND[SECTION_ITEMS, I_CYCLE_NO] = CYCLE
_KIND[SECTION_COUNTERS, C_CYCLE_NO] = CYCLE
_KIND[SECTION_SNAPSHOTS, [S_START_US, S_END_US]] = TIME
_KIND[SECTION_SNAPSHOTS, S_CYCLE_NO] = CYCLE
_KIND[SECTION_RING, [R_ID_HASH, R_POSITION, R_MESSAGE_HOUR]] = [SHORT, STEP, STEP_MS]
_KIND[SECTION_COMMANDS, M_ID_HASH] = RAW
_KIND[SECTION_COMMANDS, M_DONE_US] = TIME
_KIND_BEFORE = _KIND.copy()
_KIND_BEFORE[SECTION_RING, [R_ID_HASH, R_POSITION, R_MESSAGE_HOUR]] = [RAW, PLAIN, TIME]
_ID_HASH_MASK = (1 << ID_HASH_BITS) - 1
_STORED = np.array(STORED_WORDS, np.int64)
_HEADER_KIND = np.where(np.isin(_STORED, [H_CYCLE_END_US, H_CLOSED_AT_US]), TIME, PLAIN)
_STARTS = STORED_WORDS.index(H_CYCLE_START_US)


@kernel
def put_word(
    out: Bytes, at: int, value: int, kind: int, cycle_start_us: int, cycle_no: int, before: int
) -> int:
    """Write a word as its kind says; `before`: the same word of the row before, 0 in the first."""
    if kind == TIME:
        if value == INFINITE_US:
            return put_varint(out, at, 0)
        # 0 is taken: times at or after the start count from 1.
        distance = value - cycle_start_us
        return put_varint(out, at, distance + 1 if distance >= 0 else distance)
    if kind == CYCLE:
        return put_varint(out, at, cycle_no - value)
    if kind in (RAW, SHORT):
        length = RAW_BYTES if kind == RAW else SHORT_BYTES
        for byte in range(length):
            out[at + byte] = (value >> (8 * byte)) & 255
        return at + length
    if kind == STEP:
        return put_varint(out, at, value - before)
    if kind == STEP_MS:
        step_us = value - (before if before != 0 else cycle_start_us)
        whole = step_us % MS_US == 0
        return put_varint(out, at, step_us // MS_US << 1 if whole else step_us << 1 | 1)
    return put_varint(out, at, value)


@kernel
def get_word(
    data: Bytes, at: int, kind: int, cycle_start_us: int, cycle_no: int, before: int
) -> tuple[int, int]:
    """(word, next offset or BAD_RECORD)."""
    if kind in (RAW, SHORT):
        length = RAW_BYTES if kind == RAW else SHORT_BYTES
        if at + length > len(data):
            return 0, BAD_RECORD
        raw = np.uint64(0)
        for byte in range(length):
            raw |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
        return np.int64(raw), at + length  # type: ignore[return-value]  # numba: an int64
    value, at = get_varint(data, at)
    if kind == TIME:
        if value == 0:
            return INFINITE_US, at
        time_us = cycle_start_us + (value - 1 if value > 0 else value)
        # No end has one form: 0.
        return time_us, BAD_RECORD if time_us == INFINITE_US else at
    if kind == CYCLE:
        return cycle_no - value, at
    if kind == STEP:
        return before + value, at
    if kind == STEP_MS:
        step_us = value >> 1
        if value & 1 == 0:
            if not -STEP_MS_MAX <= step_us <= STEP_MS_MAX:
                return 0, BAD_RECORD
            step_us *= MS_US
        elif step_us % MS_US == 0:
            # A whole millisecond has one form.
            at = BAD_RECORD
        return (before if before != 0 else cycle_start_us) + step_us, at
    return value, at


@kernel
def pack_rows(words: Ints, at: int, out: Bytes, start: int) -> int:
    """Pack the image at `at` into `out` from `start`; returns the next offset."""
    put = start
    out[put] = ROWS_SCHEMA
    put += 1
    for section in range(SECTIONS):
        put = put_varint(out, put, section_count(words, at, section))
    start_us = words[at + H_CYCLE_START_US]
    cycle_no = words[at + H_CYCLE_NO]
    for place in range(len(_STORED)):
        put = put_word(out, put, words[at + _STORED[place]], _HEADER_KIND[place], start_us, cycle_no, 0)
    for section in range(SECTIONS):
        row = row_at(words, at, section, 0)
        for number in range(section_count(words, at, section)):
            for column in range(_ROW_WORDS[section]):
                kind = _KIND[section, column]
                unit = HOUR_US if kind == STEP_MS else 1
                before = words[row + column - _ROW_WORDS[section]] * unit if number > 0 else 0
                put = put_word(out, put, words[row + column] * unit, kind, start_us, cycle_no, before)
            row += _ROW_WORDS[section]
    return put


@kernel
def read_row_counts(data: Bytes, counts: Ints) -> int:
    """Fill the sections' counts; the offset behind them, or BAD_RECORD."""
    at = 1
    for section in range(SECTIONS):
        count, at = get_varint(data, at)
        # A row takes a byte at least, so a count beyond the record is no count.
        if at < 0 or not 0 <= count <= len(data) or count > COUNT_MAX:
            return BAD_RECORD
        counts[section] = count
    return at


@kernel
def unpack_rows(data: Bytes, get: int, counts: Ints, words: Ints, at: int) -> int:
    """Fill the image laid out at `at`; the record's length, or BAD_RECORD."""
    earlier = data[0] == ROWS_SCHEMA_BEFORE
    start_us = 0
    cycle_no = 0
    for place in range(len(_STORED)):
        if place > _STARTS:
            start_us = words[at + H_CYCLE_START_US]
            cycle_no = words[at + H_CYCLE_NO]
        word, get = get_word(data, get, _HEADER_KIND[place], start_us, cycle_no, 0)
        words[at + _STORED[place]] = word
        if get < 0:
            return BAD_RECORD
    for section in range(SECTIONS):
        row = row_at(words, at, section, 0)
        for number in range(counts[section]):
            for column in range(_ROW_WORDS[section]):
                kind = _KIND_BEFORE[section, column] if earlier else _KIND[section, column]
                before = words[row + column - _ROW_WORDS[section]] if number > 0 else 0
                words[row + column], get = get_word(data, get, kind, start_us, cycle_no, before)
                if get < 0:
                    return BAD_RECORD
            if earlier and section == SECTION_RING:
                words[row + R_ID_HASH] &= _ID_HASH_MASK
            row += _ROW_WORDS[section]
        set_count(words, at, section, counts[section])
    mark_ring(words, at)
    age_ring(words, at)
    return get


# Header words that give times and cycle numbers their base come before those that need it.
assert STORED_WORDS.index(H_CYCLE_NO) < _STARTS
assert min(STORED_WORDS.index(word) for word in (H_CYCLE_END_US, H_CLOSED_AT_US)) > _STARTS
assert ID_HASH_BITS == 8 * SHORT_BYTES
