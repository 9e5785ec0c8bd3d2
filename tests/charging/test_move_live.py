"""Families move from shard to shard while two daemons charge their usage: nothing lost, twice, or at the wrong side."""

import asyncio
import os
import random
import threading
import time

import pytest

from balance_store.client import StoreClient
from balance_store.move_customers import Mover
from balance_store.requests import Load
from tests.charging.deployment import Deployment
from tests.charging.test_kill import workload

pytestmark = [pytest.mark.live, pytest.mark.slow]

EVENTS = 30_000
DAEMONS = 2
MOVES_MIN = 30


class Movers(threading.Thread):
    """Moves one family after the other to another shard, until told to stop."""

    def __init__(self, deployment: Deployment, families: list[frozenset[int]]) -> None:
        super().__init__()
        self._deployment, self._families = deployment, families
        self.lives = {one.numbers.customer_id: one.shard for one in deployment.customers}
        self.enough = threading.Event()
        self.moves = 0

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        dice = random.Random("moves")
        store = await StoreClient.connect(self._deployment.settings.store)
        mover = Mover(store, b"mover", lambda: os.urandom(8))
        try:
            while not self.enough.is_set():
                family = dice.choice(self._families)
                source = self.lives[min(family)]
                target = (source + dice.randrange(1, store.shards)) % store.shards
                await mover.move(family, source, target)
                self.lives |= dict.fromkeys(family, target)
                self.moves += 1
                await asyncio.sleep(0.01)
        finally:
            await store.close()


def families_of(deployment: Deployment) -> list[frozenset[int]]:
    """Who is tied to whom, owners and members, those who are alone too."""
    tied: dict[int, set[int]] = {}
    for one in deployment.customers:
        customer_id = one.numbers.customer_id
        tied[customer_id] = {customer_id}
        for member in one.profile.memberships:
            tied[member.owner_customer_id].add(customer_id)
            tied[customer_id] = tied[member.owner_customer_id]
    return list({frozenset(some): None for some in tied.values()})


def groups(deployment: Deployment) -> dict[int, list[tuple[int, bytes]]]:
    """(shard, record) of each balance group, wherever there is one."""

    async def read():
        store = await StoreClient.connect(deployment.settings.store)
        ids = tuple(one.numbers.group_id for one in deployment.customers)
        found: dict[int, list[tuple[int, bytes]]] = {}
        for shard in range(store.shards):
            for group_id, record in (await store.load(Load(shard, None, ids, ()))).records.groups.items():
                if record is not None:
                    found.setdefault(group_id, []).append((shard, record))
        await store.close()
        return found

    return asyncio.run(read())


def send_slowly(deployment: Deployment, messages: list, movers: Movers) -> None:
    """As many slices as moves are asked for; where there are movers, each slice waits for one more move."""
    size = -(-len(messages) // MOVES_MIN)
    for number in range(MOVES_MIN):
        deployment.send(messages[number * size : (number + 1) * size])
        while movers.is_alive() and movers.moves <= number:
            time.sleep(0.01)


def test_moves_change_neither_balances_nor_records(
    tmp_path, live_servers, store_url, other_store_url, topic_prefix
):
    lines, everything = workload()
    messages = everything[:EVENTS]
    outcomes = []
    for name, url in (("calm", store_url), ("moved", other_store_url)):
        directory = tmp_path / name
        directory.mkdir()
        deployment = Deployment(directory, live_servers, url, f"{topic_prefix}{name}-")
        deployment.create(lines)
        movers = Movers(deployment, families_of(deployment))
        daemons = []
        for _ in range(DAEMONS):
            daemons.append(deployment.start_daemon())
            deployment.wait_until_charging()
        sending = threading.Thread(target=send_slowly, args=(deployment, messages, movers))
        try:
            if name == "moved":
                movers.start()
            sending.start()
            records = deployment.read("rated", EVENTS)
        finally:
            movers.enough.set()
            sending.join()
            if name == "moved":
                movers.join()
            assert [deployment.stop_daemon(daemon) for daemon in daemons] == [0] * DAEMONS, (
                deployment.log_tail()
            )
        found = groups(deployment)
        for one in deployment.customers:
            ((shard, _),) = found[one.numbers.group_id]
            assert shard == movers.lives[one.numbers.customer_id]
        if name == "moved":
            assert movers.moves >= MOVES_MIN
        content = {
            record["id"].partition("/")[2]: {k: v for k, v in record.items() if k != "id"}
            for record in records
        }
        outcomes.append((content, {group_id: record for group_id, ((_, record),) in found.items()}))
    (calm_records, calm_groups), (moved_records, moved_groups) = outcomes
    assert moved_groups == calm_groups
    assert moved_records == calm_records
