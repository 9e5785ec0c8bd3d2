"""Two versions of the functions at once, while daemons are replaced one by one.

An older version, the third, is kept as it was: its functions, and a caller that speaks to them as it did. Where a
change makes both impossible on the same keys, this test is what says so.
"""

import asyncio
import re
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from balance_store.client import StoreClient
from balance_store.deployment import create, functions_source, retire_functions
from balance_store.functions import FUNCTIONS_VERSION, LIBRARY
from balance_store.group_record import SCHEMA, SCHEMA_BEFORE
from balance_store.keyspace import (
    SCHEMA_FIELD,
    decisions_key,
    groups_key,
    header_key,
    open_key,
    pack_id,
    profiles_key,
    recent_key,
)
from balance_store.requests import CommitStatus, Epoch, StoreMismatchError
from config.settings import Store
from tests.balance_store.given import claim, commit, load, usage, writes

pytestmark = pytest.mark.live

PREVIOUS = (Path(__file__).parent / "previous" / "chargeline.lua").read_text()
TAG = b"previous"
KEYS = (header_key(0), recent_key(0), groups_key(0), profiles_key(0))
ACCEPTED, STALE, FENCED = 0, 1, 3


class PreviousDaemon:
    """What the previous version sent, word by word, for one group and one partition."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def load(self, group_id: int) -> tuple[tuple[bytes, bytes], bytes | None]:
        """(version, record)."""
        answer = await self._client.fcall_ro("cl3_load", 4, *KEYS, "", "", pack_id(group_id), b"")
        return (answer[0], answer[1]), answer[5][1]

    async def commit(
        self, seen: tuple[bytes, bytes], group_id: int, record: bytes, epoch: str = "1 0"
    ) -> int:
        """Write a group on top of the version seen, with one decision of partition 3; its status."""
        head = (*seen, TAG, b"old", "1", pack_id(group_id), *[b""] * 5, "50", "1048576", "1", "0")
        decision = ("3", epoch, "0", b"by the previous", "")
        opened = [open_key(key, TAG) for key in KEYS[2:]]
        keys = (*KEYS, *opened, decisions_key(0, 3))
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.fcall("cl3_commit", len(keys), *keys, *head, *decision)
            pipe.hset(opened[0], pack_id(group_id), record)
            pipe.fcall("cl3_close", 3, KEYS[0], KEYS[2], opened[0], TAG)
            answer = await pipe.execute()
        return answer[0][0]

    async def claim(self, draw: int) -> list:
        """[granted, epoch, floor, decisions] of partition 3."""
        return (await self._client.fcall("cl3_claim", 5, *KEYS, decisions_key(0, 3), "3", draw, "0"))[2]


def test_the_names_on_both_sides_carry_the_same_version():
    source = functions_source()
    assert source.startswith(f"#!lua name={LIBRARY}\n")
    assert re.findall(r"^local VERSION = '(\d+)'$", source, re.MULTILINE) == [str(FUNCTIONS_VERSION)]


def test_two_versions_share_a_shard_until_the_old_one_is_retired(own_server):
    # A server of its own: elsewhere another test has loaded this version.
    settings = Store(url=own_server[0].url, shards=1)

    async def play():
        async with Redis.from_url(settings.url) as client:
            await client.function_load(PREVIOUS, replace=True)
            await client.fcall("cl3_create", 2, header_key(0), recent_key(0), bytes(8), "1")
            old = PreviousDaemon(client)
            await old.claim(1)
            seen_by_old, _ = await old.load(1)
            assert await old.commit(seen_by_old, 1, b"old") == ACCEPTED
            # This version is not there yet, and says what to do.
            with pytest.raises(StoreMismatchError, match="charging store create"):
                await StoreClient.connect(settings)
            assert "1 shards were there already" in await create(settings)
            new = await StoreClient.connect(settings)

            # Each sees what the other wrote, and neither writes over it.
            loaded = await new.load(load(None, 1))
            assert loaded.records.groups == {1: b"old"}
            seen_by_old, record = await old.load(1)
            accepted = await new.commit(commit(loaded.version, writes=writes(g1=b"new")))
            assert accepted.status is CommitStatus.ACCEPTED
            assert await old.commit(seen_by_old, 1, b"lost update") == STALE
            seen_by_old, record = await old.load(1)
            assert record == b"new"
            assert await old.commit(seen_by_old, 1, b"old again") == ACCEPTED
            stale = await new.commit(commit(accepted.version, writes=writes(g1=b"lost update")))
            assert (stale.status, stale.fresh.groups) == (CommitStatus.STALE, {1: b"old again"})

            # The partition goes from the old daemon to the new one, with what was decided, and back.
            (state,) = (await new.claim(claim(3, 2))).partitions
            assert state.decisions == (b"by the previous", b"by the previous")
            seen_by_old, _ = await old.load(1)
            assert await old.commit(seen_by_old, 1, b"by a zombie") == FENCED
            decided = (usage(3, Epoch(2, 0), b"by this one", 6),)
            assert (await new.commit(commit(None, usage=decided))).status is CommitStatus.ACCEPTED
            granted, _, _, decisions = await old.claim(3)
            assert (granted, decisions[2:]) == (1, [b"by this one"])

            assert await retire_functions(settings) == ["chargeline3"]
            with pytest.raises(ResponseError, match="Function not found"):
                await old.load(1)
            assert (await new.load(load(None, 1))).records.groups == {1: b"old again"}
            assert await retire_functions(settings) == []
            await new.close()

    asyncio.run(play())


def test_what_is_written_changes_when_the_old_version_is_retired(own_server):
    settings = Store(url=own_server[0].url, shards=1)

    async def schema():
        client = await StoreClient.connect(settings)
        await client.close()
        return client.group_schema

    async def play():
        async with Redis.from_url(settings.url) as redis:
            # A deployment that was made by the version before says nothing of schemas.
            await redis.fcall("cl3_create", 2, header_key(0), recent_key(0), bytes(8), "1")
            await create(settings)
            assert await schema() == SCHEMA_BEFORE
            await retire_functions(settings)
            assert await schema() == SCHEMA
            # To load the functions again changes nothing.
            await create(settings)
            assert await schema() == SCHEMA
            await redis.hset(header_key(0), SCHEMA_FIELD, SCHEMA + 1)
            with pytest.raises(StoreMismatchError, match="use a newer one"):
                await schema()
            await redis.flushdb()
            await create(settings)
            assert await schema() == SCHEMA

    async def with_previous():
        async with Redis.from_url(settings.url) as redis:
            await redis.function_load(PREVIOUS, replace=True)
        await play()

    asyncio.run(with_previous())


def test_the_old_version_is_not_retired_before_the_new_one_is_there(own_server):
    settings, _ = own_server

    async def play():
        async with Redis.from_url(settings.url) as client:
            await client.function_load(PREVIOUS)
            with pytest.raises(StoreMismatchError, match="run `charging store create` first"):
                await retire_functions(settings)
            assert len(await client.function_list()) == 1

    asyncio.run(play())
