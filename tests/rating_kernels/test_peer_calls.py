"""CGRateS's own unit tests, where they ask what something costs: its tariffs as ours, through the kernels."""

import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from config.civil_time import microseconds
from rating_kernels.group_image import B_AMOUNT, B_ID, INFINITE_US, SECTION_BALANCES
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.peer_world import CASES, EURO, charged, compiled, grant, peer_world, tables, use

BY_TEST = {case["test"]: case for case in CASES["cgrates_unit"]}
ONE_A_SECOND = {"periods": [{"per": 1, "amount": 1}]}
# EVENING of its tariff: 1 a second with 1 to connect; from 18:00 on, and at weekends, half of it and nothing to connect.
HALF_A_SECOND = {"periods": [{"per": 1, "amount": "0.5"}]}
EVENING = {
    "price": ONE_A_SECOND | {"connect_fee": 1},
    "prices": {"evening": HALF_A_SECOND, "weekend": HALF_A_SECOND},
    "band": {
        "evening": [{"weekdays": [1, 2, 3, 4, 5], "from": "18:00"}],
        "weekend": [{"weekdays": [6, 7]}],
    },
}
LANDLINE_OFFPEAK = {
    "price": {
        "periods": [
            {"from": 0, "per": 1, "amount": 1, "increment": 60},
            {"from": 60, "per": 1, "amount": 1, "increment": 1},
        ]
    }
}
DATA = {"price": {"periods": [{"per": 10, "amount": "0.002"}]}}
# Test -> tariff, and the start where the case does not say it.
TARIFFS = {
    "TestGetCost": (EVENING, ""),
    "TestLessThanAMinute": (EVENING, ""),
    "TestGetCostRateGroups": (LANDLINE_OFFPEAK, "2013-10-07T14:50:00Z"),
    "TestCosts1GetCost1": ({"price": ONE_A_SECOND}, "2013-08-07T17:30:00Z"),
    "TestGetDataCostDtChrg1": (DATA, "2014-03-04T00:00:00Z"),
}
FOREVER = (microseconds(datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)), INFINITE_US)


def call_cost(tariff: dict, start: str, seconds: int) -> Fraction:
    world = peer_world(compiled(tables(unit="s", **tariff)))
    return charged(world.charge(use(1, seconds, start))[0])


@pytest.mark.parametrize("name", TARIFFS)
def test_a_call_costs_what_cgrates_tests_for(name):
    tariff, start = TARIFFS[name]
    case = BY_TEST[name]
    cost = call_cost(tariff, case["input"].get("start", start), case["input"]["seconds"])
    assert cost == Fraction(case["expected"])


@pytest.mark.parametrize(
    ("tariff", "start", "seconds", "cost"),
    [
        (EVENING, "2012-02-02T17:59:59Z", 2, "2.5"),
        (EVENING, "2012-02-02T18:00:00Z", 2, "1"),
        # Over midnight a band goes on as a day's first price again, without a second fee to connect.
        (EVENING, "2012-02-02T23:59:59Z", 2, "1.5"),
        (EVENING, "2012-02-03T23:59:59Z", 2, "1"),
        (EVENING, "2012-02-05T23:59:58Z", 3, "2"),
        (LANDLINE_OFFPEAK, "2013-10-07T14:50:00Z", 1, "60"),
        (LANDLINE_OFFPEAK, "2013-10-07T14:50:00Z", 60, "60"),
        (LANDLINE_OFFPEAK, "2013-10-07T14:50:00Z", 61, "61"),
        (DATA, "2014-03-04T00:00:00Z", 21, "0.006"),
        # Exact where the peer's rounding of every increment is not (its own test says "should be 0.3").
        (
            {"price": {"periods": [{"per": 60, "amount": "0.1", "increment": 1}]}},
            "2017-02-02T17:30:00Z",
            180,
            "0.3",
        ),
    ],
)
def test_calls_over_bands_and_increments(tariff, start, seconds, cost):
    assert call_cost(tariff, start, seconds) == Fraction(cost)


def test_of_two_balances_the_one_that_goes_first_pays():
    case = BY_TEST["TestDebitFromShareAndNormal"]
    world = peer_world(compiled(tables(HALF_A_SECOND, unit="s")))
    # A higher weight goes first there, a lower priority here (DECISIONS 3).
    shared = grant(world, "EUR", 10 * EURO, FOREVER, priority=-5)
    unshared = grant(world, "EUR", 30 * EURO, FOREVER, priority=-10)
    (decided,) = world.charge(use(1, case["input"]["seconds"], "2013-10-21T18:34:00Z"))
    assert decided.outcome == Outcome.CHARGED
    left = {row[B_ID]: Fraction(-row[B_AMOUNT], EURO) for row in world.rows("C1", SECTION_BALANCES)}
    assert [left[shared], left[unshared]] == [Fraction(Decimal(one)) for one in case["expected"]]


def test_minutes_kept_in_steps_are_used_in_whole_steps():
    case = BY_TEST["TestMaxDebitConsumesMinutes"]
    steps = {"code": "steps", "name": "Steps of 20 seconds"}
    by_step = {"resource": "steps", "units": 1, "per": 20}
    world = peer_world(compiled(tables(ONE_A_SECOND, unit="s", resource=steps, allowances=(by_step,))))
    grant(world, "steps", 2, FOREVER)  # the case does not say what was there: 40 seconds
    (decided,) = world.charge(use(1, case["input"]["seconds"], "2014-03-04T06:00:00Z"))
    assert charged(decided) == 0
    assert world.total("C1", "steps") * -20 == case["expected"]


def test_what_cgrates_says_otherwise():
    # Nothing spoken: CGRateS takes nothing, here the fee to connect is what the price names (DECISIONS 17).
    assert call_cost(EVENING, "2012-02-02T17:30:00Z", 0) == 1
