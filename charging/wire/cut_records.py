"""Pure. The records of a batch (Kafka protocol, record format 2) as message words, without an object for any.

Bytes that are no sound batch are refused with a reason; nothing outside them is read, and nothing loops
longer than they are.
"""

import numpy as np

from balance_store.varint import VARINT_BYTES_MAX
from charging.messages import (
    M_HEADERS_AT,
    M_HEADERS_LENGTH,
    M_OFFSET,
    M_PARTITION,
    M_TIMESTAMP_MS,
    M_VALUE_AT,
    M_VALUE_LENGTH,
    MESSAGE_WORDS,
    NO_VALUE,
)
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# What a batch is refused for: instead of a count, and where a place should be.
PAST_END, WRONG_LENGTH, WRONG_OFFSET, WRONG_HEADERS, BYTES_LEFT, WRONG_COUNT = range(-1, -7, -1)
REFUSALS = {
    PAST_END: "a record runs past the end of its batch",
    WRONG_LENGTH: "a record's parts do not fill its length",
    WRONG_OFFSET: "offsets do not rise within the batch",
    WRONG_HEADERS: "a record's headers make no sense",
    BYTES_LEFT: "bytes are left behind the last record",
    WRONG_COUNT: "the batch cannot hold as many records as it says",
}
# What a batch says of its records.
(
    B_PARTITION,
    B_BASE_OFFSET,
    B_LAST_DELTA,  # of the last offset from the base
    B_FIRST_MS,  # what timestamps of records count from
    B_APPENDED_MS,  # EACH_ITS_OWN, or when the broker appended the batch
    B_FROM_OFFSET,  # what lies below was handed on already
    B_COUNT,
) = range(7)
EACH_ITS_OWN = -1
# Length, attributes, timestamp, offset, key, value and headers take a byte each at least.
RECORD_BYTES_MIN = 7


@kernel
def read_varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(number, next place) of a zigzag varint; PAST_END in place of a place where it does not end in time.

    Unlike the varints of our own records these may have zeros on top: producers differ.
    """
    bits = np.uint64(0)
    for shift in range(VARINT_BYTES_MAX):
        if at >= end:
            return 0, PAST_END
        byte = np.uint64(data[at])
        at += 1
        bits |= (byte & np.uint64(127)) << np.uint64(7 * shift)
        if byte < np.uint64(128):
            half = np.int64(bits >> np.uint64(1))
            return half ^ -np.int64(bits & np.uint64(1)), at  # type: ignore[return-value]  # numba: an int64
    return 0, PAST_END


@kernel
def _past_bytes(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(length or NO_VALUE, place behind) of bytes that their length precedes."""
    length, at = read_varint(data, at, end)
    if at < 0 or length > end - at:
        return 0, PAST_END
    if length < 0:
        return NO_VALUE, at
    return length, at + length


@kernel
def _past_headers(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(number of headers, place behind them)."""
    count, at = read_varint(data, at, end)
    if at < 0:
        return 0, PAST_END
    # Two bytes each at least, so the loop is no longer than the bytes.
    if count < 0 or count > (end - at) // 2:
        return 0, WRONG_HEADERS
    for _ in range(count):
        length, at = _past_bytes(data, at, end)
        if at < 0:
            return 0, PAST_END
        if length == NO_VALUE:
            return 0, WRONG_HEADERS
        _, at = _past_bytes(data, at, end)
        if at < 0:
            return 0, PAST_END
    return count, at


@kernel
def _cut_record(data: Bytes, at: int, end: int, row: Ints) -> int:
    """Place behind the record, or why it is none; offset and timestamp in the row are relative."""
    length, at = read_varint(data, at, end)
    if at < 0 or length > end - at:
        return PAST_END
    end = at + length
    if length < RECORD_BYTES_MIN - 1:
        return WRONG_LENGTH
    row[M_TIMESTAMP_MS], at = read_varint(data, at + 1, end)  # a byte of attributes that mean nothing yet
    if at < 0:
        return PAST_END
    row[M_OFFSET], at = read_varint(data, at, end)
    if at < 0:
        return PAST_END
    _, at = _past_bytes(data, at, end)  # the key is for whoever spread the messages over partitions
    if at < 0:
        return PAST_END
    length, at = _past_bytes(data, at, end)
    if at < 0:
        return PAST_END
    row[M_VALUE_LENGTH] = length
    row[M_VALUE_AT] = at if length == NO_VALUE else at - length
    row[M_HEADERS_AT] = at
    headers, at = _past_headers(data, at, end)
    if at < 0:
        return at
    row[M_HEADERS_LENGTH] = at - row[M_HEADERS_AT] if headers else 0
    return at if at == end else WRONG_LENGTH


@standing_kernel
def _cut(data: Bytes, at: int, end: int, batch: Ints, words: Ints, row: Ints) -> int:
    """Rows written, or why the batch is refused. `words` has room for all records, `row` for one."""
    written = 0
    delta = -1
    for _ in range(batch[B_COUNT]):
        at = _cut_record(data, at, end, row)
        if at < 0:
            return at
        if row[M_OFFSET] <= delta or row[M_OFFSET] > batch[B_LAST_DELTA]:
            return WRONG_OFFSET
        delta = row[M_OFFSET]
        row[M_PARTITION] = batch[B_PARTITION]
        row[M_OFFSET] += batch[B_BASE_OFFSET]
        if batch[B_APPENDED_MS] == EACH_ITS_OWN:
            row[M_TIMESTAMP_MS] += batch[B_FIRST_MS]
        else:
            row[M_TIMESTAMP_MS] = batch[B_APPENDED_MS]
        if row[M_OFFSET] >= batch[B_FROM_OFFSET]:
            for word in range(MESSAGE_WORDS):
                words[written, word] = row[word]
            written += 1
    return written if at == end else BYTES_LEFT


def cut_records(data: Bytes, at: int, end: int, batch: list[int]) -> Ints | str:
    """Message words of the uncompressed records that lie from `at` to `end` of the bytes; or what is wrong.

    `batch` holds the words B_*. Records below B_FROM_OFFSET are left out.
    """
    count = batch[B_COUNT]
    if not 0 <= count <= (end - at) // RECORD_BYTES_MIN:
        return REFUSALS[WRONG_COUNT]
    words = np.empty((count, MESSAGE_WORDS), np.int64)
    written = _cut(data, at, end, np.array(batch, np.int64), words, np.zeros(MESSAGE_WORDS, np.int64))
    return REFUSALS[written] if written < 0 else words[:written]
