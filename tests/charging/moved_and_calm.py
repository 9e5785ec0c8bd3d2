"""Shell. The same usage charged twice by two daemons: in the one run families move from shard to shard meanwhile."""

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from balance_store.client import StoreClient
from balance_store.move_customers import Mover
from balance_store.requests import Load, StoreUnreachableError
from bench.pool_run import written_from
from tests.chaos.removals import families_of
from tests.charging.deployment import Deployment

DAEMONS = 2
# Between two moves; with it some fifty a second.
PAUSE_S = 0.01
# On a machine that others load, the store may be slow for some seconds.
TRIES = 10


class Run(NamedTuple):
    """What came of it: records by place, group records, moves, and when records were written, in ms."""

    records: dict[str, dict]
    groups: dict[int, bytes]
    moves: int
    written_ms: list[int]


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
                await _move(mover, family, source, target)
                self.lives |= dict.fromkeys(family, target)
                self.moves += 1
                await asyncio.sleep(PAUSE_S)
        finally:
            await store.close()


async def _move(mover: Mover, family: frozenset[int], source: int, target: int) -> None:
    """A move that had no answer is made again, as whoever gave the command would; done twice, it is done once."""
    for _ in range(TRIES):
        with contextlib.suppress(StoreUnreachableError):
            return await mover.move(family, source, target)
    raise AssertionError(f"the store did not answer {TRIES} times")


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


Send = Callable[[Deployment, list, Movers | None], None]


def charge(
    directory: Path, servers, url: str, prefix: str, lines: list, messages: list, send: Send, *, moved: bool
) -> Run:
    """One run; `send` puts the messages on the topic. Everybody must live where the last move brought them."""
    directory.mkdir()
    deployment = Deployment(directory, servers, url, prefix)
    deployment.create(lines)
    movers = Movers(deployment, families_of(deployment.customers))
    daemons = []
    try:
        for _ in range(DAEMONS):
            daemons.append(deployment.start_daemon())
            deployment.wait_until_charging()
        if moved:
            movers.start()
        send(deployment, messages, movers if moved else None)
        records = deployment.read("rated", len(messages))
    finally:
        movers.enough.set()
        if movers.ident is not None:
            movers.join()
        stopped = [deployment.stop_daemon(daemon) for daemon in daemons]
    assert stopped == [0] * DAEMONS, deployment.log_tail()
    found = groups(deployment)
    for one in deployment.customers:
        ((shard, _),) = found[one.numbers.group_id]
        assert shard == movers.lives[one.numbers.customer_id]
    kafka = deployment.settings.kafka
    written = asyncio.run(written_from(kafka, dict.fromkeys(range(kafka.partitions), 0), len(messages)))
    return Run(
        {one["id"].partition("/")[2]: {k: v for k, v in one.items() if k != "id"} for one in records},
        {group_id: record for group_id, ((_, record),) in found.items()},
        movers.moves,
        sorted(moment for some in written.values() for moment in some),
    )
