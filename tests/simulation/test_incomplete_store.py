"""A profile that names what the store lacks: its events are rejected, nothing waits, and what is mended is charged."""

import itertools

import msgspec
import pytest

from balance_store.profile_record import unpack_profile
from balance_store.requests import NO_FLOOR, Claim, Commit, CommitStatus, Epoch, PartitionClaim, Records
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import message_columns
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from rating_kernels.outcomes import Outcome
from tests.simulation.catalogues import sample
from tests.simulation.make_world import make_world, store_of
from tests.simulation.run_world import live_through, replayed
from tests.simulation.virtual_loop import run
from tests.simulation.world import SETTINGS, Faults

SHAKEN = Faults(crash=0.004, lost_answer=0.01, late_request=0.01, rebalance=0.05, zombie=0.3)


def profiles_of(world):
    """Every customer's profile and shard."""
    return [
        (unpack_profile(r), s) for s, one in enumerate(world.store._shards) for r in one.profiles.values()
    ]


def _used(profile, services):
    return sum(services.count(s.identifier) for s in profile.services)


def busiest(world, wanted):
    """The customer with the most events among those that are wanted, and their shard."""
    services = [
        msgspec.json.decode(m.value)["service"] for log in world.logs for m in log if m.value[:1] == b"{"
    ]
    found = [(p, shard) for p, shard in profiles_of(world) if wanted(p)]
    return max(found, key=lambda one: (_used(one[0], services), one[0].customer_id))


def places_of(world, identifiers):
    return {
        (m.partition, m.offset, 0)
        for log in world.logs
        for m in log
        if m.value[:1] == b"{" and msgspec.json.decode(m.value)["service"] in identifiers
    }


def lose_group(world):
    """A balance group is gone; who names it, their own or a pool's, cannot be charged."""
    profile, shard = busiest(world, lambda p: p.group_ids)
    group_id = profile.group_ids[0]
    del world.store._shards[shard].groups[group_id]
    named = [
        p
        for p, _ in profiles_of(world)
        if group_id in p.group_ids or group_id in {m.owner_group_id for m in p.memberships}
    ]
    return places_of(world, {s.identifier for p in named for s in p.services})


def lose_owner(world):
    """The profile of a pool's owner is gone; the members cannot be charged, and the owner is nobody."""
    member, shard = busiest(world, lambda p: p.memberships)
    owner_id = member.memberships[0].owner_customer_id
    named = [p for p, _ in profiles_of(world) if owner_id in {m.owner_customer_id for m in p.memberships}]
    del world.store._shards[shard].profiles[owner_id]
    return places_of(world, {s.identifier for p in named for s in p.services})


@pytest.mark.parametrize("lose", [lose_group, lose_owner], ids=lambda lose: lose.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_its_events_are_rejected_and_all_others_are_charged_as_ever(seed, lose):
    world, fresh = make_world(seed, SHAKEN, crowded=True), make_world(seed, Faults(), crowded=True)
    expected = lose(world)
    fresh.store = store_of(seed, 1)
    assert lose(fresh) == expected
    live_through(world)
    assert world.incomplete == expected
    assert expected
    assert replayed(world, fresh.store) == world.store.group_records()


class Charging:
    """One charger over a world's store, batch by batch."""

    def __init__(self, world):
        self.world = world
        tags = itertools.count(1)
        self.sessions = ShardSessions(world.store, BalanceCache(sample(), 10_000))
        self.charger = BatchCharger(
            self.sessions,
            decision_limits(SETTINGS.charging),
            b"charger1",
            lambda: next(tags).to_bytes(8, "big"),
            Metrics(),
        )
        self.owned = {p: Ownership(p, Epoch(1, 0), NO_FLOOR, {}) for p in range(world.partitions)}

    async def claim(self):
        claims = tuple(PartitionClaim(p, Epoch(1, 0)) for p in self.owned)
        for shard in range(self.world.store.shards):
            await self.sessions.claim(Claim(shard, claims))

    def batch(self, messages):
        decoded = decode_messages(message_columns(messages), sample(), SETTINGS.charging.message_bytes_max)
        return ChargedBatch(decoded, self.owned, sample().version)

    async def outcomes(self, messages):
        batch = self.batch(messages)
        await self.charger.charge(batch, self.owned)
        return set(batch.outcomes().tolist())


async def write_group(store, shard, group_id, record):
    """As somebody else would who mends the store."""
    answer = await store.claim(Claim(shard, ()))
    writes = Records({group_id: record}, {})
    commit = Commit(shard, answer.version, b"mended..", b"a person", sample().version, writes, (), (), ())
    assert (await store.commit(commit)).status is CommitStatus.ACCEPTED


def broken_world():
    """A world without one group, what is missing, and the messages of its customer."""
    world = make_world(3, Faults(), crowded=True)
    profile, shard = busiest(world, lambda p: p.group_ids and not p.memberships)
    group_id = profile.group_ids[0]
    record = world.store._shards[shard].groups.pop(group_id)
    places = places_of(world, {s.identifier for s in profile.services})
    messages = [world.logs[p][offset] for p, offset, _ in sorted(places)]
    assert len(messages) > 2
    return world, (shard, group_id, record), messages


def test_what_is_mended_is_charged_from_then_on():
    world, missing, messages = broken_world()

    async def main():
        charging = Charging(world)
        await charging.claim()
        assert await charging.outcomes(messages[:1]) == {Outcome.STORE_INCOMPLETE}
        await write_group(world.store, *missing)
        assert await charging.outcomes(messages[1:2]) == {Outcome.CHARGED}

    run(main())


def test_a_group_that_comes_between_decision_and_commit_is_charged():
    world, missing, messages = broken_world()

    async def main():
        charging = Charging(world)
        await charging.claim()
        batch = charging.batch(messages[:1])
        await charging.charger.decide(batch, charging.owned)
        await write_group(world.store, *missing)
        await charging.charger.commit(batch, charging.owned)
        assert set(batch.outcomes().tolist()) == {Outcome.CHARGED}

    run(main())


def test_what_an_answer_names_as_changed_is_not_absent_any_more():
    world, (shard, group_id, record), _ = broken_world()

    async def main():
        charging = Charging(world)
        await charging.claim()
        await charging.sessions.load(shard, {group_id}, set())
        assert group_id in charging.sessions.absent[shard].group_ids
        await write_group(world.store, shard, group_id, record)
        await charging.sessions.load(shard, set(), {1})
        assert charging.sessions.absent[shard] == (set(), {1})

    run(main())
