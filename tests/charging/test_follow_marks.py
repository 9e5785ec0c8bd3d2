"""What the daemon believes of customers who moved: only what it read from the shard where they live."""

from balance_store.mark_record import MARK_SCHEMA, Mark, pack_mark
from balance_store.profile_record import unpack_profile
from balance_store.requests import Changed, LoadAnswer, Records, Version
from charging.balance_cache import BalanceCache
from charging.follow_marks import take_answer
from charging.resolve_events import ReadNow
from rating_kernels.profile_image import NO_PROFILE
from tests.simulation.catalogues import sample
from tests.simulation.make_world import SHARDS, publications

NOTHING = Changed(unknown=False, group_ids=frozenset(), profile_ids=frozenset())


def family():
    """Publications of a member and of the owner whose pool it uses."""
    by_id = {one.customer_id: one for one in publications(0, SHARDS)}
    for one in by_id.values():
        (owner,) = owners(one) or (None,)
        if owner is not None:
            return one, by_id[owner]
    raise AssertionError("the sample has families")


def owners(publication) -> list[int]:
    return [member.owner_customer_id for member in unpack_profile(publication.profile).memberships]


def records(*some) -> Records:
    return Records(
        {group: record for one in some for group, record in one.groups},
        {one.customer_id: one.profile for one in some},
    )


def test_what_the_left_shard_says_does_not_touch_the_copy_of_the_new_one():
    member, owner = family()
    cache = BalanceCache(sample(), 100)
    cache.install(1, records(member, owner))
    ids = frozenset({member.customer_id, owner.customer_id})
    groups = frozenset(group for one in (member, owner) for group, _ in one.groups)
    cache.forget(0, Changed(unknown=False, group_ids=groups, profile_ids=ids))
    mark = pack_mark(Mark(MARK_SCHEMA, member.customer_id, 1, 1))
    cache.install(0, Records(dict.fromkeys(groups), {member.customer_id: mark, owner.customer_id: None}))
    assert all(cache.profile_at(one.customer_id) != NO_PROFILE for one in (member, owner))
    assert cache.groups_here(1, groups) == set(groups)
    cache.install(1, Records({}, {member.customer_id: mark}))
    assert cache.profile_at(member.customer_id) == NO_PROFILE


def test_a_mark_is_no_read():
    read = ReadNow()
    profile = publications(0, SHARDS)[0].profile
    mark = pack_mark(Mark(MARK_SCHEMA, 2, 1, 1))

    found = Records({}, {1: profile, 2: mark, 3: None})
    assert take_answer(read, 0, LoadAnswer(Version(1, b""), NOTHING, found)) == (2,)
    assert read.profiles == {(0, 1), (0, 3)}
    read.directory_was_read({"+1"})
    assert (read.identifiers, read.profiles) == ({"+1"}, set())
