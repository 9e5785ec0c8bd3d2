"""Commands beside usage: real processes, real Kafka, real store; a denial is lifted, and not a cent is lost."""

import datetime
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from rating_kernels.outcomes import Outcome
from tests.charging.deployment import Deployment
from tests.customer_care.command_world import PREPAID
from tests.customer_care.example_lines import file_of, on_plan
from tests.rating_kernels.sample_world import call

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
CALLS, AT_ONCE = 100, 50


@pytest.fixture
def deployment(tmp_path, live_servers, store_url, topic_prefix):
    """A prepaid customer of yesterday with nothing, imported and published by `care`."""
    made = Deployment(tmp_path, live_servers, store_url, topic_prefix)
    with made.file.open("a") as file:
        file.write(f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n')
    made.create([])
    yesterday = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)
    customers = tmp_path / "customers.ndjson"
    customers.write_bytes(file_of(on_plan(1, "prepaid", billing=PREPAID, since=str(yesterday)))[0])
    run(made, "customer_care.command_line", "import", str(customers)).check_returncode()
    return made


def run(deployment, module, *arguments):
    """A command in a process of its own."""
    return start(deployment, module, *arguments).wait_done()


class Process(subprocess.Popen):
    """A command under way."""

    def wait_done(self) -> subprocess.CompletedProcess:
        out, err = self.communicate(timeout=120)
        return subprocess.CompletedProcess(self.args, self.returncode, out, err)


def start(deployment, module, *arguments) -> Process:
    code = f"from {module} import main; main()"
    command = [sys.executable, "-c", code, *arguments, "--config", str(deployment.file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=ROOT)


def top_up(deployment, credit: str, command_id: str) -> Process:
    arguments = ("--resource", "EUR", "--credit", credit, "--id", command_id, "--json")
    return start(deployment, "charging.command_line", "balance", "top-up", "C1", *arguments)


def usage(first: int, count: int):
    """Calls of a minute, made now."""
    time = datetime.datetime.now(datetime.UTC).isoformat()
    for number in range(first, first + count):
        event = call(1, f"call-{number}", 60, time=time)
        yield event["service"].encode(), msgspec.json.encode(event), [], None


def test_a_top_up_lifts_a_denial_and_commands_beside_usage_lose_nothing(deployment):
    daemon = deployment.start_daemon()
    try:
        deployment.send(usage(0, 1))
        (denied,) = deployment.read("rated", 1)
        assert denied["outcome"] == Outcome.DENIED_LIMIT
        answer = top_up(deployment, "1", "first").wait_done()
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["after"] == "-1.00"
        deployment.send(usage(1, 1))
        assert {one["outcome"] for one in deployment.read("rated", 2)} == {
            Outcome.DENIED_LIMIT,
            Outcome.CHARGED,
        }
        # Each id twice, all at once with usage.
        under_way = [top_up(deployment, "0.37", f"#{number // 2}") for number in range(2)]
        for first in range(2, CALLS, AT_ONCE):
            deployment.send(usage(first, AT_ONCE))
            under_way += [top_up(deployment, "0.37", f"#{first}") for _ in range(2)]
        answers = [one.wait_done() for one in under_way]
        assert {one.returncode for one in answers} == {0}, [one.stderr for one in answers]
        done = {one["id"] for one in (json.loads(answer.stdout) for answer in answers)}
        records = deployment.read("rated", 2 + len(range(2, CALLS, AT_ONCE)) * AT_ONCE)
    finally:
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    charged = sum(Decimal(one["amounts"]["EUR"]) for one in records if one["outcome"] == Outcome.CHARGED)
    shown = json.loads(run(deployment, "charging.command_line", "balance", "show", "C1", "--json").stdout)
    (total,) = shown["totals"]
    assert Decimal(total["amount"]) == charged - 1 - Decimal("0.37") * len(done)
    history = json.loads(
        run(deployment, "charging.command_line", "balance", "history", "C1", "--json").stdout
    )
    recorded = [one["id"] for one in history["activities"] if one["id"]]
    assert sorted(recorded) == sorted({"first", *done})
