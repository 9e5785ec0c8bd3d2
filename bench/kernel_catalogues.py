"""Pure. What the kernels' bench sells: the plainest price with an allowance, and everything at once."""

from typing import Any

# A month in which every event of the bench lies, so that no cycle ends.
SINCE = "2026-10-01"

_SITE = {
    "version": 1,
    "site": {"name": "Bench", "time_zone": "Europe/Vienna", "currency": "EUR"},
    "bill_item": [{"code": "use", "name": "Use"}],
    "tag": [{"code": "use", "name": "Use"}],
}
_EURO = {"code": "EUR", "name": "Euro", "monetary": True, "decimals": 2, "consumption_order": "EETEST"}
_PLAN = {"code": "p", "name": "P", "bundles": ["b"], "payment_types": ["postpaid"]}


def per_unit_allowance() -> dict[str, Any]:
    """A price per unit after an allowance."""
    return _SITE | {
        "resource": [_EURO, {"code": "free", "name": "Free units", "decimals": 0}],
        "service_type": [{"code": "use", "name": "Use"}],
        "event_type": [_event("unit", [])],
        "rate_plan": [
            _rate_plan(
                {"per_unit": {"periods": [{"amount": "0.01"}]}},
                [_money("per_unit", allowances=[{"resource": "free"}])],
            )
        ],
        "product": [
            {"code": "use", "name": "Use", "rate_plan": "r"},
            {"code": "free", "name": "Free", "allowances": [{"resource": "free", "amount": 1_000_000}]},
        ],
        "bundle": [{"code": "b", "name": "B", "products": ["use", "free"]}],
        "plan": [_PLAN],
    }


def long_calls() -> dict[str, Any]:
    """Calls by the second, 60/1, with a fee to connect."""
    periods = [
        {"per": 60, "amount": "0.06", "increment": 60},
        {"from": 60, "per": 60, "amount": "0.06", "increment": 1},
    ]
    return _SITE | {
        "resource": [_EURO],
        "service_type": [{"code": "use", "name": "Use"}],
        "event_type": [_event("s", [])],
        "rate_plan": [_rate_plan({"call": {"connect_fee": "0.02", "periods": periods}}, [_money("call")])],
        "product": [{"code": "use", "name": "Use", "rate_plan": "r"}],
        "bundle": [{"code": "b", "name": "B", "products": ["use"]}],
        "plan": [_PLAN],
    }


def everything() -> dict[str, Any]:
    """Bands, tiers over the cycle, two impacts, a discount, a shared half, thresholds."""
    return _SITE | {
        "resource": [_EURO, {"code": "kWh", "name": "Energy", "decimals": 3}],
        "service_type": [{"code": "use", "name": "Use"}],
        "event_type": [_event("unit", [{"name": "site"}])],
        "rate_plan": [
            _rate_plan(
                {
                    "day": {"mode": "graduated", "counts": "cycle", "tiers": _tiers("0.40", "0.35", "0.30")},
                    "night": {
                        "mode": "graduated",
                        "counts": "cycle",
                        "tiers": _tiers("0.30", "0.28", "0.25"),
                    },
                    "energy": {"periods": [{"amount": 1}]},
                },
                [
                    _money(
                        "day",
                        prefix_field="site",
                        rule=[
                            {"price": "day", "prefix": "AT"},
                            {"price": "night", "prefix": "AT", "band": "night"},
                        ],
                    ),
                    {"resource": "kWh", "rule": [{"price": "energy"}]},
                ],
                band={"night": [{"from": "20:00", "to": "06:00"}]},
            )
        ],
        "product": [{"code": "use", "name": "Use", "rate_plan": "r"}],
        "discount": [{"code": "loyal", "name": "Loyal", "percent": 10, "charge_tags": ["use"]}],
        "bundle": [{"code": "b", "name": "B", "products": ["use"], "discounts": ["loyal"]}],
        "plan": [_PLAN | {"credit_profile": "watched"}],
        "credit_profile": [
            {
                "code": "watched",
                "name": "Watched",
                "limit": [
                    {
                        "payment_type": "postpaid",
                        "resource": resource,
                        "limit": 1_000_000,
                        "thresholds": ["100", "1000", "80%"],
                    }
                    for resource in ("EUR", "kWh")
                ],
            }
        ],
        "sharing_policy": [
            {"code": "half", "name": "Half", "resources": ["EUR"], "charge_tags": ["use"], "percent": 50}
        ],
    }


def customer(number: int, *, owns: bool = False, member: bool = False, family: int = 0) -> dict[str, Any]:
    """A line of `care import` for a customer on the plan."""
    shares = [{"group": f"F{family}", "policy": "half", "subscription": f"S{number}"}] if owns else []
    return {
        "customer": f"C{number}",
        "since": SINCE,
        "name": {"first": "Ana", "last": "Novak"},
        "address": {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
        "billing": {"payment_type": "postpaid", "currency": "EUR", "day": 1},
        "subscriptions": [
            {
                "subscription": f"S{number}",
                "plan": "p",
                "services": [{"type": "use", "identifier": f"I{number}"}],
            }
        ],
        "shares": shares,
        "member_of": [{"group": f"F{family}"}] if member else [],
    }


def _event(unit: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "code": "use",
        "name": "Use",
        "service_type": "use",
        "unit": unit,
        "quantity_max": 1_000_000,
        "field": fields,
    }


def _rate_plan(
    prices: dict[str, Any], details: list[dict[str, Any]], band: dict[str, Any] | None = None
) -> dict[str, Any]:
    version = {"valid_from": "2026-01-01", "price": prices, "detail": details, "band": band or {}}
    return {"code": "r", "name": "R", "service_type": "use", "version": [version]}


def _money(price: str, **more: Any) -> dict[str, Any]:
    return {"resource": "EUR", "bill_item": "use", "charge_tag": "use", "rule": [{"price": price}]} | more


def _tiers(first: str, second: str, third: str) -> list[dict[str, Any]]:
    return [{"to": 100, "amount": first}, {"to": 1_000, "amount": second}, {"amount": third}]
