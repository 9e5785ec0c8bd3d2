"""Pure. A balance group as stored: the words of its image, packed (schema 1).

    schema 1 byte | counts of the six sections | stored header words | rows, section by section

Every word is a zigzag varint, but for times, which count from the cycle's start (0 = no end, so the
commonest is one byte), cycle numbers, which count back from the open cycle, and 64-bit hashes, raw.
"""

import numpy as np

from balance_store.varint import VARINT_BYTES_MAX, get_varint, put_varint
from rating_kernels.group_image import (
    B_CREATED_US,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    C_CYCLE_NO,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_SECTIONS,
    HEADER_STORED,
    I_CYCLE_NO,
    INFINITE_US,
    M_DONE_US,
    M_ID_HASH,
    R_ID_HASH,
    R_MESSAGE_TIME_US,
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
    SECTION_WORDS,
    SECTIONS,
)
from rating_kernels.group_layout import ROOM, lay_out, row_at, section_count, words_needed
from rating_kernels.kernel import kernel
from rating_kernels.recent_events import mark_ring
from rating_kernels.tariff_table import Bytes, Ints

SCHEMA = 1
PLAIN, TIME, CYCLE, RAW = range(4)
COUNT_MAX = 1 << 20
BAD_RECORD = -1

_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)
_KIND = np.zeros((SECTIONS, max(SECTION_ROW_WORDS)), np.int64)
_KIND[SECTION_BALANCES, [B_VALID_FROM_US, B_VALID_TO_US, B_CREATED_US]] = TIME
_KIND[SECTION_ITEMS, I_CYCLE_NO] = CYCLE
_KIND[SECTION_COUNTERS, C_CYCLE_NO] = CYCLE
_KIND[SECTION_SNAPSHOTS, [S_START_US, S_END_US]] = TIME
_KIND[SECTION_SNAPSHOTS, S_CYCLE_NO] = CYCLE
_KIND[SECTION_RING, R_ID_HASH] = RAW
_KIND[SECTION_RING, R_MESSAGE_TIME_US] = TIME
_KIND[SECTION_COMMANDS, M_ID_HASH] = RAW
_KIND[SECTION_COMMANDS, M_DONE_US] = TIME
_HEADER_KIND = np.zeros(HEADER_STORED, np.int64)
_HEADER_KIND[[H_CYCLE_END_US, H_CLOSED_AT_US]] = TIME
_ROOM = np.array(ROOM, np.int64)


@kernel
def put_word(out: Bytes, at: int, value: int, kind: int, cycle_start_us: int, cycle_no: int) -> int:
    """Write a word as its kind says."""
    if kind == TIME:
        if value == INFINITE_US:
            return put_varint(out, at, 0)
        # 0 is taken: times at or after the start count from 1.
        distance = value - cycle_start_us
        return put_varint(out, at, distance + 1 if distance >= 0 else distance)
    if kind == CYCLE:
        return put_varint(out, at, cycle_no - value)
    if kind == RAW:
        for byte in range(8):
            out[at + byte] = (value >> (8 * byte)) & 255
        return at + 8
    return put_varint(out, at, value)


@kernel
def get_word(data: Bytes, at: int, kind: int, cycle_start_us: int, cycle_no: int) -> tuple[int, int]:
    """(word, next offset or BAD_RECORD)."""
    if kind == RAW:
        if at + 8 > len(data):
            return 0, BAD_RECORD
        raw = np.uint64(0)
        for byte in range(8):
            raw |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
        return np.int64(raw), at + 8  # type: ignore[return-value]  # numba: an int64
    value, at = get_varint(data, at)
    if kind == TIME:
        if value == 0:
            return INFINITE_US, at
        time_us = cycle_start_us + (value - 1 if value > 0 else value)
        # No end has one form: 0.
        return time_us, BAD_RECORD if time_us == INFINITE_US else at
    if kind == CYCLE:
        return cycle_no - value, at
    return value, at


@kernel
def pack_into(words: Ints, at: int, out: Bytes, start: int) -> int:
    """Pack the image at `at` into `out` from `start`; returns the next offset."""
    put = start
    out[put] = SCHEMA
    put += 1
    for section in range(SECTIONS):
        put = put_varint(out, put, section_count(words, at, section))
    start_us = words[at + H_CYCLE_START_US]
    cycle_no = words[at + H_CYCLE_NO]
    for word in range(HEADER_STORED):
        put = put_word(out, put, words[at + word], _HEADER_KIND[word], start_us, cycle_no)
    for section in range(SECTIONS):
        row = row_at(words, at, section, 0)
        for _ in range(section_count(words, at, section)):
            for column in range(_ROW_WORDS[section]):
                put = put_word(out, put, words[row + column], _KIND[section, column], start_us, cycle_no)
            row += _ROW_WORDS[section]
    return put


@kernel
def pack_bound(words: Ints, at: int) -> int:
    """Bytes that are enough for the image's record."""
    total = 1 + SECTIONS + HEADER_STORED
    for section in range(SECTIONS):
        total += section_count(words, at, section) * _ROW_WORDS[section]
    return total * VARINT_BYTES_MAX


@kernel
def read_counts(data: Bytes, counts: Ints) -> int:
    """Fill the sections' counts; the offset behind them, or BAD_RECORD."""
    if len(data) == 0 or data[0] != SCHEMA:
        return BAD_RECORD
    at = 1
    for section in range(SECTIONS):
        count, at = get_varint(data, at)
        # A row takes a byte at least, so a count beyond the record is no count.
        if at < 0 or not 0 <= count <= len(data) or count > COUNT_MAX:
            return BAD_RECORD
        counts[section] = count
    return at


@kernel
def unpack_into(data: Bytes, get: int, counts: Ints, words: Ints, at: int) -> int:
    """Fill the image laid out at `at`; the record's length, or BAD_RECORD."""
    start_us = 0
    cycle_no = 0
    for word in range(HEADER_STORED):
        if word > H_CYCLE_START_US:
            start_us = words[at + H_CYCLE_START_US]
            cycle_no = words[at + H_CYCLE_NO]
        words[at + word], get = get_word(data, get, _HEADER_KIND[word], start_us, cycle_no)
        if get < 0:
            return BAD_RECORD
    for section in range(SECTIONS):
        row = row_at(words, at, section, 0)
        for _ in range(counts[section]):
            for column in range(_ROW_WORDS[section]):
                words[row + column], get = get_word(data, get, _KIND[section, column], start_us, cycle_no)
                if get < 0:
                    return BAD_RECORD
            row += _ROW_WORDS[section]
        words[at + H_SECTIONS + section * SECTION_WORDS] = counts[section]
    mark_ring(words, at)
    return get


def pack_group(words: Ints, at: int) -> bytes:
    """The record of the image at `at`."""
    out = np.empty(pack_bound(words, at), np.uint8)
    return out[: pack_into(words, at, out, 0)].tobytes()


def unpack_group(record: bytes) -> Ints:
    """The image, with room to grow; raises ValueError where the bytes are no record of this schema."""
    data = np.frombuffer(record, np.uint8)
    counts = np.zeros(SECTIONS, np.int64)
    get = read_counts(data, counts)
    if get < 0:
        raise ValueError(f"not a balance group of schema {SCHEMA}: {record[:8].hex()}...")
    capacities = counts + _ROOM
    words = np.zeros(words_needed(capacities), np.int64)
    lay_out(words, 0, capacities)
    if unpack_into(data, get, counts, words, 0) != len(data):
        raise ValueError(f"a balance group that ends too early or too late: {len(record)} bytes")
    return words


# Header words that give times and cycle numbers their base come before those that need it.
assert H_CYCLE_NO < H_CYCLE_START_US < H_CYCLE_END_US < H_CLOSED_AT_US
