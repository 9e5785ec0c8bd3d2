"""Making a deployment, finding it again, and refusing servers that could forget."""

import asyncio
import signal

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import CommitStatus, StoreMismatchError, StoreUnreachableError
from charging.embedded_processes import start_child, stop_child
from charging.server_plan import valkey_arguments
from charging.servers import valkey_binary
from config.settings import Store
from tests.balance_store.given import commit, load, writes

pytestmark = pytest.mark.live


@pytest.fixture
def own_server(tmp_path):
    """A server of this test's own, to do things to that others must not feel; and its process."""
    socket = tmp_path / "valkey.sock"
    command = [valkey_binary(), *valkey_arguments(str(tmp_path), str(socket))]
    process = start_child(command, tmp_path / "valkey.log", tmp_path)
    url = f"unix://{socket}"
    asyncio.run(_until_it_answers(url))
    yield Store(url=url, shards=2, timeout_ms=500), process
    process.send_signal(signal.SIGCONT)
    stop_child(process, 10)


async def _until_it_answers(url: str) -> None:
    async with asyncio.timeout(20):
        while True:
            client = Redis.from_url(url)
            try:
                await client.ping()
                return
            except (OSError, RedisError):
                await asyncio.sleep(0.02)
            finally:
                await client.aclose()


def test_a_deployment_is_made_once_and_keeps_its_shards(store_url):
    settings = Store(url=store_url, shards=3)
    assert "3 shards made, 0 were there" in asyncio.run(create(settings))
    assert "3 shards were there already" in asyncio.run(create(settings))
    other = msgspec.structs.replace(settings, shards=4)
    with pytest.raises(StoreMismatchError, match="created with 3 shards, the settings say 4"):
        asyncio.run(create(other))
    with pytest.raises(StoreMismatchError, match="has 3 shards, the settings say 4"):
        asyncio.run(StoreClient.connect(other))


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


def test_a_call_without_an_answer_is_sent_once(own_server):
    settings, process = own_server

    async def play():
        await create(settings)
        store = await StoreClient.connect(settings)
        seen = (await store.load(load(None))).version
        process.send_signal(signal.SIGSTOP)
        asked = commit(seen, writes=writes(g1=b"once"))
        with pytest.raises(StoreUnreachableError):
            await store.commit(asked)
        process.send_signal(signal.SIGCONT)
        found = await store.load(load(seen, 1))
        # The server may have taken it or not; twice would have raised the version by two.
        assert found.version.number - seen.number in (0, 1)
        await store.close()
        client = Redis.from_url(settings.url)
        calls = (await client.info("commandstats"))["cmdstat_fcall"]["calls"]
        await client.aclose()
        made_by_create = settings.shards
        assert calls <= made_by_create + 1

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
    socket = settings.url.removeprefix("unix://")
    again = start_child(
        [valkey_binary(), *valkey_arguments(str(tmp_path), socket)], tmp_path / "again.log", tmp_path
    )
    try:
        asyncio.run(_until_it_answers(settings.url))
        assert asyncio.run(read()) == {1: b"kept"}
    finally:
        stop_child(again, 10)
