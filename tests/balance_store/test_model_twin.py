"""The same random calls to the server and to its model: the same answers, the same records, the same decisions."""

import random

import pytest

from balance_store import client as client_module
from balance_store.model import ModelStore
from balance_store.requests import (
    NO_FLOOR,
    Claim,
    Epoch,
    Floor,
    PartitionClaim,
    Records,
    Version,
)
from tests.balance_store.given import commit, load, usage

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
        return self.seen[-1] if dice.random() < 0.8 else dice.choice(self.seen)


def some(dice: random.Random, ids, most: int) -> tuple[int, ...]:
    return tuple(sorted(dice.sample(list(ids), dice.randint(0, most))))


def random_records(dice: random.Random) -> Records:
    def rows(most: int) -> dict[int, bytes | None]:
        return {i: None if dice.random() < 0.1 else dice.randbytes(4) for i in some(dice, IDS, most)}

    return Records(rows(3), rows(1))


def random_commit(dice: random.Random, caller: Caller):
    writes = random_records(dice)
    parts = []
    for partition in some(dice, PARTITIONS, 2):
        epoch = caller.epochs.get(partition, Epoch(dice.randint(0, 3), 0))
        highest = dice.randint(0, 40)
        entry = dice.randbytes(3) if dice.random() < 0.7 else b""
        low = dice.randint(0, 30)
        floor = Floor(low, low - 1, dice.getrandbits(63)) if dice.random() < 0.3 else NO_FLOOR
        parts.append(usage(partition, epoch, entry, highest if entry else -1, floor))
    return commit(
        caller.version(dice),
        caller=caller.name,
        writes=writes,
        read_group_ids=tuple(i for i in some(dice, IDS, 2) if i not in writes.groups),
        read_profile_ids=tuple(i for i in some(dice, IDS, 1) if i not in writes.profiles),
        usage=tuple(parts),
        catalogue_version=0,
    )


async def play_alike(store, model, seed: int) -> set[str]:
    """Names of everything that happened; asserts that both did the same."""
    dice = random.Random(f"twin/{seed}")
    callers = [Caller(name) for name in CALLERS]
    happened = set()
    for number in range(CALLS):
        caller = dice.choice(callers)
        kind = dice.choices(["commit", "load", "claim"], [8, 3, 1])[0]
        if kind == "commit":
            asked = random_commit(dice, caller)
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
@pytest.mark.parametrize("reservation_ms", [0, 3_600_000])
def test_server_and_model_answer_alike(twins, monkeypatch, seed, reservation_ms):
    # Promises that never come, or never end by themselves: both clocks agree on that.
    monkeypatch.setattr(client_module, "RESERVATION_MS", reservation_ms)
    # A list of recent commits that is soon trimmed.
    monkeypatch.setattr(client_module, "RECENT_BYTES_MAX", 160)
    model = ModelStore(1, lambda: 0, reservation_ms=reservation_ms, recent_bytes_max=160)
    happened = set()

    async def play(store, _):
        happened.update(await play_alike(store, model, seed))

    twins.run(play)
    wanted = {"ACCEPTED", "STALE", "UNKNOWN", "FENCED"} | ({"RESERVED"} if reservation_ms else set())
    for status in wanted:
        assert any(status in name for name in happened), f"{status} never happened: {happened}"
