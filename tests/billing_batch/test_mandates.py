"""Bills that a bank file cannot collect are said, each with its reason; banks' rules that no schema knows."""

import datetime

import pytest
from sqlalchemy import update

from billing_batch.export_sepa import export_sepa
from billing_batch.sepa_collect import Collection, collection_fault, latin
from customer_care.records import writing
from customer_care.tables import mandates
from tests.billing_batch.billing_world import AS_OF, SETTINGS

ONE = Collection(1, 7, 1, "M1", datetime.date(2026, 9, 20), "Ana Novak", "AT611904300234573201", "", 100)


def test_a_bill_without_an_active_mandate_is_named(world, tmp_path):
    world.bill()
    with writing(world.engine) as connection:
        connection.execute(update(mandates).where(mandates.c.code == "M2").values(status="stopped"))
    report = export_sepa(world.engine, SETTINGS.sepa, AS_OF, tmp_path)
    assert (report.transactions, report.refused) == (1, ["bill 1: customer 'C2' has no active mandate"])


def test_with_no_mandate_at_all_there_is_no_file_but_reasons(world, tmp_path):
    world.bill()
    with writing(world.engine) as connection:
        connection.execute(update(mandates).values(status="stopped"))
    report = export_sepa(world.engine, SETTINGS.sepa, AS_OF, tmp_path)
    assert (report.path, report.transactions, len(report.refused)) == (None, 0, 2)
    assert list(tmp_path.glob("*.xml")) == []


@pytest.mark.parametrize("mandate", ["/M1", "M1/", "M//1", "/", ""])
def test_a_mandate_with_slashes_where_banks_take_none_is_refused(mandate):
    assert "mandate" in collection_fault(ONE._replace(mandate_id=mandate))


def test_a_slash_inside_a_mandate_is_taken():
    assert collection_fault(ONE._replace(mandate_id="M/1/2")) == ""


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ana /", "Ana"),
        ("/ Ana", "Ana"),
        ("A//B", "A/B"),
        ("A///B", "A/B"),
        ("//", ""),
        ("x" * 69 + " y", "x" * 69),
        ("x" * 69 + "/y", "x" * 69),
    ],
)
def test_a_name_has_no_slash_or_space_at_its_ends_and_no_two_slashes(name, written):
    assert latin(name, 70) == written


def test_the_statement_names_the_invoice_or_where_there_is_none_the_bill():
    assert ONE._replace(invoice_number=3).remittance == "Invoice 3"
    assert ONE.remittance == "Bill 7"
