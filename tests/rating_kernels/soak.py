"""Shell. Any number of random catalogues, kernels against twin: python -m tests.rating_kernels.soak --help.

One that differed is played again by --catalogues 1 with its seed and the same --events.
"""

import argparse
import multiprocessing
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

from tests.rating_kernels.random_catalogue import random_scene
from tests.rating_kernels.twin_check import differences

REPORT_SECONDS = 20


class Job(NamedTuple):
    seed: int
    events: int


def run(job: Job) -> tuple[int, list[str]]:
    """(seed, what differs); an exception is a difference too, and never ends the soak."""
    try:
        return job.seed, differences(random_scene(job.seed, job.events))
    except Exception:  # noqa: BLE001 - whatever fails is what we look for
        return job.seed, [traceback.format_exc()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogues", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=1_000, help="of each catalogue")
    parser.add_argument(
        "--seed", type=int, default=1_000_000, help="of the first catalogue; then one more each"
    )
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument(
        "--failures", type=Path, default=Path("soak-failures.txt"), help="where seeds that differ go"
    )
    options = parser.parse_args()
    jobs = [Job(options.seed + number, options.events) for number in range(options.catalogues)]
    # Compiled here, once: the other processes find the kernels on disk.
    run(jobs[0])
    started = reported = time.monotonic()
    done = failed = 0
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for seed, found in pool.imap_unordered(run, jobs, chunksize=1):
            done += 1
            if found:
                failed += 1
                print(f"seed {seed} differs: {found[0]}", flush=True)
                with options.failures.open("a") as file:
                    file.write(f"seed {seed} events {options.events}: {found[0]}\n")
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                rate = done * options.events / (reported - started)
                print(f"{done} of {len(jobs)} catalogues, {rate:.0f} events/s, {failed} differ", flush=True)
    seconds = time.monotonic() - started
    print(f"catalogues {done}, events {done * options.events}, differences {failed}, seconds {seconds:.0f}")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
