"""Bank files: by the schema, by an independent bank, the same bytes, each bill once."""

import datetime
import importlib.resources
import threading
import urllib.request
from pathlib import Path

import msgspec
import pytest
import xmlschema
from mockbank.server import Config, make_server
from sqlalchemy import select, update

from billing_batch.export_sepa import CreditorError, export_sepa
from billing_batch.sepa_collect import Collection, Creditor, collection_fault, creditor_faults, latin
from customer_care.records import reading, writing
from customer_care.tables import bills, mandates, sepa_transactions
from tests.billing_batch.billing_world import AS_OF, SETTINGS

GOLDEN = Path(__file__).parent.parent / "golden"
SEPA = SETTINGS.sepa


@pytest.fixture(scope="module")
def schema():
    source = importlib.resources.files("sepaxml") / "schemas" / "pain.008.001.08.xsd"
    return xmlschema.XMLSchema(source.read_text())


@pytest.fixture
def billed(world):
    """After `billing run`: two customers pay by direct debit."""
    world.bill()
    return world


def test_the_file_is_as_agreed_and_passes_the_schema(billed, tmp_path, schema):
    report = export_sepa(billed.engine, SEPA, AS_OF, tmp_path / "sepa")
    assert (report.transactions, report.total_minor, report.refused) == (2, 3588 + 7303, [])
    schema.validate(str(report.path))
    assert report.path.read_bytes() == (GOLDEN / "pain.008.xml").read_bytes()


def test_a_bill_that_a_file_collects_is_not_collected_again(billed, tmp_path):
    export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    again = export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    assert (again.path, again.transactions) == (None, 0)
    assert len(list(tmp_path.glob("*.xml"))) == 1


def test_a_file_that_was_lost_is_written_again_byte_for_byte(billed, tmp_path):
    report = export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    before = report.path.read_bytes()
    report.path.unlink()
    later = AS_OF + datetime.timedelta(days=1)
    assert export_sepa(billed.engine, SEPA, later, tmp_path).path is None
    assert report.path.read_bytes() == before


def test_a_file_that_could_not_be_the_same_is_not_written(billed, tmp_path):
    report = export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    report.path.unlink()
    with writing(billed.engine) as connection:
        connection.execute(update(mandates).values(iban="DE89370400440532013000"))
    with pytest.raises(CreditorError, match="would differ"):
        export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    assert not report.path.exists()


def test_a_mandate_that_banks_would_not_take_is_left_out_with_its_reason(billed, tmp_path, schema):
    with writing(billed.engine) as connection:
        connection.execute(update(mandates).where(mandates.c.code == "M2").values(iban="AT00"))
    report = export_sepa(billed.engine, SEPA, AS_OF, tmp_path)
    assert report.transactions == 1
    (reason,) = report.refused
    assert "IBAN 'AT00' is not valid" in reason
    schema.validate(str(report.path))


def test_nothing_is_recorded_for_a_creditor_that_cannot_collect(billed, tmp_path):
    with pytest.raises(CreditorError, match=r"sepa\.creditor_name is empty.*sepa\.iban"):
        export_sepa(billed.engine, type(SEPA)(), AS_OF, tmp_path)
    with reading(billed.engine) as connection:
        assert connection.execute(select(sepa_transactions)).all() == []


def test_a_closed_bill_and_one_of_nothing_are_not_collected(billed, tmp_path):
    with writing(billed.engine) as connection:
        connection.execute(update(bills).where(bills.c.due_minor > 5000).values(status="closed"))
    assert export_sepa(billed.engine, SEPA, AS_OF, tmp_path).transactions == 1


def test_an_independent_bank_takes_the_file(billed, tmp_path):
    # The one account that this bank holds for us.
    creditor = msgspec.structs.replace(SEPA, iban="NL41MOCK0000000001", bic="")
    report = export_sepa(billed.engine, creditor, AS_OF, tmp_path)
    server = make_server(Config(port=0, quiet=True, clock="2026-11-02T09:00"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/payments"
        content = {"Content-Type": "application/xml"}
        request = urllib.request.Request(url, report.path.read_bytes(), content)
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = msgspec.json.decode(answer.read())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (said["accepted"], said["rejected"], said["findings"]) == (2, 0, []), said
    assert [one["settlement_date"] for one in said["collections"]] == ["2026-11-03"] * 2


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"iban": "AT611904300234573202"}, "IBAN"),
        ({"bic": "XX"}, "BIC"),
        ({"mandate_id": "M 1"}, "mandate"),
        ({"mandate_id": "M" * 36}, "mandate"),
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": 100_000_000_000}, "amount"),
        ({"debtor": "日本"}, "name"),
    ],
)
def test_what_no_schema_catches_is_caught_here(changes, fault):
    one = Collection(1, 1, 1, "M1", datetime.date(2026, 9, 20), "Ana Novak", "AT611904300234573201", "", 100)
    assert fault in collection_fault(one._replace(**changes))
    assert bool(collection_fault(one._replace(**changes))) == bool(fault)


def test_names_are_spelled_in_what_every_bank_takes():
    assert latin("Jürgen  Groß & Söhne / «Čáp» ", 70) == "Juergen Gross + Soehne / Cap"
    assert latin("x" * 200, 70) == "x" * 70


def test_a_creditor_is_checked_whole():
    assert creditor_faults(Creditor("A", "AT611904300234573201", "", "AT61ZZZ01234567890")) == []
    assert len(creditor_faults(Creditor("", "x", "y", "z"))) == 4
