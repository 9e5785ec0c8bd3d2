"""A daemon on a Cluster whose master dies under load: every event once, balances as if nothing had happened."""

import asyncio

import msgspec
import pytest

from balance_store.keyspace import SLOTS, shard_slot
from bench.workload import customer_lines, usage_events
from tests.balance_store.own_cluster import MASTERS, own_cluster
from tests.balance_store.slot_moves import move_as_a_whole
from tests.charging.deployment import Deployment

pytestmark = [pytest.mark.live, pytest.mark.slow]

CUSTOMERS, EVENTS = 100, 20_000


def workload():
    """Customers, and messages all keyed alike, so that one partition's order decides every balance."""
    lines = [msgspec.json.encode(line) for line in customer_lines(CUSTOMERS)]
    messages = [
        (b"one", msgspec.json.encode(event), [], event["time"] // 1000)
        for event in usage_events(CUSTOMERS, EVENTS, exponent=0.6)
    ]
    return lines, messages


def charged(deployment, lines, messages, disturb):
    """Rated records by id and balances, after something was done while half of the events came in."""
    deployment.create(lines)
    daemon = deployment.start_daemon()
    try:
        deployment.wait_until_charging()
        deployment.send(messages[: EVENTS // 2])
        disturb()
        deployment.send(messages[EVENTS // 2 :])
        records = deployment.read("rated", EVENTS)
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    finally:
        daemon.kill()
        daemon.wait()
    # The topic's name, the first part of an id, is the deployment's own.
    places = {record.pop("id").partition("/")[2]: record for record in records}
    return places, deployment.groups()


def test_a_slot_moves_and_a_master_dies_and_nothing_is_lost_or_twice(
    tmp_path, live_servers, store_url, topic_prefix, monkeypatch
):
    lines, messages = workload()
    (tmp_path / "calm").mkdir()
    calm = Deployment(tmp_path / "calm", live_servers, store_url, f"{topic_prefix}calm-")
    expected = charged(calm, lines, messages, disturb=lambda: None)

    master_of = {shard: shard_slot(shard) * MASTERS // SLOTS for shard in range(4)}
    victim = master_of[0]
    moving = next(shard for shard, master in master_of.items() if master != victim)
    monkeypatch.setenv("CHARGELINE_STORE__REPLICAS_ACKNOWLEDGED", "1")
    monkeypatch.setenv("CHARGELINE_STORE__TIMEOUT_MS", "2000")
    with own_cluster(tmp_path) as cluster:

        async def disturb():
            others = {*range(MASTERS)} - {victim, master_of[moving]}
            await move_as_a_whole(cluster, shard_slot(moving), master_of[moving], others.pop())
            cluster.kill(victim)
            await cluster.wait_for_promotion(victim + MASTERS)
            await cluster.restart(victim)

        disturbed = Deployment(tmp_path, live_servers, cluster.url, f"{topic_prefix}disturbed-")
        found = charged(disturbed, lines, messages, disturb=lambda: asyncio.run(disturb()))
        assert "claims lost" in disturbed.log.read_text(), "nobody noticed"
    assert found == expected
