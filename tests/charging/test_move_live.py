"""Families move from shard to shard while two daemons charge their usage: nothing lost, twice, or at the wrong side."""

import time

import pytest

from tests.charging.moved_and_calm import charge
from tests.charging.test_kill import workload

pytestmark = [pytest.mark.live, pytest.mark.slow]

EVENTS = 30_000
MOVES_MIN = 30


def send_slowly(deployment, messages, movers) -> None:
    """As many slices as moves are asked for; where there are movers, each slice waits for one more move."""
    size = -(-len(messages) // MOVES_MIN)
    for number in range(MOVES_MIN):
        deployment.send(messages[number * size : (number + 1) * size])
        while movers is not None and movers.is_alive() and movers.moves <= number:
            time.sleep(0.01)


def test_moves_change_neither_balances_nor_records(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix
):
    lines, messages = workload(EVENTS)
    calm, moved = (
        charge(
            tmp_path / name,
            live_servers,
            url,
            f"{topic_prefix}{name}-",
            lines,
            messages,
            send_slowly,
            moved=name == "moved",
        )
        for name, url in (("calm", store_url), ("moved", other_store_url))
    )
    assert moved.moves >= MOVES_MIN
    assert moved.groups == calm.groups
    assert moved.records == calm.records
