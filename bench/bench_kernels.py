"""Shell. Events a second that the batch kernel decides on one core, warm, over a full cache of balance groups.

Three workloads: a price per unit after an allowance; bands, cycle tiers, two impacts, a discount, a shared
half and thresholds together; calls of one increment beside calls of 3,600. Customers come in a Zipf mix
(exponent 1.1), and evenly beside it. Processor time is counted, not the wall's: the machine is shared.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import cyclopts
import numpy as np

from bench.kernel_catalogues import customer, everything, long_calls, per_unit_allowance
from bench.kernel_world import Batch, KernelWorld, batch_of, kernel_world
from charging.decide_batch import room_for
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import BATCH_DONE, L_BATCH_NO
from rating_kernels.decide_events import decide_events
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import new_workspace

GROUPS = 1_000_000
BATCH = 8_192
BATCHES = 32
ROUNDS = 5
SEED = 20_261_001
ZIPF, UNIFORM = 1.1, 0.0
LONG_S = 3_600
# The twin in plain Python decides some thousand a second.
PLAIN_GROUPS, PLAIN_EVENTS = 1_000, 512
MEMBERS = 3
WORD_BYTES = 8
_CALLS = itertools.count()


def main(*, plain: bool = False, groups: int = GROUPS) -> None:
    """Measure the kernels.

    Parameters
    ----------
    plain
        Only the events a second of the first two workloads, as JSON: how the twin in plain Python is measured.
    groups
        Balance groups in the cache.
    """
    if plain:
        plain_rates = {
            name: _rate(make(PLAIN_GROUPS), UNIFORM, PLAIN_EVENTS, 1, 1)[0] for name, make in WORLDS.items()
        }
        print(json.dumps(plain_rates))
        return
    twin = _plain_rates()
    for name, make in WORLDS.items():
        world = make(groups)
        rates = {mix: _rate(world, exponent) for mix, exponent in (("zipf", ZIPF), ("uniform", UNIFORM))}
        middle, low, high = rates["zipf"]
        _tell(
            f"{name}: {middle:,.0f} events/s ({low:,.0f} to {high:,.0f}); evenly {rates['uniform'][0]:,.0f}"
        )
        _tell(
            f"  {middle / twin[name]:,.0f} times plain Python; {_bytes_a_group(world):,} bytes a balance group"
        )
        _line(
            f"kernel_{name}",
            middle,
            "events/s",
            middle / twin[name],
            low=low,
            high=high,
            uniform=rates["uniform"][0],
            group_bytes=_bytes_a_group(world),
        )
        del world
    _long_calls(groups)


def _long_calls(groups: int) -> None:
    """Calls of 3,600 increments beside calls of one, in turns, so that both meet the same neighbours."""
    world = _calls(groups)
    short, long = [], []
    for _ in range(ROUNDS):
        short.append(_rate(world, ZIPF, rounds=1, quantity=1)[0])
        long.append(_rate(world, ZIPF, rounds=1, quantity=LONG_S)[0])
    ratio = statistics.median(b / a for a, b in zip(short, long, strict=True))
    _tell(f"long_call: {ratio:.3f} of the speed at one increment ({statistics.median(long):,.0f} events/s)")
    _line("kernel_long_call", statistics.median(long), "events/s", ratio)


def per_unit_world(groups: int) -> KernelWorld:
    """Customers with a price per unit after an allowance."""
    lines = [[customer(1)], [customer(2)]]
    return kernel_world(per_unit_allowance(), lines, [_event(1), _event(2)], groups)


def _everything(groups: int) -> KernelWorld:
    """Families of an owner and three members."""
    size = 1 + MEMBERS
    lines = [
        [
            customer(first, owns=True, family=first),
            *(customer(first + n, member=True, family=first) for n in range(1, size)),
        ]
        for first in (1, 1 + size)
    ]
    events = [_event(number, site="AT123") for number in range(1, 2 * size + 1)]
    return kernel_world(everything(), lines, events, groups)


def _calls(groups: int) -> KernelWorld:
    return kernel_world(long_calls(), [[customer(1)], [customer(2)]], [_event(1), _event(2)], groups)


WORLDS: dict[str, Callable[[int], KernelWorld]] = {
    "per_unit_allowance": per_unit_world,
    "full": _everything,
}


def _event(number: int, **fields: str) -> dict[str, Any]:
    return {
        "source": "bench",
        "type": "use",
        "service": f"I{number}",
        "time": "2026-10-05T10:00:00Z",
        "quantity": 1,
        "fields": fields,
    }


def _rate(
    world: KernelWorld,
    exponent: float,
    events: int = BATCH,
    batches: int = BATCHES,
    rounds: int = ROUNDS,
    quantity: int = 1,
) -> tuple[float, float, float]:
    """(median, lowest, highest) events a second of processor time over the rounds, after a warm one."""
    # Ids of their own for each call: what was seen before would be a duplicate.
    dice = np.random.default_rng([SEED, next(_CALLS)])
    made = made_batches(world, exponent, events, batches, quantity, dice)
    rates = [_round(world, made, dice) for _ in range(rounds + 1)][1:]
    return statistics.median(rates), min(rates), max(rates)


def made_batches(
    world: KernelWorld, exponent: float, events: int, batches: int, quantity: int, dice: np.random.Generator
) -> list[Batch]:
    """Batches of so many events, customers by a Zipf law."""
    weights = np.arange(1, world.groups + 1, dtype=np.float64) ** -exponent
    reach = np.cumsum(weights) / weights.sum()
    places = dice.permutation(world.groups)
    made = []
    for _ in range(batches):
        drawn = np.searchsorted(reach, dice.random(events)).clip(0, world.groups - 1)
        made.append(batch_of(world, places[drawn].astype(np.int64), quantity, dice))
    return made


def _round(world: KernelWorld, batches: list[Batch], dice: np.random.Generator) -> float:
    rows: Ints = np.arange(len(batches[0].events), dtype=np.int64)
    out = room_for(len(rows)).grown().grown()
    events = np.empty_like(batches[0].events)
    work = new_workspace(world.limits)
    full = np.array([len(world.words)])
    spent = 0.0
    for batch in batches:
        # Decoding has just written the rows that the kernel is given, so they are near.
        events[:] = batch.events
        events[:, e.ID_HASH] = dice.integers(-(2**63), 2**63 - 1, len(rows))
        world.limits[L_BATCH_NO] += 1
        out.used[:] = 0
        start = time.process_time()
        _, status, _ = decide_events(
            world.table,
            world.calendars,
            world.limits,
            events,
            batch.text,
            rows,
            0,
            world.words,
            full,
            world.slot_at,
            world.profiles,
            out,
            work,
        )
        spent += time.process_time() - start
        assert status == BATCH_DONE, "the copies have room"
        assert (out.rows[:, e.DECIDED] == Outcome.CHARGED).all(), "every event is charged"
    return len(rows) * len(batches) / spent


def _plain_rates() -> dict[str, float]:
    """The same in a process of its own, where nothing is compiled."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.bench_kernels", "--plain"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    rates: dict[str, float] = json.loads(done.stdout)
    return rates


def _bytes_a_group(world: KernelWorld) -> int:
    """Image, slot and profile."""
    words = len(world.words) + len(world.slot_at) + len(world.profiles)
    return words * WORD_BYTES // world.groups


def _tell(text: str) -> None:
    print(text, flush=True)


def _line(bench: str, value: float, unit: str, ratio: float, **more: float) -> None:
    figures = {"bench": bench, "value": round(value), "unit": unit, "ratio": round(ratio, 3)}
    print(json.dumps(figures | {name: round(figure) for name, figure in more.items()}), flush=True)


if __name__ == "__main__":
    cyclopts.run(main)
