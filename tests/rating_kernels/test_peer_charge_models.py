"""Lago's charge models as prices of a catalogue: graduated, volume, package and percentage."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tests.rating_kernels.peer_world import CASES, costs, decimals_of, parts, text

MODELS = CASES["lago_charge_models"]
TIERED = ("graduated", "volume", "graduated_percentage", "package")
TEN_THEN_FIVE = [[0, 10, "10", "2"], [11, 20, "5", "3"], [21, None, "5", "3"]]
VOLUMES = [[0, 100, "2", "10"], [101, 200, "1", "0"], [201, None, "0.5", "50"]]
ADJACENT = [[0, Decimal("0.1"), "10", "1"], [Decimal("0.1"), 1, "5", "2"], [1, None, "2", "4"]]
PERCENTAGES = [[0, 10, "200", "1"], [11, None, "300", "2"]]
PACKAGES = {"amount": "100", "package_size": 10, "free_units": 200}


def tiers(ranges, names: tuple[str, str]) -> list[dict]:
    """Ranges of whole units (0-10, 11-20) and those that touch (0-0.1, 0.1-1) say the same: up to, inclusive."""
    ends = [0, *(one[1] for one in ranges[:-1])]
    for end, (start, *_) in zip(ends, ranges, strict=True):
        assert start in (end, end + 1), f"a hole between {end} and {start}"
    return [
        dict(zip(names, map(text, amounts), strict=True)) | ({} if end is None else {"to": text(end)})
        for _, end, *amounts in ranges
    ]


def tiered_price(model: str, params) -> dict:
    """A model that goes by the quantity alone. Lago's percentage ranges name the flat amount first."""
    if model == "package":
        package = {
            "size": text(params["package_size"]),
            "amount": text(params["amount"]),
            "free": text(params.get("free_units") or 0),
        }
        return {"package": package}
    names = ("flat", "percent") if model == "graduated_percentage" else ("amount", "flat")
    return {"mode": "volume" if model == "volume" else "graduated", "tiers": tiers(params, names)}


def tiered_decimals(model: str, params, units) -> int:
    if model == "package":
        return decimals_of(units, params["package_size"], params.get("free_units") or 0)
    return decimals_of(units, *(one[1] for one in params if one[1] is not None))


def tiered_cost(model: str, params, units, uses: int = 1) -> Fraction:
    """The units' cost: used at once, or as several uses of a cycle that is counted as a whole."""
    price = tiered_price(model, params) | ({} if uses == 1 else {"counts": "cycle"})
    decimals = tiered_decimals(model, params, units)
    return sum(costs(price, parts(Decimal(units), uses, decimals), decimals, max(units, 1)))


def percentage_price(params: dict, decimals: int) -> dict:
    """The fixed amount is per event, as a connect fee; bounds of an event hold for both together."""
    price = {
        "periods": [{"percent": text(params["rate"]), "increment": text(Decimal(1).scaleb(-decimals))}],
        "connect_fee": text(params["fixed_amount"] or 0),
    }
    named = {
        "free_quantity": params["free_units_per_total_aggregation"],
        "minimum": params.get("per_transaction_min"),
        "maximum": params.get("per_transaction_max"),
    }
    price |= {name: text(value) for name, value in named.items() if value and Decimal(value)}
    if params["free_units_per_events"]:
        price["free_events"] = int(params["free_units_per_events"])
    return price


def event_values(params: dict, units: Decimal, decimals: int) -> list[Decimal]:
    """The events behind a total: running totals name the first ones, the others share what is left.

    A total of nothing is no use: Lago then charges no fixed amount, whatever the count. Here an event of
    nothing pays it (DECISIONS 17), so none is sent.
    """
    if not units:
        return []
    totals = [min(Decimal(total), units) for total in params["running_total"] or ()]
    named = [after - before for before, after in zip([Decimal(0), *totals], totals, strict=False)]
    others = params["events"] - len(named)
    left = units - sum(named)
    return named + parts(left, others, decimals) if others > 0 else named[:-1] + [named[-1] + left]


def percentage_cost(params: dict, units=None) -> Fraction:
    """The cost of all events of a cycle; where they are bounded one by one, the case lists them."""
    listed = isinstance(params["events"], list)
    known = params["events"] if listed else [*(params["running_total"] or ()), units]
    decimals = decimals_of(*known, params["free_units_per_total_aggregation"] or 0)
    events = [Decimal(e) for e in known] if listed else event_values(params, Decimal(units), decimals)
    return sum(costs(percentage_price(params, decimals), events, decimals, max([*events, 1])), Fraction(0))


@pytest.mark.parametrize("uses", [1, 2, 7])
@pytest.mark.parametrize("case", [c for c in MODELS if c["model"] in TIERED], ids=lambda c: c["model"])
def test_a_tiered_model_costs_what_lago_says_used_at_once_or_in_parts(case, uses):
    assert tiered_cost(case["model"], case["params"], case["units"], uses) == Fraction(case["expected"])


@pytest.mark.parametrize(
    "case", [c for c in MODELS if c["model"] not in TIERED], ids=lambda c: c["params"]["name"]
)
def test_a_percentage_costs_what_lago_says(case):
    assert percentage_cost(case["params"], case["units"]) == Fraction(case["expected"])


@pytest.mark.parametrize(
    ("model", "params", "units", "expected"),
    [
        # Nothing used: the first tier is entered. Bounds belong to the tier below, whatever the fraction above.
        ("graduated", TEN_THEN_FIVE, "0", "2"),
        ("graduated", TEN_THEN_FIVE, "10", "102"),
        ("graduated", TEN_THEN_FIVE, "10.5", "107.5"),
        ("graduated", TEN_THEN_FIVE, "20", "155"),
        ("graduated", TEN_THEN_FIVE, "20.000001", "158.000005"),
        ("graduated", TEN_THEN_FIVE, "1000000", "5000058"),
        ("graduated", TEN_THEN_FIVE, "1.234567", "14.34567"),
        ("graduated", ADJACENT, "0", "1"),
        ("graduated", ADJACENT, "0.1", "2"),
        ("graduated", ADJACENT, "0.100001", "4.000005"),
        ("graduated", ADJACENT, "1", "8.5"),
        ("graduated", ADJACENT, "2.5", "15.5"),
        ("graduated", [[0, None, "0.000001", "0"]], "9000000000000", "9000000"),
        ("volume", VOLUMES, "0", "10"),
        ("volume", VOLUMES, "100", "210"),
        ("volume", VOLUMES, "100.01", "100.01"),
        ("volume", VOLUMES, "200", "200"),
        ("volume", VOLUMES, "201", "150.5"),
        ("volume", ADJACENT, "0.1", "2"),
        ("volume", ADJACENT, "0.11", "2.55"),
        ("graduated_percentage", PERCENTAGES, "0", "200"),
        ("graduated_percentage", PERCENTAGES, "10", "200.1"),
        ("graduated_percentage", PERCENTAGES, "10.01", "500.1002"),
        ("graduated_percentage", [[0, None, "0", "0.0001"]], "1000000", "1"),
        ("package", PACKAGES, "0", "0"),
        ("package", PACKAGES, "200", "0"),
        ("package", PACKAGES, "200.001", "100"),
        ("package", PACKAGES, "210", "100"),
        ("package", PACKAGES, "210.001", "200"),
        ("package", PACKAGES | {"free_units": 0}, "0", "0"),
        ("package", PACKAGES | {"free_units": None}, "1", "100"),
        ("package", PACKAGES | {"package_size": Decimal("0.5"), "free_units": Decimal("0.25")}, "1", "200"),
    ],
)
@pytest.mark.parametrize("uses", [1, 3])
def test_bounds_fractions_and_nothing_used(model, params, units, expected, uses):
    assert tiered_cost(model, params, Decimal(units), uses) == Fraction(expected)


FOUR = {
    "rate": "1.3",
    "fixed_amount": "2",
    "events": 4,
    "running_total": [50, 150, 400],
    "free_units_per_events": 0,
    "free_units_per_total_aggregation": "0",
}


@pytest.mark.parametrize(
    ("changes", "units", "expected"),
    [
        ({}, "800", "18.4"),
        ({"running_total": [], "fixed_amount": None}, "800", "10.4"),
        ({"rate": "0"}, "800", "8"),
        ({"free_units_per_events": 2}, "800", "12.45"),
        ({"free_units_per_events": 3, "free_units_per_total_aggregation": None}, "800", "7.2"),
        # Both: the third event is free only as far as the free quantity goes, and so pays the fixed amount.
        ({"free_units_per_events": 3, "free_units_per_total_aggregation": "250"}, "800", "11.15"),
        ({"free_units_per_events": 2, "free_units_per_total_aggregation": "1000"}, "800", "12.45"),
        ({"free_units_per_events": 9}, "800", "0"),
        ({"free_units_per_total_aggregation": "150.005"}, "800", "12.449935"),
        ({"running_total": [Decimal("0.01")], "events": 2}, "0.02", "4.00026"),
    ],
)
def test_free_events_and_a_free_quantity(changes, units, expected):
    assert percentage_cost(FOUR | changes, Decimal(units)) == Fraction(expected)


BOUNDED = FOUR | {
    "rate": "2.99",
    "fixed_amount": 0,
    "events": [10, 80, 10000],
    "per_transaction_min": "1.75",
    "per_transaction_max": "12",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "16.142"),
        ({"per_transaction_min": None}, "14.691"),
        ({"per_transaction_max": None}, "303.142"),
        ({"free_units_per_events": 1}, "14.392"),
        # A minimum holds for what is left of an event after the free quantity, too.
        ({"free_units_per_total_aggregation": "60", "events": [10, 80, 10000]}, "13.75"),
        ({"events": []}, "0"),
    ],
)
def test_bounds_of_each_event_hold_for_what_is_not_free(changes, expected):
    assert percentage_cost(BOUNDED | changes) == Fraction(expected)


def test_what_lago_says_otherwise():
    # A free quantity that ends exactly with an event: Lago takes the fixed amount for that event, we do not.
    used_up = FOUR | {"events": 1, "running_total": [50], "free_units_per_total_aggregation": "50"}
    assert percentage_cost(used_up, Decimal(50)) == 0
    # Bounded events whose free events are used up before the free quantity: Lago goes on giving, we stop.
    both = {"free_units_per_events": 1, "free_units_per_total_aggregation": "10000", "events": [10, 80]}
    assert percentage_cost(BOUNDED | both) == Fraction("2.392")
    # An event of nothing: no percentage and no minimum, but the fixed amount (DECISIONS 17).
    assert costs(percentage_price(BOUNDED | {"fixed_amount": 2}, 0), [Decimal(0)], 0, 1) == [2]
