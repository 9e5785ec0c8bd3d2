"""Pure. Records as the fields of hashes that a new deployment is filled with."""

from typing import NamedTuple

from balance_store.keyspace import bucket_of, directory_key, groups_key, pack_id, profiles_key


class StoreRow(NamedTuple):
    """A field of a hash: key, field, record."""

    key: str
    field: bytes
    record: bytes


def identifier_row(identifier: str, shards: int, entries: bytes) -> StoreRow:
    """An identifier's entries to write."""
    return bucket_row(bucket_of(identifier, shards), identifier.encode(), entries)


def bucket_row(bucket: int, identifier: bytes, entries: bytes) -> StoreRow:
    """The same where the bucket is known."""
    return StoreRow(directory_key(bucket), identifier, entries)


def group_row(shard: int, group_id: int, record: bytes) -> StoreRow:
    """A balance group to write."""
    return StoreRow(groups_key(shard), pack_id(group_id), record)


def profile_row(shard: int, customer_id: int, record: bytes) -> StoreRow:
    """A profile to write."""
    return StoreRow(profiles_key(shard), pack_id(customer_id), record)
