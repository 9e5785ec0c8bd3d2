"""Pure. Rating profiles that could be carried over as the files of a catalogue."""

import re
from typing import Any, NamedTuple

from config.cgrates_files import Row
from config.cgrates_rate_plans import FIELD
from config.cgrates_tariff import ANY
from config.toml_text import toml_text

ANY_CODE = "any"
_NO_CODE_LETTER = re.compile(r"[^\w.+-]")


class ImportOptions(NamedTuple):
    """What the files do not say. Nothing named means everything that can be carried over."""

    tenant: str = ""
    categories: tuple[str, ...] = ()
    units: tuple[str, ...] = ()  # CATEGORY=UNIT
    currency: str = "EUR"
    time_zone: str = "UTC"
    quantity_max: int = 604_800  # a week of seconds


class Version(NamedTuple):
    """A rating profile that could be carried over."""

    category: str
    subject: str
    rating_plan: str
    row: Row
    table: dict[str, Any]


def code_of(text: str) -> str:
    """The code for a category or subject: letters that a code may not have become underscores."""
    return ANY_CODE if text == ANY else _NO_CODE_LETTER.sub("_", text)[:64]


def rate_plan_codes(versions: list[Version]) -> dict[tuple[str, str], str]:
    """(category, subject) -> code: the subject; with several categories the category says which."""
    several = len({version.category for version in versions}) > 1
    return {
        (version.category, version.subject): f"{version.subject}.{version.category}"
        if several
        else version.subject
        for version in versions
    }


def catalogue_files(
    versions: list[Version], own: set[tuple[str, str]], units: dict[str, str], options: ImportOptions
) -> dict[str, str]:
    """The files' texts."""
    head = "# Imported from a tariff plan of CGRateS.\n\n"
    categories = list(dict.fromkeys((v.category, v.row.cell("Category")) for v in versions))
    tables = {
        "site.toml": _site_tables(versions, options),
        "services.toml": _service_tables(versions, {code: units[name] for code, name in categories}, options),
        "rate_plans.toml": {"rate_plan": _rate_plan_tables(versions)},
        "plans.toml": _plan_tables(versions, own),
    }
    return {name: head + toml_text(table) for name, table in tables.items()}


def _site_tables(versions: list[Version], options: ImportOptions) -> dict[str, Any]:
    name = versions[0].row.cell("Tenant") or "Imported tariff plan"
    currency = {"code": options.currency, "name": options.currency, "monetary": True, "decimals": 2}
    return {
        "version": 1,
        "site": {"name": name, "time_zone": options.time_zone, "currency": options.currency},
        "resource": [currency],
        "bill_item": [{"code": code, "name": code} for code in dict.fromkeys(v.category for v in versions)],
    }


def _service_tables(versions: list[Version], units: dict[str, str], options: ImportOptions) -> dict[str, Any]:
    events: list[dict[str, Any]] = []
    for category, unit in units.items():
        tables = [version.table for version in versions if version.category == category]
        field: dict[str, Any] = {"name": FIELD}
        if not any("prefix_field" in detail for table in tables for detail in table["detail"]):
            field["mandatory"] = False
        periods = [
            period for table in tables for price in table["price"].values() for period in price["periods"]
        ]
        counted = [str(period[name]) for period in periods for name in ("from", "increment")]
        decimals = max(len(text.partition(".")[2]) for text in counted)
        events.append(
            {
                "code": category,
                "name": category,
                "service_type": category,
                "unit": unit,
                **({"quantity_decimals": decimals} if decimals else {}),
                "quantity_max": options.quantity_max,
                "field": [field],
            }
        )
    return {"service_type": [{"code": code, "name": code} for code in units], "event_type": events}


def _rate_plan_tables(versions: list[Version]) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, str], list[Version]] = {}
    for version in versions:
        grouped.setdefault((version.category, version.subject), []).append(version)
    codes = rate_plan_codes(versions)
    return [
        {
            "code": codes[key],
            "name": ", ".join(dict.fromkeys(version.rating_plan for version in mine)),
            "service_type": key[0],
            "version": [version.table for version in mine],
        }
        for key, mine in grouped.items()
    ]


def _plan_tables(versions: list[Version], own: set[tuple[str, str]]) -> dict[str, Any]:
    """Products, bundles and plans; `own` are the categories and subjects that have a profile, left out or not.

    A subject without a profile for a category is rated by that of *any, if there is one.
    """
    codes = rate_plan_codes(versions)
    categories = list(dict.fromkeys(version.category for version in versions))
    subjects = list(dict.fromkeys(version.subject for version in versions))
    bundles: list[dict[str, Any]] = []
    for subject in subjects:
        products = [
            codes[key]
            for category in categories
            for key in [(category, subject if (category, subject) in own else ANY_CODE)]
            if key in codes
        ]
        bundles.append({"code": subject, "name": f"Subject {subject}", "products": products})
    return {
        "product": [
            {"code": code, "name": f"{category} of {subject}", "rate_plan": code}
            for (category, subject), code in codes.items()
        ],
        "bundle": bundles,
        "plan": [
            {
                "code": subject,
                "name": f"Subject {subject}",
                "bundles": [subject],
                "payment_types": ["postpaid"],
            }
            for subject in subjects
        ],
    }
