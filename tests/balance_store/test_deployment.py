"""Making a deployment, finding it again, and refusing servers that could forget."""

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.keyspace import header_key, recent_key
from balance_store.requests import CommitStatus, StoreMismatchError, StoreUnreachableError
from config.settings import Store
from tests.balance_store.given import commit, load, writes
from tests.balance_store.own_valkey import own_valkey

pytestmark = pytest.mark.live


def test_a_deployment_is_made_once_and_keeps_its_shards(store_url):
    settings = Store(url=store_url, shards=3)
    assert "3 shards made, 0 were there" in asyncio.run(create(settings))
    assert "3 shards were there already" in asyncio.run(create(settings))
    other = msgspec.structs.replace(settings, shards=4)
    with pytest.raises(StoreMismatchError, match="created with 3 shards, the settings say 4"):
        asyncio.run(create(other))
    with pytest.raises(StoreMismatchError, match="has 3 shards, the settings say 4"):
        asyncio.run(StoreClient.connect(other))


def test_a_deployment_that_was_not_finished_is_refused_and_can_be_finished(store_url):
    settings = Store(url=store_url, shards=3)

    async def play():
        await create(settings)
        # As if the making had died before the last shard.
        async with Redis.from_url(store_url) as client:
            await client.delete(header_key(2), recent_key(2))
        with pytest.raises(StoreMismatchError, match="lacks 1 of 3 shards: run `charging store create`"):
            await StoreClient.connect(settings)
        assert "1 shards made, 2 were there" in await create(settings)
        store = await StoreClient.connect(settings)
        await store.close()

    asyncio.run(play())


def test_a_store_without_deployment_says_what_to_do(store_url):
    with pytest.raises(StoreMismatchError, match="charging store create"):
        asyncio.run(StoreClient.connect(Store(url=store_url, shards=3)))


def test_no_server_is_said_as_such(tmp_path):
    settings = Store(url=f"unix://{tmp_path}/nobody.sock", shards=3)
    with pytest.raises(StoreUnreachableError, match=r"nobody\.sock"):
        asyncio.run(create(settings))
    with pytest.raises(StoreUnreachableError, match=r"nobody\.sock"):
        asyncio.run(StoreClient.connect(settings))


@pytest.mark.parametrize(
    ("name", "value"),
    [("appendfsync", "everysec"), ("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")],
)
def test_a_server_that_could_forget_is_refused_unless_it_may(own_server, name, value):
    settings, _ = own_server

    async def play():
        await create(settings)
        client = Redis.from_url(settings.url)
        await client.config_set(name, value)
        await client.aclose()
        with pytest.raises(StoreMismatchError, match=f"{name} {value}"):
            await StoreClient.connect(settings)
        with pytest.raises(StoreMismatchError, match=f"{name} {value}"):
            await create(settings)
        store = await StoreClient.connect(msgspec.structs.replace(settings, require_durable=False))
        await store.close()

    asyncio.run(play())


def test_what_was_acknowledged_survives_a_kill(own_server, tmp_path):
    settings, process = own_server

    async def write():
        await create(settings)
        store = await StoreClient.connect(settings)
        seen = (await store.load(load(None))).version
        answer = await store.commit(commit(seen, writes=writes(g1=b"kept")))
        assert answer.status is CommitStatus.ACCEPTED
        await store.close()

    async def read():
        store = await StoreClient.connect(settings)
        answer = await store.load(load(None, 1))
        await store.close()
        return answer.records.groups

    asyncio.run(write())
    process.kill()
    process.wait()
    with own_valkey(tmp_path):
        assert asyncio.run(read()) == {1: b"kept"}


def test_a_server_that_became_a_replica_has_no_answer_until_it_is_a_master_again(own_server):
    settings, _ = own_server

    async def play():
        await create(settings)
        store = await StoreClient.connect(settings)
        seen = (await store.load(load(None))).version
        async with Redis.from_url(settings.url) as client:
            await client.execute_command("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(StoreUnreachableError, match="cannot just now: READONLY"):
                await store.commit(commit(seen, writes=writes(g1=b"no")))
            await client.execute_command("REPLICAOF", "NO", "ONE")
        answer = await store.commit(commit(seen, writes=writes(g1=b"yes")))
        assert answer.status is CommitStatus.ACCEPTED
        await store.close()

    asyncio.run(play())
