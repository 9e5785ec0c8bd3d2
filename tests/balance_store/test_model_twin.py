"""The same random calls to the server and to its model: the same answers, the same records, the same decisions."""

import random

import pytest
from redis.asyncio import Redis

from balance_store import commit_call
from balance_store.keyspace import header_key
from balance_store.model import ModelStore
from balance_store.requests import (
    NO_FLOOR,
    Claim,
    CommitAnswer,
    CommitStatus,
    DirectoryEntry,
    Epoch,
    Floor,
    PartitionClaim,
    Records,
    Version,
)
from tests.balance_store.given import commit, load, usage, writes

pytestmark = pytest.mark.live

CALLS = 600
# Few of each, so that calls meet.
IDS = range(1, 6)
PARTITIONS = range(2)
CALLERS = [b"a", b"b", b"c"]


class Caller:
    """One who keeps versions of its own, sometimes old ones."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.seen: list[Version | None] = [None]
        self.epochs: dict[int, Epoch] = {}

    def version(self, dice: random.Random) -> Version | None:
        seen = self.seen[-1] if dice.random() < 0.8 else dice.choice(self.seen)
        if seen is not None and dice.random() < 0.03:
            # A store that lost this version gave its number out again.
            return seen._replace(tag=b"another.")
        return seen


def some(dice: random.Random, ids, most: int) -> tuple[int, ...]:
    return tuple(sorted(dice.sample(list(ids), dice.randint(0, most))))


def random_records(dice: random.Random) -> Records:
    def rows(most: int) -> dict[int, bytes | None]:
        return {i: None if dice.random() < 0.1 else dice.randbytes(4) for i in some(dice, IDS, most)}

    return Records(rows(3), rows(1))


def random_commit(dice: random.Random, caller: Caller, floors: dict[int, int]):
    writes = random_records(dice)
    parts = []
    for partition in some(dice, PARTITIONS, 2):
        epoch = caller.epochs.get(partition, Epoch(dice.randint(0, 3), 0))
        highest = floors.get(partition, 0) + dice.randint(0, 20)
        entry = dice.randbytes(3) if dice.random() < 0.7 else b""
        floor = NO_FLOOR
        if dice.random() < 0.3:
            # Whoever owns a partition starts at its floor, so a floor never falls.
            low = floors[partition] = floors.get(partition, 0) + dice.randint(0, 2)
            floor = Floor(low, low - 1, dice.getrandbits(63))
        parts.append(usage(partition, epoch, entry, highest if entry else -1, floor))
    return commit(
        caller.version(dice),
        caller=caller.name,
        writes=writes,
        read_group_ids=tuple(i for i in some(dice, IDS, 2) if i not in writes.groups),
        read_profile_ids=tuple(i for i in some(dice, IDS, 1) if i not in writes.profiles),
        usage=tuple(parts),
        catalogue_version=dice.choice((9, 9, 9, 9, 9, 9, dice.randint(0, 9))),
        lowest_catalogue=dice.randint(1, 9) if dice.random() < 0.01 else 0,
    )


HOUR_MS = 3_600_000
# Time cannot be set on the server, so the promise is moved to the past instead.
END_PROMISE = """
local promise = redis.call('HGET', KEYS[1], 'reservation')
if promise and promise ~= '' then
  local holder, _, ids = cmsgpack.unpack(promise)
  redis.call('HSET', KEYS[1], 'reservation', cmsgpack.pack(holder, 0, ids))
end
"""


class Clock:
    """The model's time; an hour that passes on it ends a promise on the server too."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.now_ms = 0

    async def pass_an_hour(self) -> None:
        self.now_ms += HOUR_MS
        async with Redis.from_url(self._url) as client:
            await client.eval(END_PROMISE, 1, header_key(0))


PLAYS = [(0, 160, set()), (HOUR_MS, 160, {"RESERVED"}), (HOUR_MS, 24, set())]


async def play_alike(store, model, clock: Clock, seed: int) -> set[str]:
    """Names of everything that happened; asserts that both did the same."""
    dice = random.Random(f"twin/{seed}")
    callers = [Caller(name) for name in CALLERS]
    happened = set()
    floors: dict[int, int] = {}
    for number in range(CALLS):
        if dice.random() < 0.05:
            await clock.pass_an_hour()
        caller = dice.choice(callers)
        kind = dice.choices(["commit", "load", "claim"], [8, 3, 1])[0]
        if kind == "commit":
            asked = random_commit(dice, caller, floors)
        elif kind == "load":
            asked = load(caller.version(dice), *some(dice, IDS, 3), profiles=some(dice, IDS, 2))
        else:
            wanted = [
                (p, Epoch(dice.randint(1, 3 + number // 50), dice.randint(0, 1)))
                for p in some(dice, PARTITIONS, 2) or (0,)
            ]
            asked = Claim(0, tuple(PartitionClaim(*one) for one in wanted))
        answer = await getattr(store, kind)(asked)
        expected = await getattr(model, kind)(asked)
        assert answer == expected, (seed, number, asked)
        caller.seen.append(answer.version)
        if kind == "claim":
            caller.epochs |= {s.partition: s.epoch for s in answer.partitions if s.granted}
        happened.add(f"{kind} {getattr(answer, 'status', '')!r}")
    every = await store.load(load(None, *IDS, profiles=tuple(IDS)))
    assert every == await model.load(load(None, *IDS, profiles=tuple(IDS)))
    last = Claim(0, tuple(PartitionClaim(p, Epoch(1_000, 0)) for p in PARTITIONS))
    assert await store.claim(last) == await model.claim(last)
    return happened


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("reservation_ms", "recent_bytes_max", "also"),
    # A list that is soon trimmed; one that a single commit may trim to nothing, where few promises are made.
    PLAYS,
)
def test_server_and_model_answer_alike(twins, monkeypatch, seed, reservation_ms, recent_bytes_max, also):
    monkeypatch.setattr(commit_call, "RESERVATION_MS", reservation_ms)
    monkeypatch.setattr(commit_call, "RECENT_BYTES_MAX", recent_bytes_max)
    clock = Clock(twins.settings.url)
    model = ModelStore(1, lambda: clock.now_ms, reservation_ms, recent_bytes_max)
    happened = set()

    async def play(store, _):
        happened.update(await play_alike(store, model, clock, seed))

    twins.run(play)
    for status in {"ACCEPTED", "STALE", "UNKNOWN", "FENCED"} | also:
        assert any(status in name for name in happened), f"{status} never happened: {happened}"


def test_a_promise_that_is_over_is_not_made_again_by_a_refusal(twins, monkeypatch):
    monkeypatch.setattr(commit_call, "RESERVATION_MS", HOUR_MS)
    clock = Clock(twins.settings.url)
    model = ModelStore(1, lambda: clock.now_ms, HOUR_MS)

    async def play(store, _):
        async def both(**asked) -> CommitAnswer:
            call = commit(**asked)
            answer = await store.commit(call)
            assert answer == await model.commit(call)
            return answer

        old = (await store.load(load(None))).version
        now = (await both(seen=old, writes=Records({1: b"a"}, {9: b"p"}))).version
        late = {"seen": old, "writes": writes(g1=b"late"), "caller": b"late"}
        assert (await both(**late)).status is CommitStatus.STALE
        quick = {"seen": now, "writes": writes(g1=b"quick"), "caller": b"quick"}
        assert (await both(**quick)).status is CommitStatus.RESERVED
        await clock.pass_an_hour()
        aside = await both(seen=old, read_profile_ids=(9,), caller=b"aside")
        assert aside.status is CommitStatus.STALE
        assert (await both(**late)).status is CommitStatus.STALE
        assert (await both(**quick)).status is CommitStatus.ACCEPTED

    twins.run(play)


def test_an_identifiers_entries_are_swapped_or_left_alike(twins):
    one, other = DirectoryEntry(0, 1, 1, 0, 2**60 + 1), DirectoryEntry(1, 1, 1, 0, 2**60 + 1, 3)

    async def play(store, model):
        for before, after in (
            ((), (one,)),
            ((), (other,)),
            ((other,), ()),
            ((one,), (one, other)),
            ((one, other), (other,)),
            ((other,), ()),
            ((one,), (other,)),
        ):
            swapped = await store.swap_identifier("+č", before, after)
            assert swapped == await model.swap_identifier("+č", before, after)
            assert await store.find_identifiers(["+č"]) == await model.find_identifiers(["+č"])

    twins.run(play)
