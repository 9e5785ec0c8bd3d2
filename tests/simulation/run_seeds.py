"""Shell. Worlds by the thousand, on all cores: each seed in a process that has the kernels loaded already."""

import gc
import logging
import multiprocessing
import os
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from tests.simulation.kinds import KINDS, lived

# Few enough that all cores are busy to the end, so many that handing them out costs nothing.
SEEDS_A_TURN = 20
MESSAGE_CHARS_MAX = 4_000


class Failure(NamedTuple):
    """A seed that did not come through."""

    kind: str
    seed: int
    message: str


class Turn(NamedTuple):
    """Seeds that one process lived through."""

    lived: int
    failures: list[Failure]


def run_seeds(seeds: list[tuple[str, int]], jobs: int = 0) -> Iterator[Turn]:
    """Live through each (kind, seed), on so many processes (0: all cores)."""
    turns = [seeds[first : first + SEEDS_A_TURN] for first in range(0, len(seeds), SEEDS_A_TURN)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), context, _get_ready) as pool:
        yield from pool.map(_run, turns)


def _get_ready() -> None:
    """Daemons that are crashed all the time log a lot; what is loaded by now stays for good."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.collect()
    gc.freeze()


def _run(seeds: list[tuple[str, int]]) -> Turn:
    failures = []
    for kind, seed in seeds:
        try:
            lived(kind, seed)
        except Exception as error:  # noqa: BLE001  # whatever breaks a world is what we look for
            said = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
            failures.append(Failure(kind, seed, said[-MESSAGE_CHARS_MAX:]))
    return Turn(len(seeds), failures)


def keep(failures: list[Failure], file: Path) -> None:
    """Append failures to a file, a JSON object a line."""
    if not failures:
        return
    with file.open("ab") as out:
        for one in failures:
            faults = asdict(KINDS[one.kind].faults)
            line = {"kind": one.kind, "seed": one.seed, "faults": faults, "message": one.message}
            out.write(msgspec.json.encode(line) + b"\n")
