"""Pure. Time bands into slots of the local week, which special days follow as an eighth day and so on.

The week is cut wherever a band that a detail uses starts or ends; for each slot a band says when it
started on that day, or that it is not in force. Where two bands are in force the later start goes first.
"""

import re

from config.compilation import Place
from config.rate_plan import BandWindow
from rating_kernels.tariff_table import SECONDS_PER_DAY, SECONDS_PER_WEEK

NOT_IN_FORCE = -1
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")

# Pieces of the local week: (first second, second after the last, second of day at which it started).
Pieces = list[tuple[int, int, int]]


def special_kinds(bands: dict[str, tuple[BandWindow, ...]]) -> dict[str, int]:
    """The special days that a version's bands name, numbered in the order of their first use."""
    named = [day for windows in bands.values() for window in windows for day in window.special_days]
    return {day: kind for kind, day in enumerate(dict.fromkeys(named))}


def band_pieces(windows: tuple[BandWindow, ...], kinds: dict[str, int], place: Place) -> Pieces:
    """The parts of the local week in which a band is in force; none crosses a midnight."""
    pieces: Pieces = []
    for number, window in enumerate(windows):
        there = place if len(windows) == 1 else place._replace(path=f"{place.path}[{number}]")
        start, end = _second_of_day(window.from_, there.at("from")), _second_of_day(window.to, there.at("to"))
        weekdays = window.weekdays
        if weekdays is None:
            weekdays = () if window.special_days else tuple(range(1, 8))
        if not (weekdays or window.special_days) or not set(weekdays) <= set(range(1, 8)):
            there.at("weekdays").fault(f"{list(weekdays)} are no weekdays", "write 1 (Monday) to 7 (Sunday)")
            continue
        if window.special_days and start >= end:
            there.at("to").fault("lasts past the midnight of a special day", 'write "24:00"')
        for kind in {kinds[day] for day in window.special_days}:
            midnight = SECONDS_PER_WEEK + kind * SECONDS_PER_DAY
            pieces.append((midnight + start, midnight + end, start))
        for weekday in set(weekdays):
            midnight = (weekday - 1) * SECONDS_PER_DAY
            if start < end:
                pieces.append((midnight + start, midnight + end, start))
                continue
            pieces.append((midnight + start, midnight + SECONDS_PER_DAY, start))
            if end:
                following = (midnight + SECONDS_PER_DAY) % SECONDS_PER_WEEK
                pieces.append((following, following + end, 0))
    return pieces


def week_slots(bands: list[Pieces], special_days: int) -> tuple[list[int], list[list[int]]]:
    """Seconds of the week at which slots begin, and for each band its start in each slot."""
    week_end = SECONDS_PER_WEEK + special_days * SECONDS_PER_DAY
    cuts = {0, *(second for pieces in bands for first, end, _ in pieces for second in (first, end))}
    cuts |= set(range(SECONDS_PER_WEEK, week_end, SECONDS_PER_DAY))
    breaks: list[int] = []
    columns: list[tuple[int, ...]] = []
    for second in sorted(cuts - {week_end}):
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
