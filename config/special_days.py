"""Pure. Special days into dates: days since 1970-01-01, for every year that a catalogue can speak of."""

import datetime
import re

from config.catalogue import SpecialDay
from config.civil_time import anchor_days
from config.compilation import Compilation, Place

# As far as time zones are tabled; a special day beyond is an ordinary one.
FIRST_YEAR, LAST_YEAR = 2000, 2100
_YEARLY = re.compile(r"\d\d-\d\d")


def special_dates(compilation: Compilation, kinds: dict[str, int], place: Place) -> list[tuple[int, int]]:
    """(day, kind) of every date of these special days, ascending; a fault where two claim a date."""
    found: dict[int, str] = {}
    for code in kinds:
        if not place.refer("special_day", code, "special_days"):
            continue
        for day in _days_of(compilation.catalogue.special_days[code]):
            other = found.setdefault(day, code)
            if other != code:
                date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
                place.fault(f"{date} is {other!r} and {code!r}", "let one of them leave the date out")
    return sorted((day, kinds[code]) for day, code in found.items())


def check_special_days(compilation: Compilation) -> None:
    """That every date is one."""
    for day in compilation.catalogue.special_days.values():
        place = compilation.place("special_day", day.code)
        if not day.dates:
            place.at("dates").fault("there is none", 'write dates like "2026-04-06" or "12-25"')
        for number, text in enumerate(day.dates):
            if not _dates(text):
                place.at(f"dates[{number}]").fault(
                    f"{text!r} is no date", 'write one like "2026-04-06", or "12-25" for every year'
                )


def _days_of(day: SpecialDay) -> list[int]:
    return [anchor_days(date) for text in day.dates for date in _dates(text)]


def _dates(text: str) -> list[datetime.date]:
    """The dates that a text stands for; none if it is no date. 29 February comes in leap years."""
    yearly = _YEARLY.fullmatch(text) is not None
    texts = [f"{year}-{text}" for year in range(FIRST_YEAR, LAST_YEAR)] if yearly else [text]
    dates = []
    for one in texts:
        try:
            dates.append(datetime.date.fromisoformat(one))
        except ValueError:
            continue
    return dates
