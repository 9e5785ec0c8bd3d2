"""Every way a commit can end, on the server and in its model."""

import asyncio
import importlib.resources
import re

import pytest
from redis.asyncio import Redis

from balance_store import commit_call
from balance_store.keyspace import decisions_key, header_key
from balance_store.lowest_catalogue import raise_lowest_catalogue
from balance_store.requests import (
    NO_FLOOR,
    CommitStatus,
    Epoch,
    Floor,
    Records,
    StoreMismatchError,
    Version,
)
from tests.balance_store.given import claim, commit, load, usage, writes

pytestmark = pytest.mark.live


def on_both(twins, play):
    """Run a scenario on the server, then on the model."""

    async def both(store, model):
        await play(store)
        await play(model)

    twins.run(both)


async def written(store, number: int, record: bytes, **changes) -> Version:
    """The version after writing a group on top of everything."""
    seen = (await store.load(load(None))).version
    answer = await store.commit(commit(seen, writes=writes(**{f"g{number}": record}), **changes))
    assert answer.status is CommitStatus.ACCEPTED
    return answer.version


def test_the_lua_header_lists_the_statuses_as_they_are():
    source = (importlib.resources.files("balance_store") / "lua" / "chargeline.lua").read_text()
    (line,) = re.findall(r"^-- Statuses: (.*)$", source, re.MULTILINE)
    listed = dict(reversed(pair.split()) for pair in line.split(", "))
    assert {name: int(number) for name, number in listed.items()} == {
        one.name: one.value for one in CommitStatus
    }


def test_what_was_accepted_is_there_and_named_to_others(twins):
    async def play(store):
        first = (await store.load(load(None, 1))).version
        answer = await store.commit(
            commit(first, writes=Records({1: b"one"}, {9: b"nine"}), read_group_ids=(2,))
        )
        assert answer.status is CommitStatus.ACCEPTED
        assert answer.version.number == first.number + 1
        found = await store.load(load(first, 1, 2, profiles=(9,)))
        assert found.records == Records({1: b"one", 2: None}, {9: b"nine"})
        assert found.changed == (False, {1}, {9})

    on_both(twins, play)


def test_a_stale_commit_is_refused_with_the_fresh_records_and_changes_nothing(twins):
    async def play(store):
        seen = await written(store, 1, b"old")
        await written(store, 1, b"new", caller=b"other")
        answer = await store.commit(commit(seen, writes=writes(g1=b"mine", g2=b"too")))
        assert (answer.status, answer.fresh) == (CommitStatus.STALE, Records({1: b"new"}, {}))
        found = await store.load(load(None, 1, 2))
        assert found.records.groups == {1: b"new", 2: None}

    on_both(twins, play)


@pytest.mark.parametrize("stands_on", ["read_group_ids", "read_profile_ids"])
def test_a_commit_is_stale_by_what_it_only_read(twins, stands_on):
    async def play(store):
        seen = await written(store, 1, b"a")
        now = (await store.load(load(None))).version
        await store.commit(commit(now, writes=Records({7: b"x"}, {7: b"y"}), caller=b"other"))
        answer = await store.commit(commit(seen, writes=writes(g1=b"b"), **{stands_on: (7,)}))
        assert answer.status is CommitStatus.STALE

    on_both(twins, play)


def test_a_commit_beside_others_changes_goes_through_and_hears_of_them(twins):
    async def play(store):
        seen = await written(store, 1, b"a")
        await written(store, 2, b"b", caller=b"other")
        answer = await store.commit(commit(seen, writes=writes(g1=b"c")))
        assert answer.status is CommitStatus.ACCEPTED
        assert answer.changed == (False, {2}, frozenset())

    on_both(twins, play)


@pytest.mark.parametrize(
    "seen", [None, Version(0, b"another."), Version(999, bytes(8)), Version(1, b"another.")]
)
def test_a_version_the_shard_does_not_know_is_refused_as_unknown(twins, seen):
    async def play(store):
        await written(store, 1, b"a")
        answer = await store.commit(commit(seen, writes=writes(g1=b"b")))
        assert (answer.status, answer.changed.unknown) == (CommitStatus.UNKNOWN, True)
        assert (await store.load(load(seen))).changed.unknown

    on_both(twins, play)


def test_a_removed_group_is_gone_and_counts_as_changed(twins):
    async def play(store):
        seen = await written(store, 1, b"a")
        answer = await store.commit(commit(seen, writes=Records({1: None}, {})))
        assert answer.status is CommitStatus.ACCEPTED
        found = await store.load(load(seen, 1))
        assert (found.records.groups, found.changed.group_ids) == ({1: None}, {1})

    on_both(twins, play)


def test_a_lower_epoch_is_fenced_whatever_else_is_wrong(twins):
    async def play(store):
        old, new = Epoch(1, 0), Epoch(2, 0)
        await store.claim(claim(3, *old))
        granted = await store.claim(claim(3, *new))
        assert granted.partitions[0].granted
        refused = await store.claim(claim(3, *old))
        assert (refused.partitions[0].granted, refused.partitions[0].epoch) == (False, new)
        answer = await store.commit(commit(None, writes=writes(g1=b"a"), usage=(usage(3, old, b"d", 5),)))
        assert (answer.status, answer.fenced) == (CommitStatus.FENCED, (3,))
        assert (await store.load(load(None, 1))).records.groups == {1: None}

    on_both(twins, play)


def test_a_second_attempt_goes_above_the_first(twins):
    async def play(store):
        await store.claim(claim(3, 1, 0))
        assert (await store.claim(claim(3, 1, 1))).partitions[0].granted
        assert not (await store.claim(claim(3, 1, 1))).partitions[0].granted

    on_both(twins, play)


def test_decisions_are_kept_until_the_floor_passes_them(twins):
    async def play(store):
        epoch = Epoch(1, 0)
        await store.claim(claim(3, *epoch))
        for highest, entry in ((4, b"up to 4"), (9, b"up to 9")):
            seen = (await store.load(load(None))).version
            await store.commit(commit(seen, usage=(usage(3, epoch, entry, highest),)))
        taken = (await store.claim(claim(3, 2))).partitions[0]
        assert (taken.decisions, taken.floor) == ((b"up to 4", b"up to 9"), NO_FLOOR)
        floor = Floor(5, 4, 77)
        # A commit that changes no record cannot be stale: floors need no version.
        await store.commit(commit(None, usage=(usage(3, Epoch(2, 0), floor=floor),)))
        taken = (await store.claim(claim(3, 3))).partitions[0]
        assert (taken.decisions, taken.floor) == ((b"up to 9",), floor)

    on_both(twins, play)


def test_passed_decisions_do_not_pile_up_while_a_daemon_goes_on(twins):
    async def play(store, model):
        epoch = Epoch(1, 0)
        for one in (store, model):
            await one.claim(claim(3, *epoch))
            for offset in range(200):
                floor = Floor(max(0, offset - 5), -1, 0)
                await one.commit(commit(None, usage=(usage(3, epoch, b"to %d" % offset, offset, floor),)))
        async with Redis.from_url(twins.settings.url) as client:
            assert await client.llen(decisions_key(0, 3)) <= 40
        (taken,) = (await store.claim(claim(3, 2))).partitions
        (expected,) = (await model.claim(claim(3, 2))).partitions
        assert taken == expected
        assert taken.decisions == tuple(b"to %d" % offset for offset in range(194, 200))

    twins.run(play)


def test_an_older_catalogue_is_refused(twins):
    async def play(store):
        told = await store.commit(commit(None, catalogue_version=5, lowest_catalogue=5))
        assert (told.status, told.catalogue_version) == (CommitStatus.ACCEPTED, 5)
        answer = await store.commit(commit(None, catalogue_version=4))
        assert (answer.status, answer.catalogue_version) == (CommitStatus.CATALOGUE_OLD, 5)
        assert (await store.commit(commit(None, catalogue_version=5))).status is CommitStatus.ACCEPTED

    on_both(twins, play)


def test_the_lowest_catalogue_only_rises(twins):
    async def play(store):
        await raise_lowest_catalogue(store, 5, b"me")
        await raise_lowest_catalogue(store, 5, b"me")
        with pytest.raises(StoreMismatchError, match="accepts catalogue 5 or newer, not 4"):
            await raise_lowest_catalogue(store, 4, b"me")
        answer = await store.commit(commit(None, catalogue_version=9, lowest_catalogue=3))
        assert (answer.status, answer.catalogue_version) == (CommitStatus.ACCEPTED, 5)

    on_both(twins, play)


def test_a_refused_commit_raises_nothing(twins):
    async def play(store):
        await store.claim(claim(3, 2))
        refused = await store.commit(
            commit(None, usage=(usage(3, Epoch(1, 0)),), catalogue_version=7, lowest_catalogue=7)
        )
        assert (refused.status, refused.catalogue_version) == (CommitStatus.FENCED, 0)

    on_both(twins, play)


def test_the_refused_caller_is_promised_its_group_for_a_moment(twins):
    async def play(store):
        seen = await written(store, 1, b"a")
        await written(store, 1, b"b", caller=b"quick")
        refused = await store.commit(commit(seen, writes=writes(g1=b"c"), caller=b"slow"))
        assert refused.status is CommitStatus.STALE
        again = commit(refused.version, writes=writes(g1=b"d"), caller=b"quick")
        assert (await store.commit(again)).status is CommitStatus.RESERVED
        aside = commit(refused.version, writes=writes(g2=b"e"), caller=b"quick")
        assert (await store.commit(aside)).status is CommitStatus.ACCEPTED
        mine = commit(refused.version, writes=writes(g1=b"c"), caller=b"slow")
        assert (await store.commit(mine)).status is CommitStatus.ACCEPTED
        now = (await store.load(load(None))).version
        after = commit(now, writes=writes(g1=b"f"), caller=b"quick")
        assert (await store.commit(after)).status is CommitStatus.ACCEPTED

    on_both(twins, play)


def test_a_promise_ends_by_itself(twins):
    async def play(store, model):
        seen = await written(store, 1, b"a")
        await written(store, 1, b"b", caller=b"quick")
        await store.commit(commit(seen, writes=writes(g1=b"c"), caller=b"slow"))
        await asyncio.sleep(2 * commit_call.RESERVATION_MS / 1000)
        await written(store, 1, b"d", caller=b"quick")

    twins.run(play)


def test_a_shard_that_was_never_created_is_an_error_and_stays_absent(twins):
    async def play(store, model):
        with pytest.raises(StoreMismatchError, match="lost a shard"):
            await store.load(load(None)._replace(shard=5))
        with pytest.raises(StoreMismatchError, match="lost a shard"):
            await store.commit(commit(None)._replace(shard=5))
        with pytest.raises(StoreMismatchError, match="lost a shard"):
            await store.claim(claim(0, 1)._replace(shard=5))
        async with Redis.from_url(twins.settings.url) as client:
            assert await client.exists(header_key(5)) == 0

    twins.run(play)
