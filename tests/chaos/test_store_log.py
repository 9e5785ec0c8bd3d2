"""The store's file read as commits: what was refused is not among them, although the file has its records."""

import asyncio

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import (
    NO_FLOOR,
    Claim,
    Commit,
    CommitStatus,
    Epoch,
    PartitionClaim,
    Records,
    Usage,
)
from config.settings import Store as StoreSettings
from tests.balance_store.own_valkey import own_valkey
from tests.chaos.evidence import chunks_of
from tests.chaos.store_log import Written, commits_of

SHARD, PARTITION = 1, 3
EPOCH = Epoch(1, 0)


def commit(seen, tag: bytes, groups: dict[int, bytes], decisions: bytes = b"") -> Commit:
    usage = (Usage(PARTITION, EPOCH, decisions, 7, NO_FLOOR),) if decisions else ()
    return Commit(SHARD, seen, tag * 8, b"test", 0, Records(dict(groups), {}), (), (), usage)


async def write(url: str) -> list[CommitStatus]:
    settings = StoreSettings(url=url, shards=2)
    await create(settings)
    store = await StoreClient.connect(settings)
    try:
        claimed = await store.claim(Claim(SHARD, (PartitionClaim(PARTITION, EPOCH),)))
        first = await store.commit(commit(claimed.version, b"a", {5: b"five", 6: b"six"}))
        stale = await store.commit(commit(claimed.version, b"b", {5: b"never"}, b"never decided"))
        last = await store.commit(commit(first.version, b"c", {5: b"more"}, b"decided"))
        return [one.status for one in (first, stale, last)]
    finally:
        await store.close()


def test_commits_come_in_order_and_refused_ones_not_at_all(tmp_path):
    with own_valkey(tmp_path) as (url, _):
        statuses = asyncio.run(write(url))
        assert statuses == [CommitStatus.ACCEPTED, CommitStatus.STALE, CommitStatus.ACCEPTED]
    file = tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof"
    assert b"never" in file.read_bytes()
    assert list(commits_of(chunks_of([file]))) == [
        Written(SHARD, [], {5: b"five", 6: b"six"}, {}),
        Written(SHARD, [(PARTITION, b"decided")], {5: b"more"}, {}),
    ]
