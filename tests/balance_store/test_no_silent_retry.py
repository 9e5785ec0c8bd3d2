"""A call without an answer is sent once, by every layer below us, and its late answer is nobody else's."""

import asyncio
import signal

import pytest
from redis.asyncio import Redis

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import Claim, CommitStatus, Epoch, PartitionClaim, StoreUnreachableError
from tests.balance_store.given import claim, commit, load, usage, writes
from tests.balance_store.own_valkey import OWN_TIMEOUT_MS

pytestmark = pytest.mark.live

PARTITION = 3
TIMEOUT_S = OWN_TIMEOUT_MS / 1000


async def unanswered(process, call) -> None:
    """Make a call of a server that is stopped until the call has timed out.

    A layer that tries again would be connecting by now, and soon have its answer: then nothing is raised.
    """
    process.send_signal(signal.SIGSTOP)
    waiting = asyncio.create_task(call)
    await asyncio.sleep(1.4 * TIMEOUT_S)
    process.send_signal(signal.SIGCONT)
    with pytest.raises(StoreUnreachableError):
        await waiting


async def executed(url: str, command: str) -> int:
    """How often the server ran a command."""
    async with Redis.from_url(url) as client:
        return (await client.info("commandstats")).get(f"cmdstat_{command}", {}).get("calls", 0)


def play(own_server, scenario) -> None:
    """Run a coroutine function of (store, process, url) on a deployment of its own."""
    settings, process = own_server

    async def run():
        await create(settings)
        store = await StoreClient.connect(settings)
        try:
            await scenario(store, process, settings.url)
        finally:
            await store.close()

    asyncio.run(run())


def test_a_commit_without_an_answer_is_executed_at_most_once(own_server):
    async def scenario(store, process, url):
        seen = (await store.load(load(None))).version
        before = await executed(url, "exec")
        await unanswered(process, store.commit(commit(seen, writes=writes(g1=b"once"))))
        found = await store.load(load(seen, 1))
        assert (found.version.number - seen.number, found.records.groups[1]) in [(0, None), (1, b"once")]
        # The load is a transaction too.
        assert await executed(url, "exec") - before == 1 + found.version.number - seen.number

    play(own_server, scenario)


def test_decisions_that_no_version_guards_are_kept_at_most_once(own_server):
    async def scenario(store, process, url):
        # Nothing but the epoch would refuse such a commit the second time, so a repeat would be seen here.
        await store.claim(claim(PARTITION, 1))
        bare = commit(None, usage=(usage(PARTITION, Epoch(1, 0), b"decided", 5),))
        await unanswered(process, store.commit(bare))
        # What the caller does now: claim with the next attempt, and look for its own entry.
        (state,) = (await store.claim(claim(PARTITION, 1, 1))).partitions
        assert state.granted
        assert state.decisions in [(), (b"decided",)]
        # Fenced by our own second attempt: were it still under way, it would be refused.
        assert (await store.commit(bare)).status is CommitStatus.FENCED
        (state,) = (await store.claim(claim(PARTITION, 1, 2))).partitions
        assert state.decisions in [(), (b"decided",)]

    play(own_server, scenario)


@pytest.mark.parametrize("call", ["draw", "claim", "load"])
def test_no_other_call_is_repeated_either(own_server, call):
    calls = {
        "draw": ("incr", lambda store: store.draw_epoch(PARTITION)),
        "claim": ("fcall", lambda store: store.claim(Claim(0, (PartitionClaim(PARTITION, Epoch(1, 0)),)))),
        "load": ("fcall_ro", lambda store: store.load(load(None))),
    }
    command, make = calls[call]

    async def scenario(store, process, url):
        before = await executed(url, command)
        await unanswered(process, make(store))
        assert await executed(url, command) - before <= 1

    play(own_server, scenario)


def test_a_late_answer_is_not_taken_for_that_of_the_next_call(own_server):
    async def scenario(store, process, url):
        seen = (await store.load(load(None))).version
        accepted = await store.commit(commit(seen, writes=writes(g1=b"one", g2=b"two")))
        await unanswered(process, store.load(load(accepted.version, 1)))
        for number, record in ((2, b"two"), (1, b"one"), (2, b"two")):
            answer = await store.load(load(accepted.version, number))
            assert answer.records.groups == {number: record}

    play(own_server, scenario)
