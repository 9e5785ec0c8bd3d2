"""Shell. The kinds of worlds, and what every seed of each must come through: checked, and equal to a serial replay."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from balance_store.group_record import SCHEMA, in_schema
from tests.simulation.make_world import make_joining_world, make_moving_world, make_upgraded_world, make_world
from tests.simulation.office import COMMANDS, MOVES, NUMBERS
from tests.simulation.run_world import check, live_through, replayed
from tests.simulation.world import Faults, World

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
HARSH = Faults(
    crash=0.01,
    lost_request=0.01,
    lost_answer=0.03,
    late_request=0.02,
    rebalance=0.1,
    zombie=0.5,
    new_catalogue=0.1,
    look=0.2,
)
# What daemons do to each other, not what the world does to them.
CROWDED = Faults(rebalance=0.02)
JOINING = Faults()
MOVING = Faults(
    crash=0.008, lost_request=0.01, lost_answer=0.03, late_request=0.02, rebalance=0.1, zombie=0.3
)
UPGRADE = replace(SHAKEN, upgrade=0.3)
FAILOVER = Faults(
    crash=0.004,
    lost_request=0.01,
    lost_answer=0.01,
    late_request=0.01,
    rebalance=0.05,
    zombie=0.3,
    failover=0.05,
)


class Kind(NamedTuple):
    """A kind of worlds; `make(seed, faults)` gives one of them."""

    faults: Faults
    make: Callable[[int, Faults], World]
    share: int  # of all seeds, beside the other kinds' shares


def _moving(faults: Faults, share: int, orders: tuple[str, ...]) -> Kind:
    return Kind(faults, partial(make_moving_world, orders=orders), share)


KINDS = {
    "shaken": Kind(SHAKEN, make_world, 6),
    "harsh": Kind(HARSH, make_world, 4),
    "crowded": Kind(CROWDED, partial(make_world, crowded=True), 2),
    "moving": _moving(MOVING, 2, MOVES),
    "moving-catalogues": _moving(SHAKEN, 1, MOVES),
    "joining": Kind(JOINING, make_joining_world, 1),
    "numbers": _moving(MOVING, 1, NUMBERS),
    "commands": _moving(SHAKEN, 2, COMMANDS),
    "upgrade": Kind(UPGRADE, partial(make_upgraded_world, orders=COMMANDS), 1),
    "failover": _moving(FAILOVER, 2, MOVES + COMMANDS + COMMANDS),
}


def lived(name: str, seed: int, faults: Faults | None = None) -> World:
    """The world of a kind and seed at rest, checked, its balances equal to those of a serial replay.

    Raises AssertionError where something was lost, done twice, out of order or not the same.
    """
    kind = KINDS[name]
    world = kind.make(seed, faults or kind.faults)
    live_through(world)
    check(world)
    same = replayed(world) == in_schema(world.store.group_records(), SCHEMA)
    assert same, f"seed {seed}: lost or doubled, the balances differ from the replay's"
    return world


def seeds_of(count: int, names: list[str]) -> list[tuple[str, int]]:
    """So many seeds (kind, seed), shared out over these kinds; the first ones of each."""
    turns = [name for name in names for _ in range(KINDS[name].share)]
    given = dict.fromkeys(names, 0)
    seeds = []
    for number in range(count):
        name = turns[number % len(turns)]
        seeds.append((name, given[name]))
        given[name] += 1
    return seeds
