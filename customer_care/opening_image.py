"""Pure. The image of a new customer's balance group: its first cycle, what it opens with, its first fees."""

import datetime

import numpy as np

from config.civil_time import anchor_days, local_midnight_us, prorated_days
from config.code_ids import code_id, credit_id
from config.compile_catalogue import CompiledCatalogue
from config.compiled_catalogue import RecurringInfo
from customer_care.billing_cycle import FirstCycle
from customer_care.check_line import credit_amount, plan_credit_profiles
from customer_care.customer_lines import CALENDAR_KINDS, CustomerLine, OpeningBalance
from customer_care.purchases import Purchase
from rating_kernels.balances import NO_ROOM, credit_balance
from rating_kernels.group_image import (
    H_CALENDAR_ANCHOR,
    H_CALENDAR_COUNT,
    H_CALENDAR_DAY,
    H_CALENDAR_KIND,
    H_CLOSED_AT_US,
    H_CREDIT_ID,
    H_CUSTOMER_ID,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_GROUP_ID,
    H_NEXT_BALANCE_ID,
    H_ZONE_ID,
    INFINITE_US,
)
from rating_kernels.group_layout import ROOM, empty_image
from rating_kernels.quantities import round_div
from rating_kernels.rotate_cycle import charge_fee
from rating_kernels.tariff_table import HALF_UP, Ints

FIRST_CYCLE_NO = 1
NO_LIMITS = 0
# Priority of allowances, and of balances that name none (DECISIONS 3).
PRIORITY = 0
# Each charge logs a few words for undoing it; an opening is never undone, so the log is only written.
LOG_WORDS_A_FEE = 64


def opening_image(
    line: CustomerLine,
    customer_id: int,
    group_id: int,
    purchases: tuple[Purchase, ...],
    cycle: FirstCycle,
    catalogue: CompiledCatalogue,
) -> Ints:
    """The group of a line without faults: credits below zero, fees of the first cycle by its days."""
    recurring = [(one, row) for one in purchases for row in catalogue.products[one.product].recurring]
    balances = ROOM[0] + len(line.balances) + len(recurring)
    words = empty_image(
        {
            H_GROUP_ID: group_id,
            H_CUSTOMER_ID: customer_id,
            H_CYCLE_NO: FIRST_CYCLE_NO,
            H_CYCLE_START_US: cycle.start_us,
            H_CYCLE_END_US: cycle.end_us,
            H_CALENDAR_KIND: CALENDAR_KINDS[line.billing.interval],
            H_CALENDAR_COUNT: line.billing.every,
            H_CALENDAR_DAY: line.billing.day,
            H_CALENDAR_ANCHOR: anchor_days(line.since),
            H_ZONE_ID: code_id("zone", catalogue.site.time_zone),
            H_CREDIT_ID: _credit_id(line, catalogue),
            H_NEXT_BALANCE_ID: 1,
            H_CLOSED_AT_US: INFINITE_US,
        },
        (balances, ROOM[1] + len(recurring), *ROOM[2:]),
    )
    for balance in line.balances:
        _open_balance(words, balance, cycle, catalogue)
    for purchase, row in recurring:
        _first_recurring(words, purchase, row, cycle, catalogue)
    return words


def first_fee(row: RecurringInfo, from_us: int, cycle: FirstCycle, zone: str) -> int:
    """The fee from an instant to the first cycle's end, by the days of the full cycle, half up."""
    if not row.prorate:
        return row.amount
    days, full_days = prorated_days(from_us, cycle.end_us, cycle.full_start_us, cycle.end_us, zone)
    return int(round_div(row.amount * days, full_days, HALF_UP))


def _open_balance(
    words: Ints, balance: OpeningBalance, cycle: FirstCycle, catalogue: CompiledCatalogue
) -> None:
    resource = catalogue.resources[balance.resource]
    amount = credit_amount(balance, resource.stored_decimals)
    assert amount is not None, "the line was checked"
    validity = balance.validity or ("infinite" if resource.is_money else "cycle")
    if validity == "cycle":
        to_us = cycle.end_us
    elif validity == "infinite":
        to_us = INFINITE_US
    else:
        to_us = local_midnight_us(datetime.date.fromisoformat(validity), catalogue.site.time_zone)
    start_us = cycle.start_us
    row = credit_balance(words, 0, resource.id, -amount, start_us, to_us, start_us, balance.priority)
    assert row != NO_ROOM


def _first_recurring(
    words: Ints, purchase: Purchase, row: RecurringInfo, cycle: FirstCycle, catalogue: CompiledCatalogue
) -> None:
    """Allowances are granted whole; every later cycle is begun by the rotation."""
    from_us = purchase.valid_from_us
    if row.amount < 0:
        done = credit_balance(words, 0, row.resource_id, row.amount, from_us, cycle.end_us, from_us, PRIORITY)
    else:
        fee = first_fee(row, from_us, cycle, catalogue.site.time_zone)
        log = np.zeros(LOG_WORDS_A_FEE, np.int64)
        done = charge_fee(words, 0, row.resource_id, row.item_id, fee, from_us, log)
    assert done != NO_ROOM


def _credit_id(line: CustomerLine, catalogue: CompiledCatalogue) -> int:
    (profile,) = plan_credit_profiles(line, catalogue.catalogue.plans)
    return credit_id(profile, line.billing.payment_type) if profile else NO_LIMITS
