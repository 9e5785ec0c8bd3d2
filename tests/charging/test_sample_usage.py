"""The samples' files without any server: every event comes out as its author says in its own line.

A line says it in `note`, a field that no tariff knows: `OUTCOME amount resource, ...: why`.
"""

import asyncio
import io
import json
import re
from decimal import Decimal

import pytest

from charging.rate_files import rate_usage
from customer_care.onboarding import onboard_lines
from tests.rating_kernels.sample_files import SAMPLES, catalogue_of

NAMES = ("ev_charging", "metered_software")
NOTE = re.compile(r"([A-Z_]+)((?: -?[0-9.]+ \w+,?)*): .+")
MOVES_BALANCES = ("allowance", "credit", "owed")


def lines_of(name: str, file: str) -> list[bytes]:
    return (SAMPLES / name / file).read_bytes().splitlines()


def onboarded(name: str):
    customers, faults = onboard_lines(lines_of(name, "customers.ndjson"), catalogue_of(name), 1)
    assert faults == []
    return customers


def intended(line: str) -> tuple[str, dict[str, Decimal]]:
    """The outcome that a line announces, and what it takes of each resource."""
    note = json.loads(line)["fields"]["note"] if line.startswith("{") else line
    match = NOTE.fullmatch(note)
    assert match, note
    words = match[2].replace(",", "").split()
    return match[1], {code: Decimal(amount) for amount, code in zip(words[::2], words[1::2], strict=True)}


def taken(record: dict, resources: set[str]) -> dict[str, Decimal]:
    """What a record's impacts took of these resources."""
    return {
        code: sum(
            (
                Decimal(impact["amount"])
                for impact in record.get("impacts", ())
                if impact["kind"] in MOVES_BALANCES and impact["resource"] == code
            ),
            Decimal(0),
        )
        for code in resources
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_event_comes_out_as_its_author_says(name):
    usage = lines_of(name, "usage.ndjson")
    output = io.BytesIO()
    asyncio.run(rate_usage(catalogue_of(name), onboarded(name), usage, output, notifications=False))
    records = [json.loads(record) for record in output.getvalue().splitlines()]
    said, came = [], []
    for line, record in zip(usage, records, strict=True):
        outcome, amounts = intended(line.decode())
        said.append((line, outcome, amounts))
        came.append((line, record.get("outcome_name") or record["reason_name"], taken(record, set(amounts))))
    assert came == said


@pytest.mark.parametrize("name", NAMES)
def test_the_files_show_denials_duplicates_and_every_reason_a_file_can_have(name):
    outcomes = {intended(line.decode())[0] for line in lines_of(name, "usage.ndjson")}
    assert outcomes >= {
        "CHARGED",
        "DENIED_LIMIT",
        "DUPLICATE",
        "NO_RATE",
        "NO_SERVICE",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_EVENT_TYPE",
        "MISSING_FIELD",
        "BAD_FIELD",
        "QUANTITY_OUT_OF_RANGE",
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_plans_of_a_sample_are_all_sold(name):
    sold = {one.plan for customer in onboarded(name) for one in customer.line.subscriptions}
    assert sold == set(catalogue_of(name).catalogue.plans)


@pytest.mark.parametrize(
    ("name", "owner", "drivers"),
    [("ev_charging", "MOVE", ["FINN", "HUGO"]), ("metered_software", "QUARTZ", ["ROSA", "SAMI"])],
)
def test_whose_bills_a_company_pays(name, owner, drivers):
    customers = {one.line.customer: one.numbers for one in onboarded(name)}
    paid = [code for code, numbers in customers.items() if numbers.payer_id == customers[owner].hierarchy_id]
    assert paid == drivers
