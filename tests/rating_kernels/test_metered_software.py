"""The sample of a software platform: what use costs in euro and credits, whose credits go, what is left."""

from decimal import Decimal

import pytest

from rating_kernels.batch_columns import FLAG_CAPPED, FLAG_SHARED, IMPACT_UNRATED
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.sample_files import SampleWorld, amounts

MONDAY = "2026-10-05T09:00:00Z"
MILLION = 1_000_000


def event(kind: str, key: str, quantity: str, time: str = MONDAY, **fields: str) -> dict:
    return {
        "id": f"{kind} {key} {quantity} {time} {fields}",
        "source": "meter",
        "type": kind,
        "service": key,
        "time": time,
        "quantity": quantity,
        "fields": fields,
    }


def tokens(key: str, count: int, model: str, direction: str = "input", time: str = MONDAY) -> dict:
    return event("tokens", key, str(count), time, model=model, direction=direction)


def calls(key: str, count: int, hour: int = 9) -> dict:
    return event("api_call", key, str(count), f"2026-10-05T{hour:02}:00:00Z")


def costs(world: SampleWorld, *usage: dict, resource: str = "EUR") -> list[Decimal]:
    """What each of some events took, whoever paid."""
    decided = world.charge(*usage)
    assert [one.outcome for one in decided] == [Outcome.CHARGED] * len(usage)
    return [sum(world.paid(one, resource).values(), Decimal(0)) for one in decided]


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("model", "direction", "count", "credit"),
    [
        # 3 and 15 a million; 0.25 and 1.25; one token of the small model is 0.00000025, half up to millionths: nothing.
        ("heron-large", "input", 1, "0.000003"),
        ("heron-large", "output", 123_457, "1.851855"),
        ("heron-small", "input", 1, "0"),
        ("heron-small", "input", 2, "0.000001"),
        ("heron-small-2", "output", 2 * MILLION, "2.5"),
        # All of a job at the tier it reaches, bounds inclusive: 0.10, 0.08, 0.05 a million.
        ("heron-embed", "input", MILLION, "0.10"),
        ("heron-embed", "input", MILLION + 1, "0.08"),
        ("heron-embed", "output", 100 * MILLION, "8"),
        ("heron-embed", "input", 101 * MILLION, "5.05"),
    ],
)
def test_tokens_cost_what_model_and_direction_say(model, direction, count, credit):
    world = SampleWorld("metered_software")
    assert costs(world, tokens("sk-lena", count, model, direction), resource="credit") == decimals(credit)


def test_credits_go_by_priority_then_by_their_end_and_the_last_request_as_far_as_they_reach():
    world = SampleWorld("metered_software")
    # Goodwill (priority 1, no end), bought (ends in 2027), welcome (ends on the 16th).
    assert world.balances("LENA", "credit") == decimals("-2", "-10", "-5")
    steps = [
        # 3 of 3; 12 = 2 of the welcome and 10 bought; of 3 the 2 that are left; then nothing.
        (1, Outcome.CHARGED, "3", ["-2", "-10", "-2"], "0", []),
        # Told at 5 left, and at 90 % of the 17 that were granted.
        (4, Outcome.CHARGED, "12", ["-2", "0", "0"], "0", ["-5"]),
        (1, Outcome.PARTLY_CHARGED, "2", ["0", "0", "0"], "1", ["-1.7"]),
        (1, Outcome.PARTLY_CHARGED, "0", ["0", "0", "0"], "3", []),
    ]
    for hour, (millions, outcome, taken, left, unrated, told) in enumerate(steps, 10):
        usage = tokens("sk-lena", millions * MILLION, "heron-large", time=f"2026-10-05T{hour}:00:00Z")
        (decided,) = world.charge(usage)
        assert decided.outcome == outcome
        assert sum(world.paid(decided, "credit").values()) == Decimal(taken)
        assert world.balances("LENA", "credit") == decimals(*left)
        rest = [
            world.units(one.resource_id, one.amount) for one in decided.impacts if one.kind == IMPACT_UNRATED
        ]
        assert rest == ([Decimal(unrated)] if unrated != "0" else [])
        assert world.told(decided) == [("LENA", "credit", Decimal(one)) for one in told]


def test_a_grant_with_a_lower_priority_goes_first_although_it_ends_later():
    world = SampleWorld("metered_software")
    assert world.balances("NOOR", "credit") == decimals("-10", "-4")
    world.charge(tokens("sk-noor", 2 * MILLION, "heron-large"))
    assert world.balances("NOOR", "credit") == decimals("-8", "0")


@pytest.mark.parametrize(
    ("time", "outcome", "taken"),
    [
        # The welcome credits end with the 15th, in UTC.
        ("2026-10-15T23:59:59Z", Outcome.CHARGED, "3"),
        ("2026-10-16T00:00:00Z", Outcome.PARTLY_CHARGED, "0"),
    ],
)
def test_credits_that_have_ended_buy_nothing(time, outcome, taken):
    world = SampleWorld("metered_software")
    (decided,) = world.charge(tokens("sk-milo", MILLION, "heron-large", time=time))
    assert decided.outcome == outcome
    assert sum(world.paid(decided, "credit").values()) == Decimal(taken)


def test_a_seat_uses_the_teams_credits_up_to_its_cap_and_none_empties_the_pool():
    world = SampleWorld("metered_software")
    steps = [
        # The pool has 100. A seat's 40: 30, then 12 are denied whole, then 9; another seat has 40 of its own: 40.
        ("sk-rosa", 10, Outcome.CHARGED, "-70", []),
        ("sk-rosa", 4, Outcome.DENIED_SHARING, "-70", []),
        ("sk-rosa", 3, Outcome.CHARGED, "-61", []),
        # 39 of 40; 79 of the pool's 100 in all.
        ("sk-sami", 13, Outcome.CHARGED, "-22", []),
        ("sk-sami", 1, Outcome.DENIED_SHARING, "-22", []),
        # The team itself has no cap: 21, which is past 80 %; then 3 are more than the 1 that is left.
        ("sk-quartz", 7, Outcome.CHARGED, "-1", ["-20"]),
        ("sk-quartz", 1, Outcome.DENIED_LIMIT, "-1", []),
    ]
    for hour, (key, millions, outcome, left, told) in enumerate(steps, 10):
        usage = tokens(key, millions * MILLION, "heron-large", time=f"2026-10-05T{hour}:00:00Z")
        (decided,) = world.charge(usage)
        assert decided.outcome == outcome
        assert world.balances("QUARTZ", "credit") == [Decimal(left)]
        assert world.told(decided) == [("QUARTZ", "credit", Decimal(one)) for one in told]
        if outcome == Outcome.CHARGED:
            assert world.paid(decided, "credit") == amounts(QUARTZ=str(3 * millions))


def test_a_seat_with_credits_of_its_own_uses_them_before_the_softer_pool():
    world = SampleWorld("metered_software")
    own, both, pool, beyond = world.charge(
        *(
            tokens("sk-uma", millions * MILLION, "heron-large", time=f"2026-10-05T{hour}:00:00Z")
            for hour, millions in ((10, 1), (11, 1), (12, 13), (13, 1))
        )
    )
    # 3 of its 5; 2 and 1 of the team; 39 make 40 of the team, its cap; of 3 more nobody has one.
    assert world.paid(own, "credit") == amounts(UMA="3")
    assert world.paid(both, "credit") == amounts(UMA="2", TOPAZ="1")
    assert world.paid(pool, "credit") == amounts(TOPAZ="39")
    assert beyond.outcome == Outcome.DENIED_LIMIT
    assert world.balances("TOPAZ", "credit") == decimals("-60")


def test_calls_cost_started_blocks_of_a_thousand_at_the_tiers_of_the_month():
    world = SampleWorld("metered_software")
    counts = [10_000, 1, 999, 1, 88_999, 1, 899_999, 1]
    # 10,000 free; a block of 0.50; its rest; the next; the 90th ends at 100,000: 45.00 less 1.00; a block of 0.30; all 900
    # of them are 270.00 less 0.30; the first beyond costs its block of 0.20 and 20.00.
    expected = decimals("0", "0.50", "0", "0.50", "44.00", "0.30", "269.70", "20.20")
    assert costs(world, *(calls("sk-orchid", n, hour) for hour, n in enumerate(counts))) == expected


def test_seats_climb_the_tiers_of_the_companys_calls_together_and_the_company_pays():
    world = SampleWorld("metered_software")
    free, paid = world.charge(calls("sk-rosa", 9_000), calls("sk-sami", 2_500))
    # 11,500 together: 1,500 beyond the free ones are two blocks.
    assert (world.paid(free), world.paid(paid)) == ({}, amounts(QUARTZ="1.00"))
    assert (free.flags & FLAG_SHARED, paid.flags & FLAG_SHARED) == (0, FLAG_SHARED)


def test_a_report_has_its_own_price_and_counts_in_no_tier():
    world = SampleWorld("metered_software")
    report = event("api_call", "sk-orchid", "1", endpoint="report")
    search = event("api_call", "sk-orchid", "1", endpoint="search")
    assert costs(world, calls("sk-orchid", 9_999), report, search) == decimals("0", "0.25", "0")


def test_storage_is_sold_in_packages_that_last_until_they_are_used():
    world = SampleWorld("metered_software")
    hours = ["3600", "0.001", "7199.999", "0.001", "14400"]
    usage = [
        event("stored", "sk-orchid", gbh, f"2026-10-0{day}T09:00:00Z") for day, gbh in enumerate(hours, 5)
    ]
    # Free; a package of 7200 begins and is used up; the next; 21,600.001 GBh beyond the free ones are four.
    assert costs(world, *usage) == decimals("0", "0.25", "0", "0.25", "0.50")


def test_a_new_month_begins_with_all_that_is_free():
    world = SampleWorld("metered_software")
    usage = [
        tokens("sk-orchid", 1_500_000, "heron-small", time=f"2026-{month}-02T09:00:00Z") for month in (10, 11)
    ]
    # 500,000 beyond the million at 0.25, in each of them.
    assert costs(world, *usage) == decimals("0.125", "0.125")


def test_volume_over_the_month_gives_back_what_a_cheaper_tier_makes_of_it():
    world = SampleWorld("metered_software")
    usage = [
        tokens("sk-orchid", millions * MILLION, "heron-embed", time=f"2026-10-0{day}T09:00:00Z")
        for day, millions in ((5, 10), (6, 1), (7, 9))
    ]
    # 10 * 0.10; 11 * 0.06 - 1.00; 20 * 0.06 - 0.66.
    assert costs(world, *usage) == decimals("1.00", "-0.34", "0.54")


@pytest.mark.parametrize(
    ("payments", "euro"),
    [
        # Three of a month are free, as far as 100.00 of them go; a free one has no fixed part.
        (["domestic 33.00"] * 4, ["0", "0", "0", "0.71"]),  # 0.462 + 0.25 = 0.712
        (["domestic 90.00", "domestic 20.00"], ["0", "0.40"]),  # 10.00 to pay: 0.39 is below the minimum
        (["domestic 100.00", "domestic 2000.00"], ["0", "20.00 capped"]),  # 28.25
        (["domestic 100.00", "domestic 37.50"], ["0", "0.78"]),  # 0.775: half to the even cent
        (["domestic 100.00", "domestic 12.50"], ["0", "0.42"]),  # 0.425
        # 1.8 % up to 1000.00, then 1.2 % of what is above.
        (["eea 1000.00", "eea 1000.01", "eea 3000.00"], ["18.00", "18.00", "42.00"]),
        (["world 1.00", "world 10000.00"], ["0.28", "150.00 capped"]),  # 0.279; 290.25
    ],
)
def test_a_payment_costs_a_part_of_it(payments, euro):
    world = SampleWorld("metered_software")
    usage = [
        event("payment", "sk-orchid", one.split()[1], f"2026-10-05T{hour}:00:00Z", card=one.split()[0])
        for hour, one in enumerate(payments, 10)
    ]
    decided = world.charge(*usage)
    assert [sum(world.paid(one).values()) for one in decided] == [Decimal(one.split()[0]) for one in euro]
    assert [bool(one.flags & FLAG_CAPPED) for one in decided] == ["capped" in one for one in euro]


def test_young_companies_pay_less_for_use_but_not_for_payments():
    world = SampleWorld("metered_software")
    use, stored, payment = world.charge(
        tokens("sk-pixel", MILLION, "heron-large"),
        event("stored", "sk-pixel", "3601"),
        event("payment", "sk-pixel", "100.00", card="world"),
    )
    # 3.00 and 0.25 less 25 %; 2.90 + 0.25.
    paid = [world.paid(one) for one in (use, stored, payment)]
    assert paid == [amounts(PIXEL="2.25"), amounts(PIXEL="0.1875"), amounts(PIXEL="3.15")]


def test_what_a_cheaper_tier_gives_back_is_what_was_paid_less_the_discount():
    world = SampleWorld("metered_software")
    usage = [
        tokens("sk-pixel", millions * MILLION, "heron-embed", time=f"2026-10-0{day}T09:00:00Z")
        for day, millions in ((5, 10), (6, 1))
    ]
    # 10 * 0.10 and 11 * 0.06 - 1.00, each less 25 %; in all 0.495, as 11 million at once would cost.
    assert costs(world, *usage) == decimals("0.75", "-0.255")
