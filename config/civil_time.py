"""Pure. Civil time: zones, local midnights, billing cycles. The one place that knows about daylight saving.

Zones are read by name from the tz database that comes with Python or the tzdata package; for us that is
a constant. Instants are microseconds since 1970-01-01T00:00:00Z, dates are civil dates of a zone.

Cycles (DECISIONS 23): a cycle lasts from a local midnight to a local midnight. Boundaries are counted
from the anchor, never from one another, so short months do not make them drift. With every n-th week,
month or year the phase is that of the first boundary day at or before the anchor.
"""

import datetime
import functools
import zoneinfo

import numpy as np

from rating_kernels.group_image import CALENDAR_DAYS, CALENDAR_MONTHS, CALENDAR_WEEKS, CALENDAR_YEARS
from rating_kernels.tariff_table import Ints

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICROSECOND = datetime.timedelta(microseconds=1)
_SECOND = datetime.timedelta(seconds=1)

# Offsets are tabled for these years; before and after them the nearest one holds.
_TABLE_FROM_YEAR, _TABLE_TO_YEAR = 1970, 2100
# Before every instant we can meet, and far enough from the end of int64 that differences cannot wrap.
EVER_US = -(2**62)

MONTHS_PER_YEAR = 12
DAYS_PER_WEEK = 7


@functools.cache
def zone_offsets(zone_name: str) -> tuple[Ints, Ints]:
    """Ascending instants (first: ever) and, from each on, seconds to add to UTC for local time."""
    zone = zoneinfo.ZoneInfo(zone_name)
    at = datetime.datetime(_TABLE_FROM_YEAR, 1, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(_TABLE_TO_YEAR, 1, 1, tzinfo=datetime.UTC)
    day = datetime.timedelta(days=1)
    offset = _offset_s(at, zone)
    from_us, offsets_s = [EVER_US], [offset]
    while at < end:
        if _offset_s(at + day, zone) != offset:
            change = _change_between(at, at + day, zone)
            offset = _offset_s(at + day, zone)
            from_us.append(microseconds(change))
            offsets_s.append(offset)
        at += day
    return np.array(from_us, np.int64), np.array(offsets_s, np.int64)


@functools.lru_cache(maxsize=1_024)
def cycle_boundaries(
    kind: int, count: int, day: int, anchor_days: int, zone_name: str, from_us: int, to_us: int
) -> Ints:
    """Cycle starts, ascending, from the last at or before `from_us` to the first after `to_us`."""
    calendar = (kind, count, day, anchor_days)
    number = _cycle_number(calendar, civil_date(from_us, zone_name))
    boundaries = []
    while True:
        boundaries.append(local_midnight_us(_cycle_date(calendar, number), zone_name))
        if boundaries[-1] > to_us:
            # A day that a zone skipped starts when the next one does: no cycle of length nought.
            return np.unique(np.array(boundaries, np.int64))
        number += 1


def cycle_at(
    kind: int, count: int, day: int, anchor_days: int, zone_name: str, time_us: int
) -> tuple[int, int]:
    """Start and end of the full cycle an instant lies in, half-open."""
    calendar = (kind, count, day, anchor_days)
    number = _cycle_number(calendar, civil_date(time_us, zone_name))
    start = local_midnight_us(_cycle_date(calendar, number), zone_name)
    return start, local_midnight_us(_cycle_date(calendar, number + 1), zone_name)


def local_midnight_us(date: datetime.date, zone_name: str) -> int:
    """The instant at which a civil day starts; where midnight is skipped, the first instant after it."""
    # fold=0: the earlier of two midnights, and in a gap the offset before it, which gives its end.
    local = datetime.datetime(date.year, date.month, date.day, tzinfo=zoneinfo.ZoneInfo(zone_name))
    return microseconds(local)


def civil_date(time_us: int, zone_name: str) -> datetime.date:
    """The civil day of an instant."""
    return instant(time_us).astimezone(zoneinfo.ZoneInfo(zone_name)).date()


def prorated_days(
    start_us: int, end_us: int, full_start_us: int, full_end_us: int, zone_name: str
) -> tuple[int, int]:
    """Civil days that [start, end) touches, and those of the full period: the part to charge (DECISIONS 24)."""
    assert full_start_us <= start_us < end_us <= full_end_us
    return _days_touched(start_us, end_us, zone_name), _days_touched(full_start_us, full_end_us, zone_name)


def anchor_days(date: datetime.date) -> int:
    """A civil day as a group's header holds it: days since 1970-01-01."""
    return date.toordinal() - _EPOCH_DAY


def microseconds(time: datetime.datetime) -> int:
    """An aware time as microseconds since 1970-01-01T00:00:00Z, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def instant(time_us: int) -> datetime.datetime:
    """Microseconds since 1970-01-01T00:00:00Z as an aware time in UTC."""
    return _EPOCH + time_us * _MICROSECOND


def known_zone(zone_name: str) -> bool:
    """Whether the tz database has a zone of that name."""
    return zone_name in _zone_names()


@functools.cache
def _zone_names() -> frozenset[str]:
    """All of them: listing them walks a folder tree."""
    return frozenset(zoneinfo.available_timezones())


def _days_touched(start_us: int, end_us: int, zone_name: str) -> int:
    return (civil_date(end_us - 1, zone_name) - civil_date(start_us, zone_name)).days + 1


def _cycle_number(calendar: tuple[int, int, int, int], date: datetime.date) -> int:
    """Which cycle a civil day lies in, counted from the one that holds the anchor."""
    kind, count, day, anchor = calendar
    assert count >= 1
    if kind in (CALENDAR_DAYS, CALENDAR_WEEKS):
        period = count * (DAYS_PER_WEEK if kind == CALENDAR_WEEKS else 1)
        return (date.toordinal() - _first_day(kind, day, anchor)) // period
    return (_month_number(date, day) - _month_number(_date(anchor), day)) // _months(kind, count)


def _cycle_date(calendar: tuple[int, int, int, int], number: int) -> datetime.date:
    """The civil day on which a cycle starts."""
    kind, count, day, anchor = calendar
    if kind in (CALENDAR_DAYS, CALENDAR_WEEKS):
        period = count * (DAYS_PER_WEEK if kind == CALENDAR_WEEKS else 1)
        return datetime.date.fromordinal(_first_day(kind, day, anchor) + number * period)
    return _clamped(_month_number(_date(anchor), day) + number * _months(kind, count), day)


def _first_day(kind: int, day: int, anchor: int) -> int:
    """Ordinal of the anchor, or of the last billing weekday at or before it."""
    first = anchor + _EPOCH_DAY
    if kind == CALENDAR_WEEKS:
        first -= (datetime.date.fromordinal(first).isoweekday() - day) % DAYS_PER_WEEK
    return first


def _month_number(date: datetime.date, day: int) -> int:
    """The month (years * 12 + months) whose billing day is the last one at or before a date."""
    month = date.year * MONTHS_PER_YEAR + date.month - 1
    return month if _clamped(month, day) <= date else month - 1


def _clamped(month: int, day: int) -> datetime.date:
    """The billing day of a month; short months end on their last day."""
    assert 1 <= day <= 31
    first = datetime.date(month // MONTHS_PER_YEAR, month % MONTHS_PER_YEAR + 1, 1)
    following = datetime.date((month + 1) // MONTHS_PER_YEAR, (month + 1) % MONTHS_PER_YEAR + 1, 1)
    return first.replace(day=min(day, (following - first).days))


def _months(kind: int, count: int) -> int:
    assert kind in (CALENDAR_MONTHS, CALENDAR_YEARS)
    return count * (MONTHS_PER_YEAR if kind == CALENDAR_YEARS else 1)


def _date(days: int) -> datetime.date:
    return datetime.date.fromordinal(days + _EPOCH_DAY)


def _offset_s(time: datetime.datetime, zone: zoneinfo.ZoneInfo) -> int:
    offset = time.astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _SECOND


def _change_between(
    low: datetime.datetime, high: datetime.datetime, zone: zoneinfo.ZoneInfo
) -> datetime.datetime:
    """The first second with the offset of `high`."""
    target = _offset_s(high, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if _offset_s(middle, zone) == target:
            high = middle
        else:
            low = middle
    return high
