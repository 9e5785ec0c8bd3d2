"""Pure. Schema 3 of a balance group: the words of its image column by column, each in as many bits as it takes.

    schema 1 byte | counts of the six sections | stored header words | sections that have rows, column by column

A number stands for what is not to be expected: a time for its distance from the cycle's start, in quarters of an hour
where it is one, and its start and end, no end and no start have codes of their own; a cycle for how long ago it was; a
customer for the distance from the group's number, what was owed of an item for the distance from its amount. How
numbers become bits: `bit_codes`.

The ring begins with its oldest row, whatever its place in the image, so that steps are small, and so it is read:

    how many of the oldest have no position | hashes | first position | steps | first hour, from the cycle's | steps
"""

import numpy as np

from balance_store.bit_codes import BYTE_BITS, get_bits, get_codes, put_bits, put_codes
from rating_kernels.group_image import (
    B_CREATED_US,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    C_CYCLE_NO,
    FORGOTTEN,
    H_CLOSED_AT_US,
    H_CUSTOMER_ID,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_GROUP_ID,
    H_RING_NEXT,
    HOUR_US,
    I_CYCLE_NO,
    I_OWED,
    INFINITE_US,
    M_DONE_US,
    R_ID_HASH,
    R_MESSAGE_HOUR,
    R_POSITION,
    RING_WORDS,
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
from rating_kernels.recent_events import forgotten_rows, mark_ring, oldest_row, ring_row
from rating_kernels.tariff_table import Bytes, Ints

COLUMNS_SCHEMA = 3
PLAIN, TIME, CYCLE, LEFT = range(4)
CODE_START, CODE_END, CODE_INFINITE, CODE_ZERO = range(4)
TIME_CODES = 4
QUARTER_US = 900_000_000
COUNT_MAX = 1 << 20
BAD_RECORD = -1

_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)
_KIND = np.zeros((SECTIONS, max(SECTION_ROW_WORDS)), np.int64)
_KIND[SECTION_BALANCES, [B_VALID_FROM_US, B_VALID_TO_US, B_CREATED_US]] = TIME
_KIND[SECTION_ITEMS, [I_CYCLE_NO, I_OWED]] = [CYCLE, LEFT]
_KIND[SECTION_COUNTERS, C_CYCLE_NO] = CYCLE
_KIND[SECTION_SNAPSHOTS, [S_CYCLE_NO, S_START_US, S_END_US]] = [CYCLE, TIME, TIME]
_KIND[SECTION_COMMANDS, M_DONE_US] = TIME
_STORED = np.array(STORED_WORDS, np.int64)
_HEADER_KIND = np.where(np.isin(_STORED, [H_CYCLE_START_US, H_CYCLE_END_US, H_CLOSED_AT_US]), TIME, PLAIN)
_HEADER_KIND[STORED_WORDS.index(H_CUSTOMER_ID)] = LEFT
_STARTS = STORED_WORDS.index(H_CYCLE_START_US)


@kernel
def code_of(value: int, kind: int, beside: int, start_us: int, end_us: int, cycle_no: int) -> int:
    """What is stored for a word; `beside`: the word to its left, where its kind asks for it."""
    if kind == PLAIN:
        return value
    if kind == TIME:
        if value == start_us:
            return CODE_START
        if value == end_us:
            return CODE_END
        if value == INFINITE_US:
            return CODE_INFINITE
        if value == 0:
            return CODE_ZERO
        far_us = value - start_us
        code = far_us // QUARTER_US << 1 if far_us % QUARTER_US == 0 else far_us << 1 | 1
        return code + TIME_CODES if code >= 0 else code
    if kind == CYCLE:
        return cycle_no - value
    return value - beside


@kernel
def word_of(code: int, kind: int, beside: int, start_us: int, end_us: int, cycle_no: int) -> int:
    """The word for a code; not every code is one that `code_of` gives."""
    if kind == PLAIN:
        return code
    if kind == TIME:
        if code == CODE_START:
            return start_us
        if code == CODE_END:
            return end_us
        if code == CODE_INFINITE:
            return INFINITE_US
        if code == CODE_ZERO:
            return 0
        if code > 0:
            code -= TIME_CODES
        return start_us + ((code >> 1) * QUARTER_US if code & 1 == 0 else code >> 1)
    if kind == CYCLE:
        return cycle_no - code
    return beside + code


@kernel
def pack_columns(words: Ints, at: int, out: Ints, codes: Ints) -> int:
    """Pack the image at `at` into words; the record's length in bytes. `codes`: scratch, as long as the most rows."""
    bit = put_bits(out, 0, COLUMNS_SCHEMA, BYTE_BITS)
    start_us, end_us = words[at + H_CYCLE_START_US], words[at + H_CYCLE_END_US]
    cycle_no = words[at + H_CYCLE_NO]
    for section in range(SECTIONS):
        codes[0] = section_count(words, at, section)
        bit = put_codes(codes, 0, 1, out, bit)
    for place in range(len(_STORED)):
        word, kind = at + _STORED[place], _HEADER_KIND[place]
        if _STORED[place] == H_RING_NEXT:
            codes[0] = 0
        else:
            beside = words[word - 1] if kind == LEFT else 0
            # The cycle itself counts from 1970.
            base_us = start_us if place > _STARTS else 0
            codes[0] = code_of(words[word], kind, beside, base_us, INFINITE_US, 0)
        bit = put_codes(codes, 0, 1, out, bit)
    for section in range(SECTIONS):
        if section == SECTION_RING:
            bit = _put_ring(words, at, out, codes, bit)
            continue
        count = section_count(words, at, section)
        for column in range(_ROW_WORDS[section]):
            kind = _KIND[section, column]
            word = row_at(words, at, section, 0) + column
            for row in range(count):
                beside = words[word - 1] if kind == LEFT else 0
                codes[row] = code_of(words[word], kind, beside, start_us, end_us, cycle_no)
                word += _ROW_WORDS[section]
            bit = put_codes(codes, 0, count, out, bit)
    return (bit + BYTE_BITS - 1) // BYTE_BITS


@kernel
def _put_ring(words: Ints, at: int, out: Ints, codes: Ints, bit: int) -> int:
    """The ring, oldest row first; returns the next bit."""
    count = section_count(words, at, SECTION_RING)
    if count == 0:
        return bit
    oldest = oldest_row(words, at)
    forgotten = forgotten_rows(count)
    while forgotten < count and words[ring_row(words, at, oldest, forgotten) + R_POSITION] == FORGOTTEN:
        forgotten += 1
    codes[0] = forgotten
    bit = put_codes(codes, 0, 1, out, bit)
    for column in range(RING_WORDS):
        first = forgotten if column == R_POSITION else 0
        before = words[at + H_CYCLE_START_US] // HOUR_US if column == R_MESSAGE_HOUR else 0
        for age in range(first, count):
            value = words[ring_row(words, at, oldest, age) + column]
            codes[age] = value if column == R_ID_HASH else value - before
            before = value
        # What steps begin with is wider than they are.
        alone = 1 if column != R_ID_HASH and first < count else 0
        bit = put_codes(codes, first, alone, out, bit)
        bit = put_codes(codes, first + alone, count - first - alone, out, bit)
    return bit


@kernel
def read_column_counts(data: Bytes, counts: Ints) -> int:
    """Fill the sections' counts; the bit behind them, or BAD_RECORD."""
    bit = BYTE_BITS
    for section in range(SECTIONS):
        bit = get_codes(data, bit, counts, section, 1, 1)
        # A row has a number, and that a bit at least, so a count beyond the record's bits is no count.
        if bit < 0 or not 0 <= counts[section] <= min(COUNT_MAX, BYTE_BITS * len(data)):
            return BAD_RECORD
    return bit


@kernel
def unpack_columns(data: Bytes, bit: int, counts: Ints, words: Ints, at: int) -> int:
    """Fill the image laid out at `at`; the record's length, or BAD_RECORD."""
    start_us = 0
    for place in range(len(_STORED)):
        word, kind = at + _STORED[place], _HEADER_KIND[place]
        bit = get_codes(data, bit, words, word, 1, 1)
        if bit < 0:
            return BAD_RECORD
        code, beside = words[word], words[word - 1] if kind == LEFT else 0
        words[word] = word_of(code, kind, beside, start_us, INFINITE_US, 0)
        if code_of(words[word], kind, beside, start_us, INFINITE_US, 0) != code:
            return BAD_RECORD
        if place == _STARTS:
            start_us = words[word]
    if words[at + H_RING_NEXT] != 0:
        return BAD_RECORD
    for section in range(SECTIONS):
        set_count(words, at, section, counts[section])
        if section == SECTION_RING:
            bit = _get_ring(data, bit, words, at)
            if bit < 0:
                return BAD_RECORD
            continue
        for column in range(_ROW_WORDS[section]):
            bit = _get_column(data, bit, words, at, section, column)
            if bit < 0:
                return BAD_RECORD
    # What is left of the last byte is zero.
    used = (bit + BYTE_BITS - 1) // BYTE_BITS
    return used if get_bits(data, bit, BYTE_BITS * used - bit) == 0 else BAD_RECORD


@kernel
def _get_column(data: Bytes, bit: int, words: Ints, at: int, section: int, column: int) -> int:
    count, width, kind = section_count(words, at, section), _ROW_WORDS[section], _KIND[section, column]
    start_us, end_us = words[at + H_CYCLE_START_US], words[at + H_CYCLE_END_US]
    cycle_no = words[at + H_CYCLE_NO]
    word = row_at(words, at, section, 0) + column
    bit = get_codes(data, bit, words, word, width, count)
    if bit < 0 or kind == PLAIN:
        return bit
    for _ in range(count):
        code, beside = words[word], words[word - 1] if kind == LEFT else 0
        words[word] = word_of(code, kind, beside, start_us, end_us, cycle_no)
        if code_of(words[word], kind, beside, start_us, end_us, cycle_no) != code:
            return BAD_RECORD
        word += width
    return bit


@kernel
def _get_ring(data: Bytes, bit: int, words: Ints, at: int) -> int:
    count = section_count(words, at, SECTION_RING)
    if count == 0:
        return bit
    row = row_at(words, at, SECTION_RING, 0)
    bit = get_codes(data, bit, words, row + R_POSITION, 1, 1)
    forgotten = words[row + R_POSITION]
    if bit < 0 or not 0 <= forgotten <= count:
        return BAD_RECORD
    for column in range(RING_WORDS):
        first = forgotten if column == R_POSITION else 0
        alone = 1 if column != R_ID_HASH and first < count else 0
        word = row + first * RING_WORDS + column
        bit = get_codes(data, bit, words, word, RING_WORDS, alone)
        if bit < 0:
            return BAD_RECORD
        bit = get_codes(data, bit, words, word + alone * RING_WORDS, RING_WORDS, count - first - alone)
        if bit < 0:
            return BAD_RECORD
        if column != R_ID_HASH:
            before = words[at + H_CYCLE_START_US] // HOUR_US if column == R_MESSAGE_HOUR else 0
            for _ in range(first, count):
                before += words[word]
                words[word] = before
                word += RING_WORDS
    for age in range(forgotten):
        words[row + age * RING_WORDS + R_POSITION] = FORGOTTEN
    if forgotten < count and words[row + forgotten * RING_WORDS + R_POSITION] == FORGOTTEN:
        return BAD_RECORD
    mark_ring(words, at)
    return bit


# Words that others are counted from come before them.
assert STORED_WORDS.index(H_CYCLE_NO) < _STARTS
assert min(STORED_WORDS.index(word) for word in (H_CYCLE_END_US, H_CLOSED_AT_US)) > _STARTS
assert H_CUSTOMER_ID == H_GROUP_ID + 1
