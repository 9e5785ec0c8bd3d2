"""A change from outside the daemon: computed in pure code, committed whole, again where somebody was quicker."""

import asyncio

import pytest

from balance_store.group_change import Changed
from balance_store.group_record import pack_group, unpack_group
from balance_store.model import ModelStore
from balance_store.move_customers import Mover
from balance_store.one_door import CustomersApartError, GroupMissingError, change_groups
from balance_store.profile_record import pack_profile
from balance_store.requests import Changed as OthersChanged
from balance_store.requests import (
    CommitAnswer,
    CommitStatus,
    Records,
    StoreRefusesError,
    StoreUnreachableError,
)
from rating_kernels.group_image import B_AMOUNT, M_AFTER, M_ID_HASH, SECTION_BALANCES, SECTION_COMMANDS
from rating_kernels.group_layout import append_row, row_at, section_count
from tests.balance_store.given import commit, load, writes
from tests.rating_kernels.sample_world import sample_world

WORLD = sample_world()
COMMAND = -(2**60) - 7  # the hash of a command's id
NOTHING_CHANGED = OthersChanged(unknown=False, group_ids=frozenset(), profile_ids=frozenset())


async def store_of_two(reservation_ms: int = 50, shards: int = 1) -> tuple[ModelStore, dict[int, int]]:
    """A store that holds C1 and C2, and their group ids with their customers."""
    store = ModelStore(shards, clock_ms=lambda: 0, reservation_ms=reservation_ms)
    groups, profiles, owners = {}, {}, {}
    for profile in WORLD.profiles.values():
        (group_id,) = profile.group_ids
        groups[group_id] = pack_group(WORLD.cache.words, WORLD.cache.image_at(group_id))
        profiles[profile.customer_id] = pack_profile(profile)
        owners[group_id] = profile.customer_id
    seen = (await store.load(load(None))).version
    await store.commit(commit(seen, writes=Records(groups, profiles)))
    return store, owners


def add_one(group_id, image, profile):
    """A change that is seen in the image: one more balance of -1."""
    row = append_row(image, 0, SECTION_BALANCES)
    image[row + B_AMOUNT] = -1
    return Changed(image, "added")


def balances(store: ModelStore, group_id: int) -> int:
    return int(section_count(unpack_group(store.group_records()[group_id]), 0, SECTION_BALANCES))


def first_amount(store: ModelStore, group_id: int) -> int:
    image = unpack_group(store.group_records()[group_id])
    return int(image[row_at(image, 0, SECTION_BALANCES, 0) + B_AMOUNT])


def test_several_groups_change_in_one_commit():
    async def play():
        store, owners = await store_of_two()
        before = {g: balances(store, g) for g in owners}
        answers = await change_groups(store, 0, owners, add_one, 0, b"me")
        assert answers == dict.fromkeys(owners, "added")
        assert {g: balances(store, g) for g in owners} == {g: n + 1 for g, n in before.items()}

    asyncio.run(play())


def test_a_change_of_nothing_writes_nothing():
    async def play():
        store, owners = await store_of_two()
        before = (await store.load(load(None))).version
        answers = await change_groups(store, 0, owners, lambda *_: Changed(None, 7), 0, b"me")
        assert set(answers.values()) == {7}
        assert (await store.load(load(None))).version == before

    asyncio.run(play())


def test_who_was_overtaken_computes_again_on_what_is_there():
    async def play():
        store, owners = await store_of_two()
        (group_id, *_), computed = owners, []

        def overtaken_once(group, image, profile):
            first = row_at(image, 0, SECTION_BALANCES, 0)
            computed.append(int(image[first + B_AMOUNT]))
            if len(computed) == 1:
                other = unpack_group(store.group_records()[group])
                other[row_at(other, 0, SECTION_BALANCES, 0) + B_AMOUNT] += 5
                quick.append(pack_group(other, 0))
            image[first + B_AMOUNT] += 1
            return Changed(image, int(image[first + B_AMOUNT]))

        quick: list[bytes] = []
        real = store.commit

        async def commit_after_the_quick_one(asked):
            if quick:
                seen = (await store.load(load(None))).version
                await real(commit(seen, caller=b"quick", writes=writes(**{f"g{group_id}": quick.pop()})))
            return await real(asked)

        store.commit = commit_after_the_quick_one
        answers = await change_groups(store, 0, {group_id: owners[group_id]}, overtaken_once, 0, b"me")
        assert computed[1] == computed[0] + 5
        assert answers == {group_id: computed[0] + 6}

    asyncio.run(play())


def test_a_group_that_is_not_there_is_said_by_number():
    async def play():
        store, owners = await store_of_two()
        with pytest.raises(GroupMissingError, match="999"):
            await change_groups(store, 0, {999: next(iter(owners.values()))}, add_one, 0, b"me")

    asyncio.run(play())


def test_who_is_always_overtaken_gives_up_and_has_written_nothing(monkeypatch):
    async def play():
        store, owners = await store_of_two(reservation_ms=0)
        group_id = next(iter(owners))
        before = balances(store, group_id)
        real = store.commit

        async def never(asked):
            seen = (await store.load(load(None))).version
            record = store.group_records()[group_id]
            await real(commit(seen, caller=b"greedy", writes=writes(**{f"g{group_id}": record})))
            return await real(asked)

        store.commit = never
        monkeypatch.setattr("balance_store.one_door.PAUSE_S", 0)
        monkeypatch.setattr("balance_store.one_door.REFUSALS_MAX", 3)
        with pytest.raises(StoreRefusesError, match="refused 3 times"):
            await change_groups(store, 0, {group_id: owners[group_id]}, add_one, 0, b"me")
        assert balances(store, group_id) == before

    asyncio.run(play())


def test_a_command_repeated_after_a_lost_answer_gives_its_first_answer():
    """The door repeats nothing; a command that leaves its id in the image may be given to it again."""

    def top_up(group_id, image, profile):
        for number in range(section_count(image, 0, SECTION_COMMANDS)):
            row = row_at(image, 0, SECTION_COMMANDS, number)
            if image[row + M_ID_HASH] == COMMAND:
                return Changed(None, int(image[row + M_AFTER]))
        first = row_at(image, 0, SECTION_BALANCES, 0)
        image[first + B_AMOUNT] -= 10
        row = append_row(image, 0, SECTION_COMMANDS)
        image[row + M_ID_HASH], image[row + M_AFTER] = COMMAND, image[first + B_AMOUNT]
        return Changed(image, int(image[first + B_AMOUNT]))

    async def play():
        store, owners = await store_of_two()
        group = {g: owners[g] for g in list(owners)[:1]}
        before = first_amount(store, *group)
        real, committed = store.commit, []

        async def answer_is_lost(asked):
            committed.append(await real(asked))
            raise StoreUnreachableError("lost")

        store.commit = answer_is_lost
        with pytest.raises(StoreUnreachableError):
            await change_groups(store, 0, group, top_up, 0, b"me")
        assert [one.status for one in committed] == [CommitStatus.ACCEPTED]
        store.commit = real
        # Others go on meanwhile; the first answer stays.
        await change_groups(store, 0, group, add_one, 0, b"other")
        answers = await change_groups(store, 0, group, top_up, 0, b"me")
        assert list(answers.values()) == [before - 10]
        assert first_amount(store, *group) == before - 10

    asyncio.run(play())


def test_a_group_that_is_missing_leaves_the_others_as_they_were():
    async def play():
        store, owners = await store_of_two()
        before = store.group_records()
        with pytest.raises(GroupMissingError, match="999"):
            await change_groups(store, 0, owners | {999: 999}, add_one, 0, b"me")
        assert store.group_records() == before

    asyncio.run(play())


def test_an_old_catalogue_is_said_at_once():
    async def play():
        store, owners = await store_of_two()
        asked = []

        async def catalogue_is_old(one):
            asked.append(one)
            seen = (await store.load(load(None))).version
            return CommitAnswer(
                CommitStatus.CATALOGUE_OLD, seen, NOTHING_CHANGED, Records({}, {}), (), catalogue_version=5
            )

        store.commit = catalogue_is_old
        with pytest.raises(StoreRefusesError, match="accepts catalogue 5 or newer, this program has 4"):
            await change_groups(store, 0, owners, add_one, 4, b"me")
        assert len(asked) == 1

    asyncio.run(play())


def test_customers_who_moved_are_followed_unless_they_live_apart():
    async def play():
        store, owners = await store_of_two(shards=2)
        first, *others = sorted(owners)
        mover = Mover(store, b"mover", lambda: b"mover---")
        await mover.move(frozenset(owners.values()), 0, 1)
        assert await change_groups(store, 0, owners, add_one, 0, b"me") == dict.fromkeys(owners, "added")
        before = {g: balances(store, g) for g in owners}
        await mover.move(frozenset({owners[first]}), 1, 0)
        with pytest.raises(CustomersApartError) as raised:
            await change_groups(store, 1, owners, add_one, 0, b"me")
        assert raised.value.lives == {owners[first]: 0} | {owners[g]: 1 for g in others}
        assert {g: balances(store, g) for g in owners} == before

    asyncio.run(play())
