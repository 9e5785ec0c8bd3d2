"""A commit on the wire: the kernel's bytes are those of a dictionary, and a transaction is never left half done."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from balance_store.commit_call import command, commit_call, pack_ids
from balance_store.connection import open_link
from balance_store.group_record import pack_group, unpack_group
from balance_store.keyspace import ID_MAX, groups_key, header_key, profiles_key
from balance_store.packed_records import packed_groups, record_arguments
from balance_store.requests import CommitStatus, Records, StoreMismatchError
from rating_kernels.group_image import H_GROUP_ID, SECTION_RING
from rating_kernels.group_layout import append_row, empty_image
from tests.balance_store.given import commit, load, writes

# Records of fewer than a hundred bytes, of hundreds, and of more than a thousand.
RING_LENGTHS = st.integers(0, 80)


def images(rings: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Images of groups by id, with this many ids in their rings; and where they begin."""
    made = []
    for number, length in rings.items():
        image = empty_image({H_GROUP_ID: number}, (0, 0, 0, 0, length, 0))
        for event in range(length):
            image[append_row(image, 0, SECTION_RING)] = event
        made.append(image)
    offsets = np.cumsum([0, *(len(image) for image in made[:-1])])
    return np.concatenate(made), offsets


@given(st.dictionaries(st.integers(0, ID_MAX), RING_LENGTHS, min_size=1, max_size=6))
def test_the_kernel_packs_what_one_by_one_would(rings):
    words, offsets = images(rings)
    packed = packed_groups(words, offsets)
    one_by_one = {int(words[at + H_GROUP_ID]): pack_group(words, int(at)) for at in offsets}
    assert dict(packed) == one_by_one
    assert list(packed) == sorted(one_by_one)
    assert bytes(packed.arguments) == record_arguments(one_by_one)
    assert all(unpack_group(record)[H_GROUP_ID] == number for number, record in packed.items())
    assert (ID_MAX + 1 in packed, len(packed)) == (False, len(rings))


@given(st.lists(st.integers(0, ID_MAX), max_size=20))
def test_ids_are_ascending_whoever_names_them(ids):
    expected = b"".join(number.to_bytes(8, "big") for number in sorted(set(ids)))
    assert pack_ids(tuple(ids)) == pack_ids(np.array(sorted(set(ids)), np.int64)) == expected


@pytest.mark.parametrize("number", [-1, ID_MAX + 1])
def test_an_id_that_the_server_could_not_compare_is_our_mistake(number):
    with pytest.raises(AssertionError):
        pack_ids((number,))


def test_a_commit_says_how_many_answers_it_has():
    assert commit_call(commit(None)).answers == 1
    assert commit_call(commit(None, writes=writes(g1=b"a"))).answers == 5
    assert commit_call(commit(None, writes=Records({1: b"a"}, {2: b"b", 3: None}))).answers == 6
    assert commit_call(commit(None, writes=Records({1: None}, {}))).answers == 1


@pytest.mark.live
def test_a_commit_of_packed_groups_is_one_of_records(twins):
    async def play(store, model):
        words, offsets = images({7: 3, 2: 60, 5: 0})
        seen = (await store.load(load(None))).version
        asked = commit(seen, writes=Records(packed_groups(words, offsets), {}), read_profile_ids=np.arange(3))
        assert await store.commit(asked) == await model.commit(asked)
        assert await store.load(load(seen, 2, 5, 7)) == await model.load(load(seen, 2, 5, 7))

    twins.run(play)


@pytest.mark.live
def test_a_commit_outside_its_transaction_is_noticed_by_all_that_follow(twins):
    async def play(store, _):
        seen = (await store.load(load(None))).version
        first = await store.commit(commit(seen, writes=writes(g1=b"a")))
        _, decide, *_ = commit_call(commit(first.version, writes=writes(g2=b"b"))).parts
        await sent_alone(twins, decide)
        for call in (
            store.load(load(None, 1)),
            store.commit(commit((await store.load(load(None))).version, writes=writes(g1=b"c"))),
            # Nor did that commit make the hash anew.
            store.load(load(None, 1)),
        ):
            with pytest.raises(StoreMismatchError, match="LEFTOPEN"):
                await call

    twins.run(play)


@pytest.mark.live
def test_where_the_profiles_are_gone_nothing_is_written_to_the_groups_either(twins):
    async def play(store, _):
        seen = (await store.load(load(None))).version
        first = await store.commit(commit(seen, writes=Records({1: b"a"}, {1: b"p"})))
        with Redis.from_url(twins.settings.url) as client:
            client.rename(profiles_key(0), "elsewhere")
            with pytest.raises(StoreMismatchError, match="LEFTOPEN"):
                await store.commit(commit(first.version, writes=Records({1: b"new"}, {2: b"q"})))
            assert (await store.load(load(first.version, 1))).records.groups == {1: b"a"}
            client.rename("elsewhere", profiles_key(0))
        second = await store.commit(commit(first.version, writes=Records({1: b"new"}, {2: b"q"})))
        assert second.status is CommitStatus.ACCEPTED
        records = (await store.load(load(None, 1, profiles=(1, 2)))).records
        assert (records.groups, records.profiles) == ({1: b"new"}, {1: b"p", 2: b"q"})

    twins.run(play)


async def sent_alone(twins, part: bytes) -> None:
    """Send one command of a transaction by itself, as only a faulty client would."""
    link = await open_link(twins.settings)
    await link.write(0, bytes(part))
    link.close()


@pytest.mark.live
def test_records_of_a_store_that_older_functions_made_are_kept(twins):
    async def play(store, _):
        seen = (await store.load(load(None))).version
        first = await store.commit(commit(seen, writes=writes(g1=b"a")))
        with Redis.from_url(twins.settings.url) as client:
            client.hdel(header_key(0), "groups")
        second = await store.commit(commit(first.version, writes=writes(g2=b"b")))
        assert second.status is CommitStatus.ACCEPTED
        assert (await store.load(load(None, 1, 2))).records.groups == {1: b"a", 2: b"b"}

    twins.run(play)


@pytest.mark.live
def test_what_was_refused_leaves_nothing_behind(twins):
    async def play(store, _):
        refused = await store.commit(commit(None, writes=writes(g1=b"a")))
        assert refused.status is CommitStatus.UNKNOWN
        with Redis.from_url(twins.settings.url) as client:
            assert client.keys(f"{groups_key(0)}*") == []

    twins.run(play)


@pytest.mark.live
def test_the_answer_of_a_call_that_was_given_up_is_nobody_elses(twins):
    async def play(store, _):
        seen = (await store.load(load(None))).version
        for turn in range(20):
            given_up = asyncio.create_task(store.commit(commit(seen, writes=writes(g1=b"%d" % turn))))
            # Given up before it is sent, while it is, and while its answers come.
            for _ in range(turn):
                await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            assert (await store.load(load(None, 2))).records.groups == {2: None}

    twins.run(play)


@pytest.mark.live
def test_a_command_that_is_refused_leaves_the_connection_in_step(twins):
    async def play(store, _):
        refused = command("MULTI") + command("HSET", "x") + command("EXEC")
        with pytest.raises(StoreMismatchError, match="wrong number of arguments"):
            await store._link.write(0, refused, 3)
        assert (await store.load(load(None, 2))).records.groups == {2: None}

    twins.run(play)
