"""Pure. Records ready to be sent: one run of bytes, written by a kernel, that reads like a dictionary.

A daemon writes hundreds of balance groups a commit, and an object for each would cost more than packing it. The
bytes are the end of an HSET as the server reads it, for each record

    $8 CRLF id CRLF $length CRLF record CRLF

with ids of 8 bytes, big-endian, ascending (RESP bulk strings: Redis serialization protocol specification).
"""

from collections.abc import Iterator, Mapping

import numpy as np

from balance_store.group_record import SCHEMA, PackingRoom, pack_bound, pack_into, packing_room
from balance_store.keyspace import ID_MAX, pack_id
from rating_kernels.group_image import H_GROUP_ID
from rating_kernels.kernel import standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

ID_BYTES = 8
CR, LF, DOLLAR, ZERO = b"\r\n$0"
# "$8", id, and the line ends around them; then "$", the length, and the line ends around the record.
_BEFORE_LENGTH = 4 + ID_BYTES + 2 + 1
_AFTER_LENGTH = 2
DIGITS_GUESSED = 3
DIGITS_MAX = 10
OVERHEAD_BYTES_MAX = _BEFORE_LENGTH + DIGITS_MAX + 2 * _AFTER_LENGTH


class PackedRecords(Mapping[int, bytes]):
    """Records by id, ascending; none of them removes one."""

    __slots__ = ("arguments", "ids", "spans")

    def __init__(self, ids: Ints, spans: Ints, arguments: memoryview) -> None:
        """`spans`: from and to of each record within `arguments`, a row an id."""
        self.ids = ids
        self.spans = spans
        self.arguments = arguments

    def __getitem__(self, number: int) -> bytes:
        at = int(np.searchsorted(self.ids, number))
        if at == len(self.ids) or self.ids[at] != number:
            raise KeyError(number)
        return bytes(self.arguments[self.spans[at, 0] : self.spans[at, 1]])

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __len__(self) -> int:
        return len(self.ids)


def packed_groups(words: Ints, offsets: Ints, schema: int = SCHEMA) -> PackedRecords:
    """The balance groups whose images are at these offsets of `words`, each named once; as `pack_group` does."""
    ids = words[offsets + H_GROUP_ID]
    order = np.argsort(ids)
    ids = ids[order]
    assert not len(ids) or (ids[0] >= 0 and ids[-1] <= ID_MAX), "an id that a store cannot keep"
    offsets = offsets[order]
    spans = np.empty((len(ids), 2), np.int64)
    total, most = _bounds(words, offsets)
    out = np.empty(total, np.uint8)
    end = _pack(words, offsets, schema, packing_room(most), out, spans)
    return PackedRecords(ids, spans, out[:end].data)


def record_arguments(records: Mapping[int, bytes]) -> bytes | memoryview:
    """The same bytes for any records."""
    if isinstance(records, PackedRecords):
        return records.arguments
    return b"".join(
        b"$8\r\n%b\r\n$%d\r\n%b\r\n" % (pack_id(number), len(record), record)
        for number, record in sorted(records.items())
    )


@standing_kernel
def _bounds(words: Ints, offsets: Ints) -> tuple[int, int]:
    """Bytes that are enough for all, and for the longest record."""
    total, most = 0, 0
    for at in offsets:
        bound = pack_bound(words, at)
        most = max(most, bound)
        total += bound + OVERHEAD_BYTES_MAX
    return total, most


@standing_kernel
def _pack(words: Ints, offsets: Ints, schema: int, room: PackingRoom, out: Bytes, spans: Ints) -> int:
    put = 0
    for row in range(len(offsets)):
        at = offsets[row]
        out[put] = DOLLAR
        out[put + 1] = ZERO + ID_BYTES
        put = _end_line(out, put + 2)
        for byte in range(ID_BYTES):
            out[put + byte] = (words[at + H_GROUP_ID] >> (8 * (ID_BYTES - 1 - byte))) & 255
        put = _end_line(out, put + ID_BYTES)
        out[put] = DOLLAR
        # The length is known when the record is written; most have as many digits as were left for it.
        first = put + 1 + DIGITS_GUESSED + _AFTER_LENGTH
        length = pack_into(words, at, out, first, schema, room) - first
        digits = 1
        rest = length // 10
        while rest > 0:
            digits += 1
            rest //= 10
        moved = first + digits - DIGITS_GUESSED
        if digits < DIGITS_GUESSED:
            for byte in range(length):
                out[moved + byte] = out[first + byte]
        elif digits > DIGITS_GUESSED:
            for byte in range(length - 1, -1, -1):
                out[moved + byte] = out[first + byte]
        rest = length
        for digit in range(digits):
            out[put + digits - digit] = ZERO + rest % 10
            rest //= 10
        _end_line(out, put + 1 + digits)
        spans[row, 0] = moved
        spans[row, 1] = moved + length
        put = _end_line(out, moved + length)
    return put


@standing_kernel
def _end_line(out: Bytes, at: int) -> int:
    out[at] = CR
    out[at + 1] = LF
    return at + 2
