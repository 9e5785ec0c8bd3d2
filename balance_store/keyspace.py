"""Pure. Names of keys, and which shard a customer lives in. No other module builds a key.

All keys of a shard carry its hash tag, so a Cluster keeps them in one slot and one call may change any.
"""

import binascii
import functools
import zlib

import numpy as np

PREFIX = "cl"
# Ids are compared as doubles on the server.
ID_MAX = 2**53 - 1
# Slots of a Cluster, by its specification.
SLOTS = 16_384
# Identifiers are spread over as many buckets as there are shards; a bucket is one hash.
DIGITS = 4


def _tag(shard: int) -> str:
    return f"{PREFIX}:{{{shard:0{DIGITS}d}}}"


def header_key(shard: int) -> str:
    """Hash: version, catalogue, reservation, epochs and floors of partitions."""
    return f"{_tag(shard)}:header"


# Of the first shard's header: the schema that balance groups are written in.
SCHEMA_FIELD = "group_schema"


def recent_key(shard: int) -> str:
    """List: what each of the last commits changed, newest last."""
    return f"{_tag(shard)}:recent"


def groups_key(shard: int) -> str:
    """Hash: balance group id -> record."""
    return f"{_tag(shard)}:groups"


def profiles_key(shard: int) -> str:
    """Hash: customer id -> profile."""
    return f"{_tag(shard)}:profiles"


def open_key(key: str, tag: bytes) -> str:
    """Name of a hash of a shard while the commit of this tag writes to it; ends with the transaction."""
    return f"{key}:open:{tag.hex()}"


def decisions_key(shard: int, partition: int) -> str:
    """List: entries of decisions of one input partition, oldest first."""
    return f"{_tag(shard)}:decisions:{partition}"


def directory_key(bucket: int) -> str:
    """Hash: identifier -> where its customers live."""
    return f"{PREFIX}:{{d{bucket:0{DIGITS}d}}}:directory"


def bucket_of(identifier: str, shards: int) -> int:
    """The bucket of the directory that holds an identifier."""
    # Any stable spread will do; the sum of bytes would put neighbours together, CRC does not.
    return zlib.crc32(identifier.encode()) % shards


def draw_key(partition: int) -> str:
    """Counter of claims of a partition."""
    return f"{PREFIX}:draw:{partition}"


def settled_key(shard: int) -> str:
    """Counter that is written for nothing but to be acknowledged by the replicas."""
    return f"{_tag(shard)}:settled"


def slot_of(key: str) -> int:
    """The Cluster's slot of a key: CRC-16/XMODEM of its hash tag, or of all of it where it has none."""
    tag = key.partition("{")[2].partition("}")[0] or key
    return binascii.crc_hqx(tag.encode(), 0) % SLOTS


@functools.cache
def shard_slot(shard: int) -> int:
    """The slot that all of a shard's keys are in."""
    return slot_of(header_key(shard))


def shard_of(customer_id: int, shards: int) -> int:
    """Where a customer lives who is not tied to anybody; members live with their owner."""
    return customer_id % shards


def pack_id(number: int) -> bytes:
    """An id as a hash field: 8 bytes, big-endian."""
    assert 0 <= number <= ID_MAX, "an id that a store cannot keep"
    return number.to_bytes(8, "big")


def is_id(number: int) -> bool:
    """Whether a number can be an id at all; in damaged records it need not be."""
    return 0 <= number < 1 << 64


def unpack_ids(blob: bytes) -> frozenset[int]:
    """Ids from their concatenation."""
    return frozenset(np.frombuffer(blob, ">i8").tolist())
