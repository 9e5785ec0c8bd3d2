"""Pure. What stays of a customer at a shard that they left (ARCHITECTURE 6), in the place of the profile.

A whole mark holds the records as they were when the move was begun, and those of nobody else can be newer:
from then on the move can only be finished. A thin one says where to look and stays for ever. MessagePack
arrays as profiles are, with a schema number of their own, so that the read that finds the one finds the other.
"""

import msgspec

MARK_SCHEMA = 100
_SCHEMA_AT = 1  # behind the byte that opens a short array
_SCHEMA = bytes([MARK_SCHEMA])


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A customer who has moved to another shard, or is about to arrive there."""

    schema: int
    customer_id: int
    move_no: int  # of this move; grows with each of the customer's moves
    shard: int  # where to
    family: tuple[int, ...] = ()  # customers who moved in the same commit; none in a thin mark
    profile: bytes = b""
    groups: tuple[tuple[int, bytes], ...] = ()  # (id, record)

    @property
    def whole(self) -> bool:
        """Whether the records are still in it: the move may not be finished."""
        return self.profile != b""

    def thin(self) -> "Mark":
        """What is left once the records are at their new shard."""
        return Mark(MARK_SCHEMA, self.customer_id, self.move_no, self.shard)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Mark)


def is_mark(record: bytes | None) -> bool:
    """Whether the record in a profile's place is a mark; a profile's schema number is another one."""
    return record is not None and record[_SCHEMA_AT : _SCHEMA_AT + 1] == _SCHEMA


def pack_mark(mark: Mark) -> bytes:
    """The mark as it is stored."""
    assert mark.schema == MARK_SCHEMA
    return _ENCODER.encode(mark)


def unpack_mark(record: bytes) -> Mark:
    """The stored mark; raises ValueError where the bytes are none."""
    mark = _DECODER.decode(record)  # its DecodeError is a ValueError
    if mark.schema != MARK_SCHEMA:
        raise ValueError(f"not a mark of schema {MARK_SCHEMA} but of {mark.schema}")
    return mark


# One byte, and so in a fixed place.
assert MARK_SCHEMA < 128
