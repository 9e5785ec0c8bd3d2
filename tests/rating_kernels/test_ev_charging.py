"""The sample of charging stations: what a session costs, who paid it, what is left, who was told."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from config.compile_catalogue import compile_catalogue
from config.load import load_catalogue
from rating_kernels.batch_columns import FLAG_CAPPED, FLAG_SHARED, IMPACT_DISCOUNT, IMPACT_TAX
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.sample_files import SAMPLES, SampleWorld, amounts

ANA, BEN, WALLBOX, DAVID = "DE-LWK-C0001", "DE-LWK-C0002", "WB-0003", "DE-LWK-C0004"
MOVE, MOVE_TOO, FINN, GRETA, KURIER = (
    "DE-LWK-C1001",
    "DE-LWK-C1002",
    "DE-LWK-C1101",
    "DE-LWK-C1102",
    "DE-LWK-C2001",
)
OWN = "DE*LWK*E0101*1"
MONDAY = "2026-10-05T10:00:00+02:00"  # neither busy nor calm


def event(kind: str, service: str, quantity: str, time: str, **fields: str) -> dict:
    event_id = f"{kind} {service} {quantity} {time} {fields}"
    return {
        "id": event_id,
        "source": "cpo",
        "type": kind,
        "service": service,
        "time": time,
        "quantity": quantity,
        "fields": fields,
    }


def session(card: str, kwh: str, plug: str = "AC", evse: str = OWN, time: str = MONDAY) -> dict:
    return event("charging_session", card, kwh, time, evse=evse, connector=plug)


def standing(card: str, minutes: str, plug: str = "AC", evse: str = OWN, time: str = MONDAY) -> dict:
    return event("plugged_in", card, minutes, time, evse=evse, connector=plug)


def at_home(box: str, kwh: str, time: str) -> dict:
    return event("home_charge", box, kwh, time)


@pytest.mark.parametrize(
    ("kwh", "plug", "evse", "time", "euro"),
    [
        # A working day: 0.42, from 17:00 to 20:00 0.48, from 22:00 to 06:00 0.36; a bound belongs to what begins.
        ("10", "AC", OWN, "2026-10-05T16:59:59+02:00", "4.20"),
        ("10", "AC", OWN, "2026-10-05T17:00:00+02:00", "4.80"),
        ("10", "AC", OWN, "2026-10-05T20:00:00+02:00", "4.20"),
        ("10", "AC", OWN, "2026-10-05T22:00:00+02:00", "3.60"),
        ("10", "AC", OWN, "2026-10-06T05:59:59+02:00", "3.60"),
        ("10", "AC", OWN, "2026-10-06T06:00:00+02:00", "4.20"),
        # Friday the 25th of December is a holiday, whatever the hour; the 24th and 27th are a Thursday and a Sunday.
        ("10", "AC", OWN, "2026-12-25T18:00:00+01:00", "3.60"),
        ("10", "AC", OWN, "2026-12-24T18:00:00+01:00", "4.80"),
        ("10", "AC", OWN, "2026-12-27T18:00:00+01:00", "4.20"),
        # A started hundredth: 7.35 * 0.42.
        ("7.341", "AC", OWN, MONDAY, "3.087"),
        # 0.52 and, calm, 0.44; 0.50 to start and 0.62, at least 1.00; without energy the start fee alone.
        ("10", "DC", OWN, MONDAY, "5.20"),
        ("10", "DC", OWN, "2026-10-05T23:00:00+02:00", "4.40"),
        ("20", "HPC", OWN, MONDAY, "12.90"),
        ("0.8", "HPC", OWN, MONDAY, "1.00"),
        ("0.81", "HPC", OWN, MONDAY, "1.0022"),
        ("0", "HPC", OWN, MONDAY, "0.50"),
        # Partner: 0.35 + 10 * 0.55; 0.35 + 10 * 0.69. Others: 0.50 + 10 * 0.79; DE*ABD is no partner.
        ("10", "AC", "DE*ABC*E1", MONDAY, "5.85"),
        ("10", "HPC", "DE*ABC*E1", MONDAY, "7.25"),
        ("10", "AC", "DE*ABD*E1", MONDAY, "8.40"),
        ("10", "AC", "AT*WIE*E1", MONDAY, "8.40"),
    ],
)
def test_a_session_costs_what_station_plug_and_hour_say(kwh, plug, evse, time, euro):
    world = SampleWorld("ev_charging")
    (decided,) = world.charge(session(ANA, kwh, plug, evse, time))
    assert decided.outcome == Outcome.CHARGED
    assert world.paid(decided) == amounts(ANA=euro)
    # The second impact of the same event: its energy.
    assert world.paid(decided, "charged_kwh") == ({} if kwh == "0" else amounts(ANA=kwh))


@pytest.mark.parametrize(
    ("minutes", "plug", "time", "euro"),
    [
        # Four hours are free, then 0.10 a minute, 12.00 at the most.
        ("240", "AC", MONDAY, "0"),
        ("241", "AC", MONDAY, "0.10"),
        ("360", "AC", MONDAY, "12.00"),
        ("361", "AC", MONDAY, "12.00 capped"),
        # From 16:00: 240 minutes to 20:00, 120 to the night at 22:00, then nothing until 08:00 and 0.10 again: 12.00.
        ("360", "AC", "2026-10-05T16:00:00+02:00", "12.00"),
        ("960", "AC", "2026-10-05T16:00:00+02:00", "12.00"),
        ("961", "AC", "2026-10-05T16:00:00+02:00", "12.00 capped"),
        # From 21:00: one hour, eleven of the night and one of the day: 60 * 0.10.
        ("720", "AC", "2026-10-05T21:00:00+02:00", "6.00"),
        # The night in which clocks go back has eleven hours to 08:00: of 700 minutes from 23:00 100 remain.
        ("700", "AC", "2026-10-24T23:00:00+02:00", "10.00"),
        # Fast chargers: an hour, then 0.20, also at night, 24.00 at the most.
        ("90", "HPC", "2026-10-05T23:00:00+02:00", "6.00"),
        ("181", "DC", MONDAY, "24.00 capped"),
    ],
)
def test_standing_costs_what_is_beyond_the_free_hours_of_the_day(minutes, plug, time, euro):
    world = SampleWorld("ev_charging")
    (decided,) = world.charge(standing(ANA, minutes, plug, time=time))
    amount, _, capped = euro.partition(" ")
    assert sum(world.paid(decided).values()) == Decimal(amount)
    assert bool(decided.flags & FLAG_CAPPED) == bool(capped)


def test_a_partners_car_park_costs_the_same_for_any_time_and_others_nothing():
    world = SampleWorld("ev_charging")
    short, long, elsewhere = world.charge(
        standing(ANA, "1", evse="DE*ABC*E1"),
        standing(ANA, "9999", evse="DE*ABC*E1"),
        standing(ANA, "9999", evse="NL*XYZ*E1"),
    )
    assert [sum(world.paid(one).values()) for one in (short, long, elsewhere)] == [2, 2, 0]


def test_members_get_a_percentage_off_energy_then_ten_cents_never_below_nothing():
    world = SampleWorld("ev_charging")
    energy, little, stay = world.charge(session(BEN, "20"), session(BEN, "0.1"), standing(BEN, "300"))
    # 8.40 - 1.26 - 0.10; 0.042 - 0.0063 - what is left; 60 * 0.10 without a discount.
    assert [sum(world.paid(one).values()) for one in (energy, little, stay)] == [
        Decimal("7.04"),
        0,
        Decimal("6.00"),
    ]
    off = [
        impact.amount
        for one in (energy, little, stay)
        for impact in one.impacts
        if impact.kind == IMPACT_DISCOUNT
    ]
    assert off == [-1_260_000, -100_000, -6_300, -35_700]


def test_a_wallet_pays_with_tax_from_what_ends_first_and_is_told_when_little_is_left():
    world = SampleWorld("ev_charging")
    steps = [
        # 0.49, 0.59, 0.69 a kWh with tax; the voucher of 5.00 ends on the 16th, the 20.00 never.
        (session(DAVID, "10", time="2026-10-06T12:00:00+02:00"), "4.90", "0.782353", ["-20", "-0.10"], []),
        (
            session(DAVID, "10", "DC", time="2026-10-17T12:00:00+02:00"),
            "5.90",
            "0.942017",
            ["-14.10", "-0.10"],
            [],
        ),
        (
            session(DAVID, "10", "HPC", time="2026-10-18T12:00:00+02:00"),
            "6.90",
            "1.101681",
            ["-7.20", "-0.10"],
            ["-10"],
        ),
        # 340 - 240 minutes at 0.10: 8.403361 net by 10 / 119, 1.596639 tax. That is more than is left.
        (standing(DAVID, "340", time="2026-10-18T12:00:00+02:00"), "", "", ["-7.20", "-0.10"], []),
        (
            standing(DAVID, "300", time="2026-10-18T13:00:00+02:00"),
            "6.00",
            "0.957983",
            ["-1.20", "-0.10"],
            ["-2"],
        ),
    ]
    for usage, gross, tax, left, told in steps:
        (decided,) = world.charge(usage)
        assert decided.outcome == (Outcome.CHARGED if gross else Outcome.DENIED_LIMIT)
        assert world.paid(decided) == (amounts(DAVID=gross) if gross else {})
        taxes = [
            world.units(one.resource_id, one.amount) for one in decided.impacts if one.kind == IMPACT_TAX
        ]
        assert taxes == ([Decimal(tax)] if tax else [])
        assert world.balances("DAVID") == [Decimal(one) for one in left]
        assert world.told(decided) == [("DAVID", "EUR", Decimal(one)) for one in told]


def test_a_cap_that_disconnects_leaves_the_price_as_it_is():
    world = SampleWorld("ev_charging", DAVID={"balances": [{"resource": "EUR", "credit": 200}]})
    (decided,) = world.charge(session(DAVID, "150", "HPC"))
    # 150 * 0.69: 86.97479 net are beyond 50, which is for the charger to know.
    assert (world.paid(decided), decided.flags & FLAG_CAPPED) == (amounts(DAVID="103.50"), 0)


@pytest.mark.parametrize(
    ("kwh", "time", "covered", "euro", "left", "told"),
    [
        ("79.999", "2026-10-05T12:00:00+02:00", "79.999", "0", "-20.001", []),
        # 80 % of the 100 are reached.
        ("80", "2026-10-05T12:00:00+02:00", "80", "0", "-20", ["-20"]),
        # 50.001 beyond the 100 at 0.30, at night 0.24.
        ("150.001", "2026-10-05T12:00:00+02:00", "100", "15.0003", "0", ["-20", "0"]),
        ("150.001", "2026-10-05T22:00:00+02:00", "100", "12.00024", "0", ["-20", "0"]),
    ],
)
def test_at_home_the_included_energy_goes_first(kwh, time, covered, euro, left, told):
    world = SampleWorld("ev_charging")
    (decided,) = world.charge(at_home(WALLBOX, kwh, time))
    assert world.paid(decided, "home_kwh") == amounts(CLARA=covered)
    assert sum(world.paid(decided).values()) == Decimal(euro)
    assert world.balances("CLARA", "home_kwh") == [Decimal(left)]
    assert world.told(decided) == [("CLARA", "home_kwh", Decimal(one)) for one in told]


def test_a_company_pays_for_its_drivers_as_far_as_its_policies_say():
    world = SampleWorld("ev_charging")
    steps = [
        # Of 42.00 all, of the next 42.00 what is left of 60.00 for this driver; standing is the driver's.
        (session(FINN, "100"), amounts(MOVE="42.00"), []),
        (session(FINN, "100", time="2026-10-05T11:00:00+02:00"), amounts(MOVE="18.00", FINN="24.00"), []),
        (standing(FINN, "250"), amounts(FINN="1.00"), []),
        # Of 41.9958 half, half up; the rest is hers.
        (session(GRETA, "99.99"), amounts(MOVE="20.9979", GRETA="20.9979"), []),
        # 49.00 fee + 60.00 + 20.9979 + 200.0 = 329.9979: above 80 % of the budget of 400.00.
        (session(MOVE, "454.54"), amounts(MOVE="199.9976"), [("MOVE", "EUR", Decimal(320))]),
    ]
    for usage, paid, told in steps:
        (decided,) = world.charge(usage)
        assert decided.outcome == Outcome.CHARGED
        assert world.paid(decided) == paid
        assert world.told(decided) == told


def test_a_fleet_that_reaches_a_tier_gets_back_what_it_paid_too_much():
    world = SampleWorld("ev_charging")
    steps = [
        # 300 * 0.44; 500 * 0.44 - 132.00, as a tier holds its bound; 500.001 * 0.40 - 220.00; 600 * 0.40 - 200.0004.
        ("300", "132.00"),
        ("200", "88.00"),
        ("0.001", "-19.9996"),
        ("99.999", "39.9996"),
    ]
    for hour, (kwh, euro) in enumerate(steps, 10):
        (decided,) = world.charge(session(KURIER, kwh, "HPC", time=f"2026-10-05T{hour}:00:00+02:00"))
        assert world.paid(decided) == amounts(KURIER=euro)
    # 49.00 fee and 600 * 0.40.
    assert world.balances("KURIER") == [Decimal("289.00")]


def test_all_cards_of_a_fleet_climb_the_tiers_together_and_a_denied_session_does_not_count():
    world = SampleWorld("ev_charging")
    first, denied, second = world.charge(
        session(MOVE, "400"), session(MOVE_TOO, "900"), session(MOVE_TOO, "200")
    )
    # 400 * 0.44; 1300 * 0.40 - 176.00 = 344.00 would pass 400.00 with 225.00 owed; 600 * 0.40 - 176.00.
    assert [one.outcome for one in (first, denied, second)] == [
        Outcome.CHARGED,
        Outcome.DENIED_LIMIT,
        Outcome.CHARGED,
    ]
    assert (world.paid(first), world.paid(second)) == (amounts(MOVE="176.00"), amounts(MOVE="64.00"))


def test_what_a_cheaper_tier_gives_back_goes_to_the_company_that_paid():
    world = SampleWorld("ev_charging")
    lea, mila = world.charge(session("DE-LWK-C3101", "490"), session("DE-LWK-C3102", "20"))
    # 490 * 0.44; both cars together 510 * 0.40 - 215.60.
    assert (world.paid(lea), world.paid(mila)) == (amounts(STADT="215.60"), amounts(STADT="-11.60"))
    assert mila.flags & FLAG_SHARED
    # The fee of 49.00 and 510 * 0.40; the drivers owe nothing.
    assert (world.balances("STADT"), world.balances("LEA"), world.balances("MILA")) == ([253], [], [])


FLEET_CAR = {
    "plan": "fleet_car",
    "subscription": "GRETA-1",
    "services": [{"type": "charging", "identifier": GRETA}],
}


def test_a_company_that_pays_half_gets_half_of_it_back():
    world = SampleWorld("ev_charging", GRETA={"subscriptions": [FLEET_CAR]})
    before, after = world.charge(session(GRETA, "490"), session(GRETA, "20"))
    # Half of 215.60, and of the 11.60 that come back.
    assert world.paid(before) == amounts(MOVE="107.80", GRETA="107.80")
    assert world.paid(after) == amounts(MOVE="-5.80", GRETA="-5.80")


def test_what_comes_back_brings_its_tax_along_to_whom_it_goes():
    catalogue = load_catalogue(SAMPLES / "ev_charging")
    plan = catalogue.rate_plans["energy_fleet"]
    (version,) = plan.version
    energy, tally = version.detail
    taxed = replace(version, detail=(replace(energy, tax="vat_at_once"), tally))
    plans = catalogue.rate_plans | {plan.code: replace(plan, version=(taxed,))}
    compiled = compile_catalogue(replace(catalogue, rate_plans=plans))
    world = SampleWorld("ev_charging", compiled, GRETA={"subscriptions": [FLEET_CAR]})
    for usage, half, tax in (
        # 215.60 and 40.964, half of each; -11.60 and -2.204, half of each.
        (session(GRETA, "490"), "128.282", 20_482_000),
        (session(GRETA, "20"), "-6.902", -1_102_000),
    ):
        (decided,) = world.charge(usage)
        assert world.paid(decided) == amounts(MOVE=half, GRETA=half)
        assert [one.amount for one in decided.impacts if one.kind == IMPACT_TAX] == [tax, tax]
