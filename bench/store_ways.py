"""Shell. Ways to write the same groups, measured in turns: server CPU a group and groups a second.

Call by call in small slices, so that all ways meet the same neighbours; a ratio is between slices of one turn.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from balance_store.commit_call import Call
from bench.store_server import StoreServer, accept

GROUPS_A_SLICE = 24_000
CALLS_A_SLICE_MAX = 200
CALLS_A_SLICE_MIN = 4
HEADLINE = "commit", 600
PLAIN = "hset"


def calls_a_slice(size: int) -> int:
    """Calls of a size that make a slice."""
    return max(CALLS_A_SLICE_MIN, min(CALLS_A_SLICE_MAX, GROUPS_A_SLICE // size))


def compare(
    server: StoreServer, what: str, size: int, rounds: int, ways: dict[str, Callable[[], list[Call]]]
) -> None:
    """Measure ways that write `size` groups a call, PLAIN among them, in turns; print each beside PLAIN."""
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    rate: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, calls_of in ways.items():
            cpu_us, groups_s = _slice(server, calls_of(), size)
            # The first turn warms up.
            if number:
                cpu[name].append(cpu_us)
                rate[name].append(groups_s)
    print(f"\n{size:,} groups a call{what} (server CPU a group, beside HSET; groups/s)", flush=True)
    for name in ways:
        ratios = [mine / plain for mine, plain in zip(cpu[name], cpu[PLAIN], strict=True)]
        times = statistics.median(ratios)
        print(
            f"  {name:20} {_spread(cpu[name], '.2f')} us  {times:.2f} times HSET "
            f"({min(ratios):.2f} to {max(ratios):.2f})  {_spread(rate[name], ',.0f')} groups/s"
        )
        headline = (name, size) == HEADLINE and not what
        line(
            "store_commit" if headline else f"store_{name}_{size}{what.replace(' ', '_').replace(',', '')}",
            statistics.median(rate[name]),
            "groups/s",
            1 / times,
            cpu_us=statistics.median(cpu[name]),
            times_hset=times,
            low=min(ratios),
            high=max(ratios),
        )


def _slice(server: StoreServer, calls: list[Call], size: int) -> tuple[float, float]:
    """(server CPU us a group, groups a second) of these calls, one after the other."""
    began_us, began = server.cpu_us(), time.perf_counter()
    answers = [server.send(call) for call in calls]
    took, ran_us = time.perf_counter() - began, server.cpu_us() - began_us
    for call, answer in zip(calls, answers, strict=True):
        accept(call, answer)
    groups = size * len(calls)
    return ran_us / groups, groups / took


def line(bench: str, value: float, unit: str, ratio: float | None, **more: float) -> None:
    """A figure as a JSON line."""
    row: dict[str, Any] = {"bench": bench, "value": round(value, 3), "unit": unit}
    row["ratio"] = None if ratio is None else round(ratio, 3)
    print(json.dumps(row | {name: round(number, 3) for name, number in more.items()}), flush=True)


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
