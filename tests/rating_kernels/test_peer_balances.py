"""Whose balance goes first: Oracle BRM's consumption orders, and OpenMeter's grants as they burn down.

A use is charged to the resource itself: grants are its credits, and what none covers is owed, which is
OpenMeter's overage.
"""

import datetime
import re
from decimal import Decimal
from fractions import Fraction

import pytest

from config.catalogue import ConsumptionOrder
from config.civil_time import microseconds
from rating_kernels.batch_columns import IMPACT_OWED
from rating_kernels.group_image import (
    B_AMOUNT,
    B_ID,
    B_KIND,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    INFINITE_US,
    KIND_CREDIT,
    SECTION_BALANCES,
)
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.peer_world import CASES, compiled, grant, peer_world, tables, use

ORDERS = ConsumptionOrder.__args__
# What each half of an order's name sorts by, as (start, end).
KEYS = {
    "EST": lambda start, end: start,
    "LST": lambda start, end: -start,
    "EET": lambda start, end: end,
    "LET": lambda start, end: -end,
}
DECIMALS = 6
UNIT = 10**DECIMALS


def units_world(order: str, decimals: int = 0):
    resource = {"code": "units", "name": "Units", "decimals": decimals, "consumption_order": order}
    price = {"periods": [{"amount": 1, "increment": "0.000001" if decimals else 1}]}
    return peer_world(compiled(tables(price, decimals, 10**9 if decimals else 1000, resource=resource)))


# Consumption orders ---------------------------------------------------------------------------

FIRST_DAY = datetime.date(2026, 3, 1)


def day_us(day: int | None) -> int:
    if day is None:
        return INFINITE_US
    start = datetime.datetime.combine(FIRST_DAY, datetime.time(), datetime.UTC)
    return microseconds(start + datetime.timedelta(days=day))


def burnt(order: str, sub_balances: list[dict]) -> list[str]:
    """Names in the order in which uses of one unit each burn balances of one unit each."""
    world = units_world(order)
    names = {}
    for number, one in enumerate(sub_balances):
        valid_us = day_us(one["valid_from_day"]), day_us(one["valid_to_day"])
        names[grant(world, "units", 1, valid_us, created_us=number)] = one["id"]
    assert len(names) == len(sub_balances), "two of them have the same validity, and would be one"
    time = FIRST_DAY + datetime.timedelta(days=max(one["valid_from_day"] for one in sub_balances))
    uses = [use(n, 1, f"{time}T00:00:00Z") for n in range(len(sub_balances))]
    return [names[impact.balance_id] for one in world.charge(*uses) for impact in one.impacts]


@pytest.mark.parametrize("case", CASES["brm_consumption_order"], ids=lambda case: case["rule"])
def test_uses_burn_balances_in_the_order_that_brm_says(case):
    assert burnt(case["rule"], case["sub_balances"]) == case["order"]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_a_sort_by_the_halves_of_its_name_then_by_creation(order):
    spans = [(1, 30), (5, 20), (5, 40), (1, 20), (9, None), (5, None), (9, 20)]
    balances = [
        {"id": str(n), "valid_from_day": start, "valid_to_day": end} for n, (start, end) in enumerate(spans)
    ]

    def key(one: dict):
        span = one["valid_from_day"], one["valid_to_day"] or 10**6
        return [KEYS[half](*span) for half in re.findall("...", order)], one["id"]

    assert burnt(order, balances) == [one["id"] for one in sorted(balances, key=key)]


# Grants ---------------------------------------------------------------------------------------


def instant_us(time: str) -> int:
    return microseconds(datetime.datetime.fromisoformat(time))


def every_us(interval: str) -> int:
    """A recurrence's interval: "7 days, 0:00:00"."""
    found = re.fullmatch(r"(?:(\d+) days?, )?(\d+):(\d+):(\d+)", interval)
    assert found, interval
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60_000_000 + seconds * 1_000_000


def periods_us(one: dict, until_us: int) -> list[tuple[int, int]]:
    """When a grant holds, cut where it recurs: each time it is granted whole, as at the start of a cycle."""
    start_us = instant_us(one["eff"])
    ends = [one[name] for name in ("exp", "deleted", "voided") if one.get(name)]
    end_us = min([INFINITE_US, *map(instant_us, ends)])
    if start_us >= end_us:
        return []
    if not one.get("every"):
        return [(start_us, end_us)]
    step_us, anchor_us = every_us(one["every"]), instant_us(one["anchor"])
    cuts = [start_us]
    next_us = anchor_us + -(-(start_us + 1 - anchor_us) // step_us) * step_us
    while next_us < min(end_us, until_us):
        cuts.append(next_us)
        next_us += step_us
    return list(zip(cuts, [*cuts[1:], min(next_us, end_us)], strict=True))


class Burned:
    """What is left of each grant at the end, what is owed, and whether a grant came after something was owed."""

    def __init__(self, case: dict) -> None:
        self.world = units_world("EET", DECIMALS)
        self.until_us = instant_us(case["until"])
        self.grants: dict[int, set[str]] = {}  # grants of the same validity and priority are one balance
        start_us = instant_us(case["start"])
        # Ties of OpenMeter go by the grant's id.
        for number, one in enumerate(sorted(case["grants"], key=lambda one: one["id"])):
            for valid_us in periods_us(one, self.until_us):
                # A grant that holds at the start holds what is left of it; one that begins later is whole.
                if valid_us[1] <= start_us:
                    continue
                began = valid_us[0] <= start_us and one["id"] in case["start_balances"]
                amount = Decimal(case["start_balances"][one["id"]] if began else one["amount"])
                row = grant(self.world, "units", int(amount * UNIT), valid_us, number, one["prio"])
                self.grants.setdefault(row, set()).add(one["id"])
        events = [
            event
            for event in sorted(case["events"], key=lambda one: instant_us(one[0]))
            if start_us <= instant_us(event[0]) < self.until_us
        ]
        self.owed = 0
        self.owed_first_us = self.until_us
        for number, (time, quantity) in enumerate(events):
            (decided,) = self.world.charge(use(number, quantity, time))
            assert decided.outcome == Outcome.CHARGED
            owed = sum(impact.amount for impact in decided.impacts if impact.kind == IMPACT_OWED)
            self.owed += owed
            if owed:
                self.owed_first_us = min(self.owed_first_us, instant_us(time))
        self.rows = [row for row in self.world.rows("C1", SECTION_BALANCES) if row[B_KIND] == KIND_CREDIT]

    def left(self) -> dict[int, int]:
        """What balances hold that are valid at the end, by id."""
        return {
            row[B_ID]: -row[B_AMOUNT] if row[B_VALID_FROM_US] <= self.until_us < row[B_VALID_TO_US] else 0
            for row in self.rows
        }

    def came_too_late(self) -> bool:
        """OpenMeter lets such a grant take what was owed before it began; here that stays owed (DECISIONS 4)."""
        return any(self.owed_first_us < row[B_VALID_FROM_US] <= self.until_us for row in self.rows)


def sums_by_grant(burned: Burned, expected: dict) -> None:
    """Compare grants with balances; those that are one balance here by their sum."""
    left = burned.left()
    rows_of: dict[str, set[int]] = {}
    for row, grants in burned.grants.items():
        for one in grants:
            rows_of.setdefault(one, set()).add(row)
    for one in expected:
        rows = rows_of.get(one, set())
        together = {other for row in rows for other in burned.grants[row]} or {one}
        assert sum(left[row] for row in rows) == sum(expected.get(g, 0) for g in together) * UNIT, one


NO_RESET = [case for case in CASES["openmeter_grant_burndown"] if not case["options"].get("resets")]


@pytest.mark.parametrize("case", NO_RESET, ids=lambda case: case["name"])
def test_grants_burn_as_openmeter_says(case):
    burned = Burned(case)
    expected = case["expected"]
    if burned.came_too_late():
        # The same in sum: what OpenMeter has taken off the grant is still owed here.
        net = sum(expected.get("balances", {}).values()) - expected.get("overage", 0)
        assert sum(burned.left().values()) - burned.owed == net * UNIT
        return
    sums_by_grant(burned, expected.get("balances", {}))
    if "overage" in expected:
        assert burned.owed == expected["overage"] * UNIT


def given_grant(name: str, **changes) -> dict:
    month = {"eff": "2024-01-01T00:00:00Z", "exp": "2024-01-31T00:00:00Z"}
    return {"id": name, "amount": 100, "prio": 1} | month | changes


@pytest.mark.parametrize(
    ("grants", "used", "left", "owed"),
    [
        # Priority goes before expiry, and no expiry is the latest.
        ([given_grant("a", prio=2), given_grant("b", exp="2024-03-01T00:00:00Z")], 120, {"a": 80, "b": 0}, 0),
        ([given_grant("a", exp=None), given_grant("b")], 120, {"a": 80, "b": 0}, 0),
        # Not yet, no longer, from this very moment, until this very moment.
        ([given_grant("a", eff="2024-01-01T12:00:01Z")], 50, {"a": 100}, 50),
        ([given_grant("a", eff="2024-01-01T12:00:00Z")], 50, {"a": 50}, 0),
        ([given_grant("a", exp="2024-01-01T12:00:00Z")], 50, {"a": 0}, 50),
        ([given_grant("a", voided="2024-01-01T12:00:01Z")], "50.5", {"a": 0}, 0),
        # Of the same validity and priority they are one balance, in sum what two would be.
        ([given_grant("a"), given_grant("b")], 150, {"a": 0, "b": 50}, 0),
        ([given_grant("a"), given_grant("b")], "200.000001", {"a": 0, "b": 0}, "0.000001"),
    ],
)
def test_grants_at_their_bounds(grants, used, left, owed):
    case = {
        "grants": grants,
        "start_balances": {},
        "events": [["2024-01-01T12:00:00Z", used]],
        "start": "2024-01-01T00:00:00Z",
        "until": "2024-01-02T00:00:00Z",
    }
    burned = Burned(case)
    sums_by_grant(burned, left)
    assert burned.owed == Fraction(owed) * UNIT
