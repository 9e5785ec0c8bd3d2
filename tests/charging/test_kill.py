"""kill -9 in the middle of 100,000 events: the same balances and records as if nothing had happened."""

import random
import time

import msgspec
import pytest

from bench.workload import customer_lines, usage_events
from tests.charging.deployment import Deployment

pytestmark = [pytest.mark.live, pytest.mark.slow]

CUSTOMERS = 400
EVENTS = 100_000
KILLS = 5


def workload(events: int = EVENTS):
    """Customers, and messages keyed by pool: whoever shares a pool is on one partition, so order decides nothing."""
    lines = list(customer_lines(CUSTOMERS))
    owner_of: dict[str, str] = {}
    key_of: dict[str, bytes] = {}
    for line in lines:
        (identifier,) = {service["identifier"] for service in line["subscriptions"][0]["services"]}
        for share in line.get("shares", ()):
            owner_of[share["group"]] = identifier
        pools = [owner_of[member["group"]] for member in line.get("member_of", ())]
        key_of[identifier] = (pools[0] if pools else identifier).encode()
    messages = [
        (key_of[event["service"]], msgspec.json.encode(event), [], event["time"] // 1000)
        for event in usage_events(CUSTOMERS, events, exponent=0.6)
    ]
    return [msgspec.json.encode(line) for line in lines], messages


def test_five_kills_change_neither_balances_nor_records(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix
):
    lines, messages = workload()
    outcomes = []
    for name, kills, url in (("calm", 0, store_url), ("killed", KILLS, other_store_url)):
        directory = tmp_path / name
        directory.mkdir()
        deployment = Deployment(directory, live_servers, url, f"{topic_prefix}{name}-")
        deployment.create(lines)
        dice = random.Random(20261124)
        daemon = deployment.start_daemon()
        # Each daemon has work of its own when it dies, and the last one too.
        a_daemon = -(-len(messages) // (kills + 1))
        for number in range(kills):
            deployment.send(messages[number * a_daemon : (number + 1) * a_daemon])
            deployment.wait_until_charging()
            time.sleep(dice.uniform(0.0, 0.2))
            daemon.kill()
            daemon.wait()
            daemon = deployment.start_daemon()
        deployment.send(messages[kills * a_daemon :])
        try:
            records = deployment.read("rated", EVENTS)
        finally:
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
        if kills:
            assert deployment.log.read_text().count('"event":"partition claimed"') > 4 * kills
        places = {record["id"].partition("/")[2] for record in records}
        outcomes.append((places, deployment.groups()))
    (calm_ids, calm_groups), (killed_ids, killed_groups) = outcomes
    assert killed_ids == calm_ids
    assert killed_groups == calm_groups
