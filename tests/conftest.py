"""Shell. Servers for live tests: started once, on free ports of 127.0.0.1, in a folder of their own."""

import asyncio
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from charging.servers import ServersError, start_servers, stop_servers
from tests.postgres import running_postgres

# How long one example takes says more of the machine's other work than of ours.
settings.register_profile("chargeline", deadline=None)
settings.load_profile("chargeline")

# Valkey has 16 databases; a test that asks gets one, and leaves it empty for the next.
_FREE_DATABASES = list(range(16))
_PREFIXES = itertools.count()


@dataclass(frozen=True)
class LiveServers:
    """Where the servers of this test run answer."""

    kafka_bootstrap: str
    store_url: str


@pytest.fixture(scope="session")
def live_servers(tmp_path_factory):
    """A real Kafka and a real Valkey; what is missing skips at home and fails in CI."""
    data_dir: Path = tmp_path_factory.mktemp("servers")
    try:
        state = start_servers(data_dir, parent_pid=os.getpid())
    except (ServersError, ImportError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no embedded servers: {error}")
    yield LiveServers(state.kafka_bootstrap, state.store_url)
    stop_servers(data_dir)


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL; where there is none a test skips at home and fails in CI."""
    yield from running_postgres()


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request, tmp_path):
    """New records, in each kind of database that there is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/records.sqlite"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def store_url(live_servers):
    """An empty database of the session's Valkey."""
    yield from _lend_database(live_servers)


@pytest.fixture
def other_store_url(live_servers):
    """Another one, for tests that compare two deployments."""
    yield from _lend_database(live_servers)


def _lend_database(servers):
    number = _FREE_DATABASES.pop(0)
    url = f"{servers.store_url}?db={number}"
    yield url
    asyncio.run(_empty(url))
    _FREE_DATABASES.append(number)


async def _empty(url: str) -> None:
    client = Redis.from_url(url)
    await client.flushdb()
    await client.aclose()


@pytest.fixture
def topic_prefix():
    """Names of topics that no other test uses."""
    return f"t{next(_PREFIXES)}-"
