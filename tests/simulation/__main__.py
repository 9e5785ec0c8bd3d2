"""Shell. Any number of simulated worlds: `make simulate SEEDS=100000`; one of them again: `REPLAY=moving/17`."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.kinds import KINDS, lived, seeds_of
from tests.simulation.run_seeds import keep, run_seeds

SEEDS = 10_000


def main() -> int:
    """0 where every world came through, 1 where one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, shared out over the kinds")
    parser.add_argument("--jobs", type=int, default=0, help="processes; 0: as many as there are cores")
    parser.add_argument(
        "--kinds", default=",".join(KINDS), help="these only, separated by commas: " + ", ".join(KINDS)
    )
    parser.add_argument("--replay", help="KIND/SEED: this one only, with its log")
    parser.add_argument("--failures", type=Path, default=Path("simulation-failures.jsonl"))
    asked = parser.parse_args()
    names = asked.kinds.split(",") if asked.replay is None else [asked.replay.split("/")[0]]
    unknown = set(names) - KINDS.keys()
    if unknown:
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if asked.replay is not None:
        world = lived(names[0], int(asked.replay.split("/")[1]))
        print(f"{asked.replay} came through: {world.steps} steps, {len(world.commits)} commits")
        return 0
    return _run_all(asked, names)


def _run_all(asked: argparse.Namespace, names: list[str]) -> int:
    seeds = seeds_of(asked.seeds, names)
    failed = 0
    started = time.monotonic()
    columns = TextColumn("worlds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("worlds", total=len(seeds))
        for turn in run_seeds(seeds, asked.jobs):
            keep(turn.failures, asked.failures)
            failed += len(turn.failures)
            for one in turn.failures:
                progress.console.print(f"{one.kind}/{one.seed}: {one.message[-300:]}", markup=False)
            progress.advance(bar, turn.lived)
    seconds = time.monotonic() - started
    kinds = ", ".join(f"{count} {name}" for name, count in Counter(name for name, _ in seeds).items())
    print(
        f"{len(seeds)} worlds ({kinds}) in {seconds:.0f} s, {len(seeds) / seconds:.0f} a second: {failed} failed"
    )
    if failed:
        print(
            f"kept in {asked.failures}; one again with its log: python -m tests.simulation --replay KIND/SEED"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
