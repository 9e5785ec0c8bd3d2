"""Shell. Moving customers to another shard while usage flows, and finishing a move that was begun (ARCHITECTURE 6).

Any step may be the last one of whoever does it: each is made from what the store has, so whoever finds a whole
mark goes on from there. No call is repeated here; StoreUnreachableError leaves a move that can be finished.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from balance_store.directory_record import moved_entries
from balance_store.mark_record import Mark, is_mark, unpack_mark
from balance_store.move_plan import arrive, freeze, identifiers_of_mark, still_here, thin, whole_marks
from balance_store.profile_record import Profile, pack_profile, unpack_profile
from balance_store.requests import (
    Commit,
    CommitAnswer,
    CommitStatus,
    DirectoryEntry,
    Load,
    LoadAnswer,
    RecordMap,
    Records,
    StoreRefusesError,
    Version,
)
from balance_store.settled_read import is_settled

# A refusal is over when the other writer's commit is: about a round trip, and it holds a reservation for us.
REFUSALS_MAX = 200
PAUSE_S = 0.01
# Directory entries under way at once: enough to share the server's sync, few enough connections.
DIRECTORY_CALLS = 32


class MovingStore(Protocol):
    """The part of the Store that a move needs; a daemon's own goes through its locks."""

    async def load(self, load: Load) -> LoadAnswer: ...

    async def commit(self, commit: Commit) -> CommitAnswer: ...

    async def settle(self, shard: int) -> None: ...

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]: ...

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool: ...


class Found(NamedTuple):
    """Where a customer lives; no profile: the shard has never heard of them."""

    shard: int
    version: Version
    profile: Profile | None


class Prepared(NamedTuple):
    """What a commit writes, computed from records as they were at `version`; nothing where it is done already."""

    version: Version
    writes: Records


def _marks(records: Records, customer_ids: tuple[int, ...]) -> dict[int, Mark]:
    found = ((customer_id, records.profiles[customer_id]) for customer_id in customer_ids)
    return {customer_id: unpack_mark(record) for customer_id, record in found if record and is_mark(record)}


class Mover:
    """Moves customers and their records; raises StoreRefusesError and StoreUnreachableError."""

    def __init__(self, store: MovingStore, caller: bytes, random_tag: Callable[[], bytes]) -> None:
        self._store = store
        self._caller = caller
        self._random_tag = random_tag
        # A move does not depend on prices: it follows whatever version the shards accept.
        self._catalogue_version = 0

    async def move(self, customer_ids: frozenset[int], source: int, target: int) -> None:
        """Move those of the customers who live at the source; all who are tied to one of them must be named."""
        assert source != target, "nobody moves to where they are"
        ids = tuple(sorted(customer_ids))

        async def prepare() -> Prepared:
            seen: RecordMap = {}
            while True:
                here = still_here(seen)
                group_ids = tuple(group_id for some in here.values() for group_id in some)
                loaded = await self._store.load(Load(source, None, group_ids, ids))
                if loaded.records.profiles == seen:
                    return Prepared(loaded.version, freeze(loaded.records, target))
                seen = loaded.records.profiles

        await self._commit(source, prepare)
        await self.follow(source, ids)

    async def follow(self, shard: int, customer_ids: tuple[int, ...]) -> dict[int, int]:
        """Customers whose mark is at the shard, and where it points to; what was half done is finished."""
        marks = _marks((await self._store.load(Load(shard, None, (), customer_ids))).records, customer_ids)
        families: set[int] = set().union(*(mark.family for mark in marks.values()))
        if families:
            loaded = await self._store.load(
                Load(shard, None, (), tuple(sorted(families.union(customer_ids))))
            )
            # What this read says counts: a failover may have taken back what the one before said.
            marks = _marks(loaded.records, customer_ids)
            by_target: dict[int, list[Mark]] = {}
            unfinished = whole_marks(loaded.records.profiles)
            if unfinished and not await is_settled(self._store, shard, loaded.version):
                # A mark that was lost was never the point of no return.
                return await self.follow(shard, customer_ids)
            for mark in unfinished:
                by_target.setdefault(mark.shard, []).append(mark)
            for target, whole in sorted(by_target.items()):
                await self._finish(shard, target, whole)
        return {customer_id: mark.shard for customer_id, mark in marks.items()}

    async def locate(self, lives: dict[int, int]) -> dict[int, int]:
        """Where customers live, by the marks from where they were; who is unknown there is left out."""
        found: dict[int, int] = {}
        looking = dict(lives)
        while looking:
            shard = min(looking.values())
            ids = tuple(sorted(c for c, where in looking.items() if where == shard))
            profiles = (await self._store.load(Load(shard, None, (), ids))).records.profiles
            marked = tuple(c for c in ids if is_mark(profiles[c]))
            for customer_id in ids:
                del looking[customer_id]
                if profiles[customer_id] is not None and customer_id not in marked:
                    found[customer_id] = shard
            if marked:
                looking |= dict.fromkeys(marked, shard) | await self.follow(shard, marked)
        return found

    async def find(self, customer_id: int, shard: int) -> Found:
        """The customer's profile, by the marks that start at a shard where they live or lived."""
        while True:
            loaded = await self._store.load(Load(shard, None, (), (customer_id,)))
            record = loaded.records.profiles[customer_id]
            if record is None or not is_mark(record):
                return Found(shard, loaded.version, unpack_profile(record) if record else None)
            shard = (await self.follow(shard, (customer_id,))).get(customer_id, shard)

    async def change_profile(
        self, customer_id: int, shard: int, compute: Callable[[Profile], Profile]
    ) -> Found:
        """Write what `compute` makes of the profile, wherever the customer lives by now.

        `compute` may be called again with a newer profile. No profile in the answer: there is none to change.
        """
        for _ in range(REFUSALS_MAX):
            found = await self.find(customer_id, shard)
            if found.profile is None:
                return found
            shard, changed = found.shard, compute(found.profile)
            if changed == found.profile:
                if await is_settled(self._store, shard, found.version):
                    return found
                continue
            writes = Records({}, {customer_id: pack_profile(changed)})
            if await self._try(shard, Prepared(found.version, writes)):
                return found._replace(profile=changed)
        raise StoreRefusesError(
            f"shard {shard} refused {REFUSALS_MAX} times; others keep changing the customer"
        )

    async def _finish(self, source: int, target: int, marks: list[Mark]) -> None:
        """Steps 2 to 4 for customers who left the source together."""
        ids = tuple(mark.customer_id for mark in marks)

        async def prepare_arrival() -> Prepared:
            loaded = await self._store.load(Load(target, None, (), ids))
            return Prepared(loaded.version, arrive(marks, loaded.records.profiles))

        async def prepare_thinning() -> Prepared:
            loaded = await self._store.load(Load(source, None, (), ids))
            return Prepared(loaded.version, Records({}, thin(marks, loaded.records.profiles)))

        await self._commit(target, prepare_arrival)
        pairs = [(mark, identifier) for mark in marks for identifier in identifiers_of_mark(mark)]
        for first in range(0, len(pairs), DIRECTORY_CALLS):
            await asyncio.gather(*(self._direct(*pair) for pair in pairs[first : first + DIRECTORY_CALLS]))
        await self._commit(source, prepare_thinning)

    async def _direct(self, mark: Mark, identifier: str) -> None:
        while True:
            (stored,) = await self._store.find_identifiers([identifier])
            after = moved_entries(stored, mark.customer_id, mark.move_no, mark.shard)
            if after == stored or await self._store.swap_identifier(identifier, stored, after):
                return

    async def _commit(self, shard: int, prepare: Callable[[], Awaitable[Prepared]]) -> None:
        """Commit what is prepared, prepared anew after each refusal, until there is nothing to write."""
        for _ in range(REFUSALS_MAX):
            prepared = await prepare()
            if prepared.writes.profiles:
                done = await self._try(shard, prepared)
            else:
                done = await is_settled(self._store, shard, prepared.version)
            if done:
                return
        raise StoreRefusesError(
            f"shard {shard} refused {REFUSALS_MAX} times; others keep changing these records"
        )

    async def _try(self, shard: int, prepared: Prepared) -> bool:
        """Whether the shard took it; if not, what stands in the way may be gone by now."""
        answer = await self._store.commit(
            Commit(
                shard=shard,
                seen=prepared.version,
                tag=self._random_tag(),
                caller=self._caller,
                catalogue_version=self._catalogue_version,
                writes=prepared.writes,
                read_group_ids=(),
                read_profile_ids=(),
                usage=(),
            )
        )
        if answer.status is CommitStatus.CATALOGUE_OLD:
            self._catalogue_version = answer.catalogue_version
        elif answer.status is not CommitStatus.ACCEPTED:
            await asyncio.sleep(PAUSE_S)
        return answer.status is CommitStatus.ACCEPTED
