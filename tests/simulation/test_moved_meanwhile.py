"""Customers who moved and of whom the old shard has not told yet: charged as if each batch had waited for the one before."""

import asyncio
import itertools

import msgspec
import pytest

from balance_store.move_customers import Mover
from bench.workload import usage_events
from charging.messages import Message
from customer_care.bring_together import bring_together, publish_memberships
from rating_kernels.outcomes import Outcome
from tests.simulation.make_world import MOVING_SHARDS, make_moving_world
from tests.simulation.test_incomplete_store import Charging, profiles_of
from tests.simulation.virtual_loop import run
from tests.simulation.world import Faults

CUSTOMERS, EVENTS = 24, 3_000


class SlowShard:
    """A store, one of whose shards takes commits of records only when it may."""

    def __init__(self, store) -> None:
        self._store = store
        self.slow = -1
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, commit):
        if commit.shard == self.slow and len(commit.writes.groups):
            self.asked.set()
            await self.may.wait()
        return await self._store.commit(commit)


class Town(Charging):
    """A charger, its world's customers, and a clerk who moves them."""

    def __init__(self, seed: int) -> None:
        super().__init__(make_moving_world(seed, Faults()))
        self.store = self.sessions.store = SlowShard(self.world.store)
        self.lives = {profile.customer_id: (profile, shard) for profile, shard in profiles_of(self.world)}
        self.usage = list(usage_events(CUSTOMERS, EVENTS, seed, 0.8))
        self._offsets = itertools.count()
        tags = itertools.count(1_000)
        self.mover = Mover(self.world.store, b"a clerk.", lambda: next(tags).to_bytes(8, "big"))

    def used(self, customer_id: int) -> list[dict]:
        names = {service.identifier for service in self.lives[customer_id][0].services}
        return [event for event in self.usage if event["service"] in names]

    def pools(self):
        """(membership, its owner) of every member."""
        return [
            (one, one.owner_customer_id) for profile, _ in self.lives.values() for one in profile.memberships
        ]

    def batch_of(self, *events: dict):
        return self.batch(
            [
                Message(
                    0, offset, event["time"] // 1_000, msgspec.json.encode(event | {"id": f"e{offset}"}), ()
                )
                for event, offset in zip(events, self._offsets, strict=False)
            ]
        )

    async def charged(self, *events: dict) -> None:
        await self.charger.charge(self.batch_of(*events), self.owned)


async def member_comes_to_the_pool(town: Town, *, overlap: bool):
    """Who moved into a pool is decided again there while the owner's next event is decided and not sent."""
    await town.claim()
    owners = {owner for _, owner in town.pools()}
    membership, owner, member = next(
        (membership, owner, customer)
        for membership, owner in town.pools()
        for customer, (profile, shard) in town.lives.items()
        if shard != town.lives[owner][1] and not profile.memberships and customer not in owners
        if len(town.used(owner)) > 1 and len(town.used(customer)) > 1
    )
    old, new = town.lives[member][1], town.lives[owner][1]
    theirs, owners_events = town.used(member), town.used(owner)
    await town.charged(theirs[0], owners_events[0])
    await bring_together(town.mover, {member: old, owner: new}, new)
    joined = msgspec.structs.replace(membership, valid_from_us=0)
    await publish_memberships(town.mover, member, new, (joined,))
    batch = town.batch_of(*theirs[:20])
    await town.charger.decide(batch, town.owned)
    town.store.slow = old
    commit = asyncio.create_task(town.charger.commit(batch, town.owned))
    await town.store.asked.wait()
    if not overlap:
        town.store.may.set()
        await commit
    following = town.batch_of(owners_events[1])
    await town.charger.decide(following, town.owned)
    town.store.may.set()
    await commit
    await town.charger.commit(following, town.owned)
    return [batch, following], town.world.store.group_records()


async def family_has_moved(town: Town, *, overlap: bool):
    """A family's owner is known from where they lived, a member is read where they live now, in one batch."""
    await town.claim()
    owner, member = next(
        (membership.owner_customer_id, customer)
        for customer, (profile, _) in town.lives.items()
        for membership in profile.memberships[:1]
        if town.used(customer) and len(town.used(membership.owner_customer_id)) > 1
    )
    old = town.lives[owner][1]
    new = (old + 1) % MOVING_SHARDS
    family = {owner} | {
        customer
        for customer, (profile, _) in town.lives.items()
        if owner in {one.owner_customer_id for one in profile.memberships}
    }
    family |= {one.owner_customer_id for each in family for one in town.lives[each][0].memberships}
    await town.charged(town.used(owner)[0])
    await bring_together(town.mover, dict.fromkeys(family, old), new)
    await town.sessions.load(new, set(), set())
    events = [town.used(owner)[1], town.used(member)[0]]
    batches = [town.batch_of(*events)] if overlap else [town.batch_of(event) for event in events]
    for batch in batches:
        await town.charger.charge(batch, town.owned)
    return batches, town.world.store.group_records()


@pytest.mark.parametrize("story", [member_comes_to_the_pool, family_has_moved])
@pytest.mark.parametrize("seed", range(4))
def test_charged_as_if_nothing_overlapped(story, seed):
    (batches, found), (_, expected) = (run(story(Town(seed), overlap=overlap)) for overlap in (True, False))
    outcomes = [Outcome(event.outcome) for batch in batches for _, event in batch.decided()]
    assert set(outcomes) == {Outcome.CHARGED}
    assert found == expected
