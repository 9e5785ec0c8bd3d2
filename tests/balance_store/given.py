"""Pure. Short ways to say what is asked of a shard."""

from balance_store.requests import (
    NO_FLOOR,
    Claim,
    Commit,
    Epoch,
    Floor,
    Load,
    PartitionClaim,
    Records,
    Usage,
    Version,
)

TAGS = (number.to_bytes(8, "big") for number in range(1, 1 << 40))


def commit(seen: Version | None, **changes) -> Commit:
    """A commit of shard 0 that changes nothing but what is given."""
    given = {
        "shard": 0,
        "seen": seen,
        "tag": next(TAGS),
        "caller": b"me",
        "catalogue_version": 1,
        "writes": Records({}, {}),
        "read_group_ids": (),
        "read_profile_ids": (),
        "usage": (),
    }
    return Commit(**(given | changes))


def writes(**records: bytes) -> Records:
    """Groups to write: `writes(g1=b"record")`."""
    return Records({int(name[1:]): record for name, record in records.items()}, {})


def usage(
    partition: int, epoch: Epoch, decisions: bytes = b"", highest: int = -1, floor: Floor = NO_FLOOR
) -> Usage:
    """A partition's part of a commit."""
    return Usage(partition, epoch, decisions, highest, floor)


def claim(partition: int, draw: int, attempt: int = 0) -> Claim:
    """A claim of one partition on shard 0."""
    return Claim(0, (PartitionClaim(partition, Epoch(draw, attempt)),))


def load(seen: Version | None, *group_ids: int, profiles: tuple[int, ...] = ()) -> Load:
    """A load of shard 0."""
    return Load(0, seen, group_ids, profiles)
