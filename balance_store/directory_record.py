"""Pure. An identifier's directory entries as stored: one flat MessagePack array.

    schema | for each entry: shard, customer, subscription - customer, valid from, valid to, move number

Schema 1 has no move numbers: nobody in it has ever moved. Schema 2 has them.
A time on a whole minute counts minutes, any other is its microseconds below zero; no end is nil. The form
before had no schema: an array of arrays of the first five numbers as they are. It is still read.
"""

import msgspec

from balance_store.requests import DirectoryEntry
from rating_kernels.group_image import INFINITE_US

# Numbers of an entry by schema.
NOBODY_MOVED, SOMEBODY_MOVED = 1, 2
ENTRY_NUMBERS = {NOBODY_MOVED: len(DirectoryEntry._fields) - 1, SOMEBODY_MOVED: len(DirectoryEntry._fields)}
MINUTE_US = 60_000_000
NEVER_MOVED = 0
# High bits of a MessagePack array of fewer than sixteen.
_ARRAY, _ARRAY_MASK = 0x90, 0xF0

_ENCODER = msgspec.msgpack.Encoder()
_NUMBERS = msgspec.msgpack.Decoder(tuple[int | None, ...])
_FORMER = msgspec.msgpack.Decoder(tuple[DirectoryEntry, ...])


def pack_entries(entries: tuple[DirectoryEntry, ...]) -> bytes:
    """The stored form; no entries are no bytes."""
    if not entries:
        return b""
    moved = any(one.move_no != NEVER_MOVED for one in entries)
    numbers: list[int | None] = [SOMEBODY_MOVED if moved else NOBODY_MOVED]
    for shard, customer_id, subscription_id, from_us, to_us, move_no in entries:
        times = _pack_time(from_us), _pack_time(to_us)
        numbers += (shard, customer_id, subscription_id - customer_id, *times, *((move_no,) if moved else ()))
    return _ENCODER.encode(numbers)


def unpack_entries(record: bytes | None) -> tuple[DirectoryEntry, ...]:
    """The stored entries, none where nothing is; raises ValueError where the bytes are none of both forms."""
    if not record:
        return ()
    if _is_former(record):
        return _FORMER.decode(record)
    schema, *numbers = _NUMBERS.decode(record)
    count = ENTRY_NUMBERS.get(schema or 0)
    if count is None or len(numbers) % count:
        raise ValueError(f"not directory entries of a schema known here: {record[:8].hex()}...")
    return tuple(_entry(*numbers[first : first + count]) for first in range(0, len(numbers), count))


def stored_forms(entries: tuple[DirectoryEntry, ...]) -> tuple[bytes, ...]:
    """The bytes that may be stored for these entries: as they are written now, and as they were before."""
    if not entries or any(one.move_no != NEVER_MOVED for one in entries):
        return (pack_entries(entries),)
    return pack_entries(entries), _ENCODER.encode([one[:-1] for one in entries])


def _is_former(record: bytes) -> bool:
    return record[:1] == bytes([_ARRAY]) or (len(record) > 1 and record[1] & _ARRAY_MASK == _ARRAY)


def _entry(
    shard: int | None,
    customer_id: int | None,
    beyond: int | None,
    from_: int | None,
    to: int | None,
    move_no: int | None = NEVER_MOVED,
) -> DirectoryEntry:
    if shard is None or customer_id is None or beyond is None or move_no is None:
        raise ValueError("a directory entry without a shard, a customer, a subscription or a move number")
    times = _unpack_time(from_), _unpack_time(to)
    return DirectoryEntry(shard, customer_id, customer_id + beyond, *times, move_no)


def _pack_time(time_us: int) -> int | None:
    if time_us == INFINITE_US:
        return None
    assert time_us >= 0, "no service is older than 1970"
    return -time_us if time_us % MINUTE_US else time_us // MINUTE_US


def _unpack_time(stored: int | None) -> int:
    if stored is None:
        return INFINITE_US
    return -stored if stored < 0 else stored * MINUTE_US


def moved_entries(
    stored: tuple[DirectoryEntry, ...], customer_id: int, move_no: int, shard: int
) -> tuple[DirectoryEntry, ...]:
    """Entries after a customer's move: theirs point to the new shard, unless a later move wrote them."""
    return tuple(
        one._replace(shard=shard, move_no=move_no)
        if one.customer_id == customer_id and one.move_no < move_no
        else one
        for one in stored
    )


def with_customer(
    stored: tuple[DirectoryEntry, ...], customer_id: int, entries: tuple[DirectoryEntry, ...]
) -> tuple[DirectoryEntry, ...]:
    """An identifier's entries with one customer's replaced, in the order of their time.

    Where the stored ones know of a later move, the new ones keep its shard: only the validity is news.
    """
    newest = max((one for one in stored if one.customer_id == customer_id), key=_move_no, default=None)
    if newest is not None:
        entries = tuple(
            one._replace(shard=newest.shard, move_no=newest.move_no) if one.move_no < newest.move_no else one
            for one in entries
        )
    others = tuple(one for one in stored if one.customer_id != customer_id)
    return tuple(sorted(others + entries, key=lambda one: (one.valid_from_us, one.subscription_id)))


def _move_no(entry: DirectoryEntry) -> int:
    return entry.move_no
