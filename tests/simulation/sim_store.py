"""Shell. The store as a daemon or a clerk of a simulated world reaches it, and the notes of what it took."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from balance_store.decision_record import unpack_decisions
from balance_store.group_record import SCHEMA_BEFORE
from balance_store.mark_record import is_mark
from balance_store.requests import (
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
    CommitStatus,
    DirectoryEntry,
    Load,
    LoadAnswer,
    StoreUnreachableError,
)
from rating_kernels.batch_columns import FLAG_LATE
from rating_kernels.outcomes import Outcome
from tests.simulation.edits import Edit, GroupEdit, ProfileEdit
from tests.simulation.world import World

NOBODYS = (Outcome.UNKNOWN_IDENTIFIER, Outcome.NO_SERVICE)


class SimStore:
    """A daemon's or a clerk's connection to the store: calls and answers get lost, or come late."""

    def __init__(self, world: World, caller: Any, *, old: bool = False) -> None:
        self._world = world
        self._caller = caller
        self.shards = world.store.shards
        # As the store says when the caller starts.
        self.group_schema = world.store.group_schema
        self._old = old  # of the version before
        self.doing: GroupEdit | None = None  # what a commit of groups alone is made for
        self._in_flight: set[int] = set()

    async def load(self, load: Load) -> LoadAnswer:
        return await self._call(load.shard, lambda: self._world.store.load(load))

    async def commit(self, commit: Commit) -> CommitAnswer:
        doing = self.doing
        return await self._call(
            commit.shard,
            lambda: self._commit(commit, doing),
            changed=lambda answer: answer.status is CommitStatus.ACCEPTED,
        )

    async def claim(self, claim: Claim) -> ClaimAnswer:
        return await self._call(claim.shard, lambda: self._world.store.claim(claim), changed=_always)

    async def draw_epoch(self, partition: int) -> int:
        return await self._call(None, lambda: self._world.store.draw_epoch(partition), changed=_always)

    async def settle(self, shard: int) -> None:
        await self._call(shard, lambda: self._world.store.settle(shard), changed=_always)

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        return await self._call(None, lambda: self._world.store.find_identifiers(identifiers))

    async def stored_identifiers(self, identifiers: list[str]) -> list[bytes | None]:
        return await self._call(None, lambda: self._world.store.stored_identifiers(identifiers))

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        return await self._call(
            None, lambda: self._world.store.swap_identifier(identifier, before, after), changed=bool
        )

    async def _commit(self, commit: Commit, doing: GroupEdit | None) -> CommitAnswer:
        answer = await self._world.store.commit(commit)
        if answer.status is CommitStatus.ACCEPTED:
            undo = note_commit(self._world, commit, doing)
            if self._world.replicas is not None:
                self._world.replicas.wrote(commit.shard, undo)
        return answer

    async def _call(self, shard, call, changed=lambda _: False):
        world = self._world
        assert shard not in self._in_flight, "two calls in flight on one shard"
        if shard is not None:
            self._in_flight.add(shard)
        try:
            await world.step(self._caller)
            chance = world.dice.random()
            if chance < world.faults.lost_request:
                raise StoreUnreachableError("the request was lost")
            if chance < world.faults.lost_request + world.faults.late_request:
                world.late.append(asyncio.ensure_future(_later(world, call)))
                raise StoreUnreachableError("no answer in time; the request is still on its way")
            answer = await call()
            if self._old:
                assert_old_reads(answer)
            if world.replicas is not None and changed(answer):
                await world.replicas.acknowledge(shard, world.faults.failover)
            await world.step(self._caller)
            if world.dice.random() < world.faults.lost_answer:
                raise StoreUnreachableError("the answer was lost")
            return answer
        finally:
            self._in_flight.discard(shard)


def assert_old_reads(answer: Any) -> None:
    """A program of the version before is not given a balance group that it cannot read."""
    records = getattr(answer, "records", None) or getattr(answer, "fresh", None)
    for record in records.groups.values() if records is not None else ():
        assert record is None or record[0] <= SCHEMA_BEFORE, "lost: the version before cannot read this"


def _always(_: Any) -> bool:
    return True


def note_commit(world: World, commit: Commit, doing: GroupEdit | None) -> Callable[[], None]:
    """Write down what was committed; what comes back takes it out again, where a failover lost it."""
    undo: list[Callable[[], None]] = []
    for usage in commit.usage:
        if usage.decisions:
            version, events = unpack_decisions(usage.decisions)
            places = [(usage.partition, e.offset, e.event_index) for e in events]
            undo.append(functools.partial(world.commits.__setitem__, len(world.commits), (0, version, [])))
            world.commits.append((commit.shard, version, places))
            world.customer_of |= zip(places, (e.customer_id for e in events), strict=True)
            nobodys = {place for place, e in zip(places, events, strict=True) if e.outcome in NOBODYS}
            world.nobodys |= nobodys
            incomplete = {
                p for p, e in zip(places, events, strict=True) if e.outcome == Outcome.STORE_INCOMPLETE
            }
            world.incomplete |= incomplete
            world.late_events += sum(bool(e.flags & FLAG_LATE) for e in events)
            undo.append(functools.partial(world.nobodys.difference_update, nobodys))
            undo.append(functools.partial(world.incomplete.difference_update, incomplete))
    world.schemas += {record[0] for record in commit.writes.groups.values() if record}
    # An arrival writes groups too, a mark is no profile: what is left is a change of a profile.
    edits: list[Edit] = []
    if not commit.writes.groups:
        edits += [
            ProfileEdit(record)
            for record in commit.writes.profiles.values()
            if record is not None and not is_mark(record)
        ]
    elif not commit.writes.profiles and not commit.usage:
        assert doing is not None, "nobody changes groups without a command"
        edits.append(doing)
        world.done[doing.order] += doing.once
        undo.append(lambda: world.done.subtract({doing.order: doing.once}))
    for edit in edits:
        entry = (len(world.commits), edit)
        world.edits.append(entry)
        undo.append(functools.partial(world.edits.remove, entry))

    def undo_all() -> None:
        for one in reversed(undo):
            one()

    return undo_all


async def _later(world: World, call) -> None:
    await asyncio.sleep(world.dice.random() * 0.5)
    await call()
