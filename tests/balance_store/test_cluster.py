"""The same store on a Cluster of three masters with replicas, while slots move and masters die."""

import asyncio

import msgspec
import pytest
import uvloop

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.keyspace import shard_slot
from balance_store.requests import (
    CommitStatus,
    DirectoryEntry,
    Epoch,
    StoreUnreachableError,
)
from config.settings import Store
from tests.balance_store.given import claim, commit, load, usage, writes
from tests.balance_store.own_cluster import MASTERS
from tests.balance_store.slot_moves import move_as_a_whole, move_by_keys

pytestmark = pytest.mark.live

SHARDS = 8
PARTITION = 3


def settings_of(cluster, **changes) -> Store:
    given = {"url": cluster.url, "shards": SHARDS, "timeout_ms": 3_000} | changes
    return Store(**given)


def test_shards_spread_over_masters_and_answer_as_one_server_does(cluster):
    settings = settings_of(cluster)

    async def play():
        assert f"{SHARDS} shards made" in await create(settings)
        assert f"{SHARDS} shards were there already" in await create(settings)
        store = await StoreClient.connect(settings)
        for shard in range(SHARDS):
            await store.claim(claim(3, 1)._replace(shard=shard))
            seen = (await store.load(load(None)._replace(shard=shard))).version
            answer = await store.commit(
                commit(
                    seen, writes=writes(g1=b"%d" % shard), usage=(usage(3, Epoch(1, 0), b"d", 5),)
                )._replace(shard=shard)
            )
            assert answer.status is CommitStatus.ACCEPTED
            (state,) = (await store.claim(claim(3, 1, 1)._replace(shard=shard))).partitions
            assert state.decisions == (b"d",)
        assert [await store.draw_epoch(p) for p in (1, 1, 2)] == [1, 2, 1]
        names = [f"49{number}" for number in range(50)]
        for number, name in enumerate(names):
            assert await store.swap_identifier(name, (), (DirectoryEntry(number % SHARDS, number, 1, 0, 9),))
        found = await store.find_identifiers([*names, "unknown"])
        assert [entries[0].customer_id for entries in found[:-1]] == list(range(50))
        assert found[-1] == ()
        await store.close()

    uvloop.run(play())
    used = {shard_slot(shard) * 3 // 16_384 for shard in range(SHARDS)}
    assert used == {0, 1, 2}, "some master had nothing to do"


class Writer:
    """Counts a group up, one decision a commit, as a daemon would: what has no answer is asked for by a claim."""

    def __init__(self, store, shard: int) -> None:
        self._store = store
        self._shard = shard
        self._epoch = Epoch(1, 0)
        self.acknowledged = 0
        self.claims = 0

    async def run(self, stop: asyncio.Event) -> None:
        await self._claim()
        while not stop.is_set():
            try:
                await self._count()
            except StoreUnreachableError:
                await self._claim()

    async def _count(self) -> None:
        loaded = await self._store.load(load(None, 1)._replace(shard=self._shard))
        record = b"%d" % (int(loaded.records.groups[1] or 0) + 1)
        answer = await self._store.commit(
            commit(
                loaded.version,
                writes=writes(g1=record),
                usage=(usage(PARTITION, self._epoch, record, self.acknowledged),),
            )._replace(shard=self._shard)
        )
        assert answer.status is CommitStatus.ACCEPTED
        self.acknowledged += 1

    async def _claim(self) -> None:
        """Until it is answered; then what was decided is what counts."""
        while True:
            self._epoch = Epoch(1, self._epoch.attempt + 1)
            self.claims += 1
            try:
                request = claim(PARTITION, *self._epoch)._replace(shard=self._shard)
                (state,) = (await self._store.claim(request)).partitions
            except StoreUnreachableError:
                await asyncio.sleep(0.05)
                continue
            assert state.granted
            assert len(state.decisions) >= self.acknowledged, "an acknowledged commit is gone"
            self.acknowledged = len(state.decisions)
            return


async def count_while(cluster, settings, disturb) -> list[Writer]:
    """Count in every shard while something is done to the Cluster, and a little longer; then all must be there."""
    await create(settings)
    store = await StoreClient.connect(settings)
    writers = [Writer(store, shard) for shard in range(SHARDS)]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(writer.run(stop)) for writer in writers]
    try:
        await asyncio.sleep(0.3)
        await disturb()
        before = [writer.acknowledged for writer in writers]
        await asyncio.sleep(0.3)
        stop.set()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()
    assert all(writer.acknowledged > number for writer, number in zip(writers, before, strict=True))
    again = await StoreClient.connect(msgspec.structs.replace(settings, replicas_acknowledged=0))
    for shard, writer in enumerate(writers):
        found = await again.load(load(None, 1)._replace(shard=shard))
        (state,) = (await again.claim(claim(PARTITION, 2)._replace(shard=shard))).partitions
        expected = [b"%d" % number for number in range(1, writer.acknowledged + 1)]
        assert list(state.decisions) == expected, "lost, or counted twice"
        assert found.records.groups[1] == expected[-1]
    await again.close()
    return writers


@pytest.mark.parametrize("move", [move_by_keys, move_as_a_whole])
def test_a_slot_moves_while_it_is_written(cluster, move):
    slot = shard_slot(0)
    source = slot * MASTERS // 16_384

    async def there_and_back():
        target = (source + 1) % MASTERS
        await move(cluster, slot, source, target)
        await asyncio.sleep(0.2)
        await move(cluster, slot, target, source)

    settings = settings_of(cluster)
    writers = uvloop.run(count_while(cluster, settings, there_and_back))
    # No commit was without an answer: redirections are followed, never taken for a loss.
    assert [writer.claims for writer in writers] == [1] * SHARDS


async def lose_a_master(cluster) -> None:
    """Its last writes reach nobody, then it dies, its replica takes over, and it comes back as the replica."""
    cluster.pause(MASTERS)
    async with cluster.node(0) as master:
        await master.execute_command("CLIENT", "KILL", "TYPE", "replica")
    await asyncio.sleep(0.2)
    cluster.kill(0)
    cluster.resume(MASTERS)
    await cluster.wait_for_promotion(MASTERS)
    await cluster.restart(0)


def test_nothing_acknowledged_is_lost_when_a_master_is_killed(cluster):
    settings = settings_of(cluster, replicas_acknowledged=1, acknowledge_ms=500)
    writers = uvloop.run(count_while(cluster, settings, lambda: lose_a_master(cluster)))
    assert max(writer.claims for writer in writers) > 1, "nobody noticed"


def test_without_acknowledgement_the_same_death_loses_what_was_answered(cluster):
    with pytest.raises(AssertionError, match="an acknowledged commit is gone"):
        uvloop.run(count_while(cluster, settings_of(cluster), lambda: lose_a_master(cluster)))


def test_without_a_replica_nothing_counts(cluster):
    settings = settings_of(cluster, replicas_acknowledged=1, acknowledge_ms=100)

    async def play():
        await create(settings)
        store = await StoreClient.connect(settings)
        (shard,) = [s for s in range(SHARDS) if shard_slot(s) * MASTERS // 16_384 == 0][:1]
        seen = (await store.load(load(None)._replace(shard=shard))).version
        cluster.kill(MASTERS)
        with pytest.raises(StoreUnreachableError, match="0 of 1 replicas"):
            await store.commit(commit(seen, writes=writes(g1=b"alone"))._replace(shard=shard))
        # It was written, and may yet be lost: who reads it must not rely on it.
        found = await store.load(load(None, 1)._replace(shard=shard))
        assert found.records.groups[1] == b"alone"
        with pytest.raises(StoreUnreachableError, match="0 of 1 replicas"):
            await store.settle(shard)
        await store.close()
        with pytest.raises(StoreUnreachableError, match="has 0 of the 1 replicas that must acknowledge"):
            await StoreClient.connect(settings)

    uvloop.run(play())


def test_a_commit_without_an_answer_is_executed_at_most_once_in_all_the_cluster(cluster):
    settings = settings_of(cluster, timeout_ms=500)
    shard = next(s for s in range(SHARDS) if shard_slot(s) * MASTERS // 16_384 == 0)

    async def executed() -> int:
        """How often any node ran a function that may write; a replica repeats only what it wrote."""
        total = 0
        for number in range(2 * MASTERS):
            async with cluster.node(number) as node:
                stats = await node.info("commandstats")
                total += stats.get("cmdstat_fcall", {}).get("calls", 0)
        return total

    async def play():
        await create(settings)
        store = await StoreClient.connect(settings)
        seen = (await store.load(load(None)._replace(shard=shard))).version
        before = await executed()
        cluster.pause(0)
        once = commit(seen, writes=writes(g1=b"once"))._replace(shard=shard)
        waiting = asyncio.create_task(store.commit(once))
        await asyncio.sleep(1)
        cluster.resume(0)
        with pytest.raises(StoreUnreachableError):
            await waiting
        # Who asks next finds out: a layer that tried again in silence would be seen here, too.
        found = await store.load(load(seen, 1)._replace(shard=shard))
        assert (found.version.number - seen.number, found.records.groups[1]) in [(0, None), (1, b"once")]
        # A commit is two functions of one transaction.
        assert await executed() - before <= 2
        await store.close()

    uvloop.run(play())
