"""Pure. The records of Kafka's record batches, written by kernels.

Format 2 of the Kafka protocol: each record is its length, attributes, timestamp and offset as differences
from the batch's first, key, value, and how many headers it has; numbers are zigzag varints. Our records of a
batch all have its timestamp and no headers.
"""

from charging.outputs import O_KEY_AT, O_KEY_LENGTH, O_VALUE_AT, O_VALUE_LENGTH
from charging.wire.copy_bytes import put_bytes
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# Attributes, the difference of timestamps and the count of headers take a byte each: all are 0.
ZERO_BYTES = 3


@kernel
def _varint_bytes(number: int) -> int:
    """How long a number from 0 on is."""
    length = 1
    left = number >> 6
    while left > 0:
        length += 1
        left >>= 7
    return length


@kernel
def _put_varint(out: Bytes, at: int, number: int) -> int:
    """A number from 0 on; returns the next place."""
    left = number << 1
    while left > 0x7F:
        out[at] = (left & 0x7F) | 0x80
        left >>= 7
        at += 1
    out[at] = left
    return at + 1


@kernel
def _record_bytes(words: Ints, row: int, offset: int) -> int:
    """A record's length without the number that tells it."""
    key, value = words[row, O_KEY_LENGTH], words[row, O_VALUE_LENGTH]
    numbers = _varint_bytes(offset) + _varint_bytes(key) + _varint_bytes(value)
    return ZERO_BYTES + numbers + key + value


@standing_kernel
def records_that_fit(words: Ints, rows: Ints, first: int, bytes_max: int) -> tuple[int, int]:
    """(end of the rows from `first` on that a batch takes, their bytes); the first always fits."""
    total = 0
    for place in range(first, len(rows)):
        length = _record_bytes(words, rows[place], place - first)
        length += _varint_bytes(length)
        if total + length > bytes_max and place > first:
            return place, total
        total += length
    return len(rows), total


@standing_kernel
def write_records(
    words: Ints, rows: Ints, first: int, end: int, keys: Bytes, values: Bytes, out: Bytes, at: int
) -> int:
    """Write the records of rows[first:end]; returns the next place. Their bytes are those that were counted."""
    for place in range(first, end):
        row = rows[place]
        at = _put_varint(out, at, _record_bytes(words, row, place - first))
        out[at] = 0
        out[at + 1] = 0
        at = _put_varint(out, at + 2, place - first)
        at = _put_varint(out, at, words[row, O_KEY_LENGTH])
        at = put_bytes(out, at, keys, words[row, O_KEY_AT], words[row, O_KEY_LENGTH])
        at = _put_varint(out, at, words[row, O_VALUE_LENGTH])
        at = put_bytes(out, at, values, words[row, O_VALUE_AT], words[row, O_VALUE_LENGTH])
        out[at] = 0
        at += 1
    return at
