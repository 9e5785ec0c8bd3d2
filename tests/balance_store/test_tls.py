"""TLS, with and without a certificate of our own, and Redis 7.0: Debian's server has both."""

import asyncio
import os
import shutil
import subprocess

import msgspec
import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import CommitStatus, Epoch, StoreMismatchError, StoreUnreachableError
from charging.embedded_processes import free_ports, start_child, stop_child
from config.settings import Store
from tests.balance_store.given import claim, commit, load, usage, writes
from tests.balance_store.own_valkey import until_it_answers

pytestmark = pytest.mark.live


def needed(program: str) -> str:
    """A program of the machine's; without it the test skips at home and fails in CI."""
    path = shutil.which(program)
    if path is None:
        assert not os.environ.get("CI"), f"install {program}"
        pytest.skip(f"no {program}")
    return path


def certificate(directory, name: str) -> tuple[str, str]:
    """Files of a certificate for 127.0.0.1 that is its own authority, and of its key."""
    paths = str(directory / f"{name}.pem"), str(directory / f"{name}.key")
    command = [needed("openssl"), "req", "-x509", "-nodes", "-newkey", "ec", "-days", "2"]
    options = ["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/CN={name}"]
    alternative = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]]
    subprocess.run([*command, *options, *alternative], check=True, capture_output=True)
    return paths


@pytest.fixture
def tls_store(tmp_path):
    """Settings that reach a durable Redis by TLS, and the certificate and key that it accepts of us."""
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    (port,) = free_ports(1)
    command = [
        needed("redis-server"),
        *("--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)),
        *("--tls-cert-file", server[0], "--tls-key-file", server[1], "--tls-ca-cert-file", client[0]),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]
    process = start_child(command, tmp_path / "redis.log", tmp_path)
    try:
        client_files = {"ssl_certfile": client[0], "ssl_keyfile": client[1]}
        probe = Redis(host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=server[0], **client_files)
        asyncio.run(until_it_answers(probe))
        yield Store(url=f"rediss://127.0.0.1:{port}", shards=2, ssl_cafile=server[0], **client_files)
    finally:
        stop_child(process, 10)


def test_a_deployment_over_tls_on_an_older_redis(tls_store):
    async def play():
        assert "2 shards made" in await create(tls_store)
        store = await StoreClient.connect(tls_store)
        await store.claim(claim(3, 1))
        seen = (await store.load(load(None, 1))).version
        record = bytes(range(256)) * 4_000  # larger than what a TLS record or a socket's buffer holds
        decided = (usage(3, Epoch(1, 0), b"decided", 5),)
        answer = await store.commit(commit(seen, writes=writes(g1=record), usage=decided))
        assert answer.status is CommitStatus.ACCEPTED
        assert (await store.load(load(seen, 1))).records.groups == {1: record}
        (state,) = (await store.claim(claim(3, 2))).partitions
        assert state.decisions == (b"decided",)
        await store.close()

    uvloop.run(play())


def test_who_is_not_known_is_not_talked_to(tls_store):
    stranger = msgspec.structs.replace(tls_store, ssl_cafile="")
    with pytest.raises(StoreMismatchError, match="certificate verify failed"):
        asyncio.run(StoreClient.connect(stranger))
    anonymous = msgspec.structs.replace(tls_store, ssl_certfile="", ssl_keyfile="")
    with pytest.raises(StoreUnreachableError, match="no answer from the store"):
        asyncio.run(StoreClient.connect(anonymous))


def test_what_an_older_redis_lacks_is_said(tls_store):
    async def lacks_waitaof() -> bool:
        settings = tls_store
        client = Redis.from_url(
            settings.url,
            ssl_ca_certs=settings.ssl_cafile,
            ssl_certfile=settings.ssl_certfile,
            ssl_keyfile=settings.ssl_keyfile,
        )
        async with client:
            try:
                await client.execute_command("WAITAOF", 0, 0, 1)
            except ResponseError:
                return True
        return False

    wanted = msgspec.structs.replace(tls_store, replicas_acknowledged=1)
    with pytest.raises(StoreMismatchError if asyncio.run(lacks_waitaof()) else StoreUnreachableError) as said:
        asyncio.run(create(wanted))
    assert "has 0 of the 1 replicas that must acknowledge" in str(said.value)
    assert ("lacks WAITAOF" in str(said.value)) == isinstance(said.value, StoreMismatchError)
