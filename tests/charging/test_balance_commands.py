"""`charging balance` as a person types it: what it says, what it records, and the exit status."""

import itertools
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from balance_store.model import ModelStore
from balance_store.requests import StoreUnreachableError
from charging import balance_desk, command_line
from charging.balance_commands import app
from charging.fault_messages import explain
from customer_care import command_line as care_line
from customer_care import run_command as running
from customer_care import tables
from customer_care.commands import Refusal
from customer_care.find_group import NotFound
from customer_care.records import open_records, reading
from tests.customer_care.command_world import PEOPLE, at
from tests.customer_care.example_lines import file_of

SHARDS = 16
PAGE = Path(__file__).parents[2] / "docs" / "BALANCES.md"
NUMBER = "+436600000001"


def charging():
    """`charging` as `main` runs it."""
    sys.exit(explain(lambda: command_line.app(sys.argv[1:])))


class LocalStore(ModelStore):
    """A store in this process, that can lose an answer."""

    lose_answer = False

    async def close(self):
        self.lose_answer = False

    async def commit(self, commit):
        answer = await super().commit(commit)
        if self.lose_answer:
            raise StoreUnreachableError("no answer in time")
        return answer


@pytest.fixture
def store(monkeypatch):
    ticks = itertools.count()
    store = LocalStore(SHARDS, clock_ms=lambda: next(ticks))

    async def connect(_):
        return store

    for module in (balance_desk, care_line):
        monkeypatch.setattr(module.StoreClient, "connect", connect)
    return store


@pytest.fixture
def typed(tmp_path, monkeypatch, capfdbinary, store):
    """Runs a command in a folder with its settings, after `care import`; gives status, output and complaints."""
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n')
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    monkeypatch.setattr(balance_desk.time, "time_ns", lambda: at("2026-10-05") * 1000)

    def run(main, *arguments):
        monkeypatch.setattr("sys.argv", ["it", *arguments, "--config", str(settings)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capfdbinary.readouterr()
        return stop.value.code or 0, said.out.decode(), said.err.decode()

    (tmp_path / "customers.ndjson").write_bytes(b"\n".join(file_of(*PEOPLE)))
    assert run(care_line.main, "import", str(tmp_path / "customers.ndjson"))[0] == 0
    return lambda *arguments: run(charging, "balance", *arguments)


@pytest.fixture
def log(typed, tmp_path):
    """The rows of the activity log that are of commands."""
    engine = open_records(f"sqlite:///{tmp_path}/records.sqlite")

    def rows():
        with reading(engine) as connection:
            table = tables.activity_log
            return connection.execute(table.select().where(table.c.command_id.is_not(None))).all()

    return rows


def top_up(credit, *more):
    return ("top-up", "C1", "--resource", "EUR", "--credit", credit, *more)


def test_a_top_up_is_done_shown_and_recorded(typed, log):
    status, out, err = typed(*top_up("20", "--id", "T1"))
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "top-up T1 done: customer C1, balance group 1",
        "  EUR: 0.00 to -20.00 (-20.00)",
        "  balance 1: 0.00 to -20.00",
        "  threshold -5.00 EUR no longer reached",
        "  threshold -1.00 EUR no longer reached",
    ]
    (row,) = log()
    assert (row.command_id, row.action) == ("T1", "balance top-up")
    assert json.loads(row.before) == {"total": 0, "balances": {"1": 0}, "credit_profile": "standard"}
    assert json.loads(row.after)["answer"]["after"] == -20_000_000


def test_the_same_id_is_the_same_command(typed, log):
    first = json.loads(typed(*top_up("20", "--id", "T1", "--json"))[1])
    status, out, _ = typed(*top_up("20", "--id", "T1", "--json"))
    assert status == 0
    assert json.loads(out) == first | {"repeated": True}
    assert len(log()) == 1
    status, out, _ = typed(*top_up("21", "--id", "T1", "--json"))
    assert (status, json.loads(out)["reason"]) == (1, "COMMAND_ID_USED")


def test_without_an_id_one_is_made_and_each_is_a_command(typed, log):
    ids = {json.loads(typed(*top_up("20", "--json"))[1])["id"] for _ in range(2)}
    assert len(ids) == 2
    assert {row.command_id for row in log()} == ids


def test_a_lost_answer_is_found_out_by_the_same_id(typed, log, store):
    store.lose_answer = True
    status, out, err = typed(*top_up("20", "--id", "T1"))
    assert (status, out) == (2, "")
    assert err == (
        "no answer in time\nwhether it was done is not known: give the same command with --id T1\n"
    )
    assert log() == []
    status, out, _ = typed(*top_up("20", "--id", "T1"))
    assert status == 0
    assert "top-up T1 had been done before" in out
    assert "EUR: 0.00 to -20.00 (-20.00)" in out
    assert len(log()) == 1


def test_a_crash_before_the_record_is_healed_by_the_same_id(typed, log, monkeypatch):
    with monkeypatch.context() as patch:

        def disk_is_full(*_):
            raise OperationalError("INSERT", {}, Exception("disk is full"))

        patch.setattr(running, "record_command", disk_is_full)
        status, _, err = typed(*top_up("20", "--id", "T1"))
    assert status == 2
    assert "disk is full" in err
    assert "--id T1" in err
    assert "not recorded: repeat the command" in typed("history", "C1")[1]
    assert "had been done before" in typed(*top_up("20", "--id", "T1"))[1]
    assert [row.command_id for row in log()] == ["T1"]
    assert "not recorded" not in typed("history", "C1")[1]


def test_a_refusal_is_status_1_and_says_the_cure(typed, log):
    status, out, err = typed("expire", "C1", "--balance", "9", "--id", "E1")
    assert (status, out) == (1, "")
    assert err == f"expire E1 refused, UNKNOWN_BALANCE: {Refusal.UNKNOWN_BALANCE.value}\n"
    status, out, _ = typed("expire", "C1", "--balance", "9", "--json")
    assert (status, json.loads(out)["reason"]) == (1, "UNKNOWN_BALANCE")
    assert typed(*top_up("1", "--id", " "))[0] == 1
    assert typed("top-up", "C1", "--resource", "GOLD", "--credit", "1")[0] == 1
    assert log() == []


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (top_up("-20"), "--credit and --debit say the sign"),
        (top_up("0.0000001"), "with up to 6 decimals"),
        (top_up("twenty"), "no amount above 0"),
        (top_up("1", "--validity", "soon"), "neither cycle, infinite nor a day"),
        (("adjust", "C1", "--resource", "EUR"), "--credit (given to the customer) or with --debit"),
        (("adjust", "C1", "--resource", "EUR", "--credit", "1", "--debit", "1"), "--credit (given"),
        (("adjust", "C1", "--resource", "EUR", "--credit", "1", "--tax", "vat"), "add --bill-item"),
    ],
)
def test_what_cannot_be_asked_is_status_2(typed, log, arguments, cure):
    status, out, err = typed(*arguments)
    assert (status, out) == (2, "")
    assert cure in err
    assert log() == []


def test_a_group_is_named_by_customer_identifier_or_number(typed):
    shown = [json.loads(typed("show", who, "--json")[1]) for who in ("C1", NUMBER, "1")]
    assert shown[0]["customer"] == "C1"
    assert shown[1] == shown[0]
    assert shown[2] == shown[0]
    assert typed("show", NUMBER, "--by", "customer") == (1, "", f"{NUMBER!r}: {NotFound.NOBODY.value}\n")
    status, out, _ = typed("show", "nobody", "--json")
    assert (status, json.loads(out)["reason"]) == (1, "NOBODY")


def test_show_has_all_of_a_group(typed):
    typed("adjust", "C3", "--resource", "data_allowance", "--debit", "4100", "--balance", "2")
    status, out, _ = typed("show", "C3")
    assert status == 0
    for part in (
        "postpaid, credit profile standard",
        "-900 MB",
        "-1000 reached",
        "owed",
        "monthly_fee",
        "open",
    ):
        assert part in out
    shown = json.loads(typed("show", "C3", "--json")[1])
    assert shown["totals"] == [
        {
            "resource": "EUR",
            "amount": "19.90",
            "unit": "€",
            "limit": None,
            "thresholds": [{"amount": "50.00", "reached": False}, {"amount": "100.00", "reached": False}],
        },
        {
            "resource": "data_allowance",
            "amount": "-900",
            "unit": "MB",
            "limit": "0",
            "thresholds": [{"amount": "-1000", "reached": True}, {"amount": "0", "reached": False}],
        },
    ]


def test_history_has_every_command_and_who_gave_it(typed):
    typed("grant", "C3", "--resource", "data_allowance", "--credit", "100", "--id", "G1")
    typed("create", "C3", "--resource", "EUR", "--debit", "3", "--bill-item", "calls", "--id", "D1")
    typed("credit-profile", "C3", "--profile", "none", "--id", "P1")
    typed("close", "C3", "--id", "X1")
    history = json.loads(typed("history", "C3", "--json")[1])
    assert [(one["command"], one["id"]) for one in history["commands"]] == [
        ("grant", "G1"),
        ("create", "D1"),
        ("credit-profile", "P1"),
        ("close", "X1"),
    ]
    assert [(one["actor"], one["action"], one["id"]) for one in history["activities"][1:]] == [
        ("ana", "balance grant", "G1"),
        ("ana", "balance create", "D1"),
        ("ana", "balance credit-profile", "P1"),
        ("ana", "balance close", "X1"),
    ]
    assert history["activities"][2]["answer"]["bill_item"] == "calls"
    assert history["activities"][3]["before"]["credit_profile"] == "standard"
    assert history["group"]["credit_profile"] == ""
    assert history["group"]["closed"] is not None
    assert typed("grant", "C3", "--resource", "data_allowance", "--credit", "1")[0] == 1
    assert "on the bill under calls" in typed("history", "C3")[1]


@pytest.mark.parametrize("columns", ["80", ""])
def test_no_width_cuts_off_what_people_copy(typed, monkeypatch, columns):
    command_id = "0123456789abcdef0123456789abcdef"
    typed("grant", "C3", "--resource", "data_allowance", "--credit", "100", "--id", command_id)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    else:
        # To a file, a line is a row of the table.
        monkeypatch.delenv("COLUMNS")
    out = typed("history", "C3")[1]
    assert "…" not in out
    assert (out.count(command_id) == 2) == (columns == "")


def test_the_page_shows_what_the_commands_say(typed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    shown = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    commands = [part for block in shown for part in block.split("$ charging balance ")[1:]]
    assert len(commands) > 8
    for command in commands:
        line, _, output = command.partition("\n")
        _, out, err = typed(*shlex.split(line))
        said = [one.rstrip() for one in (out + err).splitlines()]
        assert said == output.rstrip().splitlines(), line


def test_the_page_names_every_command_refusal_and_option():
    text = PAGE.read_text()
    words = {refusal.name for refusal in (*Refusal, *NotFound)}
    words |= {command_name for command_name in app if not command_name.startswith("-")}
    assert [word for word in sorted(words) if f"`{word}`" not in text and f"balance {word}" not in text] == []


def test_a_store_without_the_group_says_what_to_do(typed, store):
    for shard in store._shards:
        shard.groups.clear()
    status, _, err = typed("show", "C1")
    assert status == 2
    assert "care publish" in err
