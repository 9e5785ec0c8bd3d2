"""Every kind of world, by the thousand: no seed may lose, double, reorder or change anything."""

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.kinds import KINDS, seeds_of
from tests.simulation.run_seeds import keep, run_seeds

SEEDS = 10_000
# Where `make simulate` keeps them too.
FAILURES = Path(__file__).parents[2] / "simulation-failures.jsonl"


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_ten_thousand_worlds_come_through(capsys):
    seeds = seeds_of(SEEDS, list(KINDS))
    turns = list(run_seeds(seeds))
    failures = [failure for turn in turns for failure in turn.failures]
    keep(failures, FAILURES)
    counted = Counter(name for name, _ in seeds)
    with capsys.disabled():
        print(f"\n{len(seeds)} simulated worlds:", ", ".join(f"{n} {name}" for name, n in counted.items()))
    assert not failures, f"kept in {FAILURES.name}: {[(one.kind, one.seed) for one in failures]}"
    assert sum(turn.lived for turn in turns) == SEEDS >= 10_000
    assert set(counted) == set(KINDS)
    assert min(counted.values()) > 200
