"""Pure. A balance group as stored: the words of its image, packed (schema 2; schema 1 is read, and can be written).

    schema 1 byte | counts of the six sections | stored header words | rows, section by section

Every word is a zigzag varint, but for times, which count from the cycle's start (0 = no end, so the
commonest is one byte), cycle numbers, which count back from the open cycle, and 64-bit hashes, raw.
The ring is most of a record: its hashes take the six bytes that they have, positions and message times
count from the row before, message times in milliseconds where they are whole ones, as a broker's are.
In schema 1 its hashes took eight bytes, its positions and times were as all others.
"""

import numpy as np

from balance_store.requests import RecordMap
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
    ID_HASH_BITS,
    INFINITE_US,
    M_DONE_US,
    M_ID_HASH,
    R_ID_HASH,
    R_MESSAGE_TIME_US,
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
    SECTION_WORDS,
    SECTIONS,
)
from rating_kernels.group_layout import ROOM, lay_out, row_at, section_count, words_needed
from rating_kernels.kernel import kernel
from rating_kernels.recent_events import mark_ring
from rating_kernels.tariff_table import Bytes, Ints

SCHEMA, SCHEMA_BEFORE = 2, 1
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
_KIND[SECTION_RING, [R_ID_HASH, R_POSITION, R_MESSAGE_TIME_US]] = [SHORT, STEP, STEP_MS]
_KIND[SECTION_COMMANDS, M_ID_HASH] = RAW
_KIND[SECTION_COMMANDS, M_DONE_US] = TIME
_KIND_BEFORE = _KIND.copy()
_KIND_BEFORE[SECTION_RING, [R_ID_HASH, R_POSITION, R_MESSAGE_TIME_US]] = [RAW, PLAIN, TIME]
_ID_HASH_MASK = (1 << ID_HASH_BITS) - 1
_HEADER_KIND = np.zeros(HEADER_STORED, np.int64)
_HEADER_KIND[[H_CYCLE_END_US, H_CLOSED_AT_US]] = TIME
_ROOM = np.array(ROOM, np.int64)


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
def pack_into(words: Ints, at: int, out: Bytes, start: int, schema: int) -> int:
    """Pack the image at `at` into `out` from `start`, in SCHEMA or SCHEMA_BEFORE; returns the next offset."""
    earlier = schema == SCHEMA_BEFORE
    put = start
    out[put] = schema
    put += 1
    for section in range(SECTIONS):
        put = put_varint(out, put, section_count(words, at, section))
    start_us = words[at + H_CYCLE_START_US]
    cycle_no = words[at + H_CYCLE_NO]
    for word in range(HEADER_STORED):
        put = put_word(out, put, words[at + word], _HEADER_KIND[word], start_us, cycle_no, 0)
    for section in range(SECTIONS):
        row = row_at(words, at, section, 0)
        for number in range(section_count(words, at, section)):
            for column in range(_ROW_WORDS[section]):
                kind = _KIND_BEFORE[section, column] if earlier else _KIND[section, column]
                before = words[row + column - _ROW_WORDS[section]] if number > 0 else 0
                put = put_word(out, put, words[row + column], kind, start_us, cycle_no, before)
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
    if len(data) == 0 or (data[0] != SCHEMA and data[0] != SCHEMA_BEFORE):
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
    earlier = data[0] == SCHEMA_BEFORE
    start_us = 0
    cycle_no = 0
    for word in range(HEADER_STORED):
        if word > H_CYCLE_START_US:
            start_us = words[at + H_CYCLE_START_US]
            cycle_no = words[at + H_CYCLE_NO]
        words[at + word], get = get_word(data, get, _HEADER_KIND[word], start_us, cycle_no, 0)
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
        words[at + H_SECTIONS + section * SECTION_WORDS] = counts[section]
    mark_ring(words, at)
    return get


def pack_group(words: Ints, at: int, schema: int = SCHEMA) -> bytes:
    """The record of the image at `at`, in SCHEMA or SCHEMA_BEFORE."""
    assert schema in (SCHEMA, SCHEMA_BEFORE)
    out = np.empty(pack_bound(words, at), np.uint8)
    return out[: pack_into(words, at, out, 0, schema)].tobytes()


def unpack_group(record: bytes) -> Ints:
    """The image, with room to grow; raises ValueError where the bytes are no record of these schemas."""
    data = np.frombuffer(record, np.uint8)
    counts = np.zeros(SECTIONS, np.int64)
    get = read_counts(data, counts)
    if get < 0:
        raise ValueError(f"not a balance group of schema {SCHEMA} or {SCHEMA_BEFORE}: {record[:8].hex()}...")
    capacities = counts + _ROOM
    words = np.zeros(words_needed(capacities), np.int64)
    lay_out(words, 0, capacities)
    if unpack_into(data, get, counts, words, 0) != len(data):
        raise ValueError(f"a balance group that ends too early or too late: {len(record)} bytes")
    return words


def in_schema(records: RecordMap, schema: int) -> dict[int, bytes | None]:
    """The same balance groups, written in SCHEMA or SCHEMA_BEFORE."""
    return {
        number: record
        if record is None or record[0] == schema
        else pack_group(unpack_group(record), 0, schema)
        for number, record in records.items()
    }


# Header words that give times and cycle numbers their base come before those that need it.
assert H_CYCLE_NO < H_CYCLE_START_US < H_CYCLE_END_US < H_CLOSED_AT_US
assert ID_HASH_BITS == 8 * SHORT_BYTES
