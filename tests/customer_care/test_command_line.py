"""`care` as a person types it: what it says, and the exit status."""

import itertools
import json
import sqlite3

import pytest

from balance_store.model import ModelStore
from balance_store.requests import StoreUnreachableError
from customer_care import command_line, tables
from customer_care.records import open_records, writing
from tests.customer_care.example_lines import file_of, line, member, owner

SHARDS = 16


class LocalStore(ModelStore):
    """A store in this process, to be closed like a connection."""

    async def close(self):
        self.closed = True


@pytest.fixture
def store(monkeypatch):
    ticks = itertools.count()
    store = LocalStore(SHARDS, clock_ms=lambda: next(ticks))

    async def connect(_):
        return store

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)
    return store


@pytest.fixture
def no_store(monkeypatch):
    async def connect(_):
        raise StoreUnreachableError("no store answers")

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)


@pytest.fixture
def care(tmp_path, monkeypatch, capfdbinary):
    """Runs `care` in a folder with its settings; gives status, output and complaints."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n')
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, lines=None):
        if lines is not None:
            (tmp_path / "customers.ndjson").write_bytes(b"\n".join(lines))
            arguments = (*arguments, str(tmp_path / "customers.ndjson"))
        monkeypatch.setattr("sys.argv", ["care", *arguments, "--config", str(settings)])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        said = capfdbinary.readouterr()
        return stop.value.code, said.out.decode(), said.err.decode()

    return run


def test_importing_a_good_file_is_status_0_and_says_what_was_done(care, store):
    status, out, err = care("import", lines=file_of(owner(1, "A"), member(2, "A")))
    assert (status, err) == (0, "")
    assert out == "2 new, 0 changed, 0 unchanged, 0 refused\n2 customers published to the store\n"
    assert store.closed


def test_bad_lines_are_status_1_and_are_named(care, store):
    status, out, err = care("import", lines=file_of(line(1), line(2, type="")))
    assert status == 1
    assert "1 new, 0 changed, 0 unchanged, 1 refused" in out
    assert err == "line 2: type: is empty\n"


def test_without_a_store_customers_are_recorded_and_wait(care, no_store):
    status, out, err = care("import", lines=file_of(line(1)))
    assert status == 1
    assert "1 new" in out
    assert err == "no store answers\n1 customers wait to be published: `care publish`\n"


def test_publish_finishes_what_is_left(care, store, monkeypatch):
    with monkeypatch.context() as patch:

        async def connect(_):
            raise StoreUnreachableError("no store answers")

        patch.setattr(command_line.StoreClient, "connect", connect)
        care("import", lines=file_of(line(1)))
    assert care("publish") == (0, "1 customers published to the store\n", "")
    assert care("publish") == (0, "0 customers published to the store\n", "")


def test_show_prints_a_customer_with_groups_and_live_balances(care, store):
    care("import", lines=file_of(owner(1, "FAMILY"), member(2, "FAMILY")))
    status, out, _ = care("show", "C1")
    assert status == 0
    for part in (
        "Ana Novak",
        "known to the store",
        "family_fee",
        "+436600000001: voice, data",
        "-10000 MB",
        "29.90 €",
    ):
        assert part in out
    assert "FAMILY: shares with C2" in out
    assert "FAMILY: may use what C1 shares" in care("show", "C2")[1]


def test_show_leaves_out_memberships_that_are_over(care, store, tmp_path):
    care("import", lines=file_of(owner(1, "FAMILY"), member(2, "FAMILY"), member(3, "FAMILY")))
    engine = open_records(f"sqlite:///{tmp_path}/records.sqlite")
    with writing(engine) as connection:
        third = tables.sharing_memberships.c.member_customer_id == 3
        connection.execute(tables.sharing_memberships.update().where(third).values(valid_to_us=1))
    assert "FAMILY: shares with C2 (" in care("show", "C1")[1]
    assert "FAMILY" not in care("show", "C3")[1]


def test_show_without_a_store_says_so_and_shows_the_rest(care, no_store):
    care("import", lines=file_of(line(1, hierarchy={"owns": "H"}), line(2, hierarchy={"member_of": "H"})))
    status, out, _ = care("show", "C1")
    assert status == 0
    assert "the store has not been told yet" in out
    assert "H: pays the bills of C2" in out
    assert "Balances: no store answers" in out


def test_show_as_json_is_for_programs(care, store):
    care("import", lines=file_of(line(1)))
    shown = json.loads(care("show", "C1", "--json")[1])
    assert shown["customer"]["bills"][0]["status"] == "active"
    assert [(one["resource"], one["amount"]) for one in shown["balances"]] == [("EUR", "9.90")]


def test_what_cannot_be_done_is_status_2(care, store, tmp_path):
    assert care("show", "nobody") == (2, "", "there is no customer 'nobody'\n")
    assert care("import", str(tmp_path / "missing"))[0] == 2
    (tmp_path / "settings.toml").write_text("[records]\nurls = 1\n")
    status, _, err = care("publish")
    assert status == 2
    assert "urls" in err
    (tmp_path / "settings.toml").write_text('[records]\nurl = "nonsense"\n')
    status, _, err = care("publish")
    assert status == 2
    assert "records.url" in err


def test_records_that_somebody_else_writes_to_are_one_message(care, store, tmp_path, monkeypatch):
    monkeypatch.setattr("customer_care.records.SQLITE_BUSY_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "records.sqlite", isolation_level=None)

    async def connect(_):
        # After the records are opened and before anything is published.
        other.execute("BEGIN IMMEDIATE")
        return store

    monkeypatch.setattr(command_line.StoreClient, "connect", connect)
    try:
        assert care("publish") == (2, "", "records: database is locked\n")
    finally:
        other.close()
