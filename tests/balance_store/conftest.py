"""Shell. A deployment of one shard on the live server, and the same in memory."""

import asyncio

import pytest
from redis import Redis

from balance_store.client import StoreClient
from balance_store.connection import open_link
from balance_store.deployment import functions_source
from balance_store.functions import CREATE
from balance_store.keyspace import header_key, recent_key
from balance_store.model import ModelStore
from balance_store.resp_connection import pack
from config.settings import Store
from tests.balance_store.own_cluster import own_cluster
from tests.balance_store.own_valkey import OWN_TIMEOUT_MS, own_valkey

FIRST_TAG = bytes(8)  # the model's, so that both have the same versions


class Twins:
    """The server's functions and their model, created alike."""

    def __init__(self, url: str, source: str | None = None) -> None:
        self._source = functions_source() if source is None else source
        self.settings = Store(url=url, shards=1)
        self.now_ms = 0
        self.model = ModelStore(1, clock_ms=lambda: self.now_ms)

    def empty(self) -> None:
        """Forget what is on the server, which is the caller's own."""
        with Redis.from_url(self.settings.url) as client:
            client.flushall()

    def run(self, play) -> None:
        """Run a coroutine function of (store, model) on a fresh connection."""
        asyncio.run(self._run(play))

    async def _run(self, play) -> None:
        link = await open_link(self.settings)
        await link.on_masters(pack("FUNCTION", "LOAD", "REPLACE", self._source))
        await link.write(0, pack("FCALL", CREATE, 2, header_key(0), recent_key(0), FIRST_TAG, "1"))
        link.close()
        store = await StoreClient.connect(self.settings)
        try:
            await play(store, self.model)
        finally:
            await store.close()


@pytest.fixture
def twins(store_url):
    """One shard, twice."""
    return Twins(store_url)


@pytest.fixture
def own_server(tmp_path):
    """Settings of a server of this test's own, and its process."""
    with own_valkey(tmp_path) as (url, process):
        yield Store(url=url, shards=2, timeout_ms=OWN_TIMEOUT_MS), process


@pytest.fixture
def cluster(tmp_path):
    """A Cluster of this test's own."""
    with own_cluster(tmp_path) as one:
        yield one
