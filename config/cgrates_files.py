"""Pure. Tariff-plan CSV files of CGRateS as rows with names: whichever layout they are in, nothing gets lost.

A comment above the first row names the columns if it begins with one that is known; without such a line they
are where the documentation has them. `Findings` collects what is wrong and what cannot be carried over.
"""

import csv
from typing import NamedTuple

from config.faults import Fault

DESTINATIONS, TIMINGS, RATES = "Destinations.csv", "Timings.csv", "Rates.csv"
DESTINATION_RATES, RATING_PLANS = "DestinationRates.csv", "RatingPlans.csv"
RATING_PROFILES = "RatingProfiles.csv"
# What rating plans were called before; the columns are the same.
OLD_RATING_PLANS = "DestinationRateTimings.csv"

# Columns by place, the newest layout first; a layout with a Direction is known by that cell.
_TIMING = ("Tag", "Years", "Months", "MonthDays", "WeekDays", "Time")
_RATE = ("Tag", "ConnectFee", "Rate", "RateUnit", "RateIncrement", "GroupIntervalStart")
_ROUNDING = ("RoundingMethod", "RoundingDecimals")
_DESTINATION_RATE = ("Tag", "DestinationsTag", "RatesTag")
_MAX_COST = ("MaxCost", "MaxCostStrategy")
_RATING_PLAN = ("Tag", "DestinationRatesTag", "TimingTag", "Weight")
_PROFILE = ("Subject", "ActivationTime", "RatingPlanTag", "RatesFallbackSubject", "CdrStatQueueIds")
LAYOUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    DESTINATIONS: (("Tag", "Prefix"),),
    TIMINGS: (_TIMING,),
    RATES: ((*_RATE, *_ROUNDING, "Weight"),),
    DESTINATION_RATES: ((*_DESTINATION_RATE, *_ROUNDING, *_MAX_COST),),
    RATING_PLANS: (_RATING_PLAN,),
    OLD_RATING_PLANS: (_RATING_PLAN,),
    RATING_PROFILES: (
        ("Tenant", "Category", *_PROFILE),
        ("Direction", "Tenant", "Category", *_PROFILE),
        ("Tenant", "Category", "Direction", *_PROFILE),
    ),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    DESTINATIONS: ("Tag", "Prefix"),
    TIMINGS: _TIMING,
    RATES: _RATE,
    DESTINATION_RATES: _DESTINATION_RATE,
    RATING_PLANS: _RATING_PLAN[:3],
    OLD_RATING_PLANS: _RATING_PLAN[:3],
    RATING_PROFILES: ("Tenant", "Category", "Subject", "ActivationTime", "RatingPlanTag"),
}
# Columns that say nothing that a catalogue could hold: what stands in them is listed.
NOT_CARRIED = {RATES: ("Weight",), RATING_PROFILES: ("CdrStatQueueIds",)}
_SYNONYMS = {
    "id": "Tag",
    "tag": "Tag",
    "destinationid": "DestinationsTag",
    "destinationsid": "DestinationsTag",
    "ratesid": "RatesTag",
    "destinationratesid": "DestinationRatesTag",
    "destratestag": "DestinationRatesTag",
    "timingid": "TimingTag",
    "tor": "Category",
    "ratingplanid": "RatingPlanTag",
    "destinationratetimingtag": "RatingPlanTag",
    "fallbacksubject": "RatesFallbackSubject",
    "fallbacksubjects": "RatesFallbackSubject",
    "ratesfallbacksubjects": "RatesFallbackSubject",
}


class Row(NamedTuple):
    """One line of a file: its cells by the newest name of their column. A row is known by file and line."""

    file: str
    line: int
    cells: dict[str, str]

    def cell(self, column: str) -> str:
        """What stands in a column; nothing if the file does not have it."""
        return self.cells.get(column, "")


class LeftOut(NamedTuple):
    """Something the catalogue does not say, and why."""

    file: str
    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: line {self.line}: {self.what}: {self.reason}"


class Findings:
    """What is wrong with the files, what could not be carried over, and the lines that were dealt with."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._left_out: dict[LeftOut, None] = {}
        self._dealt_with: set[tuple[str, int]] = set()

    def fault(self, row: Row, message: str, cure: str) -> None:
        """Note that a row is wrong."""
        self.faults.append(Fault(row.file, f"line {row.line}", message, cure))

    def note(self, row: Row, what: str, reason: str) -> None:
        """List a part of a row; a thing that several users of the row meet is listed once."""
        self._left_out[LeftOut(row.file, row.line, what, reason)] = None

    def leave(self, row: Row, what: str, reason: str) -> None:
        """List the row itself."""
        self.note(row, what, reason)
        self.deal_with(row)

    def deal_with(self, row: Row) -> None:
        """The row is in the catalogue, or on the list."""
        self._dealt_with.add((row.file, row.line))

    def is_dealt_with(self, row: Row) -> bool:
        """Whether it is."""
        return (row.file, row.line) in self._dealt_with

    def left_out(self) -> list[LeftOut]:
        """The list, by file and line."""
        return sorted(self._left_out)


def read_rows(file: str, text: str, findings: Findings) -> list[Row]:
    """The rows of a file; lines that are no rows are faults."""
    rows: list[Row] = []
    header: tuple[str, ...] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        here = Row(file, number, {})
        if not line.strip():
            continue
        try:
            (cells,) = csv.reader([line.strip()], strict=True)
        except csv.Error as error:
            findings.fault(here, f"is not CSV: {error}", "correct the quotes")
            continue
        if line.lstrip().startswith("#"):
            if header is None and not rows:
                header = _header(here, cells, findings)
            continue
        stripped = [cell.strip() for cell in cells]
        row = _row(here, stripped, header or _layout(file, stripped), findings)
        if row is not None:
            rows.append(row)
    return rows


def _header(row: Row, cells: list[str], findings: Findings) -> tuple[str, ...] | None:
    """The columns a comment names, None if it is prose."""
    known = {name.lower(): name for layout in LAYOUTS[row.file] for name in layout}
    known |= {synonym: name for synonym, name in _SYNONYMS.items() if name in known.values()}
    # Some files number their columns: Tag[0].
    words = [cell.strip().lstrip("#").strip().partition("[")[0] for cell in cells]
    if words[0].lower() not in known or sum(word.lower() in known for word in words) == 1:
        return None
    names = tuple(known.get(word.lower(), word) for word in words)
    missing = [name for name in REQUIRED[row.file] if name not in names]
    if missing:
        message = f"the header has no column {', '.join(missing)}"
        findings.fault(row, message, f"columns are {', '.join(LAYOUTS[row.file][0])}")
    return names


def _layout(file: str, cells: list[str]) -> tuple[str, ...]:
    """The layout of a file that does not name its columns."""
    directions = ("*out", "*in")
    for layout in LAYOUTS[file][1:]:
        place = layout.index("Direction")
        if place < len(cells) and cells[place] in directions:
            return layout
    return LAYOUTS[file][0]


def _row(here: Row, cells: list[str], columns: tuple[str, ...], findings: Findings) -> Row | None:
    required = [columns.index(name) for name in REQUIRED[here.file] if name in columns]
    if len(required) < len(REQUIRED[here.file]):
        return None  # the header has been found wrong
    if len(cells) <= max(required):
        names = ", ".join(columns[: max(required) + 1])
        findings.fault(here, f"has {len(cells)} columns", f"write {names}")
        return None
    row = here._replace(cells=dict(zip(columns, cells, strict=False)))
    known = LAYOUTS[here.file][0] + LAYOUTS[here.file][-1]
    for name, cell in row.cells.items():
        if cell and (name not in known or name in NOT_CARRIED.get(here.file, ())):
            findings.note(row, f"{name} {cell!r}", "a catalogue has nothing of the kind")
    for cell in cells[len(columns) :]:
        if cell:
            findings.note(row, f"{cell!r} after the last column", "no column is known there")
    return row
