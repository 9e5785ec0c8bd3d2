"""Pure. Random voice tariffs as catalogues, and random calls: prefixes, bands, zones, periods, caps, dates."""

import random

from config.compile_catalogue import compile_catalogue
from config.compiled_catalogue import CompiledCatalogue
from config.read_catalogue import catalogue_from_tables

ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu"]
# Around both changes of the clock in two zones, and an ordinary day.
DAYS = ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01", "2026-06-15"]
DIGITS = "012"
# Bands and the minute after a quarter at which they start: two that start together could not be told apart.
BANDS = {"day": 0, "peak": 1, "night": 2}
CUSTOMER = {
    "customer": "C1",
    "since": "2026-01-01",
    "name": {"first": "Ana", "last": "Novak"},
    "address": {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
    "billing": {"payment_type": "postpaid", "currency": "EUR", "day": 1},
    "subscriptions": [
        {"subscription": "S1", "plan": "p", "services": [{"type": "voice", "identifier": "1"}]}
    ],
}


def random_tariff(dice: random.Random) -> CompiledCatalogue:
    """A catalogue of one plan `p` whose calls are priced in every way a call can be."""
    tables = {
        "version": 1,
        "site": {"name": "Random", "time_zone": dice.choice(ZONES), "currency": "EUR"},
        "resource": [{"code": "EUR", "name": "Euro", "monetary": True, "decimals": 2}],
        "service_type": [{"code": "voice", "name": "Calls"}],
        "event_type": [
            {
                "code": "call",
                "name": "A call",
                "service_type": "voice",
                "unit": "s",
                "quantity_max": 100_000,
                "field": [{"name": "destination"}, {"name": "kind", "mandatory": False}],
            }
        ],
        "bill_item": [{"code": "calls", "name": "Calls"}],
        "rate_plan": [
            {
                "code": "r",
                "name": "R",
                "service_type": "voice",
                "version": [_version(dice, "2025-01-01"), _version(dice, dice.choice(DAYS))],
            }
        ],
        "product": [{"code": "calls", "name": "Calls", "rate_plan": "r"}],
        "bundle": [{"code": "b", "name": "B", "products": ["calls"]}],
        "plan": [{"code": "p", "name": "P", "bundles": ["b"], "payment_types": ["postpaid"]}],
    }
    catalogue, faults = catalogue_from_tables({"random.toml": tables})
    assert not faults, faults
    return compile_catalogue(catalogue)


def _version(dice: random.Random, valid_from: str) -> dict:
    rules = _rules(dice)
    bands = {rule["band"] for rule in rules if "band" in rule}
    detail = {
        "resource": "EUR",
        "bill_item": "calls",
        "prefix_field": "destination",
        "rule": rules,
        "rounding": {
            "mode": dice.choice(["half_up", "half_even", "up", "down", "floor"]),
            "decimals": dice.randint(0, 6),
        },
    }
    return {
        "valid_from": valid_from,
        "bands": dice.choice(["split", "start"]),
        "band": {name: [_window(dice, BANDS[name])] for name in sorted(bands)},
        "price": {rule["price"]: _price(dice) for rule in rules},
        "detail": [detail],
    }


def _rules(dice: random.Random) -> list[dict]:
    """Rules that can be told from one another: each differs in prefix, weight, band or condition."""
    rules = {}
    for number in range(dice.randint(1, 10)):
        rule: dict = {"price": f"p{number}", "prefix": "".join(dice.choices(DIGITS, k=dice.randint(0, 2)))}
        if dice.random() < 0.5:
            rule["band"] = dice.choice(list(BANDS))
        if dice.random() < 0.3:
            rule["weight"] = dice.randint(0, 2)
        if dice.random() < 0.2:
            rule["match"] = {"kind": dice.choice(["a", "b"])}
            rule["weight"] = 3 + dice.randint(0, 1)
        rules[rule["prefix"], rule.get("weight", 0), rule.get("band"), str(rule.get("match"))] = rule
    return list(rules.values())


def _window(dice: random.Random, minute: int) -> dict:
    start, end = sorted(dice.sample(range(0, 24 * 60, 15), 2))
    return {
        "weekdays": sorted(dice.sample(range(1, 8), dice.randint(1, 7))),
        "from": f"{start // 60:02}:{start % 60 + minute:02}",
        "to": f"{end // 60:02}:{end % 60:02}",
    }


def _price(dice: random.Random) -> dict:
    starts = sorted({0, *(dice.randint(1, 600) for _ in range(dice.randint(0, 2)))})
    price = {
        "periods": [
            {
                "from": start,
                "per": dice.choice([1, 7, 60, 3600]),
                "amount": f"{dice.randint(0, 5000) / 10000:.4f}",
                "increment": dice.choice([1, 6, 30, 60, 61]),
            }
            for start in starts
        ]
    }
    if dice.random() < 0.4:
        price["connect_fee"] = f"{dice.randint(0, 100) / 1000:.3f}"
    if dice.random() < 0.2:
        price["flat"] = f"{dice.randint(0, 100) / 1000:.3f}"
    if dice.random() < 0.2:
        price["minimum"] = "0.05"
    if dice.random() < 0.3:
        price["maximum"] = "1.5"
        price["cap"] = dice.choice(["free", "disconnect"])
    return price


def random_call(dice: random.Random, number: int) -> dict:
    """A call of the customer, often over a band's end or a change of the clock; seldom a long one."""
    day = dice.choice(DAYS)
    seconds = dice.randrange(86_400) if dice.random() < 0.7 else dice.randrange(0, 86_400, 900)
    length = dice.choice([0, 1, 59, 60, 61, dice.randint(1, 600), dice.randint(1, 20_000)])
    fields = {"destination": "".join(dice.choices(DIGITS, k=dice.randint(1, 4)))}
    if dice.random() < 0.5:
        fields["kind"] = dice.choice(["a", "b", "c"])
    return {
        "id": str(number),
        "source": "test",
        "type": "call",
        "service": "1",
        "time": f"{day}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z",
        "quantity": length,
        "fields": fields,
    }
