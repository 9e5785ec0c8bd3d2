"""Pure. The exact price of one detail of one event, in closed form over increments.

DECISIONS 11-13, 16, 17. A started increment is charged whole and eats into the next period or band; the
price is looked up again where an increment starts; elapsed counts from the start of the event. What
stays is a sum of increments times prices in 1/denominator, rounded once by the caller of `rounded`.
"""

from numba import njit

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.quantities import NUM_MAX, OVERFLOW, checked_product, checked_sum, div_ceil, round_div
from rating_kernels.select_price import (
    NO_PRICE,
    SECOND_US,
    band_slot,
    holds_until_us,
    select_price,
    week_position_us,
    zone_at,
)
from rating_kernels.tariff_table import CAP_FREE, SPLIT_AT_BANDS, Bytes, Ints

# What `price_quantity` says beside the sum.
PRICED, UNPRICED, TOO_LARGE = range(3)


@njit(cache=True, nogil=True)
def first_price(
    table: Ints, version: int, detail: int, events: Ints, text: Bytes, row: int, work: Ints, depth: int
) -> int:
    """The price at the start of the event; NO_PRICE where the detail has none."""
    zone_row = zone_at(table, table[table[t.VERSION_ZONE] + version], events[row, e.TIME_US])
    slot = band_slot(table, detail, week_position_us(table, zone_row, events[row, e.TIME_US]))
    return select_price(table, slot, events, text, row, work, depth)


@njit(cache=True, nogil=True)
def period_of(table: Ints, price: int, elapsed: int) -> int:
    """The period of a price that an elapsed quantity lies in."""
    period = table[table[t.PRICE_PERIOD_FIRST] + price + 1] - 1
    while (
        period > table[table[t.PRICE_PERIOD_FIRST] + price] and table[table[t.PERIOD_FROM] + period] > elapsed
    ):
        period -= 1
    return period


@njit(cache=True, nogil=True)
def price_quantity(
    table: Ints,
    version: int,
    detail: int,
    events: Ints,
    text: Bytes,
    row: int,
    work: Ints,
    depth: int,
    covered: int,
    start_price: int,
) -> tuple[int, int, int]:
    """(sum in 1/denominator, PRICED | UNPRICED | TOO_LARGE, 1 if the maximum held the price back).

    `covered` is what allowances took of the event's quantity: increments start where it ends. UNPRICED:
    a later band has no price for the rest.
    """
    quantity = events[row, e.QUANTITY]
    total = table[table[t.PRICE_FLAT_NUM] + start_price]
    priced = quantity > covered
    if priced or quantity == 0:
        total = checked_sum(total, table[table[t.PRICE_CONNECT_NUM] + start_price])
    zone = table[table[t.VERSION_ZONE] + version]
    elapsed = covered
    price = start_price
    split = table[table[t.VERSION_BAND_MODE] + version] == SPLIT_AT_BANDS
    while elapsed < quantity:
        boundary = quantity
        if split:
            now_us = events[row, e.TIME_US] + elapsed * SECOND_US
            zone_row = zone_at(table, zone, now_us)
            position_us = week_position_us(table, zone_row, now_us)
            slot = band_slot(table, detail, position_us)
            price = select_price(table, slot, events, text, row, work, depth)
            if price == NO_PRICE:
                return 0, UNPRICED, 0
            until_us = holds_until_us(table, zone, zone_row, detail, slot, position_us, now_us)
            boundary = min(boundary, elapsed + div_ceil(until_us - now_us, SECOND_US))
        if table[table[t.PRICE_PERIOD_FIRST] + price] == table[table[t.PRICE_PERIOD_FIRST] + price + 1]:
            # A price of a flat fee alone: nothing is charged for the quantity.
            elapsed = boundary
            continue
        period = period_of(table, price, elapsed)
        if period + 1 < table[table[t.PRICE_PERIOD_FIRST] + price + 1]:
            boundary = min(boundary, table[table[t.PERIOD_FROM] + period + 1])
        count = div_ceil(boundary - elapsed, table[table[t.PERIOD_INCREMENT] + period])
        total = checked_sum(total, checked_product(count, table[table[t.PERIOD_INCREMENT_NUM] + period]))
        if total == OVERFLOW:
            return 0, TOO_LARGE, 0
        elapsed += count * table[table[t.PERIOD_INCREMENT] + period]
    if total == OVERFLOW:
        return 0, TOO_LARGE, 0
    if not priced:
        return _capped(table, start_price, total)
    return _capped(table, start_price, max(total, table[table[t.PRICE_MINIMUM_NUM] + start_price]))


@njit(cache=True, nogil=True)
def _capped(table: Ints, price: int, total: int) -> tuple[int, int, int]:
    """The first price's maximum; a disconnect cap cuts the use, not the price."""
    maximum = table[table[t.PRICE_MAXIMUM_NUM] + price]
    if maximum >= 0 and total > maximum and table[table[t.PRICE_CAP] + price] == CAP_FREE:
        return maximum, PRICED, 1
    return total, PRICED, 0


@njit(cache=True, nogil=True)
def rounded(table: Ints, detail: int, total: int) -> int:
    """The amount in stored units, rounded once as the detail says; OVERFLOW past what can be kept."""
    step = table[table[t.DETAIL_STEP] + detail]
    denominator = table[table[t.DETAIL_DENOMINATOR] + detail]
    if denominator > NUM_MAX // step:
        return OVERFLOW
    return round_div(total, denominator * step, table[table[t.DETAIL_ROUNDING] + detail]) * step
