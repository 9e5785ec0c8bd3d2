"""Pure. When what is done to whom, by a seed: each kind of fault has a pace of its own."""

import heapq
import random
from collections.abc import Iterator
from typing import NamedTuple

# Seconds between two faults of a kind, in the mean. A broker needs five to come back, a group of daemons that
# lost one needs its session timeout.
KILL_EVERY_S = {"daemon": 7.0, "store": 12.0, "broker": 45.0, "command": 5.0, "mover": 6.0}
PAUSE_EVERY_S = 12.0
FULL_DISK_EVERY_S = 40.0
# The first of each comes soon, so that a short run has every kind.
FIRST_PART = 0.3


class Fault(NamedTuple):
    """One thing that goes wrong."""

    at_s: float
    kind: str  # of KILL_EVERY_S, or "pause", "full disk"
    dice: float  # which of several; how much room


def faults(seed: int) -> Iterator[Fault]:
    """Without end, in order of time."""
    dice = random.Random(f"chaos/{seed}/faults")
    every_s = KILL_EVERY_S | {"pause": PAUSE_EVERY_S, "full disk": FULL_DISK_EVERY_S}
    due = [(dice.uniform(0.5, 1.0) * FIRST_PART * mean_s, kind) for kind, mean_s in sorted(every_s.items())]
    heapq.heapify(due)
    while True:
        at_s, kind = due[0]
        yield Fault(at_s, kind, dice.random())
        heapq.heapreplace(due, (at_s + dice.uniform(0.5, 1.5) * every_s[kind], kind))
