"""Lines of customers of the sample operator, as the tests need them."""

import json
from typing import Any


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A postpaid customer of October 2026 with one identifier."""
    identifier = f"+4366000{number:05d}"
    return {
        "customer": f"C{number}",
        "since": "2026-10-01",
        "name": {"first": "Ana", "last": "Novak"},
        "address": {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
        "billing": {"payment_type": "postpaid", "currency": "EUR", "day": 1},
        "subscriptions": [
            {
                "subscription": f"S{number}",
                "plan": "basic",
                "services": [{"type": kind, "identifier": identifier} for kind in ("voice", "data")],
            }
        ],
    } | changes


def on_plan(number: int, plan: str, **changes: Any) -> dict[str, Any]:
    """The same on another plan."""
    customer = line(number, **changes)
    customer["subscriptions"][0]["plan"] = plan
    return customer


def owner(number: int, group: str) -> dict[str, Any]:
    """The owner of a family that shares data."""
    return on_plan(
        number, "family", shares=[{"group": group, "policy": "family_data", "subscription": f"S{number}"}]
    )


def member(number: int, *groups: str) -> dict[str, Any]:
    """A member of families."""
    return on_plan(number, "family_member", member_of=[{"group": group} for group in groups])


def mandate(number: int, iban: str = "AT611904300234573201", code: str = "") -> dict[str, Any]:
    """Payment by direct debit."""
    return {
        "method": "direct_debit",
        "mandate": {"id": code or f"M{number}", "signed_on": "2026-09-20", "iban": iban},
    }


def file_of(*lines: dict[str, Any]) -> list[bytes]:
    """Lines as they are in a file."""
    return [json.dumps(one).encode() for one in lines]
