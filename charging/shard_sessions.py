"""Shell. One conversation per shard: one call in flight, the version last seen, the cache kept honest.

Every answer names what others changed; the cache forgets it before anybody can use it, and so does the batch
that is decided but not sent.
"""

import asyncio

from balance_store.mark_record import is_mark
from balance_store.requests import (
    Changed,
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
    CommitStatus,
    Load,
    LoadAnswer,
    Records,
    Store,
    StoreUnreachableError,
    Version,
)
from charging.balance_cache import BalanceCache
from charging.resolve_events import Missing
from charging.unsent_commits import UnsentCommits


class StoreWentBackError(StoreUnreachableError):
    """The store lost commits that it had acknowledged."""


class ShardSessions:
    """The daemon's side of the one door."""

    def __init__(self, store: Store, cache: BalanceCache) -> None:
        self.store = store
        self.cache = cache
        # Decisions that wait for the batch before them.
        self.unsent: UnsentCommits | None = None
        # What a shard told that it does not have, until an answer names it as changed; for a batch, no longer.
        self.absent: dict[int, Missing] = {}
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
        self.take_back_unsent(shard)
        self.absent.pop(shard, None)
        self._seen.pop(shard, None)
        self.cache.forget_shard(shard)

    def turn(self, shard: int) -> asyncio.Lock:
        """Held by whoever has a call in flight at the shard."""
        return self._locks[shard]

    def take_back_unsent(self, shard: int) -> None:
        """Decisions of this shard that are not sent must be made again, on what the store has."""
        if self.unsent is not None:
            self.cache.forget_rows(shard, self.unsent.take_back(shard), frozenset())

    def _hear(self, shard: int, changed: Changed, version: Version) -> None:
        """Know a newer version, and nothing any more of what it changed."""
        if self.unsent is not None and self.unsent.stand_on(shard, changed):
            self.take_back_unsent(shard)
        self._doubt_absences(shard, changed)
        self.cache.forget(shard, changed)
        self._seen[shard] = version

    def _doubt_absences(self, shard: int, changed: Changed) -> None:
        """What an answer names as changed may be there by now."""
        if changed.unknown:
            self.absent.pop(shard, None)
        elif shard in self.absent:
            self.absent[shard].group_ids.difference_update(changed.group_ids)
            self.absent[shard].profile_ids.difference_update(changed.profile_ids)

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
            self._hear(shard, answer.changed, answer.version)
            # Somebody else's load may have brought a group meanwhile, and a decision may have changed it since.
            here = self.cache.groups_here(shard, answer.records.groups)
            groups = {g: r for g, r in answer.records.groups.items() if g not in here}
            self.cache.install(shard, answer.records._replace(groups=groups))
            self._note_absent(shard, answer.records)
            return answer

    def _note_absent(self, shard: int, records: Records) -> None:
        """A customer who has moved away is not there either."""
        absent = self.absent.setdefault(shard, Missing(set(), set()))
        absent.group_ids.update(g for g, record in records.groups.items() if record is None)
        absent.profile_ids.update(
            c for c, record in records.profiles.items() if record is None or is_mark(record)
        )

    async def commit(self, commit: Commit) -> CommitAnswer:
        """Send a commit; what it wrote is forgotten unless it was accepted."""
        async with self._locks[commit.shard]:
            answer = await self.store.commit(commit)
            self._hear(commit.shard, answer.changed, answer.version)
            if answer.status is not CommitStatus.ACCEPTED:
                # What was decided after it stands on it.
                self.take_back_unsent(commit.shard)
                written = commit.writes
                self.cache.forget_rows(commit.shard, frozenset(written.groups), frozenset(written.profiles))
                self.cache.install(commit.shard, answer.fresh)
            return answer

    async def claim(self, claim: Claim) -> ClaimAnswer:
        """Take partitions over; a shard we knew nothing of is known from here on."""
        async with self._locks[claim.shard]:
            answer = await self.store.claim(claim)
            if self._seen.get(claim.shard) != answer.version:
                self.forget_shard(claim.shard)
            self._seen[claim.shard] = answer.version
            return answer
