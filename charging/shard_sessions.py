"""Shell. One conversation per shard: one call in flight, the version last seen, the cache kept honest.

Every answer names what others changed; the cache forgets it before anybody can use it.
"""

import asyncio

from balance_store.requests import (
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
    CommitStatus,
    Load,
    LoadAnswer,
    Store,
    StoreUnreachableError,
    Version,
)
from charging.balance_cache import BalanceCache


class StoreWentBackError(StoreUnreachableError):
    """The store lost commits that it had acknowledged."""


class ShardSessions:
    """The daemon's side of the one door."""

    def __init__(self, store: Store, cache: BalanceCache) -> None:
        self.store = store
        self.cache = cache
        self._seen: dict[int, Version] = {}
        self._locks = [asyncio.Lock() for _ in range(store.shards)]

    @property
    def shards(self) -> int:
        """How many shards the deployment has."""
        return self.store.shards

    def seen(self, shard: int) -> Version | None:
        """The version of the last answer, or None where we know nothing."""
        return self._seen.get(shard)

    def forget_shard(self, shard: int) -> None:
        """Know nothing of the shard any more."""
        self._seen.pop(shard, None)
        self.cache.forget_shard(shard)

    def turn(self, shard: int) -> asyncio.Lock:
        """Held by whoever has a call in flight at the shard."""
        return self._locks[shard]

    async def load(self, shard: int, group_ids: set[int], profile_ids: set[int]) -> LoadAnswer:
        """Read records into the cache."""
        async with self._locks[shard]:
            seen = self.seen(shard)
            answer = await self.store.load(
                Load(shard, seen, tuple(sorted(group_ids)), tuple(sorted(profile_ids)))
            )
            if seen is not None and answer.version.number < seen.number:
                # Commits that were acknowledged are gone; what they decided must be decided again.
                self.forget_shard(shard)
                raise StoreWentBackError(
                    f"shard {shard} went back from version {seen.number} to {answer.version.number}"
                )
            self.cache.forget(shard, answer.changed)
            self._seen[shard] = answer.version
            self.cache.install(shard, answer.records)
            return answer

    async def commit(self, commit: Commit) -> CommitAnswer:
        """Send a commit; what it wrote is forgotten unless it was accepted."""
        async with self._locks[commit.shard]:
            answer = await self.store.commit(commit)
            self.cache.forget(commit.shard, answer.changed)
            self._seen[commit.shard] = answer.version
            if answer.status is not CommitStatus.ACCEPTED:
                written = commit.writes
                self.cache.forget_rows(commit.shard, frozenset(written.groups), frozenset(written.profiles))
                self.cache.install(commit.shard, answer.fresh)
            return answer

    async def claim(self, claim: Claim) -> ClaimAnswer:
        """Take partitions over; a shard we knew nothing of is known from here on."""
        async with self._locks[claim.shard]:
            answer = await self.store.claim(claim)
            if self._seen.get(claim.shard) != answer.version:
                self.cache.forget_shard(claim.shard)
            self._seen[claim.shard] = answer.version
            return answer
