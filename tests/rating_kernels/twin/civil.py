"""Pure. Local time by the tz database, day by day: instants, weekdays, and where cycles begin."""

import datetime
import functools
import zoneinfo

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
EPOCH_DAY = EPOCH.date().toordinal()
MICROSECOND = datetime.timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
# Since 1970 clocks were changed at quarters of an hour of UTC, so within one the offset stays.
QUARTER_US = 900 * SECOND_US
FOREVER_US = (datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC) - EPOCH) // MICROSECOND


@functools.cache
def quarter_offset_us(zone: str, quarter: int) -> int:
    instant = EPOCH + quarter * QUARTER_US * MICROSECOND
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() // MICROSECOND


def local_us(zone: str, time_us: int) -> int:
    """What the clock on the wall shows, in microseconds since its 1970."""
    return time_us + quarter_offset_us(zone, time_us // QUARTER_US)


def day_and_second(zone: str, time_us: int) -> tuple[datetime.date, int]:
    shown = local_us(zone, time_us)
    return day(shown // DAY_US), shown % DAY_US // SECOND_US


@functools.cache
def day(number: int) -> datetime.date:
    return datetime.date.fromordinal(number + EPOCH_DAY)


@functools.cache
def midnight_us(date: datetime.date, zone: str) -> int:
    local = datetime.datetime.combine(date, datetime.time(), zoneinfo.ZoneInfo(zone))
    return (local - EPOCH) // MICROSECOND


def instant_us(text: str, zone: str) -> int:
    """A date is its local midnight; a time says its offset."""
    if len(text) == len("2026-01-01"):
        return midnight_us(datetime.date.fromisoformat(text), zone)
    return (datetime.datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def is_cycle_start(date: datetime.date, billing: dict, since: datetime.date) -> bool:
    """Whether a cycle begins on a day: every n days from the first, each week, or each month."""
    interval, number = billing.get("interval", "month"), billing.get("day", 0)
    if interval == "day":
        return (date - since).days % billing["every"] == 0
    if interval == "week":
        return date.isoweekday() == number
    last = (date.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - datetime.timedelta(days=1)
    return date.day == min(number, last.day)


def next_cycle_start(date: datetime.date, billing: dict, since: datetime.date) -> datetime.date:
    while True:
        date += datetime.timedelta(days=1)
        if is_cycle_start(date, billing, since):
            return date


def cycle_start_at_or_before(date: datetime.date, billing: dict, since: datetime.date) -> datetime.date:
    while not is_cycle_start(date, billing, since):
        date -= datetime.timedelta(days=1)
    return date
