"""Pure. A balance group as stored: the words of its image, packed. Written in schema 3 (`group_columns`).

Schemas 1 and 2 (`group_rows`) are read too; 2 can still be written, for daemons of the version before.
"""

from typing import NamedTuple

import numpy as np

from balance_store.bit_codes import BYTE_BITS, CODE_BITS_MAX, WORD_BITS
from balance_store.group_columns import COLUMNS_SCHEMA, pack_columns, read_column_counts, unpack_columns
from balance_store.group_rows import (
    BAD_RECORD,
    ROWS_SCHEMA,
    ROWS_SCHEMA_BEFORE,
    pack_rows,
    read_row_counts,
    unpack_rows,
)
from balance_store.requests import RecordMap
from balance_store.varint import VARINT_BYTES_MAX
from rating_kernels.group_image import SECTION_ROW_WORDS, SECTIONS, STORED_WORDS
from rating_kernels.group_layout import ROOM, can_be_laid_out, lay_out, section_count, words_needed
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

SCHEMA, SCHEMA_BEFORE = COLUMNS_SCHEMA, ROWS_SCHEMA
SCHEMAS_READ = (ROWS_SCHEMA_BEFORE, ROWS_SCHEMA, COLUMNS_SCHEMA)
# Room for a record being written: counts, header and as many numbers as it has rows and words.
_WORD_BYTES = WORD_BITS // BYTE_BITS

_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)
_ROOM = np.array(ROOM, np.int64)


class PackingRoom(NamedTuple):
    """Scratch of `pack_into`: long enough for any of the records it is used for (`packing_room`)."""

    bits: Ints
    bits_as_bytes: Bytes  # the same memory
    codes: Ints


def packing_room(bound: int) -> PackingRoom:
    """Scratch for records of at most this many bytes (`pack_bound`)."""
    bits = np.empty(bound // _WORD_BYTES + 1, np.int64)
    return PackingRoom(bits, bits.view(np.uint8), np.empty(bound, np.int64))


@kernel
def pack_into(words: Ints, at: int, out: Bytes, start: int, schema: int, room: PackingRoom) -> int:
    """Pack the image at `at` into `out` from `start`, in SCHEMA or SCHEMA_BEFORE; returns the next offset."""
    if schema == ROWS_SCHEMA:
        return pack_rows(words, at, out, start)
    length = pack_columns(words, at, room.bits, room.codes)
    for byte in range(length):
        out[start + byte] = room.bits_as_bytes[byte]
    return start + length


@kernel
def pack_bound(words: Ints, at: int) -> int:
    """Bytes that are enough for the image's record, and more than it has rows."""
    total = 1 + SECTIONS + len(STORED_WORDS)
    for section in range(SECTIONS):
        total += section_count(words, at, section) * _ROW_WORDS[section]
    return total * VARINT_BYTES_MAX


@kernel
def read_counts(data: Bytes, counts: Ints) -> int:
    """Fill the sections' counts; where `unpack_into` goes on, or BAD_RECORD."""
    schema = np.int64(data[0]) if len(data) else 0
    if schema == COLUMNS_SCHEMA:
        return read_column_counts(data, counts)
    if schema in (ROWS_SCHEMA, ROWS_SCHEMA_BEFORE):
        return read_row_counts(data, counts)
    return BAD_RECORD


@kernel
def unpack_into(data: Bytes, get: int, counts: Ints, words: Ints, at: int) -> int:
    """Fill the image laid out at `at`; the record's length, or BAD_RECORD."""
    if data[0] == COLUMNS_SCHEMA:
        return unpack_columns(data, get, counts, words, at)
    return unpack_rows(data, get, counts, words, at)


def pack_group(words: Ints, at: int, schema: int = SCHEMA) -> bytes:
    """The record of the image at `at`."""
    assert schema in (SCHEMA, SCHEMA_BEFORE)
    bound = pack_bound(words, at)
    out = np.empty(bound, np.uint8)
    return out[: pack_into(words, at, out, 0, schema, packing_room(bound))].tobytes()


def unpack_group(record: bytes) -> Ints:
    """The image, with room to grow; raises ValueError where the bytes are no record of these schemas."""
    data = np.frombuffer(record, np.uint8)
    counts = np.zeros(SECTIONS, np.int64)
    get = read_counts(data, counts)
    if get < 0:
        raise ValueError(f"not a balance group of schema {SCHEMAS_READ}: {record[:8].hex()}...")
    capacities = counts + _ROOM
    if not can_be_laid_out(capacities):
        raise ValueError(f"a balance group of {words_needed(capacities)} words")
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


assert CODE_BITS_MAX <= BYTE_BITS * VARINT_BYTES_MAX
