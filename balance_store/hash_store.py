"""Shell. `charging store hash`: one hash of all balances, counters, items, snapshots and profiles."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from balance_store.content_hash import group_digest, profile_digest, summed
from balance_store.scan import Rows, ShardState, StoreScan

Advance = Callable[[int], None]


class StoreHash(NamedTuple):
    """The hash and what it was made of."""

    hex: str
    groups: int
    profiles: int


class StoreMovedError(Exception):
    """The store changed while it was read; says which shard."""


async def hash_store(scan: StoreScan, advance: Advance) -> StoreHash:
    """Read everything once, a piece at a time. Raises StoreMovedError, ValueError for a damaged record."""
    before = await shard_states(scan)
    total, groups, profiles = 0, 0, 0
    for shard in range(scan.shards):
        total, some = await _add(scan.groups(shard), f"shard {shard}: group", group_digest, total, advance)
        expect_count(some, await scan.group_count(shard), f"groups of shard {shard}")
        groups += some
        total, some = await _add(
            scan.profiles(shard), f"shard {shard}: customer", profile_digest, total, advance
        )
        expect_count(some, await scan.profile_count(shard), f"profiles of shard {shard}")
        profiles += some
    expect_still(before, await shard_states(scan))
    return StoreHash(f"{total:064x}", groups, profiles)


async def _add(
    pieces: AsyncIterator[Rows],
    place: str,
    digest: Callable[[int, bytes], int],
    total: int,
    advance: Advance,
) -> tuple[int, int]:
    count = 0
    async for rows in pieces:
        for number, record in rows:
            try:
                total = summed((digest(number, record),), total)
            except ValueError as error:
                raise ValueError(f"{place} {number}: {error}") from error
        count += len(rows)
        advance(len(rows))
    return total, count


async def shard_states(scan: StoreScan) -> list[ShardState]:
    """Of every shard: what differs once anything was committed to it."""
    return [await scan.state(shard) for shard in range(scan.shards)]


def expect_count(read: int, there: int, what: str) -> None:
    """An entry that was given twice, or that came or went."""
    if read != there:
        raise StoreMovedError(f"{what}: {read} were read and {there} are there: do it again")


def expect_still(before: list[ShardState], after: list[ShardState]) -> None:
    """Raises StoreMovedError where a shard is not as it was."""
    moved = [str(shard) for shard, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if moved:
        raise StoreMovedError(
            f"shards {', '.join(moved)} changed meanwhile: stop what charges, bills and publishes, and do it again"
        )
