"""Pure. An identifier's entries of the directory as they are stored, and what a move makes of them.

MessagePack. A customer who never moved has no move number in the entry, so a store that is older than moves
holds the same bytes, and a comparison of bytes is one of entries.
"""

import msgspec

from balance_store.requests import DirectoryEntry

NEVER_MOVED = 0

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[DirectoryEntry, ...])


def pack_entries(entries: tuple[DirectoryEntry, ...]) -> bytes:
    """The stored form; no entries are no bytes."""
    if not entries:
        return b""
    return _ENCODER.encode([one[:-1] if one.move_no == NEVER_MOVED else one for one in entries])


def unpack_entries(record: bytes | None) -> tuple[DirectoryEntry, ...]:
    """As they were packed; none where nothing is stored."""
    return _DECODER.decode(record) if record else ()


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
