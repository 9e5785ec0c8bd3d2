"""Kill Bill's tiers of blocks, and what of Lago's prorated tiers a charge by the event can say."""

from decimal import Decimal
from fractions import Fraction

import pytest

from rating_kernels.outcomes import Outcome
from tests.rating_kernels.peer_world import (
    CASES,
    compiled,
    costs,
    decimals_of,
    parts,
    peer_world,
    tables,
    text,
    use,
)
from tests.rating_kernels.test_peer_charge_models import tiered_cost, tiered_price

UNLIMITED = -1


def block_price(policy: str, blocks: list[dict]) -> dict:
    """ALL_TIERS: each part at its tier, and nothing for what lies beyond the last; TOP_TIER: all at the tier reached."""
    rows: list[dict] = []
    end = Decimal(0)
    for one in blocks:
        size = Decimal(one["block_size"])
        row = {"amount": text(one["price"]), "per": text(size), "block": text(size)}
        rows.append(row)
        if one["max_blocks"] == UNLIMITED:
            break
        end += size * one["max_blocks"]
        row["to"] = text(end)
    if policy == "TOP_TIER":
        rows[-1].pop("to", None)
        return {"mode": "volume", "tiers": rows}
    return {"mode": "graduated", "tiers": rows + [{"amount": 0}] if "to" in rows[-1] else rows}


def block_cost(policy: str, blocks: list[dict], units, uses: int) -> Fraction:
    decimals = decimals_of(units, *(one["block_size"] for one in blocks))
    price = block_price(policy, blocks) | ({} if uses == 1 else {"counts": "cycle"})
    return sum(costs(price, parts(Decimal(units), uses, decimals), decimals, max(units, 1)))


@pytest.mark.parametrize("uses", [1, 2, 7])
@pytest.mark.parametrize("case", CASES["killbill_tiered_usage"], ids=lambda c: f"{c['policy']}-{c['units']}")
def test_blocks_cost_what_kill_bill_says_used_at_once_or_in_parts(case, uses):
    assert block_cost(case["policy"], case["tiers"], case["units"], uses) == Fraction(case["expected"])


def blocks(*rows: tuple) -> list[dict]:
    return [{"block_size": size, "max_blocks": most, "price": price} for size, most, price in rows]


HUNDREDS = blocks((100, 10, "1"), (1000, 100, "1"), (1000, 100, "0.5"))


@pytest.mark.parametrize("uses", [1, 3])
@pytest.mark.parametrize(
    ("policy", "tiers", "units", "expected"),
    [
        ("ALL_TIERS", HUNDREDS, 0, "0"),
        ("TOP_TIER", HUNDREDS, 0, "0"),
        ("ALL_TIERS", HUNDREDS, 1000, "10"),
        ("ALL_TIERS", HUNDREDS, 1001, "11"),
        ("TOP_TIER", HUNDREDS, 1000, "10"),
        ("TOP_TIER", HUNDREDS, 1001, "2"),
        ("TOP_TIER", HUNDREDS, 101000, "101"),
        # Beyond the last tier: nothing more where each part has its tier, the last tier where one has all.
        ("ALL_TIERS", HUNDREDS, 300000, "160"),
        ("TOP_TIER", HUNDREDS, 300000, "150"),
        ("ALL_TIERS", blocks((1, UNLIMITED, "0.01")), 10**9, "10000000"),
        ("TOP_TIER", blocks((10, 5, "3"), (7, UNLIMITED, "2")), 50, "15"),
        ("TOP_TIER", blocks((10, 5, "3"), (7, UNLIMITED, "2")), 51, "16"),
        ("ALL_TIERS", blocks((Decimal("0.5"), 3, "1"), (1, UNLIMITED, "1")), Decimal("1.6"), "4"),
    ],
)
def test_blocks_at_their_bounds(policy, tiers, units, expected, uses):
    assert block_cost(policy, tiers, units, uses) == Fraction(expected)


def prorated_alike(case: dict) -> bool:
    """Whether an event's own quantity says its tier: Lago goes by full units there, and prices the prorated ones."""
    if min(case["event_units"], default=0) < 0:
        return False
    first_to = case["ranges"][0][1]
    return case["event_units"] == case["event_prorated"] or first_to is None or case["full_units"] <= first_to


@pytest.mark.parametrize("case", CASES["lago_prorated_graduated"], ids=lambda c: str(c["event_units"]))
def test_prorated_tiers_agree_where_one_quantity_says_all(case):
    if prorated_alike(case):
        cost = tiered_cost("graduated", case["ranges"], sum(case["event_prorated"], Decimal(0)))
        assert round(cost, 2) == Fraction(case["expected_amount"])
    else:
        # A return of units is a negative quantity, which no event can have.
        world = peer_world(compiled(tables(tiered_price("graduated", case["ranges"]))))
        returned = [world.charge(use(n, q))[0].outcome for n, q in enumerate(case["event_units"]) if q < 0]
        assert set(returned) <= {Outcome.QUANTITY_OUT_OF_RANGE}


FIVES = [[0, 5, "10", "100"], [6, None, "5", "50"]]


@pytest.mark.parametrize(
    ("units", "prorated", "expected"),
    [
        ([], [], "100"),
        ([2, 3], [Decimal(1), Decimal("1.5")], "125"),
        ([12], [Decimal(12)], "235"),
    ],
)
def test_prorated_units_of_the_first_tier_and_whole_ones_are_cycle_tiers(units, prorated, expected):
    case = {"ranges": FIVES, "event_units": units, "event_prorated": prorated, "full_units": sum(units)}
    assert prorated_alike(case)
    price = tiered_price("graduated", FIVES) | {"counts": "cycle"}
    assert sum(costs(price, prorated or [Decimal(0)], 2, 100)) == Fraction(expected)
