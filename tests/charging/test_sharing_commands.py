"""`charging sharing` as a person types it, on the page's own examples."""

import itertools
import json
import re
import sqlite3
import time
from pathlib import Path

import pytest

from balance_store.model import ModelStore
from balance_store.requests import StoreUnreachableError
from charging import command_line, sharing_commands
from customer_care import command_line as care_line
from customer_care.records import open_records
from customer_care.sharing_rules import Refusal
from tests.customer_care.example_lines import file_of, line, on_plan

PAGE = (Path(__file__).parents[2] / "docs" / "SHARING.md").read_text()
SHARDS = 16


class LocalStore(ModelStore):
    """A store in this process, to be closed like a connection, or not to be reached."""

    silent = False

    async def close(self):
        pass


@pytest.fixture
def store(monkeypatch):
    ticks = itertools.count()
    store = LocalStore(SHARDS, clock_ms=lambda: next(ticks))

    async def connect(_):
        if store.silent:
            raise StoreUnreachableError("no store answers")
        return store

    monkeypatch.setattr(sharing_commands.StoreClient, "connect", connect)
    return store


@pytest.fixture
def sharing(tmp_path, monkeypatch, capfdbinary, store):
    """Runs `charging sharing` in a folder with three customers; gives status, output and complaints."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n')
    customers = tmp_path / "customers.ndjson"
    customers.write_bytes(b"\n".join(file_of(on_plan(1, "family"), line(2), line(3))))
    monkeypatch.setattr(time, "time_ns", lambda: 1_792_000_000_000_000_000)

    def typed(app, *arguments):
        with pytest.raises(SystemExit) as ended:
            app([*arguments, "--config", str(settings)])
        said = capfdbinary.readouterr()
        return ended.value.code, said.out.decode(), said.err.decode()

    assert typed(care_line.app, "import", str(customers))[0] == 0
    return lambda *arguments: typed(command_line.app, "sharing", *arguments)


def test_the_pages_examples_are_done(sharing):
    (block,) = re.findall(r"```\n(charging sharing create.*?)```", PAGE, re.DOTALL)
    commands = [text.split()[2:] for text in block.strip().splitlines()]
    assert {arguments[0] for arguments in commands} == {
        "create",
        "edit",
        "cancel",
        "join",
        "edit-member",
        "leave",
        "show",
    }
    said = {arguments[0]: sharing(*arguments) for arguments in commands}
    assert {name: status for name, (status, _, _) in said.items()} == dict.fromkeys(said, 0), said
    assert said["show"][1] == (
        "GRANDPARENTS: family_data of C1, active, 2026-10-14T19:46:40+02:00 to no end\n"
        "  C2: priority 0, 2026-10-14T19:46:40+02:00 to 2099-01-01T00:00:00+01:00\n"
        "  C3: priority 1, 2026-11-01T00:00:00+01:00 to no end\n"
    )
    status, text, _ = sharing("show", "GRANDPARENTS", "--json")
    assert status == 0
    view = json.loads(text)
    assert (view["status"], view["to"]) == ("active", "2099-06-01T00:00:00+02:00")
    assert [one["member"] for one in view["members"]] == ["C2", "C3"]


def test_the_page_lists_every_refusal():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(one.name, one.value) for one in Refusal]


def test_refusals_are_clear(sharing):
    status, text, complaint = sharing("join", "NOBODYS", "C2", "--json")
    assert (status, json.loads(text)["refusal"]) == (1, "NO_GROUP")
    assert complaint == "refused: there is no such sharing group\n"
    assert sharing("show", "NOBODYS")[0] == 1
    status, _, complaint = sharing("cancel", "NOBODYS", "--at", "tomorrow")
    assert (status, complaint[:15]) == (2, "--at 'tomorrow'")
    assert sharing("cancel", "NOBODYS", "--at", "2026-11-01T10:00")[0] == 2


def test_a_group_that_has_ended_is_closed(sharing):
    sharing("create", "FAMILY", "--owner", "C1", "--subscription", "S1", "--policy", "family_data")
    assert json.loads(sharing("show", "FAMILY", "--json")[1])["status"] == "active"
    assert sharing("cancel", "FAMILY")[0] == 0
    assert json.loads(sharing("show", "FAMILY", "--json")[1])["status"] == "closed"


def test_what_the_store_does_not_hear_of_is_recorded_and_waits(sharing, store):
    sharing("create", "FAMILY", "--owner", "C1", "--subscription", "S1", "--policy", "family_data")
    store.silent = True
    status, _, complaint = sharing("join", "FAMILY", "C2")
    assert (status, complaint.splitlines()[-1]) == (3, "run `care publish`")
    store.silent = False
    assert sharing("join", "FAMILY", "C3") == (0, "done\n", "")
    records = [record for shard in store._shards for record in shard.profiles]
    assert len(records) > 3, "both moved, and left their marks"


@pytest.fixture
def somebody_writes(tmp_path, monkeypatch):
    """Begins another program's transaction on the records, which no command can wait out."""
    monkeypatch.setattr("customer_care.records.SQLITE_BUSY_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "records.sqlite", isolation_level=None)
    yield lambda: other.execute("BEGIN IMMEDIATE")
    other.close()


CREATE = ("create", "FAMILY", "--owner", "C1", "--subscription", "S1", "--policy", "family_data", "--json")


def test_records_that_go_away_before_a_command_is_recorded_are_status_2(
    sharing, somebody_writes, monkeypatch
):
    def opened_and_locked(url):
        engine = open_records(url)
        somebody_writes()
        return engine

    with monkeypatch.context() as patch:
        patch.setattr(sharing_commands, "open_records", opened_and_locked)
        status, text, complaint = sharing(*CREATE)
    assert (status, complaint) == (2, "records: database is locked\n")
    assert json.loads(text) == {"done": False, "recorded": False, "reason": "records: database is locked"}


def test_records_that_go_away_after_a_command_was_recorded_are_status_3(
    sharing, store, somebody_writes, monkeypatch
):
    async def connect(_):
        somebody_writes()
        return store

    with monkeypatch.context() as patch:
        patch.setattr(sharing_commands.StoreClient, "connect", connect)
        status, text, complaint = sharing(*CREATE)
    assert (status, complaint.splitlines()[-1]) == (3, "run `care publish`")
    assert json.loads(text) == {"done": False, "recorded": True, "reason": "records: database is locked"}


def test_what_was_not_asked_is_an_object_too(sharing, tmp_path):
    said = [
        sharing("cancel", "FAMILY", "--at", "tomorrow", "--json"),
        *_without_records(sharing, tmp_path),
    ]
    assert [(status, json.loads(text)["recorded"]) for status, text, _ in said] == [(2, False)] * 3
    assert [json.loads(text)["reason"] + "\n" for _, text, _ in said] == [complaint for *_, complaint in said]


def _without_records(sharing, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text('[records]\nurl = "nonsense"\n')
    yield sharing(*CREATE)
    settings.write_text("[records]\nurls = 1\n")
    yield sharing("show", "FAMILY", "--json")
