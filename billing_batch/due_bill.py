"""Pure. A bill whose cycle is over."""

from typing import NamedTuple


class DueBill(NamedTuple):
    """An active bill whose cycle is over, with what must be known to close it."""

    bill_id: int
    billing_profile_id: int
    customer_id: int
    customer: str
    shard: int
    group_id: int
    payment_type: str
    cycle_no: int
    period_start_us: int
    period_end_us: int
    currency: str
    interval_kind: int
    interval_count: int
    billing_day: int
    anchor_days: int
