"""The loop crashed, cut off and fenced from a seed; what must hold holds afterwards."""

import pytest

from tests.simulation.make_world import make_world
from tests.simulation.run_world import check, live_through, replay
from tests.simulation.world import Faults

SHAKEN = Faults(
    crash=0.004,
    lost_request=0.01,
    lost_answer=0.01,
    late_request=0.01,
    rebalance=0.05,
    zombie=0.3,
    new_catalogue=0.1,
    look=0.2,
)


def lived(seed: int, faults: Faults):
    world = make_world(seed, faults)
    live_through(world)
    check(world)
    return world


def test_a_calm_world_decides_every_event_once():
    world = lived(1, Faults())
    fresh = make_world(1, Faults())
    replay(world, fresh)
    assert fresh.store.group_records().keys() == world.store.group_records().keys()


@pytest.mark.parametrize("seed", range(60))
def test_a_shaken_world_decides_every_event_once_and_replays_to_the_same_balances(seed):
    world = lived(seed, SHAKEN)
    fresh = make_world(seed, Faults())
    replay(world, fresh)
    assert fresh.store.group_records() == world.store.group_records()


def test_the_worlds_were_decided_by_several_catalogues():
    versions = [{version for _, version, _ in lived(seed, SHAKEN).commits} for seed in range(20)]
    assert set().union(*versions) == {1, 2, 3, 4}
    assert sum(len(some) > 1 for some in versions) > 10


def test_the_same_seed_gives_the_same_run():
    first, second = lived(7, SHAKEN), lived(7, SHAKEN)
    assert first.commits == second.commits
    assert first.published == second.published
