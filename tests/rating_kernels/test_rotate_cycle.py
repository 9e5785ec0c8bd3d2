"""The end of a cycle within the decision of whoever comes first: snapshots, fees, allowances, late events."""

import datetime

import pytest

from config.civil_time import microseconds
from config.settings import Charging
from rating_kernels.batch_columns import FLAG_LATE
from rating_kernels.group_image import (
    B_AMOUNT,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    I_AMOUNT,
    I_CYCLE_NO,
    S_CYCLE_NO,
    S_END_US,
    S_SEALED,
    S_START_US,
    SECTION_BALANCES,
    SECTION_ITEMS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import row_at
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.sample_world import CENT, GIGABYTE, call, data, sample_world

MB = GIGABYTE // 1000
FEE = 990 * CENT


def us(text: str) -> int:
    return microseconds(datetime.datetime.fromisoformat(text))


# Months end at midnight in Vienna: daylight saving time ends within October.
CYCLES = [us("2026-09-30T22:00:00Z"), us("2026-10-31T23:00:00Z"), us("2026-11-30T23:00:00Z")]


def snapshots(world, customer):
    return [
        (row[S_CYCLE_NO], row[S_START_US], row[S_END_US]) for row in world.rows(customer, SECTION_SNAPSHOTS)
    ]


def items(world, customer) -> dict[int, int]:
    """Amount booked in each cycle."""
    found: dict[int, int] = {}
    for row in world.rows(customer, SECTION_ITEMS):
        found[row[I_CYCLE_NO]] = found.get(row[I_CYCLE_NO], 0) + row[I_AMOUNT]
    return found


@pytest.mark.parametrize(
    ("time", "ended"),
    [("2026-10-31T22:59:59.999999Z", 0), ("2026-10-31T23:00:00Z", 1), ("2026-11-30T23:00:00Z", 2)],
)
def test_the_first_event_at_or_after_its_end_ends_the_cycle(time, ended):
    world = sample_world()
    world.charge(call(1, "a", 60, time=time))
    assert snapshots(world, "C1") == [(n + 1, CYCLES[n], CYCLES[n + 1]) for n in range(ended)]
    assert items(world, "C1") == {n + 1: FEE + (8 * CENT if n == ended else 0) for n in range(ended + 1)}


def test_each_cycle_starts_with_its_own_allowance():
    world = sample_world()
    world.charge(data(5, "a", 4_000))
    assert world.total("C5", "data_allowance") == -1_000 * MB
    world.charge(data(5, "b", 1, time="2026-11-02T00:00:00Z"))
    allowances = [
        (row[B_VALID_FROM_US], row[B_VALID_TO_US], row[B_AMOUNT] // MB)
        for row in world.rows("C5", SECTION_BALANCES)
        if row[B_AMOUNT] < 0
    ]
    # October's stays for late events until its bill is written.
    assert allowances == [(CYCLES[0], CYCLES[1], -1_000), (CYCLES[1], CYCLES[2], -4_999)]


def test_a_late_event_goes_to_its_own_cycle_until_that_is_sealed():
    world = sample_world()
    world.charge(call(1, "a", 60, time="2026-11-02T00:00:00Z"))
    (late,) = world.charge(call(1, "b", 60))
    assert not late.flags & FLAG_LATE
    assert items(world, "C1") == {1: FEE + 8 * CENT, 2: FEE + 8 * CENT}
    at = world.cache.image_at(world.group_of["C1"])
    world.cache.words[row_at(world.cache.words, at, SECTION_SNAPSHOTS, 0) + S_SEALED] = 1
    (sealed,) = world.charge(call(1, "c", 60))
    assert sealed.flags & FLAG_LATE
    assert items(world, "C1") == {1: FEE + 8 * CENT, 2: FEE + 16 * CENT}


def test_no_more_cycles_end_than_may_wait_for_billing():
    world = sample_world(Charging(horizon_hours=0, ahead_seconds=0, snapshots_max=2))
    assert world.charge(call(1, "a", 60, time="2026-12-02T00:00:00Z"))[0].outcome == Outcome.CHARGED
    before = world.records()
    (refused,) = world.charge(call(1, "b", 60, time="2027-01-02T00:00:00Z"))
    assert refused.outcome == Outcome.SNAPSHOTS_FULL
    assert world.records() == before
    (still_open,) = world.charge(call(1, "b", 60, time="2026-12-03T00:00:00Z"))
    assert still_open.outcome == Outcome.CHARGED


def test_a_members_event_ends_the_owners_cycle_too():
    world = sample_world()
    (decided,) = world.charge(data(3, "a", 4_000, time="2026-11-02T00:00:00Z"))
    assert decided.outcome == Outcome.CHARGED
    assert len(snapshots(world, "C2")) == len(snapshots(world, "C3")) == 1
    # The new cycle's pool is used, not what was left of the old one.
    left = sorted(row[B_AMOUNT] // MB for row in world.rows("C2", SECTION_BALANCES) if row[B_AMOUNT] < 0)
    assert left == [-10_000, -6_000]


def test_a_duplicate_ends_no_cycle():
    world = sample_world()
    world.charge(call(1, "a", 60))
    (duplicate,) = world.charge(call(1, "a", 60, time="2026-11-02T00:00:00Z"))
    assert duplicate.outcome == Outcome.DUPLICATE
    assert snapshots(world, "C1") == []
