"""Where a new owner starts, and when it must not touch a partition at all."""

import asyncio

import pytest

from balance_store.model import ModelStore
from balance_store.requests import NO_FLOOR, Claim, Epoch, Floor, PartitionClaim
from charging.balance_cache import BalanceCache
from charging.messages import Message, message_hash
from charging.ownership import Ownership, highest_floor, next_epoch
from charging.ports import Bounds
from charging.shard_sessions import ShardSessions
from charging.take_over import FencedError, WrongLogError, start_of, take_over
from tests.balance_store.given import commit, usage
from tests.rating_kernels.sample_world import SAMPLE

LAST = Message(3, 41, 0, b"the last one charged", ())
FLOOR = Floor(42, 41, message_hash(LAST))


class Log:
    """A partition that holds one message we ask for."""

    def __init__(self, message: Message | None) -> None:
        self._message = message

    async def read_one(self, partition: int, offset: int) -> Message | None:
        return self._message


def start(floor: Floor, bounds: Bounds, message: Message | None = LAST) -> int:
    return asyncio.run(start_of(Log(message), Ownership(3, Epoch(1, 0), floor, {}), bounds))


@pytest.mark.parametrize(
    ("floor", "bounds", "offset"),
    [
        # Nobody has charged it yet: from the earliest message there is.
        (NO_FLOOR, Bounds(7, 100), 7),
        (FLOOR, Bounds(0, 100), 42),
        # Nothing new; what was charged has been deleted; both.
        (FLOOR, Bounds(0, 42), 42),
        (FLOOR, Bounds(42, 100), 42),
        (FLOOR, Bounds(42, 42), 42),
    ],
)
def test_a_new_owner_starts_at_the_floor(floor, bounds, offset):
    assert start(floor, bounds) == offset


def test_the_last_message_may_be_gone_by_compaction():
    assert start(FLOOR, Bounds(0, 100), None) == 42


@pytest.mark.parametrize(
    ("bounds", "message", "why"),
    [
        (Bounds(0, 41), LAST, "the log ends at 41"),
        (Bounds(43, 100), LAST, "messages from 42 on were never charged"),
        (Bounds(0, 100), LAST._replace(value=b"another"), "is not the one that was charged"),
    ],
)
def test_a_log_that_is_not_the_one_that_was_charged_is_not_touched(bounds, message, why):
    with pytest.raises(WrongLogError, match=why):
        start(FLOOR, bounds, message)


def test_a_claim_takes_the_highest_floor_and_the_decisions_above_it():
    async def play():
        store = ModelStore(2, clock_ms=lambda: 0)
        before = Epoch(await store.draw_epoch(3), 0)
        for shard in range(2):
            await store.claim(Claim(shard, (PartitionClaim(3, before),)))
        low = Floor(10, 9, 1)
        await store.commit(commit(None, shard=0, usage=(usage(3, before, floor=FLOOR),)))
        await store.commit(commit(None, shard=1, usage=(usage(3, before, floor=low),)))
        sessions = ShardSessions(store, BalanceCache(SAMPLE, 10))
        held: dict[int, Epoch] = {}
        (owned,) = await take_over(sessions, [3], held, frozenset())
        assert (owned.floor, owned.epoch, held) == (FLOOR, Epoch(2, 0), {3: Epoch(2, 0)})
        # The shard that lags is told at the next commit or sweep, the other is not told again.
        assert (owned.floor_for(0), owned.floor_for(1)) == (NO_FLOOR, FLOOR)

    asyncio.run(play())


def test_who_is_outbid_is_told_which_partition():
    async def play():
        store = ModelStore(1, clock_ms=lambda: 0)
        await store.claim(Claim(0, (PartitionClaim(3, Epoch(9, 0)),)))
        sessions = ShardSessions(store, BalanceCache(SAMPLE, 10))
        with pytest.raises(FencedError) as caught:
            await take_over(sessions, [2, 3], {}, frozenset())
        assert caught.value.partitions == {3}

    asyncio.run(play())


def test_a_lost_answer_is_claimed_again_under_the_same_draw():
    assert next_epoch(None, fenced=False, draw=5) == Epoch(5, 0)
    assert next_epoch(Epoch(5, 0), fenced=False, draw=0) == Epoch(5, 1)
    assert next_epoch(Epoch(5, 3), fenced=True, draw=8) == Epoch(8, 0)


def test_no_floor_is_below_every_floor():
    assert highest_floor([]) == NO_FLOOR
    assert highest_floor([NO_FLOOR, Floor(0, -1, 0)]) == Floor(0, -1, 0)
