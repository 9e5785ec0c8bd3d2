"""`charging rate` and the catalogue commands, as a person types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.customer_care.example_lines import file_of, line
from tests.rating_kernels.sample_world import call, data

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "config" / "samples" / "mobile_operator")
FAULTY = str(ROOT / "tests" / "config" / "faulty_catalogue")


def charging(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-c", "from charging.command_line import main; main()", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=ROOT, timeout=120, check=False)


@pytest.fixture
def customers(tmp_path):
    """One customer in a file."""
    file = tmp_path / "customers.ndjson"
    file.write_bytes(b"\n".join(file_of(line(1))))
    return str(file)


def rate(customers: str, usage: str, *more: str, stdin: bytes = b"", catalog: str = SAMPLE):
    return charging(
        "rate", "--catalog", catalog, "--customers", customers, "--usage", usage, *more, stdin=stdin
    )


def test_every_line_becomes_its_record_in_order(customers, tmp_path):
    usage = tmp_path / "usage.ndjson"
    lines = [call(1, "a", 60), call(1, "a", 60), call(9, "b", 60), data(1, "c", "0.5"), {"id": "d"}]
    usage.write_bytes(b"\n".join(json.dumps(one).encode() for one in lines) + b"\n\nnonsense\n")
    done = rate(customers, str(usage))
    assert (done.returncode, done.stderr) == (0, b"")
    records = [json.loads(record) for record in done.stdout.splitlines()]
    assert [(one["id"].split("/")[2], one.get("outcome_name") or one["reason_name"]) for one in records] == [
        ("1", "CHARGED"),
        ("2", "DUPLICATE"),
        ("3", "UNKNOWN_IDENTIFIER"),
        ("4", "CHARGED"),
        ("5", "MISSING_FIELD"),
        # Line 6 is empty: nothing was said, nothing is answered.
        ("7", "BAD_ENCODING"),
    ]
    assert records[0]["impacts"][0]["amount"] == "0.08"


def test_a_dash_reads_standard_input(customers):
    done = rate(customers, "-", stdin=json.dumps(call(1, "a", 60)).encode())
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)


def test_notifications_come_when_asked_for(customers):
    event = json.dumps(data(1, "a", 11_000)).encode()
    assert len(rate(customers, "-", stdin=event).stdout.splitlines()) == 1
    noted = rate(customers, "-", "--notifications", stdin=event).stdout.splitlines()
    assert [json.loads(one).get("threshold") for one in noted[1:]] == ["50"]


def test_a_wrong_catalogue_is_refused_with_every_fault(customers):
    done = rate(customers, "-", catalog=FAULTY)
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) > 3
    assert b".toml: " in done.stderr


def test_wrong_customers_are_refused_by_line(tmp_path):
    file = tmp_path / "customers.ndjson"
    file.write_bytes(b"\n".join([*file_of(line(1)), b"nonsense", *file_of(line(2, since="never"))]))
    done = rate(str(file), "-")
    assert (done.returncode, done.stdout) == (2, b"")
    said = done.stderr.decode().splitlines()
    assert [one.split(": ")[1] for one in said] == ["line 2", "line 3"]


@pytest.mark.parametrize("missing", ["catalog", "customers", "usage"])
def test_a_file_that_is_not_there_is_named(customers, missing):
    given = {"catalog": SAMPLE, "customers": customers, "usage": "-"} | {missing: "/nowhere/at-all"}
    done = rate(given["customers"], given["usage"], catalog=given["catalog"])
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"/nowhere/at-all" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_catalogue_is_checked_and_shown():
    done = charging("catalog", "check", SAMPLE)
    assert (done.returncode, b"is in order" in done.stdout) == (0, True)
    shown = charging("catalog", "show", SAMPLE).stdout.decode()
    for word in ("voice_standard", "family_data", "Alpha Mobile", "60"):
        assert word in shown
    done = charging("catalog", "check", FAULTY)
    assert (done.returncode, done.stdout) == (2, b"")


def test_every_setting_is_explained():
    done = charging("settings")
    assert done.returncode == 0
    for word in (
        b"kafka.bootstrap",
        b"CHARGELINE_KAFKA__BOOTSTRAP",
        b"store.shards",
        b"charging.horizon_hours",
    ):
        assert word in done.stdout


def test_an_event_is_explained_when_asked_for_and_the_others_are_charged_too(customers):
    lines = b"\n".join(json.dumps(call(1, name, 60)).encode() for name in ("a", "b"))
    one = rate(customers, "-", "--explain", "--event", "b", stdin=lines).stdout.decode()
    assert one.startswith("usage/0/2/0  CHARGED: charged in full\n")
    assert "balance 1  9.98 €  owes 0.08 -> 10.06" in one
    assert "usage/0/1/0" not in one
    told = rate(customers, "-", "--explain", "--json", stdin=lines).stdout.splitlines()
    assert [json.loads(line)["details"][0]["pricing"]["amount"] for line in told] == ["0.08", "0.08"]


@pytest.mark.parametrize("option", [["--json"], ["--event", "a"]])
def test_what_belongs_to_an_explanation_is_refused_without_one(customers, option):
    done = rate(customers, "-", *option)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--explain" in done.stderr


def test_a_reader_that_has_enough_is_no_fault():
    sample = ROOT / "config" / "samples" / "ev_charging"
    files = ["--customers", str(sample / "customers.ndjson"), "--usage", str(sample / "usage.ndjson")]
    code = "from charging.command_line import main; main()"
    command = [sys.executable, "-c", code, "rate", "--catalog", str(sample), *files, "--explain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == 141
