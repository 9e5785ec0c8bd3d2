"""Pure. Time bands into slots of the local week.

The week is cut wherever a band that a detail uses starts or ends; for each slot a band says when it
started on that day, or that it is not in force. Where two bands are in force the later start goes first.
"""

import re

from config.catalogue import BandWindow
from config.compilation import Place
from rating_kernels.tariff_table import SECONDS_PER_DAY, SECONDS_PER_WEEK

NOT_IN_FORCE = -1
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")

# Pieces of the local week: (first second, second after the last, second of day at which it started).
Pieces = list[tuple[int, int, int]]


def band_pieces(windows: tuple[BandWindow, ...], place: Place) -> Pieces:
    """The parts of the local week in which a band is in force; none crosses a midnight."""
    pieces: Pieces = []
    for number, window in enumerate(windows):
        there = place if len(windows) == 1 else place._replace(path=f"{place.path}[{number}]")
        start, end = _second_of_day(window.from_, there.at("from")), _second_of_day(window.to, there.at("to"))
        if not window.weekdays or not set(window.weekdays) <= set(range(1, 8)):
            there.at("weekdays").fault(
                f"{list(window.weekdays)} are no weekdays", "write 1 (Monday) to 7 (Sunday)"
            )
            continue
        for weekday in set(window.weekdays):
            midnight = (weekday - 1) * SECONDS_PER_DAY
            if start < end:
                pieces.append((midnight + start, midnight + end, start))
                continue
            pieces.append((midnight + start, midnight + SECONDS_PER_DAY, start))
            if end:
                following = (midnight + SECONDS_PER_DAY) % SECONDS_PER_WEEK
                pieces.append((following, following + end, 0))
    return pieces


def week_slots(bands: list[Pieces]) -> tuple[list[int], list[list[int]]]:
    """Seconds of the week at which slots begin, and for each band its start in each slot."""
    cuts = {0, *(second for pieces in bands for first, end, _ in pieces for second in (first, end))}
    breaks: list[int] = []
    columns: list[tuple[int, ...]] = []
    for second in sorted(cuts - {SECONDS_PER_WEEK}):
        starts = tuple(_start_in_force(pieces, second) for pieces in bands)
        if not columns or columns[-1] != starts:
            breaks.append(second)
            columns.append(starts)
    return breaks, [list(slots) for slots in zip(*columns, strict=True)]


def _start_in_force(pieces: Pieces, second: int) -> int:
    return max((start for first, end, start in pieces if first <= second < end), default=NOT_IN_FORCE)


def _second_of_day(text: str, place: Place) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        place.fault(
            f"{text!r} is not a time of day", 'write "08:00" or "08:00:00"; midnight at the end is "24:00"'
        )
        return 0
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    second = hours * 3600 + minutes * 60 + seconds
    if second > SECONDS_PER_DAY:
        place.fault(f"{text!r} is after midnight", 'write "24:00"')
    return min(second, SECONDS_PER_DAY)
