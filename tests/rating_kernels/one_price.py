"""Pure. A catalogue of one price, a customer who pays by it, and events of given quantities."""

from typing import Any

from tests.rating_kernels.random_catalogue import Scene
from tests.rating_kernels.random_tariff import CUSTOMER
from tests.rating_kernels.twin.civil import instant_us

NOON_US = instant_us("2026-01-05T12:00:00Z", "UTC")


def one_price_tables(price: dict[str, Any], quantity_max: int, **changes: Any) -> dict[str, Any]:
    """`changes` are fields of the event type, the resource, the version, the detail or a discount, by name."""
    detail = {
        "resource": "EUR",
        "bill_item": "use",
        "rule": [{"price": "p"}],
        "rounding": {"mode": "half_up", "decimals": 6},
    }
    version = {
        "valid_from": "2025-01-01",
        "price": {"p": price},
        "detail": [detail | changes.get("detail", {})],
    }
    event = {
        "code": "use",
        "name": "Use",
        "service_type": "voice",
        "unit": "call",
        "quantity_max": quantity_max,
    }
    discounts = changes.get("discounts", [])
    return {
        "site": {"name": "One", "time_zone": "UTC", "currency": "EUR"},
        "resource": [
            {"code": "EUR", "name": "Euro", "monetary": True, "decimals": 2},
            {"code": "grain", "name": "Grain", "decimals": 12},
        ],
        "service_type": [{"code": "voice", "name": "Voice"}],
        "event_type": [event | changes.get("event_type", {})],
        "bill_item": [{"code": "use", "name": "Use"}],
        "tax": [
            {
                "code": "now",
                "name": "Now",
                "at": "rating",
                "rate": [{"valid_from": "2020-01-01", "percent": 100}],
            }
        ],
        "rate_plan": [
            {
                "code": "r",
                "name": "R",
                "service_type": "voice",
                "version": [version | changes.get("version", {})],
            }
        ],
        "discount": discounts,
        "product": [{"code": "use", "name": "Use", "rate_plan": "r"}],
        "bundle": [
            {"code": "b", "name": "B", "products": ["use"], "discounts": [one["code"] for one in discounts]}
        ],
        "plan": [{"code": "p", "name": "P", "bundles": ["b"], "payment_types": ["postpaid"]}],
    }


def uses(*quantities: int) -> list[dict[str, Any]]:
    """An event of each quantity, a minute apart."""
    return [
        {
            "id": f"{number}/{quantity}",
            "source": "test",
            "type": "use",
            "service": "1",
            "time": NOON_US + number * 60_000_000,
            "quantity": quantity,
            "fields": {},
        }
        for number, quantity in enumerate(quantities)
    ]


def one_price_scene(tables: dict[str, Any], *quantities: int) -> Scene:
    return Scene(tables, [CUSTOMER], [("events", uses(*quantities))], ring_max=32, ended_max=6)
