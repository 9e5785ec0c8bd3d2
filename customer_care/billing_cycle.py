"""Pure. The first cycle of a customer: short, from their first day to the next billing day (DECISIONS 24)."""

import datetime
from typing import NamedTuple

from config.civil_time import anchor_days, cycle_at, local_midnight_us
from customer_care.customer_lines import CALENDAR_KINDS, Billing


class FirstCycle(NamedTuple):
    """The first cycle, and the full one it is the last part of; half-open, microseconds."""

    start_us: int
    end_us: int
    full_start_us: int


def first_cycle(billing: Billing, since: datetime.date, zone: str) -> FirstCycle:
    """The cycle that begins on a customer's first day, in the site's zone."""
    start_us = local_midnight_us(since, zone)
    kind = CALENDAR_KINDS[billing.interval]
    full_start_us, end_us = cycle_at(kind, billing.every, billing.day, anchor_days(since), zone, start_us)
    return FirstCycle(start_us, end_us, full_start_us)
