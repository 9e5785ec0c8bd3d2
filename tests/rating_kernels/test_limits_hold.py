"""The largest quantities, amounts and tiers that a catalogue may have: nothing wraps, the kernels say what the twin says."""

import random

import pytest

from config.compile_catalogue import catalogue_faults
from config.read_catalogue import catalogue_from_tables
from rating_kernels.group_image import AMOUNT_MAX, QUANTITY_MAX
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.one_price import one_price_scene, one_price_tables
from tests.rating_kernels.random_prices import random_price
from tests.rating_kernels.twin_check import Played


def refusals(tables) -> list[str]:
    catalogue, faults = catalogue_from_tables({"one.toml": tables})
    return [fault.message for fault in [*faults, *catalogue_faults(catalogue)]]


def largest_quantity(price, **changes) -> int:
    """The largest `quantity_max` that is not refused."""
    low, high = 1, QUANTITY_MAX
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (low, middle - 1) if refusals(one_price_tables(price, middle, **changes)) else (middle, high)
        )
    return low


def same_until_out_of_range(played: Played) -> None:
    """Equal, event by event, up to one that kernels cannot hold although what it costs could be written down."""
    played.play()
    for decided, expected in zip(played.decided, played.expected, strict=True):
        if decided.outcome == Outcome.AMOUNT_OUT_OF_RANGE != expected.outcome:
            return
        assert (decided.outcome, decided.impacts) == (expected.outcome, expected.impacts)
    assert not played.state_differences()


@pytest.mark.parametrize("seed", range(60))
def test_the_largest_events_at_the_dearest_price_that_is_not_refused(seed):
    dice = random.Random(f"limits/{seed}")
    price = random_price(dice, 0, tiers=True)
    most = largest_quantity(price)
    played = Played(one_price_scene(one_price_tables(price, most), most, 0, most - 1, 1, most, most, most))
    same_until_out_of_range(played)
    assert played.decided[0].outcome == Outcome.CHARGED


@pytest.mark.parametrize("counts", ["event", "cycle"])
@pytest.mark.parametrize("mode", ["graduated", "volume"])
def test_sixty_four_tiers_up_to_the_largest_quantity(mode, counts):
    bounds = [2**53 - 1 - 2 ** (52 - n // 2) - n for n in range(63)]
    tiers = [{"to": bound, "amount": "0.000001", "per": n % 3 + 2} for n, bound in enumerate(sorted(bounds))]
    price = {"tiers": [*tiers, {"amount": "0.000001", "per": 3, "block": 7}], "mode": mode, "counts": counts}
    most = largest_quantity(price)
    played = Played(one_price_scene(one_price_tables(price, most), most // 2, most // 2, most, most - 1, 1))
    same_until_out_of_range(played)


def test_a_balance_ends_at_the_largest_amount_and_not_beyond():
    price = {"periods": [{"amount": "0.000001", "increment": 1}]}
    most = largest_quantity(price)
    assert most == AMOUNT_MAX - 1
    played = Played(one_price_scene(one_price_tables(price, most), most, 1, 1, most, 0))
    assert not played.play()
    outcomes = [decided.outcome for decided in played.decided]
    assert outcomes == [0, 0, Outcome.AMOUNT_OUT_OF_RANGE, Outcome.AMOUNT_OUT_OF_RANGE, 0]
    assert played.world.total("C1", "EUR") == AMOUNT_MAX


def test_tax_on_top_of_the_largest_amount_is_refused_and_leaves_nothing():
    price = {"periods": [{"amount": "0.000001", "increment": 1}]}
    tables = one_price_tables(price, AMOUNT_MAX - 1, detail={"tax": "now"})
    played = Played(one_price_scene(tables, AMOUNT_MAX // 2, AMOUNT_MAX - 1, AMOUNT_MAX // 2))
    assert not played.play()
    assert [decided.outcome for decided in played.decided] == [0] + 2 * [Outcome.AMOUNT_OUT_OF_RANGE]


@pytest.mark.parametrize("percent", [100, 50, "0.0000001"])
def test_a_volume_price_that_jumps_past_the_largest_amount_is_refused_whatever_comes_off(percent):
    price = {
        "tiers": [{"to": 10**9, "amount": 0}, {"amount": 8}],
        "mode": "volume",
        "counts": "cycle",
    }
    discounts = [{"code": "off", "name": "Off", "percent": percent}]
    tables = one_price_tables(price, 10**9, discounts=discounts)
    played = Played(one_price_scene(tables, 10**9, 10**9, 10**9))
    assert not played.play()
    assert [decided.outcome for decided in played.decided] == [0] + 2 * [Outcome.AMOUNT_OUT_OF_RANGE]


@pytest.mark.parametrize("percent", ["33.3333333", "12.3456789", "0.0000001", "99.9999999"])
@pytest.mark.parametrize("mode", ["half_up", "half_even", "up", "down", "floor"])
def test_a_discount_of_many_digits_on_a_resource_of_twelve_decimals(percent, mode):
    price = {"periods": [{"amount": 1}]}
    changes = {
        "detail": {"resource": "grain", "bill_item": "", "rounding": {"mode": mode, "decimals": 0}},
        "discounts": [{"code": "off", "name": "Off", "percent": percent, "resource": "grain"}],
    }
    most = largest_quantity(price, **changes)
    assert not Played(
        one_price_scene(one_price_tables(price, most, **changes), most, 0, 1, 2, 3, 50, 99)
    ).play()


@pytest.mark.parametrize(("units", "per"), [(1, 2**40), ("0.000001", 2**30), (2**7, 3), (1, 1)])
def test_allowances_with_the_widest_conversion_that_is_not_refused(units, per):
    price = {"periods": [{"amount": "0.000001", "increment": 1}]}
    changes = {"detail": {"allowances": [{"resource": "grain", "units": units, "per": per}]}}
    most = largest_quantity(price, **changes)
    scene = one_price_scene(one_price_tables(price, most, **changes), most, 1, most - 1, most // 3)
    grants = [
        {
            "customer": "C1",
            "resource": "grain",
            "credit": credit,
            "from_us": 0,
            "to_us": 2**60,
            "created_us": number,
            "priority": number,
        }
        for number, credit in enumerate(["0.000000000001", 7, "8999.999999999999"])
    ]
    played = Played(scene._replace(steps=[("grant", grant) for grant in grants] + scene.steps))
    same_until_out_of_range(played)


def test_an_event_that_is_split_at_bands_may_not_last_longer_than_can_be_looked_up():
    price = {"periods": [{"amount": "0.000001"}]}
    changes = {
        "event_type": {"unit": "h"},
        "version": {"band": {"day": [{"from": "08:00", "to": "20:00"}]}},
        "detail": {"rule": [{"price": "p", "band": "day"}, {"price": "p"}]},
    }
    most = largest_quantity(price, **changes)
    assert most == 10 * 366 * 24
    assert not Played(one_price_scene(one_price_tables(price, most, **changes), most, 1)).play()


def grant(credit: int | str, number: int = 0) -> tuple[str, dict]:
    """Money of the customer, for ever."""
    return (
        "grant",
        {
            "customer": "C1",
            "resource": "EUR",
            "credit": credit,
            "from_us": 0,
            "to_us": 2**60,
            "created_us": number,
            "priority": number,
        },
    )


def test_what_is_given_back_never_goes_below_the_smallest_amount():
    # Two details give back six tenths of the largest amount each, of what credits had paid.
    price = {
        "tiers": [{"to": 1_000, "amount": 5_000_000}, {"amount": 0}],
        "mode": "volume",
        "counts": "cycle",
    }
    version = {
        "price": {"p": price, "q": price},
        "detail": [
            {"resource": "EUR", "bill_item": item, "rule": [{"price": name}]}
            for name, item in (("p", "use"), ("q", "more"))
        ],
    }
    tables = one_price_tables(price, 1_001, version=version)
    tables["bill_item"].append({"code": "more", "name": "More"})
    scene = one_price_scene(tables, 1_000, 1)
    played = Played(scene._replace(steps=[grant(5 * 10**9, 1), grant(5 * 10**9, 2), *scene.steps]))
    assert not played.play()
    assert [decided.outcome for decided in played.decided] == [0, Outcome.AMOUNT_OUT_OF_RANGE]


def test_totals_of_an_item_that_could_not_be_kept_refuse_the_event():
    price = {"flat": 0}
    scene = one_price_scene(one_price_tables(price, QUANTITY_MAX), QUANTITY_MAX - 5, 5, 1, 0)
    played = Played(scene)
    assert not played.play()
    out_of_range = Outcome.AMOUNT_OUT_OF_RANGE
    assert [decided.outcome for decided in played.decided] == [0, 0, out_of_range, 0]


def test_what_a_cycle_has_counted_stays_within_what_can_be_kept():
    price = {"free_quantity": 7, "flat": 0}
    scene = one_price_scene(one_price_tables(price, QUANTITY_MAX), QUANTITY_MAX - 5, 5, 1)
    played = Played(scene)
    assert not played.play()
    assert [decided.outcome for decided in played.decided] == [0, 0, Outcome.AMOUNT_OUT_OF_RANGE]
