"""The simulator simulated: each rule of the exactly-once argument is switched off, and the hole must be found."""

import contextlib

import pytest

from balance_store.model import ModelStore
from balance_store.requests import Changed, CommitStatus, StoreUnreachableError
from charging import take_over
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger, ClaimsLostError
from charging.pump import Pump
from charging.shard_sessions import ShardSessions
from charging.unsent_commits import UnsentCommits
from rating_kernels.profile_image import NO_PROFILE
from rating_kernels.table_words import table_words
from tests.simulation.kinds import KINDS
from tests.simulation.run_world import check, live_through, replayed
from tests.simulation.sim_store import SimStore

SEEDS_MAX = 200
# What `check` says, or the daemon itself; anything else would be a fault of the test.
FOUND = (
    "lost",
    "decided twice",
    "out of order",
    "two contents",
    "not published",
    "older catalogue",
    "was dropped",
)
NOTHING = Changed(unknown=False, group_ids=frozenset(), profile_ids=frozenset())


def epochs_are_not_compared(patch):
    real = ModelStore.commit

    async def commit(self, asked):
        shard = self._shards[asked.shard]
        for usage in asked.usage:
            shard.epochs[usage.partition] = usage.epoch
        return await real(self, asked)

    patch.setattr(ModelStore, "commit", commit)


def versions_are_not_compared(patch):
    patch.setattr(ModelStore, "_changed", lambda self, shard, seen: NOTHING)


def decisions_are_not_read_back(patch):
    real = take_over._ownership

    def ownership(partition, epoch, answers):
        owned = real(partition, epoch, answers)
        owned.decided = {}
        return owned

    patch.setattr(take_over, "_ownership", ownership)


def a_commit_without_answer_is_sent_again(patch):
    real = SimStore.commit

    async def commit(self, asked):
        try:
            return await real(self, asked)
        except StoreUnreachableError:
            answer = await real(self, asked._replace(seen=None, read_group_ids=(), read_profile_ids=()))
            if answer.status is CommitStatus.UNKNOWN:
                now = answer.version
                answer = await real(self, asked._replace(seen=now, read_group_ids=(), read_profile_ids=()))
            return answer

    patch.setattr(SimStore, "commit", commit)


def refused_rows_are_kept(patch):
    patch.setattr(BalanceCache, "forget_rows", lambda self, shard, groups, profiles: None)
    patch.setattr(BalanceCache, "install", _install_only_what_is_missing)


_REAL_INSTALL = BalanceCache.install


def _install_only_what_is_missing(self, shard, records):
    here = self.groups_here(shard, records.groups)
    groups = {g: r for g, r in records.groups.items() if g not in here}
    profiles = {c: r for c, r in records.profiles.items() if self.profile_at(c) == NO_PROFILE}
    _REAL_INSTALL(self, shard, type(records)(groups, profiles))


def the_floor_rises_before_the_output_is_acknowledged(patch):
    real = Pump._publish

    async def publish(self, batch, *more):
        for partition, floor in batch.floors().items():
            if partition in self.owned:
                self.owned[partition].raise_floor(floor)
        with contextlib.suppress(ClaimsLostError):
            await self._charger.carry_floors(self.owned)
        await real(self, batch, *more)

    patch.setattr(Pump, "_publish", publish)


def what_a_shard_was_asked_in_doubt_is_still_believed(patch):
    patch.setattr(ShardSessions, "forget_shard", lambda self, shard: None)


def images_of_the_older_catalogue_are_kept(patch):
    def switch(self, catalogue):
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)

    patch.setattr(BalanceCache, "switch", switch)


def the_store_takes_older_catalogues(patch):
    real = ModelStore.commit

    async def commit(self, asked):
        lowest = self._shards[asked.shard].catalogue_version
        return await real(self, asked._replace(catalogue_version=max(asked.catalogue_version, lowest)))

    patch.setattr(ModelStore, "commit", commit)


def what_was_decided_ahead_is_sent_as_it_is(patch):
    patch.setattr(ShardSessions, "take_back_unsent", lambda self, shard: None)


def an_answer_is_not_heard_by_what_was_decided_ahead(patch):
    patch.setattr(UnsentCommits, "stand_on", lambda self, shard, changed: False)


def rows_land_on_what_later_events_decided(patch):
    patch.setattr(BatchCharger, "_takes_the_ground_of_later_events", lambda *_: False)


def a_batch_is_decided_while_the_one_before_is_decided_again(patch):
    # Where the next one has decided too early all the same, this takes it back.
    rows_land_on_what_later_events_decided(patch)
    never = property(lambda self: False, lambda self, value: None)
    patch.setattr(BatchCharger, "_deciding_again", never, raising=False)


def a_load_puts_back_what_was_decided_since(patch):
    patch.setattr(BalanceCache, "groups_here", lambda self, shard, group_ids: set())


def what_was_resolved_stands_although_it_was_dropped(patch):
    never = property(lambda self: 0, lambda self, value: None)
    patch.setattr(BalanceCache, "drops", never, raising=False)


def later_events_wait_only_from_the_last_answer(patch):
    rows_land_on_what_later_events_decided(patch)

    async def send_one(self, commit):
        return await self._sessions.commit(commit)

    patch.setattr(BatchCharger, "_send_one", send_one)


@pytest.mark.parametrize(
    "rule_off",
    [
        a_load_puts_back_what_was_decided_since,
        what_was_resolved_stands_although_it_was_dropped,
        later_events_wait_only_from_the_last_answer,
        what_was_decided_ahead_is_sent_as_it_is,
        an_answer_is_not_heard_by_what_was_decided_ahead,
        a_batch_is_decided_while_the_one_before_is_decided_again,
        images_of_the_older_catalogue_are_kept,
        the_store_takes_older_catalogues,
        epochs_are_not_compared,
        versions_are_not_compared,
        decisions_are_not_read_back,
        a_commit_without_answer_is_sent_again,
        refused_rows_are_kept,
        what_a_shard_was_asked_in_doubt_is_still_believed,
        the_floor_rises_before_the_output_is_acknowledged,
    ],
    ids=lambda rule: rule.__name__,
)
def test_a_rule_that_is_off_is_found_out(rule_off):
    for seed in range(SEEDS_MAX):
        if broken(seed, rule_off):
            return
    pytest.fail(f"{SEEDS_MAX} worlds held without the rule")


def broken(seed: int, rule_off) -> bool:
    """Whether something was lost, counted twice, said in two ways or burnt from the wrong balance."""
    kind = KINDS["crowded" if seed % 2 else "harsh"]
    world = kind.make(seed, kind.faults)
    try:
        with pytest.MonkeyPatch.context() as patch:
            rule_off(patch)
            live_through(world)
        check(world)
        after = replayed(world)
    except AssertionError as error:
        if not any(word in str(error) for word in FOUND):
            raise
        return True
    return after != world.store.group_records()
