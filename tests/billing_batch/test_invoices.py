"""What the customer gets: one document, the same bytes each time; the page shows it and nothing else."""

import importlib.resources
from pathlib import Path

import msgspec
import pytest

from billing_batch.bill_records import invoice_documents
from billing_batch.invoice import as_html, from_json, micro_text, minor_text, percent_text
from customer_care.records import reading
from tests.billing_batch.billing_world import BillingWorld
from tests.customer_care.example_lines import line

GOLDEN = Path(__file__).parent.parent / "golden"
TEMPLATE = (importlib.resources.files("billing_batch") / "templates" / "invoice.html").read_text()


def documents(world) -> dict[str, bytes]:
    """Invoices by the customer's code."""
    with reading(world.engine) as connection:
        found = invoice_documents(connection)
    return {from_json(document).customer_code: document for _, document in found}


def test_an_invoice_is_as_people_have_agreed_it_to_be(world):
    world.bill()
    document = documents(world)["C3"]
    assert document == (GOLDEN / "invoice.json").read_bytes()
    assert as_html(from_json(document), TEMPLATE) == (GOLDEN / "invoice.html").read_bytes()


def test_who_pays_nothing_themselves_gets_no_invoice(world):
    world.bill()
    assert set(documents(world)) == {"C1", "C2", "C3"}


def test_names_are_shown_as_they_are_written_and_never_run(tmp_path):
    name = {"first": "<script>alert(1)</script>", "last": "Novák & Søn"}
    world = BillingWorld(tmp_path, [line(1, name=name)])
    world.bill()
    page = as_html(from_json(documents(world)["C1"]), TEMPLATE).decode()
    assert "<script>" not in page
    assert "Novák &amp; Søn" in page


def test_the_sums_of_a_document_are_those_of_its_lines(world):
    world.bill()
    for document in documents(world).values():
        invoice = msgspec.json.decode(document)
        cents = [round(float(one["net"]) * 100) for one in invoice["lines"]]
        assert sum(cents) == round(float(invoice["net"]) * 100)
        assert round(float(invoice["total"]) * 100) == sum(cents) + round(float(invoice["tax"]) * 100)


@pytest.mark.parametrize(
    ("minor", "digits", "text"),
    [(1250, 2, "12.50"), (-5, 2, "-0.05"), (0, 2, "0.00"), (7, 0, "7"), (1, 3, "0.001")],
)
def test_amounts_are_written_with_all_their_digits(minor, digits, text):
    assert minor_text(minor, digits) == text


def test_what_is_left_and_rates_are_written_short():
    assert (micro_text(0), micro_text(-4_567)) == ("", "-0.004567")
    assert (percent_text(20_000_000), percent_text(5_500_000)) == ("20", "5.5")
