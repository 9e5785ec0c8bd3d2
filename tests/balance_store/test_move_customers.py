"""A move between shards, step by step: dead at every call, done twice, overtaken, and what it refuses."""

import asyncio
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_store.directory_record import (
    moved_entries,
    pack_entries,
    stored_forms,
    unpack_entries,
    with_customer,
)
from balance_store.mark_record import MARK_SCHEMA, Mark, is_mark, pack_mark, unpack_mark
from balance_store.model import ModelStore
from balance_store.move_customers import Mover
from balance_store.move_plan import freeze
from balance_store.profile_record import (
    PROFILE_SCHEMA,
    Membership,
    Profile,
    ServiceEntry,
    pack_profile,
    unpack_profile,
)
from balance_store.requests import DirectoryEntry, Load, Records
from tests.balance_store.given import commit, load

OWNER, MEMBER = 1, 2
NEVER = 10**15
TAGS = (number.to_bytes(8, "big") for number in itertools.count(10**6))


class DeadError(BaseException):
    """The mover is gone."""


class DyingStore:
    """A store whose caller dies before or after one of its calls."""

    def __init__(self, store: ModelStore, dies_at: int) -> None:
        self._store, self._dies_at, self.calls = store, dies_at, 0

    def __getattr__(self, name):
        call = getattr(self._store, name)

        async def watched(*given):
            self._step()
            answer = await call(*given)
            self._step()
            return answer

        return watched

    def _step(self) -> None:
        self.calls += 1
        if self.calls == self._dies_at:
            raise DeadError


def profile(customer_id: int, *owners: int) -> Profile:
    memberships = tuple(Membership(7, 1, owner, owner, 0, NEVER) for owner in owners)
    service = ServiceEntry(f"+{customer_id}", 1, 0, NEVER, customer_id, customer_id, (), ())
    return Profile(PROFILE_SCHEMA, customer_id, (service,), memberships, (), (customer_id,))


async def family_store() -> ModelStore:
    """Two shards; an owner and a member live at shard 0."""
    store = ModelStore(2, clock_ms=lambda: 0)
    profiles = {OWNER: profile(OWNER), MEMBER: profile(MEMBER, OWNER)}

    seen = (await store.load(load(None))).version
    records = Records(
        {OWNER: b"owner's", MEMBER: b"member's"}, {c: pack_profile(p) for c, p in profiles.items()}
    )
    await store.commit(commit(seen, writes=records))
    for customer_id in profiles:
        entry = DirectoryEntry(0, customer_id, customer_id, 0, NEVER)
        assert await store.swap_identifier(f"+{customer_id}", (), (entry,))

    return store


def mover(store) -> Mover:
    return Mover(store, b"mover", lambda: next(TAGS))


async def records(store, shard: int) -> Records:
    ids = (OWNER, MEMBER)
    return (await store.load(Load(shard, None, ids, ids))).records


async def moved_to(store: ModelStore, target: int, move_no: int) -> None:
    """Assert that both are at the target whole, that thin marks point there, and the directory too."""
    there, left = await records(store, target), await records(store, 1 - target)
    assert there.groups == {OWNER: b"owner's", MEMBER: b"member's"}
    assert left.groups == {OWNER: None, MEMBER: None}
    assert [unpack_profile(there.profiles[c]).move_no for c in (OWNER, MEMBER)] == [move_no, move_no]
    marks = [unpack_mark(left.profiles[c]) for c in (OWNER, MEMBER)]
    assert [(mark.shard, mark.move_no, mark.whole) for mark in marks] == [(target, move_no, False)] * 2
    for entries in await store.find_identifiers([f"+{OWNER}", f"+{MEMBER}"]):
        assert [(one.shard, one.move_no) for one in entries] == [(target, move_no)]


def test_all_that_is_tied_moves_and_comes_back():
    async def play():
        store = await family_store()
        both = frozenset({OWNER, MEMBER})
        await mover(store).move(both, 0, 1)
        await moved_to(store, 1, 1)
        await mover(store).move(both, 1, 0)
        await moved_to(store, 0, 2)
        assert (await mover(store).find(MEMBER, 1)).shard == 0
        assert await mover(store).locate({OWNER: 1, MEMBER: 0, 99: 0}) == {OWNER: 0, MEMBER: 0}

    asyncio.run(play())


def calls_of_a_move() -> int:
    async def play() -> int:
        store = DyingStore(await family_store(), 0)
        await mover(store).move(frozenset({OWNER, MEMBER}), 0, 1)
        return store.calls

    return asyncio.run(play())


@pytest.mark.parametrize("dies_at", range(1, calls_of_a_move() + 1))
def test_whoever_looks_for_a_customer_finishes_the_move_of_somebody_who_died(dies_at):
    async def play():
        store = await family_store()
        with pytest.raises(DeadError):
            await mover(DyingStore(store, dies_at)).move(frozenset({OWNER, MEMBER}), 0, 1)
        found = await mover(store).find(MEMBER, 0)
        assert found.profile is not None
        if found.shard == 1:
            await moved_to(store, 1, 1)
        else:
            assert (await records(store, 0)).groups == {OWNER: b"owner's", MEMBER: b"member's"}
            assert (await records(store, 1)).profiles == {OWNER: None, MEMBER: None}

    asyncio.run(play())


def test_a_move_that_others_finished_and_that_went_on_is_left_alone():
    async def play():
        store, both = await family_store(), frozenset({OWNER, MEMBER})
        late = mover(store)
        paused, go_on = asyncio.Event(), asyncio.Event()
        arrive = late._finish

        async def wait_first(*given):
            paused.set()
            await go_on.wait()
            await arrive(*given)

        late._finish = wait_first
        moving = asyncio.ensure_future(late.move(both, 0, 1))
        await paused.wait()
        await mover(store).find(OWNER, 0)
        seen = await store.load(Load(1, None, (), ()))
        used = commit(seen.version, shard=1, writes=Records({OWNER: b"used"}, {}))
        await store.commit(used)
        await mover(store).move(both, 1, 0)
        go_on.set()
        await moving
        assert (await records(store, 0)).groups == {OWNER: b"used", MEMBER: b"member's"}
        assert (await records(store, 1)).groups == {OWNER: None, MEMBER: None}

    asyncio.run(play())


def test_what_is_written_between_reading_and_marking_moves_too():
    async def play():
        store = await family_store()

        class Overtaken(DyingStore):
            overtaken = False

            async def commit(self, asked):
                if not self.overtaken:
                    self.overtaken = True
                    now = await store.load(load(None))
                    await store.commit(commit(now.version, writes=Records({MEMBER: b"used"}, {})))
                return await store.commit(asked)

        await mover(Overtaken(store, 0)).move(frozenset({OWNER, MEMBER}), 0, 1)
        assert (await records(store, 1)).groups == {OWNER: b"owner's", MEMBER: b"used"}

    asyncio.run(play())


def test_a_profile_is_changed_where_the_customer_lives_by_then():
    def without_pools(there: Profile) -> Profile:
        return msgspec.structs.replace(there, memberships=())

    async def play():
        store = await family_store()
        await mover(store).move(frozenset({OWNER, MEMBER}), 0, 1)
        found = await mover(store).change_profile(MEMBER, 0, without_pools)
        assert (found.shard, found.profile.memberships, found.profile.move_no) == (1, (), 1)
        assert unpack_profile((await records(store, 1)).profiles[MEMBER]) == found.profile
        assert (await mover(store).change_profile(99, 0, without_pools)).profile is None

    asyncio.run(play())


def test_nobody_is_moved_away_from_those_who_are_tied_to_them():
    both = Records({OWNER: b"", MEMBER: b""}, {MEMBER: pack_profile(profile(MEMBER, OWNER))})
    with pytest.raises(AssertionError, match="ties stay in one shard"):
        freeze(both, 1)


MARK = Mark(MARK_SCHEMA, 5, 3, 1, (5, 6), pack_profile(profile(5)), ((5, b"group"),))


def test_a_mark_is_no_profile_and_a_profile_no_mark():
    assert unpack_mark(pack_mark(MARK)) == MARK
    assert unpack_mark(pack_mark(MARK.thin())) == Mark(MARK_SCHEMA, 5, 3, 1)
    assert len(pack_mark(MARK.thin())) < 12
    for record in (pack_mark(MARK), pack_mark(MARK.thin())):
        assert is_mark(record)
        with pytest.raises(ValueError, match=r"not a profile|Expected"):
            unpack_profile(record)
    assert not is_mark(pack_profile(profile(5)))
    assert not is_mark(None)
    with pytest.raises(ValueError, match=r"not a mark of schema 100|Expected"):
        unpack_mark(pack_profile(profile(5)))


entries = st.lists(
    st.builds(
        DirectoryEntry,
        st.integers(0, 3),
        st.integers(1, 3),
        st.just(1),
        st.integers(0, 9),
        st.just(10),
        st.integers(0, 3),
    ),
    max_size=4,
).map(tuple)


@given(entries)
def test_entries_are_read_as_they_were_written(some):
    assert unpack_entries(pack_entries(some)) == some
    assert unpack_entries(None) == ()


def test_an_entry_of_a_store_that_is_older_than_moves_is_found_in_its_own_bytes():
    assert b"\x91\x95\x01\x02\x03\x04\x05" in stored_forms((DirectoryEntry(1, 2, 3, 4, 5),))


@given(entries, st.integers(1, 3), st.integers(1, 3))
def test_the_directory_never_goes_back_to_an_earlier_move(stored, customer_id, move_no):
    after = moved_entries(stored, customer_id, move_no, 9)
    for before, now in zip(stored, after, strict=True):
        if before.customer_id != customer_id or before.move_no >= move_no:
            assert now == before
        else:
            assert now == before._replace(shard=9, move_no=move_no)


def test_a_publication_that_is_older_than_a_move_brings_only_its_validity():
    moved = DirectoryEntry(2, 5, 1, 0, 10, 4)
    told = DirectoryEntry(0, 5, 1, 0, 7)
    assert with_customer((moved,), 5, (told,)) == (moved._replace(valid_to_us=7),)
    newer = told._replace(shard=3, move_no=5)
    assert with_customer((moved,), 5, (newer,)) == (newer,)
