"""Shell. Figures: printed as JSON lines, kept in bench/results, compared by ratio.

    python -m bench.results A B     what got slower from one run to another

A file holds one run: its rows, the commit, the machine and how busy it was. A row is `{"bench", "value",
"unit", "ratio", "low", "high"}`; `ratio` is what to believe, since machines differ and are shared.
"""

import datetime
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import cyclopts
import msgspec

FOLDER = Path(__file__).parent / "results"
# A tenth is within the noise of a shared machine; what is less is not called slower.
NOISE = 0.1
LESS_IS_BETTER = ("us", "ms", "bytes", "seconds")


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure: the median of several rounds and their spread."""

    bench: str
    value: float
    unit: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    series: list[
        tuple[float, float]
    ] = []  # points of a plot, where the figure is one; msgspec copies the default


class Run(msgspec.Struct, frozen=True):
    """The figures of one run, and what they were measured on."""

    name: str
    at: str
    commit: str
    machine: str
    load_before: float  # the machine's load average when the run began
    rows: list[Row]


def row_of(bench: str, values: list[float], unit: str, ratio: float | None = None) -> Row:
    """The median of the rounds and their spread."""
    return Row(
        bench,
        round(statistics.median(values), 3),
        unit,
        None if ratio is None else round(ratio, 3),
        round(min(values), 3),
        round(max(values), 3),
    )


class Recorder:
    """Prints every row as a JSON line, and keeps them all in a file at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._load_before = os.getloadavg()[0]
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Print and keep a row."""
        self.rows.append(row)
        line = msgspec.to_builtins(row)
        line.pop("series", None)
        print(msgspec.json.encode({"ratio": None} | line).decode(), flush=True)

    def save(self) -> Path:
        """Write the run's file; returns its path."""
        now = datetime.datetime.now(datetime.UTC)
        run = Run(
            self._name,
            now.isoformat(timespec="seconds"),
            _commit(),
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            round(self._load_before, 2),
            self.rows,
        )
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{now:%Y%m%d-%H%M%S}-{self._name}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(run)) + b"\n")
        return path


def _commit() -> str:
    asked = ["git", "-C", str(FOLDER.parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  # our own folder
    return done.stdout.strip() or "unknown"


def read_run(path: Path) -> Run:
    """A kept run; raises OSError or msgspec.MsgspecError."""
    return msgspec.json.decode(path.read_bytes(), type=Run)


def newest_runs() -> list[Run]:
    """The newest kept run of each bench, by its name."""
    newest = {run.name: run for path in sorted(FOLDER.glob("*.json")) for run in [read_run(path)]}
    return [newest[name] for name in sorted(newest)]


def change(before: Row, after: Row) -> float:
    """How much better: above 1 faster, smaller or a better ratio. By ratios where both have one."""
    old, new = (before.ratio, after.ratio) if before.ratio and after.ratio else (before.value, after.value)
    less = before.unit.startswith(LESS_IS_BETTER) and not (before.ratio and after.ratio)
    if not old or not new:
        return 1.0
    return old / new if less else new / old


def compare(before: Path, after: Path, /) -> None:
    """Print each figure of two runs and how it changed; exits 1 where something got slower than the noise."""
    old, new = read_run(before), read_run(after)
    rows = {row.bench: row for row in old.rows}
    slower = False
    print(
        f"{old.commit} ({old.at}, load {old.load_before}) -> {new.commit} ({new.at}, load {new.load_before})"
    )
    for row in new.rows:
        known = rows.get(row.bench)
        if known is None:
            print(f"  {row.bench:40} {row.value:>14,.2f} {row.unit}  new")
            continue
        better = change(known, row)
        word = "slower" if better < 1 - NOISE else "faster" if better > 1 + NOISE else "same"
        slower |= word == "slower"
        print(
            f"  {row.bench:40} {known.value:>14,.2f} -> {row.value:>14,.2f} {row.unit}  x{better:.2f} {word}"
        )
    sys.exit(int(slower))


if __name__ == "__main__":
    cyclopts.run(compare)
