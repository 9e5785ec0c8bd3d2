"""Several daemons in one group that join, leave, crash and are replaced under load; partitions that are added: exact."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.charging.deployment import Deployment
from tests.charging.test_kill import CUSTOMERS, EVENTS, workload

pytestmark = [pytest.mark.live, pytest.mark.slow]

PIECES = 20
PAUSE_S = 0.1


def found(deployment):
    """Places of all rated records, and every balance."""
    records = deployment.read("rated", EVENTS)
    return {record["id"].partition("/")[2] for record in records}, deployment.groups()


def calm(directory, servers, url, prefix, lines, messages):
    """What comes of it when one daemon does it all."""
    directory.mkdir()
    deployment = Deployment(directory, servers, url, prefix)
    deployment.create(lines)
    deployment.send(messages)
    daemon = deployment.start_daemon()
    try:
        return found(deployment)
    finally:
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()


@contextlib.contextmanager
def load(deployment, messages):
    """Messages go in, piece by piece, while the block is busy; all of them are sent at its end."""
    size = -(-len(messages) // PIECES)

    def send():
        for at in range(0, len(messages), size):
            deployment.send(messages[at : at + size])
            time.sleep(PAUSE_S)

    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(send)
        yield
        sending.result()


def test_daemons_join_crash_and_are_replaced_under_load(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix
):
    lines, messages = workload()
    assert len(lines) == CUSTOMERS
    expected = calm(tmp_path / "calm", live_servers, other_store_url, f"{topic_prefix}calm-", lines, messages)
    deployment = Deployment(tmp_path, live_servers, store_url, topic_prefix)
    deployment.create(lines)
    daemons = []

    def changed(change, some):
        """Do it under load, and wait until all partitions are claimed anew: a rebalance takes everything back."""
        with load(deployment, some):
            before = deployment.claims()
            change()
            deployment.wait_for_claims(before + deployment.partitions)

    def join():
        daemons.append(deployment.start_daemon())

    def crash():
        dead = daemons.pop(0)
        dead.kill()
        dead.wait()

    def leave():
        assert deployment.stop_daemon(daemons.pop(0)) == 0, deployment.log_tail()

    try:
        changes = (join, join, join, crash, leave, join, leave, join)
        share = -(-len(messages) // len(changes))
        for number, change in enumerate(changes):
            changed(change, messages[number * share : (number + 1) * share])
        assert found(deployment) == expected
        while daemons:
            leave()
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()


def test_partitions_that_are_added_are_charged_from_their_first_message(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix, monkeypatch
):
    monkeypatch.setenv("CHARGELINE_KAFKA__METADATA_MAX_AGE_MS", "1000")
    lines, messages = workload()
    half = EVENTS // 2
    outcomes = []
    for name, url, stays in (("calm", other_store_url, False), ("running", store_url, True)):
        directory = tmp_path / name
        directory.mkdir()
        deployment = Deployment(directory, live_servers, url, f"{topic_prefix}{name}-")
        deployment.create(lines)
        daemon = deployment.start_daemon()
        deployment.send(messages[:half])
        # A customer's partition is another one from here on, and order is of a partition only.
        deployment.read("rated", half)
        if not stays:
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
        deployment.add_partitions(7)
        deployment.send(messages[half:])
        if not stays:
            daemon = deployment.start_daemon()
        try:
            outcomes.append(found(deployment))
        finally:
            assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    assert {place.partition("/")[0] for place in outcomes[0][0]} == {str(p) for p in range(7)}
    assert outcomes[0] == outcomes[1]
