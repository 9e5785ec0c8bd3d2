"""Tiers beside what a cycle gives for nothing: each counts what it says."""

from decimal import Decimal

import pytest

from config.faults import ConfigError
from tests.rating_kernels.peer_world import compiled, costs, tables

TIERS = [{"to": 10, "amount": 1}, {"amount": 2}]


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        # The first event is free, and the tiers of the others begin at nothing again.
        ({"free_events": 1}, [0, 10, 30]),
        # The first event and a half of the second: what is left of it begins at nothing.
        ({"free_quantity": 15}, [0, 5, 30]),
        ({"free_events": 2, "free_quantity": 15}, [0, 5, 30]),
    ],
)
def test_tiers_of_an_event_do_not_go_by_what_the_cycle_had_for_nothing(free, expected):
    price = {"mode": "graduated", "tiers": TIERS} | free
    assert costs(price, [Decimal(10), Decimal(10), Decimal(20)], 0, 100) == expected


@pytest.mark.parametrize("mode", ["graduated", "volume"])
@pytest.mark.parametrize("free", [{"free_events": 1}, {"free_quantity": 15}])
def test_tiers_of_a_cycle_beside_a_free_part_are_refused(mode, free):
    price = {"mode": mode, "counts": "cycle", "tiers": TIERS} | free
    with pytest.raises(ConfigError, match="counts what is free, too"):
        compiled(tables(price))


def test_a_first_tier_that_costs_nothing_says_where_the_free_part_lies():
    price = {"counts": "cycle", "tiers": [{"to": 15, "amount": 0}, *({"to": 25, "amount": 1}, {"amount": 2})]}
    assert costs(price, [Decimal(10), Decimal(10), Decimal(20)], 0, 100) == [0, 5, 35]
