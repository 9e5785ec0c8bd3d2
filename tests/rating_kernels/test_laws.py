"""Laws that hold for any stream of events: money is conserved, replay and batching change nothing."""

import random
from collections import Counter

import pytest

from rating_kernels.group_image import B_AMOUNT, B_ID, SECTION_BALANCES
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.sample_world import call, data, sample_world

CUSTOMERS = range(1, 6)
DESTINATIONS = ["+4366412345", "+4930123", "+1212", "+43800123", "+43900123"]


def stream(seed: int, count: int = 60) -> list[dict]:
    """Events of a month and a half, some twice, some refused."""
    dice = random.Random(f"laws/{seed}")
    events: list[dict] = []
    for number in range(count):
        who = dice.choice([*CUSTOMERS, 3, 2])
        day = dice.randint(1, 44)
        time = {
            "time": f"2026-{10 + (day - 1) // 31}-{(day - 1) % 31 + 1:02}T{dice.randint(0, 23):02}:00:00Z"
        }
        if dice.random() < 0.1 and events:
            events.append(dice.choice(events))
        elif dice.random() < 0.5:
            events.append(
                call(who, str(number), dice.choice([0, 1, 61, 3600]), dice.choice(DESTINATIONS), **time)
            )
        else:
            events.append(data(who, str(number), dice.choice([1, "0.5", 900, 4_000]), **time))
    return events


def by_balance(world) -> Counter:
    """Amount of every balance, by (group, balance)."""
    return Counter(
        {
            (world.group_of[customer], row[B_ID]): row[B_AMOUNT]
            for customer in world.group_of
            for row in world.rows(customer, SECTION_BALANCES)
        }
    )


@pytest.mark.parametrize("seed", range(25))
def test_balances_move_by_exactly_the_impacts(seed):
    world = sample_world()
    # A first event in November: no cycle ends in between, so nothing but impacts moves balances.
    late = "2026-11-02T10:00:00Z"
    world.charge(*(call(who, "first", 0, "+43800123", time=late) for who in CUSTOMERS))
    before = by_balance(world)
    decided = world.charge(*stream(seed))
    for one in decided:
        for impact in one.impacts:
            before[impact.group_id, impact.balance_id] += impact.amount
    after = by_balance(world)
    assert {k: v for k, v in before.items() if v} == {k: v for k, v in after.items() if v}
    assert any(one.outcome == Outcome.CHARGED for one in decided)


@pytest.mark.parametrize("seed", range(25))
def test_replay_gives_the_same_bytes_however_the_stream_is_cut(seed):
    dice = random.Random(f"cuts/{seed}")
    events = stream(seed)
    whole, cut = sample_world(), sample_world()
    decided = whole.charge(*events)
    again = []
    at = 0
    while at < len(events):
        size = dice.randint(1, 9)
        again += cut.charge(*events[at : at + size])
        at += size
    assert again == decided
    assert cut.records() == whole.records()


@pytest.mark.parametrize("parts", [(1, 1), (100, 900), (4_000, 2_000, 5_000), (0, 7)])
@pytest.mark.parametrize("who", [1, 2, 3, 5])
def test_a_session_in_parts_uses_and_costs_what_it_does_whole(who, parts):
    # Holds where increments divide the parts: here 10 kB and whole megabytes.
    whole, split = sample_world(), sample_world()
    whole.charge(data(who, "whole", sum(parts)))
    split.charge(*(data(who, f"part{n}", size) for n, size in enumerate(parts)))
    for customer in whole.group_of:
        for resource in ("EUR", "data_allowance"):
            assert split.total(customer, resource) == whole.total(customer, resource)


@pytest.mark.parametrize("seed", range(10))
def test_customers_who_share_nothing_may_come_in_any_order(seed):
    dice = random.Random(f"order/{seed}")
    events = stream(seed)
    mixed = sample_world()
    decided = {(one["source"], one["id"]): d for one, d in zip(events, mixed.charge(*events), strict=True)}
    apart = sample_world()
    lines = [["1"], ["2", "3"], ["4"], ["5"]]  # the family stays in its order
    dice.shuffle(lines)
    for some in lines:
        mine = [event for event in events if event["service"][-1] in some]
        for event, one in zip(mine, apart.charge(*mine), strict=True):
            if one.outcome != Outcome.DUPLICATE:
                first = decided[event["source"], event["id"]]
                assert one.impacts == first.impacts or first.outcome == Outcome.DUPLICATE
    for customer in mixed.group_of:
        assert apart.without_ring(customer) == mixed.without_ring(customer)
