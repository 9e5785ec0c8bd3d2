"""Pure. TARGET days: when European banks settle (all but weekends, 1 January, Easter, 1 May, 25-26 December).

Rule of the European Central Bank since 2002; Easter by the anonymous Gregorian algorithm.
"""

import datetime

DAY = datetime.timedelta(days=1)


def easter_sunday(year: int) -> datetime.date:
    """Easter Sunday of the Gregorian calendar."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return datetime.date(year, month, day + 1)


def is_target_day(day: datetime.date) -> bool:
    """Whether banks settle on this day."""
    if day.isoweekday() > 5 or (day.month, day.day) in {(1, 1), (5, 1), (12, 25), (12, 26)}:
        return False
    easter = easter_sunday(day.year)
    return day not in {easter - 2 * DAY, easter + DAY}


def target_day_after(day: datetime.date, count: int) -> datetime.date:
    """The count-th TARGET day after a day."""
    assert count >= 1
    while count:
        day += DAY
        count -= is_target_day(day)
    return day
