"""Customers join, leave and move while they use; whoever does it dies at any step; numbers change hands."""

import pytest

from balance_store import move_customers, one_door
from balance_store.group_record import SCHEMA
from balance_store.mark_record import is_mark, unpack_mark
from balance_store.model import ModelStore
from balance_store.move_customers import Mover
from balance_store.move_plan import Profiles
from balance_store.requests import Records
from charging import balance_cache, charge_batch, follow_marks, resolve_events
from charging.charge_batch import BatchCharger
from charging.resolve_events import Missing
from charging.shard_sessions import ShardSessions
from customer_care import apply_command
from tests.simulation.kinds import MOVING, lived
from tests.simulation.make_world import make_moving_world
from tests.simulation.run_world import live_through
from tests.simulation.test_planted_faults import rows_land_on_what_later_events_decided
from tests.simulation.world import World

SEEDS_MAX = 250
FOUND = (
    "not at rest",
    "lost",
    "out of order",
    "done twice",
    "decided twice",
    "two contents",
    "not published",
    "two calls in flight",
)


def test_the_worlds_had_what_they_are_for():
    worlds = [make_moving_world(seed, MOVING) for seed in range(20)]
    kinds = {order.kind for world in worlds for order in world.office.orders}
    assert kinds == {"move", "join", "leave", "hand_over"}
    for world in worlds:
        live_through(world)
    moved = [marks(world) for world in worlds]
    assert sum(len(some) for some in moved) > 100
    assert max(mark.move_no for some in moved for mark in some) > 2
    # Between changes of profiles there was usage, and decisions at every shard.
    used = [(before, len(world.commits)) for world in worlds for before, _ in world.edits]
    assert sum(0 < before < after for before, after in used) > 40
    assert {shard for world in worlds for shard, _, _ in world.commits} == {0, 1, 2}


def marks(world: World):
    records = [record for shard in world.store._shards for record in shard.profiles.values()]
    return [unpack_mark(record) for record in records if is_mark(record)]


# Each rule of the move switched off: the same worlds must show the hole --------------------------------------------


def a_mark_is_not_guarded_on_what_moves(patch):
    _commits_unguarded(patch, lambda record: is_mark(record) and unpack_mark(record).whole)


def a_profile_is_not_guarded_on_what_was_read(patch):
    _commits_unguarded(patch, lambda record: not is_mark(record))


def _commits_unguarded(patch, which):
    real = ModelStore.commit

    async def commit(self, asked):
        if any(record is not None and which(record) for record in asked.writes.profiles.values()):
            asked = asked._replace(seen=self._shards[asked.shard].version)
        return await real(self, asked)

    patch.setattr(ModelStore, "commit", commit)


def what_arrived_arrives_again(patch):
    def arrive(marks, stored: Profiles):
        groups = {group_id: record for mark in marks for group_id, record in mark.groups}
        return Records(groups, {mark.customer_id: mark.profile for mark in marks})

    patch.setattr(move_customers, "arrive", arrive)


def a_mark_is_thinned_before_the_arrival(patch):
    real = Mover._commit

    async def commit(self, shard, prepare):
        if prepare.__name__ == "prepare_arrival":
            self._arrivals = [*getattr(self, "_arrivals", []), (shard, prepare)]
            return
        await real(self, shard, prepare)
        if prepare.__name__ == "prepare_thinning":
            await real(self, *self._arrivals.pop())

    patch.setattr(Mover, "_commit", commit)


def the_daemon_leaves_moves_half_done(patch):
    real = follow_marks.follow_marks

    async def follow(mover, read, shard, moved):
        async def nothing(*_):
            pass

        mover._finish = nothing
        await real(mover, read, shard, moved)

    patch.setattr(charge_batch, "follow_marks", follow)


def absences_are_kept(patch):
    kept = resolve_events.ReadNow()
    patch.setattr(charge_batch, "ReadNow", lambda: kept)


def what_was_read_and_changed_since_is_absent(patch):
    def note_absent(self, shard, records):
        absent = self.absent.setdefault(shard, Missing(set(), set()))
        absent.profile_ids.update(c for c, record in records.profiles.items() if not is_mark(record))

    patch.setattr(ShardSessions, "_note_absent", note_absent)
    patch.setattr(ShardSessions, "_doubt_absences", lambda self, shard, changed: None)


def what_was_read_counts_as_settled(patch):
    async def settled(store, shard, version):
        return True

    patch.setattr(move_customers, "is_settled", settled)


def a_command_is_answered_from_what_no_replica_has(patch):
    async def settled(store, shard, version):
        return True

    patch.setattr(one_door, "is_settled", settled)


def a_command_is_not_remembered(patch):
    patch.setattr(apply_command, "find_command", lambda image, id_hash: None)


def daemons_write_their_own_schema_at_once(patch):
    real = BatchCharger._decide

    def decide(self, batch, rows, owned):
        self._sessions.store.group_schema = SCHEMA
        return real(self, batch, rows, owned)

    patch.setattr(BatchCharger, "_decide", decide)


def a_row_of_another_shard_is_replaced_unnoticed(patch):
    patch.setattr(balance_cache, "others_rows_here", lambda *_: False)


@pytest.mark.parametrize(
    ("kind", "rule_off"),
    [
        ("joining", rows_land_on_what_later_events_decided),
        ("joining", a_row_of_another_shard_is_replaced_unnoticed),
        ("moving", a_mark_is_not_guarded_on_what_moves),
        ("moving", a_profile_is_not_guarded_on_what_was_read),
        ("moving", what_arrived_arrives_again),
        ("moving", a_mark_is_thinned_before_the_arrival),
        ("moving", the_daemon_leaves_moves_half_done),
        ("moving", absences_are_kept),
        ("moving", what_was_read_and_changed_since_is_absent),
        ("failover", what_was_read_counts_as_settled),
        ("failover", a_command_is_answered_from_what_no_replica_has),
        ("upgrade", daemons_write_their_own_schema_at_once),
        ("commands", a_command_is_not_remembered),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_rule_that_is_off_is_found_out(kind, rule_off):
    for seed in range(SEEDS_MAX):
        if broken(kind, seed, rule_off):
            return
    pytest.fail(f"{SEEDS_MAX} worlds held without the rule")


def broken(kind: str, seed: int, rule_off) -> bool:
    """Whether something was lost, counted twice or used from the wrong place."""
    with pytest.MonkeyPatch.context() as patch:
        rule_off(patch)
        try:
            lived(kind, seed)
        except AssertionError as error:
            if not any(word in str(error) for word in FOUND):
                raise
            return True
    return False
