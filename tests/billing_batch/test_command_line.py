"""`billing` as a person types it: what it says, and the exit status."""

import sqlite3

import pytest
from sqlalchemy import select

from balance_store.requests import StoreUnreachableError
from billing_batch import command_line
from billing_batch.read_audit import item_name
from customer_care.records import reading
from customer_care.tables import sepa_files
from tests.billing_batch.test_audit import RATED

AS_OF = ("--as-of", "2026-11-01T02:00:00Z")


class ToBeClosed:
    """The world's store as a connection."""

    def __init__(self, store) -> None:
        self._store = store
        self.shards, self.group_schema = store.shards, store.group_schema
        self.load, self.commit = store.load, store.commit

    async def close(self):
        self.closed = True


@pytest.fixture
def billing(world, records_url, tmp_path, monkeypatch, capfd):
    """Runs `billing` on the world's records and store; gives status, output and complaints."""
    settings = tmp_path / "settings.toml"
    settings.write_text(
        f'[records]\nurl = "{records_url}"\n'
        f'[billing]\noutput_directory = "{tmp_path}"\n'
        '[sepa]\ncreditor_name = "Alpha Mobile GmbH"\niban = "AT611904300234573201"\n'
        'creditor_id = "AT61ZZZ01234567890"\n'
    )

    async def connect(_):
        return ToBeClosed(world.store)

    async def rated(*_):
        return 4, {item_name(item, "4000_usage", "vat", "EUR"): amount for item, amount in RATED.items()}

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)
    monkeypatch.setattr(command_line, "rated_sums", rated)
    monkeypatch.setattr(command_line.console, "_width", 200)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["billing", *arguments, "--config", str(settings)])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        said = capfd.readouterr()
        return stop.value.code or 0, said.out, said.err

    return run


def test_a_month_from_cycles_to_bank_file(billing, tmp_path):
    status, out, _ = billing("run", *AS_OF)
    assert (status, out.splitlines()) == (
        0,
        ["6 bills, 121.53 EUR in all", "2 bills of children moved to their owners' bills"],
    )
    status, out, _ = billing("invoices")
    assert (status, out.split(",")[0]) == (0, "3 invoices")
    assert {path.suffix for path in (tmp_path / "invoices").iterdir()} == {".json", ".html"}
    status, out, err = billing("sepa", "export", *AS_OF)
    assert (status, err) == (0, "")
    assert out.startswith("2 direct debits, 108.91 EUR, in ")
    status, out, _ = billing("audit")
    assert (status, out.splitlines()[-1]) == (0, "4 rated records; everything agrees")


def test_a_second_run_and_a_second_export_find_nothing_to_do(billing):
    billing("run", *AS_OF)
    billing("sepa", "export", *AS_OF)
    assert billing("run", *AS_OF)[:2] == (0, "0 bills, 0.00 EUR in all\n")
    assert billing("sepa", "export", *AS_OF)[:2] == (0, "nothing is to be collected\n")


def test_cycles_that_wait_for_their_grace_are_counted(billing):
    status, out, _ = billing("run", "--as-of", "2026-10-31T23:30:00Z", "--json")
    assert (status, out) == (
        0,
        '{"closed":0,"total_minor":0,"moved":0,"waiting":6,"grace_minutes":60}\n',
    )


def test_only_bills_of_a_status_are_listed(billing):
    billing("run", *AS_OF)
    _, out, _ = billing("bills", "--status", "billing")
    assert [code for code in ("C1", "C2", "C3", "C4", "C5", "C6") if f" {code} " in out] == ["C1", "C2", "C3"]


def test_a_difference_is_status_1_and_shown(billing, world):
    world.charge({**CALL, "id": "unheard"})
    status, out, _ = billing("audit")
    assert status == 1
    assert "differs by -620,000" in out
    assert out.splitlines()[-1] == "4 rated records; the sums differ"


CALL = {
    "source": "msc",
    "type": "call",
    "service": "+436600000001",
    "time": "2026-10-05T20:00:00Z",
    "quantity": 600,
    "fields": {"destination": "+4366412345"},
}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--as-of", "2026-11-01T02:00:00"), "names no offset"),
        (("run",), "as-of"),
        (("nothing",), "nothing"),
        (("audit", "--nothing"), "nothing"),
        (("bills", "--status", "payed"), 'Invalid value "payed"'),
    ],
)
def test_what_cannot_be_understood_is_status_2(billing, arguments, complaint):
    status, _, err = billing(*arguments)
    assert status == 2
    assert complaint in err


def test_a_store_that_does_not_answer_is_status_2_and_nothing_is_billed(billing, world, monkeypatch):
    async def connect(_):
        raise StoreUnreachableError("no store answers")

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)
    status, _, err = billing("run", *AS_OF)
    assert (status, err) == (2, "no store answers\n")
    assert world.bills("billing", "closed") == {}


@pytest.mark.parametrize("records_url", ["sqlite"], indirect=True)
def test_records_that_somebody_else_writes_to_are_status_2_and_no_traceback(
    billing, world, tmp_path, monkeypatch
):
    monkeypatch.setattr("customer_care.records.SQLITE_BUSY_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "records.sqlite", isolation_level=None)

    async def connect(_):
        # After the records are opened and before the first bill.
        other.execute("BEGIN IMMEDIATE")
        return ToBeClosed(world.store)

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)
    try:
        status, _, err = billing("run", *AS_OF)
    finally:
        other.close()
    assert (status, err.splitlines()[-1]) == (2, "records: database is locked")


def test_banking_days_are_counted_from_the_sites_day(billing, world):
    billing("run", *AS_OF)
    # Half past midnight on the 3rd in Vienna: two banking days later is the 5th, not the 4th.
    assert billing("sepa", "export", "--as-of", "2026-11-02T23:30:00Z")[0] == 0
    with reading(world.engine) as connection:
        assert (
            connection.execute(select(sepa_files.c.collection_date)).scalar_one().isoformat() == "2026-11-05"
        )
