"""Shell. One batch from decoded events to committed decisions: load, decide, commit, again where refused.

A batch may be decided while the one before it is committed: it stands on images that hold decisions under way.
Its commits wait until those before are taken; what an answer takes the ground from is decided again first
(`unsent_commits`). So batches are committed in order, and every commit proves to the store what it stands on.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import structlog

from balance_store.move_customers import Mover
from balance_store.requests import (
    Commit,
    CommitAnswer,
    CommitStatus,
    StoreRefusesError,
    StoreUnreachableError,
)
from charging.charged_batch import ChargedBatch
from charging.decide_batch import (
    build_commit,
    decide_and_note,
    decide_rows,
    floor_commit,
    told_floors,
    with_newest,
)
from charging.follow_marks import TurnStore, follow_marks, take_answer
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.resolve_events import ReadNow, Wanted, resolve, unresolved
from charging.shard_parts import parts_by_shard
from charging.shard_sessions import ShardSessions
from charging.unsent_commits import UnsentCommits
from rating_kernels.batch_columns import L_BATCH_NO
from rating_kernels.batch_words import OUTCOME
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Ints

log = structlog.get_logger()

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
    """Charges batches: one is decided while another is committed; owns the numbering of decisions."""

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
        self._mover = Mover(TurnStore(sessions), caller, random_tag)
        self.batch_no = 0
        # Set while no batch is being committed.
        self._idle = asyncio.Event()
        self._idle.set()
        # Rows of the batch being committed are decided again; those of later events must wait for them.
        self._deciding_again = False

    async def charge(self, batch: ChargedBatch, owned: dict[int, Ownership]) -> None:
        """`decide` and `commit`."""
        await self.decide(batch, owned)
        await self.commit(batch, owned)

    async def decide(self, batch: ChargedBatch, owned: dict[int, Ownership]) -> None:
        """Decide every row of the batch that no shard had decided before; nothing is sent.

        May run while another batch is committed. Raises ClaimsLostError where the store cannot be read.
        """
        cache = self._sessions.cache
        assert batch.catalogue_version == cache.catalogue.version, (
            "a batch is read and decided by one catalogue"
        )
        assert self._sessions.unsent is None, "one batch at a time is decided and not sent"
        if cache.is_full():
            # Slots and offsets are given out anew: nothing may stand on the former ones.
            await self._idle.wait()
            cache.collect()
        self._sessions.absent.clear()
        rows = batch.undecided_rows()
        await self._resolve(batch, rows)
        while self._deciding_again:
            await self._idle.wait()
            await self._resolve(batch, rows)
        self._sessions.unsent = self._decide(batch, rows, owned)

    def drop_decided(self) -> None:
        """Forget a batch that was decided and will not be committed."""
        unsent = self._sessions.unsent
        if unsent is not None:
            for shard in unsent.commits:
                self._sessions.take_back_unsent(shard)
            self._sessions.unsent = None

    def commit(self, batch: ChargedBatch, owned: dict[int, Ownership]) -> Coroutine[Any, Any, None]:
        """Commit the batch that was decided last, each shard again until it is taken.

        From this call on the next one may be decided, also before anything was sent. To be awaited; raises
        ClaimsLostError where a partition was fenced or an answer was lost; what is committed by then stays
        committed, and comes back as decisions with the next claim.
        """
        assert self._idle.is_set(), "batches are committed one after the other"
        decided, self._sessions.unsent = self._sessions.unsent, None
        assert decided is not None, "decided before it is committed"
        self._idle.clear()
        self._deciding_again = bool(decided.again)
        return self._commit(batch, decided, self._newest(decided, owned), owned)

    async def _commit(
        self, batch: ChargedBatch, decided: UnsentCommits, commits: list[Commit], owned: dict[int, Ownership]
    ) -> None:
        try:
            while True:
                refused = decided.again | await self._send(commits, owned)
                if not refused:
                    return
                rows = np.sort(np.concatenate([decided.rows[shard] for shard in sorted(refused)]))
                await self._resolve(batch, rows)
                while self._takes_the_ground_of_later_events(batch, rows):
                    await self._resolve(batch, rows)
                decided = self._decide(batch, rows, owned)
                commits = self._newest(decided, owned)
                self._deciding_again = False
        finally:
            self._deciding_again = False
            self._idle.set()

    def _takes_the_ground_of_later_events(self, batch: ChargedBatch, rows: Ints) -> bool:
        """Whether rows that are decided again came to a shard where later events are decided and not sent.

        A customer who has moved there. Those events are taken back: their records would overwrite what these rows
        are about to charge, which stands on them.
        """
        unsent, drops = self._sessions.unsent, self._sessions.cache.drops
        if unsent is not None:
            for shard in set(batch.row_shard[rows].tolist()) & unsent.commits.keys() - unsent.again:
                self._sessions.take_back_unsent(shard)
        return drops != self._sessions.cache.drops

    def _newest(self, decided: UnsentCommits, owned: dict[int, Ownership]) -> list[Commit]:
        """What still stands, by the newest version and floors."""
        return [
            with_newest(commit, self._sessions.seen(shard), owned)
            for shard, commit in decided.commits.items()
            if shard not in decided.again
        ]

    async def _resolve(self, batch: ChargedBatch, rows: Ints) -> None:
        """Read whatever the rows need, until the cache can answer for all of them.

        After a reading only those are looked at that lacked something, unless it took the ground from others.
        """
        cache, read = self._sessions.cache, ReadNow()
        left, drops = rows, cache.drops
        with self._metrics.stage("load"):
            while True:
                if drops != cache.drops:
                    left, drops = rows, cache.drops
                wanted = resolve(cache, batch.decoded, left, batch.row_shard, read, self._sessions.absent)
                if not wanted:
                    self._tell_incomplete(batch, rows)
                    return
                await self._read(wanted, read)
                left = rows if wanted.afresh else unresolved(batch.decoded, left, batch.row_shard)

    def _tell_incomplete(self, batch: ChargedBatch, rows: Ints) -> None:
        """What the store should have and has not is a person's matter; its events come out as rejected."""
        incomplete = rows[batch.events[rows, OUTCOME] == Outcome.STORE_INCOMPLETE]
        for shard in np.unique(batch.row_shard[incomplete]).tolist():
            absent = self._sessions.absent[shard]
            log.error(
                "store incomplete",
                shard=shard,
                groups=sorted(absent.group_ids),
                customers=sorted(absent.profile_ids),
                cure="`charging store verify` says what is wrong",
            )

    async def _read(self, wanted: Wanted, read: ReadNow) -> None:
        cache = self._sessions.cache
        try:
            if wanted.identifiers:
                names = sorted(wanted.identifiers)
                cache.learn(names, await self._sessions.store.stored_identifiers(names))
                read.directory_was_read(wanted.identifiers)
            loads = {
                shard: (missing.group_ids, missing.profile_ids) for shard, missing in wanted.records.items()
            }
            for customer_id, shard in wanted.profiles.items():
                loads.setdefault(shard, (set(), set()))[1].add(customer_id)
            shards = sorted(loads)
            answers = await asyncio.gather(*(self._sessions.load(s, *loads[s]) for s in shards))
            moved = [(s, take_answer(read, s, a)) for s, a in zip(shards, answers, strict=True)]
            for shard, customer_ids in moved:
                if customer_ids:
                    await follow_marks(self._mover, read, shard, customer_ids)
        except (StoreUnreachableError, StoreRefusesError) as error:
            # Nothing was sent that could have changed a balance, but what we hold may be old by now.
            raise ClaimsLostError(frozenset(), fenced=False, why=str(error)) from error

    def _decide(self, batch: ChargedBatch, rows: Ints, owned: dict[int, Ownership]) -> UnsentCommits:
        """One decision over the rows, and one commit per shard."""
        cache = self._sessions.cache
        self.batch_no += 1
        self._limits[L_BATCH_NO] = self.batch_no
        with self._metrics.stage("decide"):
            call = (cache, self._limits, batch.events, batch.decoded.text, rows, batch.decisions)
            batch.decisions = (
                decide_rows(*call) if batch.steps is None else decide_and_note(*call, batch.steps)
            )
            touched = batch.decisions.touched[: batch.decisions.used[2]]
            parts = parts_by_shard(cache, batch.events, rows, batch.row_shard, touched, self._sessions.shards)
            commits = {
                shard: build_commit(
                    cache,
                    shard,
                    self._sessions.seen(shard),
                    self._random_tag(),
                    self._caller,
                    batch.events,
                    part,
                    batch.decisions,
                    owned,
                    self._sessions.store.group_schema,
                )
                for shard, part in parts.items()
            }
        return UnsentCommits(commits, {shard: part.rows for shard, part in parts.items()})

    async def _send(self, commits: list[Commit], owned: dict[int, Ownership]) -> set[int]:
        """One call a shard; returns the shards that refused it."""
        with self._metrics.stage("commit"):
            answers = await asyncio.gather(
                *(self._send_one(commit) for commit in commits), return_exceptions=True
            )
        refused = self._settle(commits, answers, owned)
        if any(
            answer.status is CommitStatus.RESERVED for answer in answers if isinstance(answer, CommitAnswer)
        ):
            await asyncio.sleep(RESERVED_WAIT_S)
        return refused

    async def _send_one(self, commit: Commit) -> CommitAnswer:
        """Send to one shard; from a refusal on, and not only from the last answer, later events wait."""
        answer = await self._sessions.commit(commit)
        if answer.status is not CommitStatus.ACCEPTED:
            self._deciding_again = True
        return answer

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
    ) -> set[int]:
        """Shards whose rows must be decided again; raises where going on is not possible."""
        refused = set()
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
                    refused.add(commit.shard)
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
