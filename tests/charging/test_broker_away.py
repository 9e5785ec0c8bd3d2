"""A broker that is not there, stops in the middle, is slow, or refuses records: the daemon waits, and all is exact."""

import asyncio
import os
import time

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from bench.own_servers import OwnBroker
from bench.workload import customer_lines, usage_events
from charging.embedded_kafka import JarsUnavailableError
from charging.embedded_processes import free_ports
from tests.charging.deployment import Deployment
from tests.charging.test_store_away import wait_for_page

pytestmark = [pytest.mark.live, pytest.mark.slow]

CUSTOMERS, EVENTS = 60, 6_000


@pytest.fixture
def broker(tmp_path):
    """Apache Kafka of the test's own, started where the test says."""
    try:
        own = OwnBroker(tmp_path / "kafka")
    except JarsUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no embedded broker: {error}")
    return own


class Broker:
    """What a deployment wants to know of its servers."""

    def __init__(self, own):
        self.kafka_bootstrap = own.bootstrap


@pytest.fixture
def workload():
    """Customers, and messages all keyed alike, so that one partition's order decides every balance."""
    lines = [msgspec.json.encode(line) for line in customer_lines(CUSTOMERS)]
    messages = [
        (b"one", msgspec.json.encode(event), [], event["time"] // 1000)
        for event in usage_events(CUSTOMERS, EVENTS, exponent=0.6)
    ]
    return lines, messages


@pytest.fixture
def port(monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("CHARGELINE_HTTP__PORT", str(port))
    return port


def places(deployment, count):
    """Rated records, by their place."""
    return {record.pop("id").partition("/")[2]: record for record in deployment.read("rated", count)}


def undisturbed(directory, servers, url, prefix, lines, messages):
    """What comes of it when nothing happens."""
    directory.mkdir()
    deployment = Deployment(directory, servers, url, prefix)
    deployment.create(lines)
    daemon = deployment.start_daemon()
    deployment.send(messages)
    found = places(deployment, len(messages))
    assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    return found, deployment.groups()


def test_a_broker_that_is_away_at_the_start_is_killed_later_and_is_held_costs_nothing(
    tmp_path, broker, live_servers, store_url, other_store_url, topic_prefix, workload, port
):
    lines, messages = workload
    calm = undisturbed(tmp_path / "calm", live_servers, other_store_url, f"{topic_prefix}calm-", *workload)
    deployment = Deployment(tmp_path, Broker(broker), store_url, topic_prefix)
    third = EVENTS // 3
    with broker:
        deployment.create(lines)
    daemon = deployment.start_daemon()
    try:
        assert "waiting: " in wait_for_page(port, "readyz", "Unable to bootstrap")
        wait_for_page(port, "metrics", "charging_waits 1.0")
        with broker:
            wait_for_page(port, "readyz", "ready\n")
            deployment.send(messages[:third])
            deployment.wait_until_charging()
            broker.kill()
            wait_for_page(port, "readyz", "waiting: ")
            broker.start()
            deployment.send(messages[third : 2 * third])
            wait_for_page(port, "readyz", "ready\n")
            broker.hold()
            wait_for_page(port, "readyz", "waiting: ")
            broker.go_on()
            deployment.send(messages[2 * third :])
            assert (places(deployment, EVENTS), deployment.groups()) == calm
            wait_for_page(port, "readyz", "ready\n")
            wait_for_page(port, "metrics", "charging_waits 0.0")
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    finally:
        daemon.kill()
        daemon.wait()


def test_a_drain_ends_in_time_although_the_broker_is_away(
    tmp_path, broker, store_url, topic_prefix, workload, port, monkeypatch
):
    monkeypatch.setenv("CHARGELINE_CHARGING__DRAIN_SECONDS", "2")
    lines, messages = workload
    deployment = Deployment(tmp_path, Broker(broker), store_url, topic_prefix)
    with broker:
        deployment.create(lines)
        daemon = deployment.start_daemon()
        try:
            deployment.wait_until_charging()
            broker.hold()
            # What is fetched by now is charged; its records cannot be published.
            wait_for_page(port, "readyz", "waiting: ")
            broker.go_on()
            wait_for_page(port, "readyz", "ready\n")
            deployment.send(messages[: EVENTS // 2])
            deployment.send(messages[EVENTS // 2 :])
            broker.hold()
            wait_for_page(port, "readyz", "waiting: ")
            began = time.monotonic()
            assert deployment.stop_daemon(daemon) in (0, 1), deployment.log_tail()
            assert time.monotonic() - began < 30, "it waited for the broker"
            broker.go_on()
            daemon = deployment.start_daemon()
            assert len(places(deployment, EVENTS)) == EVENTS
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
        finally:
            daemon.kill()
            daemon.wait()


async def set_message_bytes_max(bootstrap, topic, value):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": value})]
        )
    finally:
        await admin.close()


def test_a_topic_that_refuses_records_holds_them_up_and_loses_none(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix, workload, port
):
    lines, messages = workload
    calm = undisturbed(tmp_path / "calm", live_servers, other_store_url, f"{topic_prefix}calm-", *workload)
    deployment = Deployment(tmp_path, live_servers, store_url, topic_prefix)
    deployment.create(lines)
    kafka = deployment.settings.kafka
    daemon = deployment.start_daemon()
    try:
        deployment.send(messages[: EVENTS // 2])
        deployment.read("rated", EVENTS // 2)
        asyncio.run(set_message_bytes_max(kafka.bootstrap, kafka.topics.rated, "100"))
        deployment.send(messages[EVENTS // 2 :])
        assert "publishing failed" in wait_for_page(port, "readyz", "waiting: ")
        wait_for_page(port, "metrics", 'charging_retries_total{what="publish"}')
        asyncio.run(set_message_bytes_max(kafka.bootstrap, kafka.topics.rated, "1048588"))
        assert (places(deployment, EVENTS), deployment.groups()) == calm
        wait_for_page(port, "readyz", "ready\n")
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    finally:
        daemon.kill()
        daemon.wait()
