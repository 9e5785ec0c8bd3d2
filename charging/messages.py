"""Pure. Messages of the usage topic as the source hands them on: columns over one blob of bytes.

On the fast path no message is an object of its own; `Message` is for whoever looks at one.
"""

import hashlib
import itertools
from typing import NamedTuple

import numpy as np

from rating_kernels.tariff_table import Bytes, Ints

# Words of a message.
(
    M_PARTITION,
    M_OFFSET,
    M_TIMESTAMP_MS,
    M_VALUE_AT,
    M_VALUE_LENGTH,  # NO_VALUE: a tombstone
    M_HEADERS_AT,
    M_HEADERS_LENGTH,  # 0: none, else the bytes of the record's header section
) = range(7)
MESSAGE_WORDS = 7
NO_VALUE = -1


class Message(NamedTuple):
    """One message, however many events it carries; `value` None is a tombstone."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class MessageColumns:
    """Messages in order of arrival: a row of words each, and the bytes that they point into."""

    __slots__ = ("data", "words")

    def __init__(self, words: Ints, data: Bytes) -> None:
        self.words = words
        self.data = data

    def __len__(self) -> int:
        return len(self.words)

    def message(self, place: int) -> Message:
        """The message at a place, as an object."""
        partition, offset, timestamp_ms, at, length, headers_at, headers_length = self.words[place].tolist()
        value = None if length == NO_VALUE else self.data[at : at + length].tobytes()
        headers = unpack_headers(self.data[headers_at : headers_at + headers_length].tobytes())
        return Message(partition, offset, timestamp_ms, value, headers)

    def of_partitions(self, partitions: frozenset[int]) -> "MessageColumns":
        """Those of some partitions only."""
        if not len(self):
            # An idle daemon polls many times a second.
            return self
        kept = np.isin(self.words[:, M_PARTITION], list(partitions))
        return self if kept.all() else MessageColumns(self.words[kept], self.data)

    def last_of_partitions(self) -> dict[int, Message]:
        """The last message of each partition."""
        partitions, from_end = np.unique(self.words[::-1, M_PARTITION], return_index=True)
        last = len(self.words) - 1 - from_end
        return {p: self.message(place) for p, place in zip(partitions.tolist(), last.tolist(), strict=True)}


NO_MESSAGES = MessageColumns(np.zeros((0, MESSAGE_WORDS), np.int64), np.frombuffer(b"\0", np.uint8))


def message_columns(messages: list[Message]) -> MessageColumns:
    """Columns of messages that came as objects."""
    if not messages:
        return NO_MESSAGES
    data = bytearray()
    rows = []
    for message in messages:
        value_at = len(data)
        data += message.value or b""
        headers = pack_headers(message.headers)
        length = NO_VALUE if message.value is None else len(message.value)
        rows.append((*message[:3], value_at, length, len(data), len(headers)))
        data += headers
    # Never empty: kernels are compiled for an array that has a first element.
    return MessageColumns(np.array(rows, np.int64), np.frombuffer(bytes(data) or b"\0", np.uint8))


def joined(pieces: list[MessageColumns]) -> MessageColumns:
    """Messages of several pieces over one blob. Pieces of the same bytes that follow each other are not copied."""
    if not pieces:
        return NO_MESSAGES
    parts: list[Bytes] = []
    shifts: list[int] = []
    rows: list[int] = []
    length = 0
    for _, run in itertools.groupby(pieces, key=lambda piece: id(piece.data)):
        same = list(run)
        # Only what lies between the first message and the last: they are in the order of their bytes.
        first = int(same[0].words[0, M_VALUE_AT])
        end = int(same[-1].words[-1, M_HEADERS_AT] + same[-1].words[-1, M_HEADERS_LENGTH])
        shifts.append(length - first)
        rows.append(sum(map(len, same)))
        parts.append(same[0].data[first:end])
        length += end - first
    words = np.concatenate([piece.words for piece in pieces])
    by_row = np.repeat(np.array(shifts, np.int64), rows)
    words[:, M_VALUE_AT] += by_row
    words[:, M_HEADERS_AT] += by_row
    data = np.concatenate(parts) if len(parts) > 1 else parts[0]
    data = data if length else NO_MESSAGES.data
    data.setflags(write=False)
    return MessageColumns(words, data)


def message_hash(message: Message) -> int:
    """63 bits of BLAKE2b over the value: what a floor keeps of the last message below it."""
    return int.from_bytes(hashlib.blake2b(message.value or b"", digest_size=8).digest(), "big") >> 1


# The header section of a record (Kafka protocol, record format 2): numbers are zigzag varints.


def pack_headers(headers: tuple[tuple[str, bytes | None], ...]) -> bytes:
    """The section's bytes; empty where there are no headers."""
    if not headers:
        return b""
    parts = [_varint(len(headers))]
    for name, value in headers:
        encoded = name.encode()
        parts += [_varint(len(encoded)), encoded]
        parts += [_varint(-1)] if value is None else [_varint(len(value)), value]
    return b"".join(parts)


def unpack_headers(section: bytes) -> tuple[tuple[str, bytes], ...]:
    """Names and values; a header without a value has an empty one."""
    if not section:
        return ()
    count, at = _read_varint(section, 0)
    headers = []
    for _ in range(count):
        length, at = _read_varint(section, at)
        name, at = section[at : at + length].decode("utf-8", "replace"), at + length
        length, at = _read_varint(section, at)
        value = section[at : at + max(length, 0)]
        at += max(length, 0)
        headers.append((name, value))
    return tuple(headers)


def _varint(value: int) -> bytes:
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # the top bit says that more follows
            return (value >> 1) ^ -(value & 1), at
