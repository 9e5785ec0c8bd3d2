"""Pure. One rated event on its payers: each detail is covered, priced, rounded once and charged."""

from numba import njit

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.balances import add_to_item
from rating_kernels.batch_columns import FLAG_CAPPED, FLAG_LATE, FLAG_SHARED
from rating_kernels.charge_group import (
    BEYOND_LIMIT,
    OVER_LIMIT,
    booking_cycle,
    charge_group,
    chargeable,
    find_limit,
)
from rating_kernels.outcomes import Outcome
from rating_kernels.price_event import PRICED, TOO_LARGE, first_price, price_quantity, rounded
from rating_kernels.select_price import walk_prefix
from rating_kernels.sharing import charge_owners, cover_by_allowances, member_goes_first
from rating_kernels.tariff_table import BREACH_UP_TO_LIMIT, Bytes, Ints
from rating_kernels.thresholds import watch

CHARGED, CHARGED_OVER_LIMIT = int(Outcome.CHARGED), int(Outcome.CHARGED_OVER_LIMIT)
PARTLY_CHARGED = int(Outcome.PARTLY_CHARGED)
DENIED_LIMIT, DENIED_SHARING = int(Outcome.DENIED_LIMIT), int(Outcome.DENIED_SHARING)
NO_RATE, AMOUNT_OUT_OF_RANGE = int(Outcome.NO_RATE), int(Outcome.AMOUNT_OUT_OF_RANGE)

# Outcomes up to this one keep what they changed; the caller undoes the others.
assert CHARGED < CHARGED_OVER_LIMIT < PARTLY_CHARGED < DENIED_LIMIT < DENIED_SHARING


@njit(cache=True, nogil=True)
def charge_event(
    table: Ints,
    events: Ints,
    text: Bytes,
    row: int,
    words: Ints,
    at: int,
    version: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, flags) of charging every detail; above PARTLY_CHARGED the caller undoes what was done."""
    time_us = events[row, e.TIME_US]
    quantity = events[row, e.QUANTITY]
    service_type = table[table[t.EVENT_TYPE_SERVICE_TYPE] + events[row, e.EVENT_TYPE]]
    _, _, _, late = booking_cycle(words, at, time_us)
    flags = FLAG_LATE if late else 0
    outcome = CHARGED
    first = table[table[t.VERSION_DETAIL_FIRST] + version]
    for detail in range(first, table[table[t.VERSION_DETAIL_FIRST] + version + 1]):
        covered, shared, denied = cover_by_allowances(
            table, words, at, detail, service_type, quantity, time_us, impacts, work
        )
        flags |= shared
        if denied:
            return DENIED_SHARING, flags
        depth = walk_prefix(table, detail, events, text, row, work)
        price = first_price(table, version, detail, events, text, row, work, depth)
        total, said, capped = price_quantity(
            table, version, detail, events, text, row, work, depth, covered, price
        )
        if said == TOO_LARGE:
            return AMOUNT_OUT_OF_RANGE, flags
        if said != PRICED:
            return NO_RATE, flags
        amount = rounded(table, detail, total)
        if amount < 0:
            return AMOUNT_OUT_OF_RANGE, flags
        if capped == 1:
            flags |= FLAG_CAPPED
        done, shared = charge_amount(
            table, words, at, detail, service_type, amount, quantity, time_us, impacts, work
        )
        flags |= shared
        if done > PARTLY_CHARGED:
            return done, flags
        outcome = max(outcome, done)
    return outcome, flags


@njit(cache=True, nogil=True)
def charge_amount(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    service_type: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, FLAG_SHARED or 0) of one detail's amount: owners and user in the policy's order."""
    if amount == 0:
        item_id = table[table[t.DETAIL_ITEM_ID] + detail]
        if item_id != 0:
            cycle_no, _, _, _ = booking_cycle(words, at, time_us)
            add_to_item(words, at, cycle_no, item_id, 0, 0, quantity, 1, work)
        return CHARGED, 0
    left, left_quantity = amount, quantity
    outcome = CHARGED
    if member_goes_first(table, work):
        outcome, own = charge_user(table, words, at, detail, left, left_quantity, time_us, impacts, work)
        if outcome != DENIED_LIMIT and outcome != PARTLY_CHARGED:
            return outcome, 0
        left -= own
        left_quantity = 0 if own > 0 else left_quantity
    paid, paid_quantity, denied, too_large = charge_owners(
        table, words, at, detail, service_type, left, left_quantity, time_us, impacts, work
    )
    if denied:
        return DENIED_SHARING, 0
    if too_large:
        return AMOUNT_OUT_OF_RANGE, 0
    shared = FLAG_SHARED if paid > 0 else 0
    if paid == left:
        return CHARGED, shared
    if outcome != CHARGED:
        return outcome, shared
    outcome, _ = charge_user(
        table, words, at, detail, left - paid, left_quantity - paid_quantity, time_us, impacts, work
    )
    return outcome, shared


@njit(cache=True, nogil=True)
def charge_user(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, amount charged) on the user's own group, as far as the credit limit goes.

    DENIED_LIMIT comes with what fits already charged, so that an owner may pay the rest; where nobody
    does, the caller undoes the event.
    """
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    own, limited = chargeable(table, words, at, resource, amount, time_us)
    outcome = CHARGED
    if limited == OVER_LIMIT:
        outcome = CHARGED_OVER_LIMIT
    elif limited == BEYOND_LIMIT:
        limit = find_limit(table, words, at, resource)
        up_to = table[table[t.LIMIT_BREACH] + limit] == BREACH_UP_TO_LIMIT
        outcome = PARTLY_CHARGED if up_to else DENIED_LIMIT
    if own > 0:
        watch(table, words, at, resource, time_us, work)
        item_id = table[table[t.DETAIL_ITEM_ID] + detail]
        if not charge_group(table, words, at, resource, item_id, own, quantity, time_us, impacts, work):
            return AMOUNT_OUT_OF_RANGE, 0
    return outcome, own
