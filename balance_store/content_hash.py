"""Pure. One number for what a store holds: the same for two stores that hold the same, however they hold it.

Each balance group and each profile has a digest, SHA-256 of its content in one fixed form; the store's is their sum
modulo 2**256, so neither the order of reading nor the number of shards counts. A sum can be made up by who chooses
records to that end: this finds what differs, it is no proof against forgery.

Of a group count the header but for the places of its rings, and the rows of each section but for their order: of
the ring the event ids alone, of commands their ids and answers. Where an id was decided first and when a command
came are left out. Of a profile everything counts but its schema and how often the customer moved; a mark of who moved
away counts as the records that are still in it, and as nothing once they have arrived.
"""

import hashlib
from collections.abc import Iterable

import msgspec
import numpy as np

from balance_store.check_group import rows_of
from balance_store.group_record import unpack_group
from balance_store.mark_record import is_mark, unpack_mark
from balance_store.profile_record import unpack_profile
from rating_kernels.group_image import (
    H_COMMAND_NEXT,
    H_RING_NEXT,
    M_DONE_US,
    R_MESSAGE_HOUR,
    R_POSITION,
    SECTION_COMMANDS,
    SECTION_RING,
    STORED_WORDS,
)
from rating_kernels.tariff_table import Ints

MODULUS = 1 << 256
PLACES = (H_RING_NEXT, H_COMMAND_NEXT)
# What does not count of a section's rows.
LEFT_OUT: dict[int, tuple[int, ...]] = {
    SECTION_RING: (R_POSITION, R_MESSAGE_HOUR),
    SECTION_COMMANDS: (M_DONE_US,),
}

_ENCODER = msgspec.msgpack.Encoder()


def group_digest(group_id: int, record: bytes) -> int:
    """The digest of a stored group; raises ValueError where the bytes are none."""
    content = hashlib.sha256(b"group")
    for rows in _group_content(unpack_group(record)):
        content.update(_words(rows))
    content.update(group_id.to_bytes(8, "big"))
    return int.from_bytes(content.digest(), "big")


def profile_digest(customer_id: int, record: bytes) -> int:
    """The digest of a stored profile or mark; raises ValueError where the bytes are neither."""
    if is_mark(record):
        mark = unpack_mark(record)
        if not mark.whole:
            return 0
        groups = [group_digest(group_id, group) for group_id, group in mark.groups]
        return summed(groups, profile_digest(customer_id, mark.profile))
    profile = msgspec.structs.replace(unpack_profile(record), schema=0, move_no=0)
    content = hashlib.sha256(b"profile")
    content.update(_ENCODER.encode(profile))
    content.update(customer_id.to_bytes(8, "big"))
    return int.from_bytes(content.digest(), "big")


def summed(digests: Iterable[int], total: int = 0) -> int:
    """Digests added to a sum."""
    return sum(digests, total) % MODULUS


def _group_content(words: Ints) -> Iterable[list[list[int]]]:
    yield [[int(words[word]) for word in STORED_WORDS if word not in PLACES]]
    for section, rows in enumerate(rows_of(words)):
        left_out = LEFT_OUT.get(section, ())
        yield sorted([value for column, value in enumerate(row) if column not in left_out] for row in rows)


def _words(rows: list[list[int]]) -> bytes:
    """Rows in front of which their number stands, so that no two contents give the same bytes."""
    return np.array([len(rows), *(value for row in rows for value in row)], "<i8").tobytes()
