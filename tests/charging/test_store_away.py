"""A store that is not there, at the start or later: the daemon waits, says so, and loses nothing."""

import signal
import time
import urllib.error
import urllib.request

import msgspec
import pytest

from bench.workload import customer_lines, usage_events
from charging.embedded_processes import free_ports
from tests.balance_store.own_valkey import own_valkey
from tests.charging.deployment import WAIT_S, Deployment

pytestmark = [pytest.mark.live, pytest.mark.slow]

CUSTOMERS, EVENTS = 20, 400


def wait_for_page(port: int, page: str, text: str) -> str:
    """Until a page of the daemon has this text."""
    deadline, said = time.monotonic() + WAIT_S, ""
    while text not in said:
        assert time.monotonic() < deadline, f"/{page} never had {text!r} but {said!r}"
        time.sleep(0.02)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
                said = answer.read().decode()
        except urllib.error.HTTPError as error:
            said = error.read().decode()
        except OSError:
            continue
    return said


def test_the_daemon_waits_for_its_store_and_goes_on(tmp_path, live_servers, topic_prefix, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("CHARGELINE_HTTP__PORT", str(port))
    monkeypatch.setenv("CHARGELINE_STORE__TIMEOUT_MS", "500")
    lines = [msgspec.json.encode(line) for line in customer_lines(CUSTOMERS)]
    messages = [
        (b"one", msgspec.json.encode(event), [], event["time"] // 1000)
        for event in usage_events(CUSTOMERS, EVENTS, exponent=0.6)
    ]
    url = f"unix://{tmp_path}/valkey.sock"
    deployment = Deployment(tmp_path, live_servers, url, topic_prefix)
    with own_valkey(tmp_path):
        deployment.create(lines)
    daemon = deployment.start_daemon()
    try:
        assert "valkey.sock" in wait_for_page(port, "readyz", "waiting: ")
        wait_for_page(port, "metrics", "charging_waits 1.0")
        with own_valkey(tmp_path) as (_, store):
            wait_for_page(port, "readyz", "ready\n")
            deployment.send(messages[: EVENTS // 2])
            deployment.read("rated", EVENTS // 2)
            store.send_signal(signal.SIGSTOP)
            deployment.send(messages[EVENTS // 2 :])
            wait_for_page(port, "readyz", "waiting: ")
            store.send_signal(signal.SIGCONT)
            wait_for_page(port, "readyz", "ready\n")
            wait_for_page(port, "metrics", "charging_waits 0.0")
            assert len(deployment.read("rated", EVENTS)) == EVENTS
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    finally:
        daemon.kill()
        daemon.wait()


def test_a_daemon_that_waits_for_its_store_can_be_stopped(tmp_path, live_servers, topic_prefix, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("CHARGELINE_HTTP__PORT", str(port))
    deployment = Deployment(tmp_path, live_servers, f"unix://{tmp_path}/valkey.sock", topic_prefix)
    daemon = deployment.start_daemon()
    try:
        wait_for_page(port, "readyz", "waiting: ")
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    finally:
        daemon.kill()
        daemon.wait()
