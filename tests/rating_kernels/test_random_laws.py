"""Laws over whole random catalogues: money is conserved, order and cuts change nothing, parts cost what the whole does."""

import random
from collections import Counter

import pytest

from config.code_ids import code_id
from rating_kernels.batch_columns import IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED, IMPACT_TAX
from rating_kernels.group_image import (
    B_AMOUNT,
    B_ID,
    B_RESOURCE_ID,
    H_CYCLE_END_US,
    I_AMOUNT,
    I_ITEM_ID,
    I_OWED,
    I_QUANTITY,
    SECTION_BALANCES,
    SECTION_ITEMS,
)
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.one_price import one_price_scene, one_price_tables
from tests.rating_kernels.random_catalogue import random_scene
from tests.rating_kernels.random_tariff import CUSTOMER
from tests.rating_kernels.twin_check import Played

EVENTS = 100
# The customer of the random ones who is in no group.
ALONE = "C5"


def opened(seed: int) -> Played:
    """A scene before its events: catalogue, customers, grants."""
    scene = random_scene(seed, EVENTS)
    played = Played(scene._replace(steps=[step for step in scene.steps if step[0] == "grant"]))
    assert not played.play()
    return played


def events_of(seed: int) -> list[dict]:
    return [event for kind, what in random_scene(seed, EVENTS).steps if kind == "events" for event in what]


def balances(world) -> Counter:
    """Amount of every balance, by group, balance and resource."""
    return Counter(
        {
            (world.group_of[customer], row[B_ID], row[B_RESOURCE_ID]): row[B_AMOUNT]
            for customer in world.group_of
            for row in world.rows(customer, SECTION_BALANCES)
        }
    )


def items(world, word: int) -> Counter:
    """An item total of every group."""
    found: Counter = Counter()
    for customer in world.group_of:
        for row in world.rows(customer, SECTION_ITEMS):
            found[world.group_of[customer], row[I_ITEM_ID]] += row[word]
    return found


def moved(before: Counter, after: Counter) -> dict:
    """What changed, and by how much."""
    return {key: after[key] - before[key] for key in {*before, *after} if after[key] != before[key]}


@pytest.mark.parametrize("seed", range(60))
def test_balances_and_items_move_by_exactly_the_impacts(seed):
    world = opened(seed).world
    ends = [
        int(world.cache.words[world.cache.image_at(group) + H_CYCLE_END_US])
        for group in world.group_of.values()
    ]
    # Within the first cycle of everybody nothing but events moves anything.
    events = [event for event in events_of(seed) if event["time"] < min(ends)]
    before = balances(world), items(world, I_AMOUNT), items(world, I_OWED)
    by_balance, amounts, owed = Counter(), Counter(), Counter()
    for decided in world.charge(*events):
        for impact in decided.impacts:
            if impact.kind in (IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED):
                by_balance[impact.group_id, impact.balance_id, impact.resource_id] += impact.amount
            if impact.kind == IMPACT_TAX:
                # A part of an amount that is booked: it counts in the tax's item instead.
                amounts[impact.group_id, impact.item_id] += impact.amount
                amounts[impact.group_id, impact.balance_id] -= impact.amount
            elif impact.item_id:
                amounts[impact.group_id, impact.item_id] += impact.amount
            if impact.kind == IMPACT_OWED and impact.item_id:
                owed[impact.group_id] += impact.amount
    nothing: Counter = Counter()
    assert moved(before[0], balances(world)) == moved(nothing, by_balance)
    assert moved(before[1], items(world, I_AMOUNT)) == moved(nothing, amounts)
    owed_moved: Counter = Counter()
    for (group, _), amount in moved(before[2], items(world, I_OWED)).items():
        owed_moved[group] += amount
    assert moved(nothing, owed_moved) == moved(nothing, owed)


@pytest.mark.parametrize("seed", range(60, 100))
def test_replay_gives_the_same_bytes_however_the_stream_is_cut(seed):
    dice = random.Random(f"cuts/{seed}")
    events = events_of(seed)
    whole, cut = opened(seed).world, opened(seed).world
    decided = whole.charge(*events)
    again = []
    while len(again) < len(events):
        again += cut.charge(*events[len(again) : len(again) + dice.randint(1, 30)])
    assert again == decided
    assert cut.records() == whole.records()


@pytest.mark.parametrize("seed", range(100, 140))
def test_customers_who_share_nothing_may_come_in_any_order(seed):
    events = events_of(seed)
    alone = [event["service"][0] == ALONE[-1] for event in events]
    mixed, apart = opened(seed).world, opened(seed).world
    decided = mixed.charge(*events)
    for some in (True, False):
        mine = [number for number, one in enumerate(alone) if one == some]
        for number, one in zip(mine, apart.charge(*(events[n] for n in mine)), strict=True):
            first = decided[number]
            assert (one.outcome, one.flags, one.impacts, one.notices) == (
                first.outcome,
                first.flags,
                first.impacts,
                first.notices,
            )
    for customer in mixed.group_of:
        assert apart.without_ring(customer) == mixed.without_ring(customer)


def whole_tiers(dice: random.Random) -> dict:
    """Tiers or packages over a cycle whose parts are whole in millionths, so that nothing is rounded."""
    if dice.random() < 0.3:
        package = {"size": dice.choice([5, 60]), "amount": "0.1", "free": dice.choice([0, 10])}
        return {"package": package, "counts": "cycle"}
    bounds = [*sorted(dice.sample([1, 5, 10, 60, 100], dice.randint(1, 4))), None]
    tiers = []
    for bound in bounds:
        tier = {"amount": dice.choice([0, "0.01", "0.000007", "1"]), "block": dice.choice([1, 7, 10])}
        tier |= {"to": bound} if bound else {}
        tier |= {"flat": "0.5"} if dice.random() < 0.3 else {}
        tiers.append(tier)
    return {"tiers": tiers, "mode": dice.choice(["graduated", "volume"]), "counts": "cycle"}


@pytest.mark.parametrize("seed", range(60))
def test_parts_cost_what_the_whole_costs_where_tiers_count_the_cycle(seed):
    dice = random.Random(f"parts/{seed}")
    tables = one_price_tables(whole_tiers(dice), 100_000)
    parts = [dice.choice([1, 4, 5, 6, 10, 59, 60, dice.randint(1, 200)]) for _ in range(dice.randint(2, 8))]
    whole, split = (
        Played(one_price_scene(tables, sum(parts))),
        Played(one_price_scene(tables, *parts)),
    )
    assert not whole.play()
    assert not split.play()
    assert {one.outcome for one in split.decided} == {Outcome.CHARGED}
    assert split.world.total("C1", "EUR") == whole.world.total("C1", "EUR")


def family(tables: dict) -> list[dict]:
    """An owner who pays for two members; identifiers are 1, 2, 3."""
    tables["sharing_policy"] = [{"code": "all", "name": "All", "shared_tiers": True}]
    lines = []
    for number in range(1, 4):
        subscription = {
            "subscription": f"S{number}",
            "plan": "p",
            "services": [{"type": "voice", "identifier": f"{number}"}],
        }
        line = CUSTOMER | {"customer": f"C{number}", "subscriptions": [subscription]}
        line |= {"member_of": [{"group": "g", "priority": 0}]} if number > 1 else {}
        line |= {"shares": [{"group": "g", "policy": "all", "subscription": "S1"}]} if number == 1 else {}
        lines.append(line)
    return lines


@pytest.mark.parametrize("seed", range(30))
def test_members_whose_tiers_count_together_cost_what_one_of_them_would(seed):
    dice = random.Random(f"family/{seed}")
    tables = one_price_tables(whole_tiers(dice), 100_000)
    lines = family(tables)
    scene = one_price_scene(tables, *(dice.choice([1, 5, 6, 60, dice.randint(1, 200)]) for _ in range(6)))
    events = scene.steps[0][1]
    spread = [event | {"service": dice.choice("23")} for event in events]
    alone = [event | {"service": "2"} for event in events]
    totals = []
    for some in (spread, alone):
        played = Played(scene._replace(lines=lines, steps=[("events", some)]))
        assert not played.play()
        totals.append(sum(played.world.total(customer, "EUR") for customer in ("C1", "C2", "C3")))
    assert totals[0] == totals[1]


def test_the_quantity_of_a_large_event_is_booked_with_who_pays_for_it():
    quantity = 5 * 10**9
    tables = one_price_tables({"periods": [{"amount": "0.000001", "increment": 1}]}, 10**10)
    lines = family(tables)
    scene = one_price_scene(tables, quantity)
    (event,) = scene.steps[0][1]
    played = Played(scene._replace(lines=lines, steps=[("events", [event | {"service": "2"}])]))
    assert not played.play()
    assert [row[I_QUANTITY] for row in played.world.rows("C1", SECTION_ITEMS)] == [quantity]


@pytest.mark.parametrize("seed", range(40))
def test_parts_cost_what_the_whole_costs_where_increments_divide_them(seed):
    dice = random.Random(f"increments/{seed}")
    increment = dice.choice([1, 6, 10])
    price = {"periods": [{"amount": dice.choice(["0.01", "0.000007"]), "increment": increment}]}
    if dice.random() < 0.5:
        price["free_quantity"] = increment * dice.randint(1, 9)
    tables = one_price_tables(price, 100_000)
    parts = [increment * dice.randint(0, 20) for _ in range(dice.randint(2, 8))]
    whole, split = (
        Played(one_price_scene(tables, sum(parts))),
        Played(one_price_scene(tables, *parts)),
    )
    assert not whole.play()
    assert not split.play()
    assert split.world.total("C1", "EUR") == whole.world.total("C1", "EUR")


def test_a_late_event_is_held_to_the_limit_as_any_other():
    """Its cycle is sealed and its charge is owed in the open one: without that there would be no end to it."""
    tables = one_price_tables({"flat": 1}, 10)
    tables["credit_profile"] = [
        {
            "code": "c",
            "name": "C",
            "limit": {
                "payment_type": "postpaid",
                "resource": "EUR",
                "limit": 2,
                "on_breach": "deny",
                "thresholds": ["100%"],
            },
        }
    ]
    tables["plan"][0]["credit_profile"] = "c"
    scene = one_price_scene(tables, *range(6))
    (first, *late) = scene.steps[0][1]
    next_cycle = first | {"time": first["time"] + 30 * 86_400_000_000}
    played = Played(scene._replace(steps=[("events", [next_cycle]), ("seal", "C1"), ("events", late)]))
    assert not played.play()
    assert [one.outcome for one in played.decided] == [0, 0] + 4 * [Outcome.DENIED_LIMIT]
    assert [len(one.notices) for one in played.decided] == [0, 1, 0, 0, 0, 0]
    assert played.world.total("C1", "EUR") == 2 * 10**6
    assert played.decided[1].impacts[0].resource_id == code_id("resource", "EUR")
