"""Shell. Servers for live tests: started once, on free ports of 127.0.0.1, in a folder of their own."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from charging.servers import ServersError, start_servers, stop_servers

# Valkey has 16 databases; each test that asks gets the next one, empty.
DATABASES = 16
_NUMBERS = itertools.count()


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


@pytest.fixture
def store_url(live_servers):
    """An empty database of the session's Valkey."""
    number = next(_NUMBERS)
    assert number < DATABASES, (
        "more live tests than databases: close one's deployment or start another server"
    )
    return f"{live_servers.store_url}?db={number}"


@pytest.fixture
def topic_prefix():
    """Names of topics that no other test uses."""
    return f"t{next(_NUMBERS)}-"
