"""Rules of prices that meet one another: bands without a price for the quantity, free use before tiers."""

import pytest

from rating_kernels.batch_columns import IMPACT_DISCOUNT
from tests.rating_kernels.one_price import one_price_scene, one_price_tables
from tests.rating_kernels.twin_check import Played

CENT = 10_000


def amounts(tables, *quantities) -> list[int]:
    """What each event costs, in millionths; the twin agrees."""
    played = Played(one_price_scene(tables, *quantities))
    assert not played.play()
    return [
        sum(impact.amount for impact in one.impacts if impact.kind != IMPACT_DISCOUNT)
        for one in played.decided
    ]


@pytest.mark.parametrize(("minutes", "cents"), [(30, 0), (60, 0), (61, 1), (90, 30)])
def test_a_band_that_charges_nothing_ends_where_it_ends(minutes, cents):
    # Events begin at noon; it is free until one o'clock, and a cent a minute from then on.
    tables = one_price_tables(
        {"periods": [{"amount": "0.01"}]},
        1_000,
        event_type={"unit": "min"},
        version={
            "band": {"lunch": [{"from": "12:00", "to": "13:00"}]},
            "price": {"p": {"periods": [{"amount": "0.01"}]}, "nothing": {"flat": 0}},
        },
        detail={"rule": [{"price": "p"}, {"price": "nothing", "band": "lunch"}]},
    )
    assert amounts(tables, minutes) == [cents * CENT]


def test_tiers_of_an_event_count_the_event_although_a_cycle_gives_some_for_nothing():
    price = {"tiers": [{"to": 10, "amount": "0.02"}, {"amount": "0.01"}], "free_events": 1}
    assert amounts(one_price_tables(price, 1_000), 50, 10, 10, 12) == [0, 20 * CENT, 20 * CENT, 22 * CENT]


def test_half_of_an_odd_amount_is_rounded_to_the_even_one():
    tables = one_price_tables(
        {"periods": [{"amount": "0.000001"}]},
        1_000,
        detail={"rounding": {"mode": "half_even", "decimals": 6}},
        discounts=[{"code": "half", "name": "Half", "percent": 50}],
    )
    # Off come 0, 2, 2 and 4.
    assert amounts(tables, 1, 3, 5, 7) == [1 - 0, 3 - 2, 5 - 2, 7 - 4]
