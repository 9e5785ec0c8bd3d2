"""Pure. An identifier's directory entries as stored: one flat MessagePack array (schema 1).

    schema | for each entry: shard, customer, subscription - customer, valid from, valid to

A time on a whole minute counts minutes, any other is its microseconds below zero; no end is nil. The form
before had no schema: an array of arrays of the five numbers as they are. It is still read.
"""

import msgspec

from balance_store.requests import DirectoryEntry
from rating_kernels.group_image import INFINITE_US

DIRECTORY_SCHEMA = 1
MINUTE_US = 60_000_000
ENTRY_NUMBERS = len(DirectoryEntry._fields)
# High bits of a MessagePack array of fewer than sixteen.
_ARRAY, _ARRAY_MASK = 0x90, 0xF0

_ENCODER = msgspec.msgpack.Encoder()
_NUMBERS = msgspec.msgpack.Decoder(tuple[int | None, ...])
_FORMER = msgspec.msgpack.Decoder(tuple[DirectoryEntry, ...])


def pack_entries(entries: tuple[DirectoryEntry, ...]) -> bytes:
    """The entries as they are stored."""
    numbers: list[int | None] = [DIRECTORY_SCHEMA]
    for shard, customer_id, subscription_id, from_us, to_us in entries:
        numbers += (shard, customer_id, subscription_id - customer_id, _pack_time(from_us), _pack_time(to_us))
    return _ENCODER.encode(numbers)


def unpack_entries(record: bytes) -> tuple[DirectoryEntry, ...]:
    """The stored entries; raises ValueError where the bytes are none of this schema or the one before."""
    if _is_former(record):
        return _FORMER.decode(record)
    schema, *numbers = _NUMBERS.decode(record)
    if schema != DIRECTORY_SCHEMA or len(numbers) % ENTRY_NUMBERS:
        raise ValueError(f"not directory entries of schema {DIRECTORY_SCHEMA}: {record[:8].hex()}...")
    return tuple(
        _entry(*numbers[first : first + ENTRY_NUMBERS]) for first in range(0, len(numbers), ENTRY_NUMBERS)
    )


def _is_former(record: bytes) -> bool:
    return record[:1] == bytes([_ARRAY]) or (len(record) > 1 and record[1] & _ARRAY_MASK == _ARRAY)


def _entry(
    shard: int | None, customer_id: int | None, beyond: int | None, from_: int | None, to: int | None
) -> DirectoryEntry:
    if shard is None or customer_id is None or beyond is None:
        raise ValueError("a directory entry without a shard, a customer or a subscription")
    return DirectoryEntry(shard, customer_id, customer_id + beyond, _unpack_time(from_), _unpack_time(to))


def _pack_time(time_us: int) -> int | None:
    if time_us == INFINITE_US:
        return None
    assert time_us >= 0, "no service is older than 1970"
    return -time_us if time_us % MINUTE_US else time_us // MINUTE_US


def _unpack_time(stored: int | None) -> int:
    if stored is None:
        return INFINITE_US
    return -stored if stored < 0 else stored * MINUTE_US
