"""Days on which banks settle, against an independent calendar."""

import datetime

import holidays

from billing_batch.target_days import is_target_day, target_day_after

DAY = datetime.timedelta(days=1)


def test_every_day_of_fifty_years_is_as_the_central_bank_says():
    # The package's European Central Bank calendar; before 2002 the rule was another.
    closed = holidays.financial_holidays("XECB", years=range(2002, 2052))
    day = datetime.date(2002, 1, 1)
    while day.year < 2052:
        assert is_target_day(day) == (day.isoweekday() <= 5 and day not in closed), day
        day += DAY


def test_days_are_counted_over_weekends_and_easter():
    thursday = datetime.date(2026, 4, 2)
    assert target_day_after(thursday, 1) == datetime.date(2026, 4, 7)
    assert target_day_after(datetime.date(2026, 10, 30), 2) == datetime.date(2026, 11, 3)
