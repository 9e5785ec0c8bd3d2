"""The loop crashed, cut off and fenced from a seed; what must hold holds afterwards. Many seeds: test_many_seeds."""

import os
import subprocess
import sys

from balance_store.group_record import SCHEMA, SCHEMA_BEFORE
from tests.simulation.kinds import KINDS, SHAKEN, lived
from tests.simulation.make_world import make_world
from tests.simulation.run_world import live_through, replayed
from tests.simulation.world import Faults

WORLDS = 20


def test_a_calm_world_decides_every_event_once():
    world = lived("shaken", 1, Faults())
    assert replayed(world).keys() == world.store.group_records().keys()


def test_the_worlds_were_decided_by_several_catalogues():
    worlds = [make_world(seed, SHAKEN) for seed in range(2 * WORLDS)]
    for world in worlds:
        live_through(world)
    versions = [{version for _, version, _ in world.commits} for world in worlds]
    assert set().union(*versions) == {1, 2, 3, 4}
    assert sum(len(some) > 1 for some in versions) > WORLDS


def test_a_crash_may_come_at_every_step():
    steps = lived("shaken", 1, Faults()).steps
    for step in range(1, steps, 5):
        world = make_world(1, Faults(), frozenset({step}))
        live_through(world)
        assert replayed(world) == world.store.group_records()


def test_commands_were_done_and_cycles_cut_while_events_came():
    worlds = [lived("commands", seed) for seed in range(WORLDS)]
    assert sum(len(world.answered) for world in worlds) > 2 * WORLDS
    before_events = [at < len(world.commits) for world in worlds for at, _ in world.edits]
    assert sum(before_events) > 2 * WORLDS
    # Late events of cycles that were over, sealed or billed by then.
    assert sum(world.late_events for world in worlds) > WORLDS


def test_masters_were_lost_with_writes_that_no_replica_had():
    worlds = [lived("failover", seed) for seed in range(WORLDS)]
    assert sum(world.replicas.lost for world in worlds) > 2 * WORLDS


def test_daemons_of_two_versions_wrote_the_same_customers():
    wrote = [set(lived("upgrade", seed).schemas) for seed in range(WORLDS)]
    assert sum(some == {SCHEMA_BEFORE, SCHEMA} for some in wrote) >= WORLDS // 4


def test_the_same_seed_gives_the_same_run_in_another_process():
    code = (
        "from tests.simulation.kinds import KINDS, lived\n"
        "print(*(lived(kind, 7).story() for kind in KINDS), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr.split() == [lived(kind, 7).story() for kind in KINDS]
