"""Shell. One batch from decoded events to committed decisions: load, decide, commit, again where refused.

Between load and commit of a shard nothing else talks to that shard, so what was loaded is still what
the decision stands on when it is sent; the commit proves it.
"""

import asyncio
from collections.abc import Callable

import numpy as np

from balance_store.requests import Commit, CommitAnswer, CommitStatus, StoreUnreachableError
from charging.charged_batch import ChargedBatch
from charging.decide_batch import (
    build_commit,
    decide_and_note,
    decide_rows,
    floor_commit,
    told_floors,
)
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.resolve_events import ReadNow, Wanted, resolve
from charging.shard_parts import parts_by_shard
from charging.shard_sessions import ShardSessions
from rating_kernels.batch_columns import L_BATCH_NO
from rating_kernels.tariff_table import Ints

# Somebody else was promised the group for about a round trip and a decision: long enough to let them finish.
RESERVED_WAIT_S = 0.005


class ClaimsLostError(Exception):
    """The batch cannot go on: these partitions must be claimed again and read from their floor."""

    def __init__(
        self, partitions: frozenset[int], *, fenced: bool, why: str, catalogue_wanted: int = 0
    ) -> None:
        super().__init__(why)
        self.partitions = partitions
        self.fenced = fenced
        # The lowest catalogue version that the store accepts, where ours was refused.
        self.catalogue_wanted = catalogue_wanted


class BatchCharger:
    """Charges batches, one at a time; owns the numbering of batches."""

    def __init__(
        self,
        sessions: ShardSessions,
        limits: Ints,
        caller: bytes,
        random_tag: Callable[[], bytes],
        metrics: Metrics,
    ) -> None:
        self._sessions = sessions
        self._limits = limits
        self._caller = caller
        self._random_tag = random_tag
        self._metrics = metrics
        self.batch_no = 0

    async def charge(self, batch: ChargedBatch, owned: dict[int, Ownership]) -> None:
        """Decide and commit every row of the batch that no shard had decided before.

        Raises ClaimsLostError where a partition was fenced or an answer was lost; what is committed by
        then stays committed, and comes back as decisions with the next claim.
        """
        cache = self._sessions.cache
        assert batch.catalogue_version == cache.catalogue.version, (
            "a batch is read and decided by one catalogue"
        )
        cache.collect()
        pending = batch.undecided_rows()
        while len(pending):
            await self._resolve(batch, pending)
            pending = await self._decide_and_commit(batch, pending, owned)

    async def _resolve(self, batch: ChargedBatch, rows: Ints) -> None:
        """Read whatever the rows need, until the cache can answer for all of them."""
        read = ReadNow()
        with self._metrics.stage("load"):
            while True:
                wanted = resolve(
                    self._sessions.cache,
                    batch.decoded,
                    rows,
                    batch.row_shard,
                    read,
                    self.batch_no,
                )
                if not wanted:
                    return
                await self._read(wanted, read)

    async def _read(self, wanted: Wanted, read: ReadNow) -> None:
        cache = self._sessions.cache
        try:
            if wanted.identifiers:
                names = sorted(wanted.identifiers)
                found = await self._sessions.store.find_identifiers(names)
                cache.learn(names, found)
                read.identifiers |= wanted.identifiers
            loads = {
                shard: (missing.group_ids, missing.profile_ids) for shard, missing in wanted.records.items()
            }
            for customer_id, shard in wanted.profiles.items():
                loads.setdefault(shard, (set(), set()))[1].add(customer_id)
            await asyncio.gather(*(self._sessions.load(s, *ids) for s, ids in sorted(loads.items())))
            read.profiles.update(*(profile_ids for _, profile_ids in loads.values()))
        except StoreUnreachableError as error:
            # Nothing was sent that could have changed anything, but what we hold may be old by now.
            raise ClaimsLostError(frozenset(), fenced=False, why=str(error)) from error

    async def _decide_and_commit(self, batch: ChargedBatch, rows: Ints, owned: dict[int, Ownership]) -> Ints:
        """One decision over the rows and one commit per shard; returns the rows that were refused."""
        cache = self._sessions.cache
        self.batch_no += 1
        self._limits[L_BATCH_NO] = self.batch_no
        with self._metrics.stage("decide"):
            call = (cache, self._limits, batch.events, batch.decoded.text, rows, batch.decisions)
            batch.decisions = (
                decide_rows(*call) if batch.steps is None else decide_and_note(*call, batch.steps)
            )
            touched = batch.decisions.touched[: batch.decisions.used[2]]
            commits = []
            parts = parts_by_shard(cache, batch.events, rows, batch.row_shard, touched, self._sessions.shards)
            for shard, part in parts.items():
                commits.append(
                    build_commit(
                        cache,
                        shard,
                        self._sessions.seen(shard),
                        self._random_tag(),
                        self._caller,
                        batch.events,
                        part,
                        batch.decisions,
                        owned,
                    )
                )
        with self._metrics.stage("commit"):
            answers = await asyncio.gather(
                *(self._sessions.commit(commit) for commit in commits), return_exceptions=True
            )
        refused = self._settle(commits, answers, owned)
        if any(
            answer.status is CommitStatus.RESERVED for answer in answers if isinstance(answer, CommitAnswer)
        ):
            await asyncio.sleep(RESERVED_WAIT_S)
        again = [parts[shard].rows for shard in refused]
        return np.sort(np.concatenate(again)) if again else rows[:0]

    async def carry_floors(self, owned: dict[int, Ownership]) -> None:
        """Tell every shard the floors it does not know yet; raises ClaimsLostError as `charge` does."""
        version = self._sessions.cache.catalogue.version
        commits = []
        for shard in range(self._sessions.shards):
            commit = floor_commit(
                shard, self._sessions.seen(shard), self._random_tag(), self._caller, version, owned
            )
            if commit is not None:
                commits.append(commit)
        answers = await asyncio.gather(
            *(self._sessions.commit(commit) for commit in commits), return_exceptions=True
        )
        self._settle(commits, answers, owned)

    def _settle(
        self, commits: list[Commit], answers: list[CommitAnswer | BaseException], owned: dict[int, Ownership]
    ) -> list[int]:
        """Shards whose rows must be decided again; raises where going on is not possible."""
        refused = []
        trouble: ClaimsLostError | None = None
        for commit, answer in zip(commits, answers, strict=True):
            partitions = frozenset(usage.partition for usage in commit.usage)
            if isinstance(answer, BaseException):
                if not isinstance(answer, StoreUnreachableError):
                    raise answer
                self._sessions.forget_shard(commit.shard)
                trouble = ClaimsLostError(partitions, fenced=False, why=str(answer))
                continue
            self._metrics.commits.labels(answer.status.name.lower()).inc()
            match answer.status:
                case CommitStatus.ACCEPTED:
                    told_floors(commit, owned)
                case CommitStatus.STALE | CommitStatus.RESERVED:
                    refused.append(commit.shard)
                case CommitStatus.UNKNOWN:
                    self._sessions.forget_shard(commit.shard)
                    trouble = ClaimsLostError(
                        partitions, fenced=False, why="the shard does not know our version"
                    )
                case CommitStatus.FENCED:
                    trouble = ClaimsLostError(
                        frozenset(answer.fenced), fenced=True, why="another owner claimed it"
                    )
                case CommitStatus.CATALOGUE_OLD:
                    # What other shards took comes back as decisions with the next claim.
                    wanted = answer.catalogue_version
                    trouble = ClaimsLostError(
                        partitions,
                        fenced=False,
                        why=f"the store accepts catalogue {wanted} or newer, ours is {commit.catalogue_version}",
                        catalogue_wanted=wanted,
                    )
        if trouble is not None:
            raise trouble
        return refused
