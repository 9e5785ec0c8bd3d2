"""Pure. docs/RATING.md read strictly: its examples become catalogues, customers, events and what to expect.

An example is a section of level 3: its TOML blocks, after those that its chapter begins with, are a catalogue
from which what every example would repeat is left out; the rows of its tables are events.
"""

import datetime
import json
import re
import tomllib
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from rating_kernels.outcomes import OUTCOME_NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "RATING.md").read_text()
EXAMPLES_END = "## Limits"
ZONE = "Europe/Vienna"
NOON = "2026-03-10 12:00"
# Unit -> service type, decimals of quantities.
UNITS = {"s": ("voice", 0), "SMS": ("messages", 0), "MB": ("data", 3), "kWh": ("charging", 3)}
UNITS |= {"EUR": ("payments", 2), "calls": ("api", 0)}
FIELDS = {"destination": "text", "plug": "text", "level": "number"}
TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
FLAGS = {"capped", "late"}
NUMBER = r"-?\d+(?:\.\d+)?"


class Row(NamedTuple):
    """An event of a table, by the names of its columns."""

    number: int
    cells: dict[str, str]


class Example(NamedTuple):
    """A section: what is sold, to whom, and the events."""

    title: str
    toml: str
    customers: str
    rows: list[Row]


def examples(page: str) -> list[Example]:
    """All of them, in order."""
    found = []
    chapters = re.split(r"^## ", page[: page.index(EXAMPLES_END)], flags=re.MULTILINE)
    for chapter in chapters[1:]:
        head, *sections = re.split(r"^### ", chapter, flags=re.MULTILINE)
        shared = _blocks(head, "toml")
        for section in sections:
            title, _, text = section.partition("\n")
            toml = "\n".join([*shared, *_blocks(text, "toml")])
            rows = _rows(text)
            assert toml, f"{title}: no price"
            assert rows, f"{title}: no events"
            found.append(Example(title, toml, "".join(_blocks(text, "json customers")), rows))
    return found


def tables_of(example: Example) -> dict[str, Any]:
    """The example's catalogue with all that it leaves out."""
    unit = service_unit(example)
    # The first line of the rate plan follows its head, and that of its version where it is left out.
    first = re.search(r"^\[\[?rate_plan\..*$", example.toml, re.MULTILINE)
    assert first, f"{example.title}: no price"
    head = f'[[rate_plan]]\ncode = "page"\nname = "P"\nservice_type = "{UNITS[unit][0]}"\n'
    if first[0] != "[[rate_plan.version]]":
        head += "[[rate_plan.version]]\nvalid_from = 2026-01-01\n"
    text = example.toml[: first.start()] + head + example.toml[first.start() :]
    tables = json.loads(json.dumps(tomllib.loads(text), default=datetime.date.isoformat))
    for version in tables["rate_plan"][0]["version"]:
        if "detail" not in version:
            (price,) = version["price"]
            version["detail"] = {"resource": "EUR", "bill_item": "use", "rule": {"price": price}}
    bundle: dict[str, Any] = {"code": "all", "name": "A"}
    products = [*tables.get("product", ()), {"code": "page", "name": "P", "rate_plan": "page"}]
    bundle["products"] = [product["code"] for product in products]
    bundle["discounts"] = [discount["code"] for discount in tables.get("discount", ())]
    profile = next((one["code"] for one in tables.get("credit_profile", ())), "")
    kinds = {
        limit["payment_type"] for one in tables.get("credit_profile", ()) for limit in _list(one["limit"])
    }
    return tables | {
        "version": 1,
        "site": {"name": "Page", "time_zone": ZONE, "currency": "EUR"},
        "resource": [
            {"code": "EUR", "name": "Euro", "monetary": True, "decimals": 2},
            *tables.get("resource", ()),
        ],
        "service_type": [{"code": service, "name": service} for service, _ in UNITS.values()],
        "event_type": [_event_type(unit) for unit in UNITS],
        "bill_item": [{"code": "use", "name": "Use"}],
        "tag": [
            {"code": "usage", "name": "Usage"},
            {"code": "paid", "name": "Paid", "kind": "resource"},
        ],
        "product": products,
        "bundle": [bundle],
        "plan": [
            {
                "code": "p",
                "name": "P",
                "bundles": ["all"],
                "payment_types": sorted({"postpaid", *kinds}),
                "credit_profile": profile,
            }
        ],
    }


def customer_lines(example: Example) -> list[dict[str, Any]]:
    """The example's customers as lines of an import; one who is not told of is ANA."""
    text, decoder, told = example.customers.strip() or '{"customer": "ANA"}', json.JSONDecoder(), []
    while text:
        one, end = decoder.raw_decode(text)
        told.append(one)
        text = text[end:].strip()
    return [_line(one, UNITS[service_unit(example)][0]) for one in told]


def service_unit(example: Example) -> str:
    """The one unit in which all events of an example are counted."""
    told = {unit_of(row) for row in example.rows if not billed_cycle(row)}
    assert len(told) == 1, f"{example.title}: events of {told}"
    return told.pop()


def billed_cycle(row: Row) -> int:
    """The cycle that billing takes at this row; 0 where the row is an event."""
    match = re.fullmatch(r"cycle (\d+) is billed", row.cells["event"])
    return int(match[1]) if match else 0


def unit_of(row: Row) -> str:
    unit = row.cells["event"].split(",")[0].split(" ")[1]
    unit = "calls" if unit == "call" else unit
    assert unit in UNITS, f"{row}: no such unit"
    return unit


def event_of(row: Row) -> dict[str, Any]:
    """The event of a row: a quantity with its unit, then fields."""
    quantity, *fields = row.cells["event"].split(", ")
    number, _ = quantity.split(" ")
    told = dict(field.split(" ") for field in fields)
    when = datetime.datetime.fromisoformat(row.cells.get("at", NOON))
    return {
        "id": str(row.number),
        "source": "page",
        "type": UNITS[unit_of(row)][0],
        "service": row.cells.get("who", "ANA"),
        "time": when.replace(tzinfo=zoneinfo.ZoneInfo(ZONE)).isoformat(),
        "quantity": number,
        "fields": {n: int(value) if FIELDS[n] == "number" else value for n, value in told.items()},
    }


def amount_of(cell: str) -> tuple[Decimal, str, set[str]]:
    """(amount, outcome, flags) of a cell."""
    if cell in OUTCOME_NAMES.values():
        return Decimal(0), cell, set()
    match = re.fullmatch(rf"({NUMBER})((?: \w+)*)", cell)
    assert match, f"{cell!r} is no amount"
    words = set(match[2].split())
    flags, outcomes = words & FLAGS, words - FLAGS
    assert len(outcomes) <= 1, cell
    assert outcomes <= set(OUTCOME_NAMES.values()), cell
    return Decimal(match[1]), outcomes.pop() if outcomes else "CHARGED", flags


def computed(cell: str) -> Fraction:
    """What a computation comes to. Words are for people; all sides of `=` are the same, and not what follows `→`."""
    exact, arrow, bounded = cell.partition("→")
    values = {_value(side) for side in exact.split("=")}
    assert len(values) == 1, f"{cell!r} is {values}"
    (value,) = values
    if not arrow:
        return value
    assert _value(bounded) != value, f"{cell!r} changes nothing"
    return _value(bounded)


def _value(text: str) -> Fraction:
    text = re.sub(r"[A-Za-z]+", "", text).replace(TIMES, "*").replace(MINUS, "-")
    assert re.fullmatch(r"[\d.+*/ -]+", text), f"{text!r} is no computation"
    return Fraction(eval(re.sub(r"\d+(?:\.\d+)?", r'Fraction("\g<0>")', text)))


def limits() -> dict[str, tuple[str, str]]:
    """What -> (at most, what happens beyond), of the page's last table."""
    return {
        row.cells["what"]: (row.cells["at most"], row.cells["beyond it"])
        for row in _rows(PAGE[PAGE.index(EXAMPLES_END) :])
    }


def _blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def _rows(text: str) -> list[Row]:
    """The rows of a section's tables; every line that begins with a bar belongs to one."""
    found: list[Row] = []
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not header:
            header = cells
        elif set("".join(cells)) != {"-"}:
            assert len(cells) == len(header) == len(set(header)), line
            found.append(Row(len(found), dict(zip(header, cells, strict=True))))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _event_type(unit: str) -> dict[str, Any]:
    service, decimals = UNITS[unit]
    return {
        "code": service,
        "name": service,
        "service_type": service,
        "unit": unit,
        "quantity_decimals": decimals,
        "quantity_max": 1_000_000,
        "field": [{"name": name, "kind": kind, "mandatory": False} for name, kind in FIELDS.items()],
    }


def _line(told: dict[str, Any], service: str) -> dict[str, Any]:
    code = told["customer"]
    billing = {"payment_type": "postpaid", "currency": "EUR", "day": 1} | told.get("billing", {})
    shares = [share | {"subscription": f"S-{code}"} for share in told.get("shares", ())]
    return told | {
        "since": "2026-03-01",
        "name": {"last": code},
        "address": {"street": "R", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
        "billing": billing,
        "shares": shares,
        "subscriptions": [
            {"subscription": f"S-{code}", "plan": "p", "services": [{"type": service, "identifier": code}]}
        ],
    }
