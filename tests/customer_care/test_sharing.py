"""Sharing groups made, joined, left and ended by people; what the records say reaches the store, whatever dies."""

import asyncio

import pytest

from balance_store.move_customers import Mover
from balance_store.requests import Load
from customer_care import tables
from customer_care.records import open_records, writing
from customer_care.sharing_desk import SharingDesk, read_sharing
from customer_care.sharing_rules import (
    Joined,
    Pool,
    Refusal,
    may_cancel,
    may_edit,
    may_join,
    may_leave,
    memberships_of,
)
from rating_kernels.group_image import INFINITE_US
from tests.customer_care.example_lines import line, member, on_plan, owner
from tests.customer_care.test_import_file import (  # noqa: F401  # fixtures
    CrashError,
    CrashingStore,
    care,
    catalogue,
    engine,
    store,
)

DAY_US = 86_400_000_000
# Eleven days after the customers' first.
NOW_US = 1_790_805_600_000_000 + 10 * DAY_US
POOL = Pool(1, "FAMILY", "family_data", "active", 10, 100, 0, INFINITE_US)
WORK = Pool(2, "WORK", "family_data", "active", 20, 200, 50, INFINITE_US)


def joined(
    pool: Pool, customer_id: int, from_us: int = 0, to_us: int = INFINITE_US, priority: int = 0
) -> Joined:
    return Joined(pool, customer_id, priority, from_us, from_us, to_us)


@pytest.mark.parametrize(
    ("pool", "customer", "at_us", "others", "tied", "expected"),
    [
        (POOL, 11, 5, [], 2, None),
        (POOL, 11, 5, [joined(POOL, 12)], 3, None),
        (POOL, 10, 5, [], 1, Refusal.OWN_GROUP),
        (POOL._replace(status="closed"), 11, 5, [], 2, Refusal.GROUP_CANCELLED),
        (POOL._replace(valid_to_us=5), 11, 5, [], 2, Refusal.GROUP_CANCELLED),
        (POOL._replace(valid_to_us=6), 11, 5, [], 2, None),
        (POOL, 11, 5, [joined(POOL, 11)], 2, Refusal.ALREADY_MEMBER),
        (POOL, 11, 5, [joined(POOL, 11, to_us=6)], 2, Refusal.ALREADY_MEMBER),
        (POOL, 11, 5, [joined(POOL, 11, to_us=5)], 2, None),
        (POOL, 11, 4, [joined(POOL, 11, to_us=5)], 2, Refusal.ALREADY_MEMBER),
        (POOL, 11, 3, [joined(POOL, 11, to_us=2), joined(POOL, 11, 7, 9)], 2, Refusal.ALREADY_MEMBER),
        # 20 owns WORK, of which 10 is a member: 20 may not become a member of 10's group, 30 may.
        (POOL, 20, 5, [joined(WORK, 10)], 2, Refusal.CYCLE),
        (POOL, 30, 5, [joined(WORK, 10)], 3, None),
        (POOL, 20, 5, [joined(WORK, 10, to_us=5)], 2, None),
        # Over a third: 10 in a group of 30, 30 in a group of 20.
        (POOL, 20, 5, [joined(WORK._replace(owner_customer_id=30), 10), joined(WORK, 30)], 3, Refusal.CYCLE),
        (POOL, 11, 5, [], 4, None),
        (POOL, 11, 5, [], 5, Refusal.TOO_MANY_TIED),
    ],
)
def test_who_may_join(pool, customer, at_us, others, tied, expected):
    assert may_join(pool, customer, at_us, others, tied, tied_max=4) is expected


@pytest.mark.parametrize(
    ("one", "at_us", "leaves", "edits"),
    [
        (None, 5, Refusal.NOT_MEMBER, Refusal.NOT_MEMBER),
        (joined(POOL, 11), 5, None, None),
        (joined(POOL, 11, from_us=5), 5, None, None),
        (joined(POOL, 11, from_us=6), 5, Refusal.ENDS_BEFORE_IT_STARTS, None),
        (joined(POOL, 11, to_us=6), 5, None, None),
        (joined(POOL, 11, to_us=5), 5, Refusal.NOT_MEMBER, Refusal.NOT_MEMBER),
    ],
)
def test_whose_membership_may_end_or_change(one, at_us, leaves, edits):
    assert may_leave(one, at_us) is leaves
    assert may_edit(one, at_us) is edits


@pytest.mark.parametrize(
    ("pool", "at_us", "expected"),
    [
        (POOL, 0, None),
        (WORK, 49, Refusal.ENDS_BEFORE_IT_STARTS),
        (WORK, 50, None),
        (POOL._replace(status="closed"), 5, Refusal.GROUP_CANCELLED),
    ],
)
def test_which_group_may_end(pool, at_us, expected):
    assert may_cancel(pool, at_us) is expected


def test_the_profile_lists_memberships_best_first_and_keeps_those_that_ended():
    some = [joined(POOL, 11, 9, priority=1), joined(WORK, 11, 3, 60), joined(WORK._replace(id=3), 11, 2)]
    best = memberships_of(some)
    assert [(one.sharing_id, one.valid_from_us, one.valid_to_us) for one in best] == [
        (3, 50, INFINITE_US),
        (2, 50, 60),
        (1, 9, INFINITE_US),
    ]
    assert memberships_of([joined(WORK, 11, 3, 50)]) == ()


@pytest.fixture
def desk(care, catalogue, store):  # noqa: F811  # fixtures
    care.take(owner(1, "FAMILY"), line(2), member(3, "FAMILY"), on_plan(4, "family"), line(5))
    care.publish(store)
    return SharingDesk(care.engine, catalogue, 4, "tester", lambda: NOW_US)


def profile(store, care, customer_id):  # noqa: F811
    """(shard, profile) as the store has it, found from where the records say."""
    shard = dict(care.rows(tables.customers, "id", "shard"))[customer_id]
    found = asyncio.run(Mover(store, b"test", lambda: b"test----").find(customer_id, shard))
    assert found.shard == shard, "records and store agree once all is published"
    return shard, found.profile


def test_a_customer_joins_and_lives_with_the_owner(desk, care, store):  # noqa: F811
    before, _ = profile(store, care, 2)
    assert desk.join("FAMILY", "C2", 3, NOW_US) is None
    assert care.publish(store) == 1
    shard, there = profile(store, care, 2)
    assert shard == profile(store, care, 1)[0] != before
    (one,) = there.memberships
    assert (one.owner_customer_id, one.valid_from_us, one.valid_to_us) == (1, NOW_US, INFINITE_US)
    assert {service.sharing_ids for service in there.services} == {(one.sharing_id,)}
    (group_id,) = there.group_ids
    groups = asyncio.run(store.load(Load(shard, None, (group_id,), ()))).records.groups
    assert groups[group_id] is not None
    ((entry,),) = asyncio.run(store.find_identifiers([there.services[0].identifier]))
    assert (entry.shard, entry.move_no) == (shard, 1)
    assert [row[0] for row in care.rows(tables.activity_log, "action")][-1] == "sharing group joined"
    assert desk.join("FAMILY", "C2", 3, NOW_US) is Refusal.ALREADY_MEMBER
    assert care.publish(store) == 0


def test_an_owner_who_joins_takes_the_whole_family_along(desk, care, store):  # noqa: F811
    assert desk.create("OTHERS", "C4", "S4", "family_data", NOW_US) is None
    assert desk.join("OTHERS", "C1", 0, NOW_US) is None
    care.publish(store)
    assert {profile(store, care, customer)[0] for customer in (1, 3, 4)} == {profile(store, care, 4)[0]}
    # 4 is tied to three by now; five are more than four.
    assert desk.join("OTHERS", "C2", 0, NOW_US) is None
    assert desk.join("OTHERS", "C5", 0, NOW_US) is Refusal.TOO_MANY_TIED
    assert desk.join("FAMILY", "C4", 0, NOW_US) is Refusal.CYCLE


def test_leaving_editing_and_ending_keep_the_past(desk, care, store):  # noqa: F811
    assert desk.join("FAMILY", "C2", 3, NOW_US) is None
    care.publish(store)
    shard, _ = profile(store, care, 2)
    assert desk.edit_member("FAMILY", "C2", 1) is None
    assert desk.leave("FAMILY", "C2", NOW_US + DAY_US) is None
    assert desk.cancel("FAMILY", NOW_US + 2 * DAY_US) is None
    assert care.publish(store) == 2
    after, there = profile(store, care, 2)
    assert after == shard
    assert [one.valid_to_us for one in there.memberships] == [NOW_US + DAY_US]
    assert [one.valid_to_us for one in profile(store, care, 3)[1].memberships] == [NOW_US + 2 * DAY_US]
    pool, everybody, code_of = read_sharing(care.engine, "FAMILY")
    assert (pool.status, code_of[pool.owner_customer_id]) == ("closed", "C1")
    assert [(code_of[one.customer_id], one.priority) for one in everybody] == [("C3", 0), ("C2", 1)]
    assert desk.cancel("FAMILY", NOW_US) is Refusal.GROUP_CANCELLED
    assert desk.edit("FAMILY", "family_data") is Refusal.GROUP_CANCELLED


def test_who_left_comes_back_and_the_first_time_is_kept(desk, care, store):  # noqa: F811
    day = NOW_US
    assert desk.join("FAMILY", "C2", 3, day) is None
    assert desk.leave("FAMILY", "C2", day + DAY_US) is None
    assert desk.join("FAMILY", "C2", 0, day) is Refusal.ALREADY_MEMBER
    assert desk.join("FAMILY", "C2", 0, day + 3 * DAY_US) is None
    assert desk.edit_member("FAMILY", "C2", 1) is None
    # What was never used leaves no trace that holds.
    assert desk.leave("FAMILY", "C2", day + 3 * DAY_US) is None
    assert desk.join("FAMILY", "C2", 2, day + 3 * DAY_US) is None
    care.publish(store)
    _, there = profile(store, care, 2)
    spells = {(one.valid_from_us, one.valid_to_us) for one in there.memberships}
    assert spells == {(day, day + DAY_US), (day + 3 * DAY_US, INFINITE_US)}
    assert {len(service.sharing_ids) for service in there.services} == {1}
    _, everybody, code_of = read_sharing(care.engine, "FAMILY")
    assert [one.priority for one in everybody if code_of[one.customer_id] == "C2"] == [3, 1, 2]
    assert desk.leave("FAMILY", "C2", day + 4 * DAY_US) is None
    assert desk.leave("FAMILY", "C2", day + 4 * DAY_US) is Refusal.NOT_MEMBER


def test_records_made_when_nobody_came_back_are_brought_up_to_date(desk, care):  # noqa: F811
    before = care.rows(tables.sharing_memberships, "member_customer_id", "priority", "valid_from_us")
    with writing(care.engine) as connection:
        connection.exec_driver_sql("DROP INDEX uq_sharing_memberships_active")
        connection.exec_driver_sql(
            "CREATE UNIQUE INDEX uq_sharing_memberships_sharing_group_id "
            "ON sharing_memberships (sharing_group_id, member_customer_id)"
        )
        connection.execute(tables.schema_version.update().values(version=3))
    open_records(str(care.engine.url)).dispose()
    assert care.rows(tables.sharing_memberships, "member_customer_id", "priority", "valid_from_us") == before
    assert desk.leave("FAMILY", "C3", NOW_US) is None
    assert desk.join("FAMILY", "C3", 0, NOW_US) is None
    assert len(care.rows(tables.sharing_memberships, "id")) == len(before) + 1


def test_what_cannot_be_done_says_why(desk, care, store):  # noqa: F811
    now = NOW_US
    assert desk.create("X", "C9", "S1", "family_data", now) is Refusal.NO_CUSTOMER
    assert desk.create("X", "C1", "S2", "family_data", now) is Refusal.NO_SUBSCRIPTION
    assert desk.create("X", "C1", "S1", "no_policy", now) is Refusal.NO_POLICY
    assert desk.create("FAMILY", "C1", "S1", "family_data", now) is Refusal.GROUP_EXISTS
    assert desk.edit("FAMILY", "no_policy") is Refusal.NO_POLICY
    assert desk.edit("X", "family_data") is Refusal.NO_GROUP
    assert desk.leave("FAMILY", "C2", now) is Refusal.NOT_MEMBER
    assert read_sharing(care.engine, "X") is Refusal.NO_GROUP
    care.take(line(6))
    assert desk.join("FAMILY", "C6", 0, now) is Refusal.NOT_PUBLISHED
    care.publish(store)
    assert desk.join("FAMILY", "C6", 0, now) is None


def test_a_crash_anywhere_is_finished_by_publishing_again(desk, care, store):  # noqa: F811
    assert desk.create("OTHERS", "C4", "S4", "family_data", NOW_US) is None
    assert desk.join("OTHERS", "C1", 0, NOW_US) is None
    crashes = 0
    for crash_at in range(100):
        crashing = CrashingStore(store, crash_at % 7)
        try:
            care.publish(crashing)
            break
        except CrashError:
            crashes += 1
            # Late in the move more calls are left undone by each death than it makes.
            if crash_at > 20:
                break
    care.publish(store)
    assert crashes > 5
    assert {profile(store, care, customer)[0] for customer in (1, 3, 4)} == {profile(store, care, 4)[0]}
    assert [one.owner_customer_id for one in profile(store, care, 1)[1].memberships] == [4]
    assert care.rows(tables.outbox, "customer_id") == []


def test_a_new_member_is_published_to_where_the_owner_went(desk, care, store):  # noqa: F811
    assert desk.create("OTHERS", "C4", "S4", "family_data", NOW_US) is None
    assert desk.join("OTHERS", "C1", 0, NOW_US) is None
    care.take(member(7, "FAMILY"))
    care.publish(store)
    assert profile(store, care, 6)[0] == profile(store, care, 4)[0]
