"""The same store on a Cluster of three masters with replicas, while slots move and masters die."""

import asyncio

import pytest

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.keyspace import shard_slot
from balance_store.requests import (
    CommitStatus,
    DirectoryEntry,
    Epoch,
)
from config.settings import Store
from tests.balance_store.given import claim, commit, load, usage, writes

pytestmark = pytest.mark.live

SHARDS = 8


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
            await store.set_identifier(name, (DirectoryEntry(number % SHARDS, number, 1, 0, 9),))
        found = await store.find_identifiers([*names, "unknown"])
        assert [entries[0].customer_id for entries in found[:-1]] == list(range(50))
        assert found[-1] == ()
        await store.close()

    asyncio.run(play())
    used = {shard_slot(shard) * 3 // 16_384 for shard in range(SHARDS)}
    assert used == {0, 1, 2}, "some master had nothing to do"
