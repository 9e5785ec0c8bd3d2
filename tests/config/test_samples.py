"""The samples that come with us: in order, complete, and readable."""

import re
from pathlib import Path

import pytest

from config.compiled_catalogue import CompiledCatalogue
from config.describe_catalogue import describe
from config.load import SAMPLE_DIRECTORY, load_compiled_catalogue
from config.rate_plan import Detail, Period, Price, RatePlanVersion, Tier

NAMES = sorted(path.name for path in SAMPLE_DIRECTORY.parent.iterdir() if path.is_dir())
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture(scope="module")
def samples() -> dict[str, CompiledCatalogue]:
    return {name: load_compiled_catalogue(SAMPLE_DIRECTORY.parent / name) for name in NAMES}


def versions(samples) -> list[RatePlanVersion]:
    plans = [plan for one in samples.values() for plan in one.catalogue.rate_plans.values()]
    return [version for plan in plans for version in plan.version]


def prices(samples) -> list[Price]:
    return [price for version in versions(samples) for price in version.price.values()]


def parts(samples) -> list[Period | Tier]:
    return [part for price in prices(samples) for part in (*price.periods, *price.tiers)]


def details(samples) -> list[Detail]:
    return [detail for version in versions(samples) for detail in version.detail]


def test_there_are_three():
    assert NAMES == ["ev_charging", "metered_software", "mobile_operator"]


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        # The price models of DECISIONS 11.
        ("flat", lambda price: price.flat and not price.periods),
        ("per unit", lambda price: any(p.increment == 1 and p.per != 1 for p in price.periods)),
        ("elapsed periods", lambda price: len({p.increment or p.per for p in price.periods}) > 1),
        ("connect fee", lambda price: price.connect_fee and price.periods),
        ("minimum", lambda price: price.minimum),
        ("maximum, then free", lambda price: price.maximum and price.cap == "free"),
        ("maximum, then cut off", lambda price: price.maximum and price.cap == "disconnect"),
        ("graduated within an event", lambda p: p.tiers and (p.mode, p.counts) == ("graduated", "event")),
        ("graduated over the cycle", lambda p: p.tiers and (p.mode, p.counts) == ("graduated", "cycle")),
        ("volume within an event", lambda p: p.tiers and (p.mode, p.counts) == ("volume", "event")),
        ("volume over the cycle", lambda p: p.tiers and (p.mode, p.counts) == ("volume", "cycle")),
        ("tier in blocks", lambda price: any(tier.block for tier in price.tiers)),
        ("tier with a flat fee", lambda price: any(tier.flat for tier in price.tiers)),
        ("tier by percentage", lambda price: any(tier.percent for tier in price.tiers)),
        ("package with free units", lambda price: price.package and price.package.free),
        ("percentage with a fixed part", lambda p: p.connect_fee and any(one.percent for one in p.periods)),
        ("free events", lambda price: price.free_events),
        ("free units", lambda price: price.free_quantity),
    ],
)
def test_some_sample_has_a_price_of_this_model(samples, what, shown):
    assert any(shown(price) for price in prices(samples)), what


def test_some_sample_has_every_other_way_to_rate(samples):
    catalogues = [one.catalogue for one in samples.values()]
    policies = [policy for one in catalogues for policy in one.sharing_policies.values()]
    limits = [
        limit for one in catalogues for profile in one.credit_profiles.values() for limit in profile.limit
    ]
    windows = [window for version in versions(samples) for band in version.band.values() for window in band]
    assert any(window.special_days for window in windows)
    assert any(window.from_ > window.to for window in windows)
    assert {version.bands for version in versions(samples)} >= {"start", "split"}
    assert any(detail.allowances for detail in details(samples))
    assert any(len(version.detail) > 1 for version in versions(samples))
    assert {tax.at for one in catalogues for tax in one.taxes.values()} == {"bill", "rating"}
    assert {limit.on_breach for limit in limits} >= {"deny", "up_to_limit", "allow"}
    assert {policy.strategy for policy in policies} == {"owner_first", "member_first"}
    assert {policy.when_exhausted for policy in policies} == {"spill", "deny"}
    assert any(policy.percent < 100 for policy in policies)
    assert any(policy.shared_tiers for policy in policies)
    assert any(policy.cap_per_group for policy in policies)
    assert any(discount.percent for one in catalogues for discount in one.discounts.values())
    assert any(discount.amount for one in catalogues for discount in one.discounts.values())


@pytest.mark.parametrize("name", NAMES)
def test_everything_a_sample_says_is_shown(samples, name):
    page = describe(samples[name])
    catalogue = samples[name].catalogue
    for table in ("resources", "plans", "products", "discounts", "event_types", "special_days"):
        for code in getattr(catalogue, table):
            assert re.search(rf"^ +{re.escape(code)}: ", page, re.MULTILINE), code
    for table in ("rate_plans", "credit_profiles", "sharing_policies", "taxes"):
        for code in getattr(catalogue, table):
            assert re.search(rf"^  {re.escape(code)}: ", page, re.MULTILINE), code
    # Neither Python's brackets nor a fraction of a line that nobody wrote.
    assert not re.search(r"\('|None|Fraction|  $", page)


def test_what_a_sample_shows_reads_as_people_speak(samples):
    page = describe(samples["ev_charging"])
    for line in (
        "band busy: Mon-Fri 17:00-20:00",
        "band calm: every day 22:00-06:00; holiday 00:00-24:00",
        "holiday: Public holidays: 01-01 05-01",
        "time zone Europe/Berlin, an event keeps the price of its start",
        "time zone Europe/Berlin, a band that begins changes the price of an event",
        "evse DE*LWK... DELWK..., connector = DC or HPC: fast = free, from 60 min on 0.20 EUR per min",
        "evse DE*LWK... DELWK...: own = volume tiers over the cycle, all at the tier reached\n",
        "          to 500 kWh 0.44 EUR per kWh\n",
        "          beyond 0.36 EUR per kWh\n",
        "69 EUR per 119 kWh in steps of 0.01 kWh, cut off at 50 EUR",
        "EUR, booked to energy/4000_energy/vat_at_once, tax on top at once, tagged energy, money",
        "member: Members' energy: 15 % off what is tagged energy, priority 1",
        "by_app: Started with the app: 0.10 EUR an event off what is tagged energy, priority 2",
        "    discounts: member, by_app",
        "vat_at_once: Value added tax, prepaid (S, charged with each event): 19 %",
        "100 % of EUR tagged energy for charging, owner_first, at most 60 € a cycle for a member,",
        "postpaid EUR: no limit, told at 50, 100",
    ):
        assert line in page, line


def test_what_the_samples_need_is_installed_with_them():
    packaged = PROJECT.read_text()
    assert 'config = ["**/*.toml", "**/*.ndjson"]' in packaged
