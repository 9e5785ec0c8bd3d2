"""Pure. The exact price of one detail of one event, in closed form over increments.

DECISIONS 11-13, 16, 17. A started increment is charged whole and eats into the next period or band; the
price is looked up again where an increment starts; elapsed counts from the start of the event. What
stays is a sum of increments times prices in 1/denominator, rounded once by the caller of `rounded`.
"""

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.group_image import AMOUNT_MAX, QUANTITY_MAX
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.quantities import OVERFLOW, checked_product, checked_sum, div_ceil, round_div
from rating_kernels.select_price import (
    NO_PRICE,
    band_slot,
    holds_until_us,
    select_price,
    week_position_us,
    zone_at,
)
from rating_kernels.tariff_table import CAP_FREE, SPLIT_AT_BANDS, Bytes, Ints
from rating_kernels.tiers import is_tiered, tier_sum
from rating_kernels.trace import TRACE_FEES, TRACE_PERIOD, TRACE_PRICE, TRACE_TIERS, TRACE_TOTAL, trace
from rating_kernels.workspace import W_TRACE_ON

# What `price_quantity` says beside the sum.
PRICED, UNPRICED, TOO_LARGE = range(3)
# Below any amount that can be.
OUT_OF_RANGE = -(2**62)
NO_MINIMUM = OUT_OF_RANGE


@kernel
def first_price(
    table: Ints, version: int, detail: int, events: Ints, text: Bytes, row: int, work: Ints, depth: int
) -> int:
    """The price at the start of the event; NO_PRICE where the detail has none."""
    slot, position_us = 0, 0
    if (
        work[W_TRACE_ON] == 1
        or table[table[t.DETAIL_BREAK_FIRST] + detail] + 1 < table[table[t.DETAIL_BREAK_FIRST] + detail + 1]
    ):
        # Where a price holds the whole week nobody but who asks why needs to know where in it the event is.
        zone_row = zone_at(table, table[table[t.VERSION_ZONE] + version], events[row, e.TIME_US], work)
        position_us = week_position_us(table, version, zone_row, events[row, e.TIME_US])
        slot = band_slot(table, detail, position_us)
    price = select_price(table, slot, events, text, row, work, depth)
    trace(work, TRACE_PRICE, price, detail, 0, events[row, e.TIME_US], position_us)
    return price


@kernel
def splits(table: Ints, version: int, detail: int) -> bool:
    """Whether an event's price may change within it: its quantity is time, and bands begin and end in the week."""
    return (
        table[table[t.VERSION_BAND_MODE] + version] == SPLIT_AT_BANDS
        and table[table[t.DETAIL_BREAK_FIRST] + detail] + 1 < table[table[t.DETAIL_BREAK_FIRST] + detail + 1]
    )


@kernel
def period_of(table: Ints, price: int, elapsed: int) -> int:
    """The period of a price that an elapsed quantity lies in."""
    period = table[table[t.PRICE_PERIOD_FIRST] + price + 1] - 1
    while (
        period > table[table[t.PRICE_PERIOD_FIRST] + price] and table[table[t.PERIOD_FROM] + period] > elapsed
    ):
        period -= 1
    return period


@kernel
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
    counted: int,
) -> tuple[int, int, int]:
    """(sum in 1/denominator, PRICED | UNPRICED | TOO_LARGE, 1 if the maximum held the price back).

    `covered` is what allowances took of the event's quantity: increments start where it ends. `counted`
    is what tiers of a cycle have counted before, -1 = nothing yet. UNPRICED: a later band has no price
    for the rest. Only a volume price over a cycle can be below zero.
    """
    quantity = events[row, e.QUANTITY]
    flat, connect = table[table[t.PRICE_FLAT_NUM] + start_price], 0
    priced = quantity > covered
    if priced or quantity == 0:
        connect = table[table[t.PRICE_CONNECT_NUM] + start_price]
    total = checked_sum(flat, connect)
    minimum = table[table[t.PRICE_MINIMUM_NUM] + start_price]
    if not priced or minimum < 0:
        minimum = NO_MINIMUM
    trace(work, TRACE_FEES, start_price, connect, flat, max(minimum, -1))
    if is_tiered(table, start_price):
        tiers, said = _tier_price(table, start_price, quantity - covered, counted, work)
        if said != PRICED or total == OVERFLOW:
            return 0, TOO_LARGE, 0
        return _bounded(table, start_price, total + tiers, minimum, work)
    elapsed = covered
    price = start_price
    split = splits(table, version, detail)
    while elapsed < quantity:
        boundary = quantity
        if split:
            price, until = _price_within(table, version, detail, events, text, row, work, depth, elapsed)
            if price == NO_PRICE:
                return 0, UNPRICED, 0
            boundary = min(boundary, until)
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
        begun = elapsed
        elapsed += count * table[table[t.PERIOD_INCREMENT] + period]
        trace(work, TRACE_PERIOD, period, begun, elapsed, count, total)
    if total == OVERFLOW:
        return 0, TOO_LARGE, 0
    return _bounded(table, start_price, total, minimum, work)


@rare_kernel
def _price_within(
    table: Ints,
    version: int,
    detail: int,
    events: Ints,
    text: Bytes,
    row: int,
    work: Ints,
    depth: int,
    elapsed: int,
) -> tuple[int, int]:
    """(price in force when so much of the event is over, elapsed up to which it may hold)."""
    unit_us = table[table[t.VERSION_UNIT_US] + version]
    now_us = events[row, e.TIME_US] + elapsed * unit_us
    zone_row = zone_at(table, table[table[t.VERSION_ZONE] + version], now_us, work)
    position_us = week_position_us(table, version, zone_row, now_us)
    slot = band_slot(table, detail, position_us)
    price = select_price(table, slot, events, text, row, work, depth)
    trace(work, TRACE_PRICE, price, detail, elapsed, now_us, position_us)
    until_us = holds_until_us(table, version, zone_row, detail, slot, position_us, now_us)
    return price, elapsed + div_ceil(until_us - now_us, unit_us)


@kernel
def _tier_price(table: Ints, price: int, quantity: int, counted: int, work: Ints) -> tuple[int, int]:
    """(what a quantity adds to the tiers' sum, PRICED or TOO_LARGE)."""
    if counted < 0:
        total = tier_sum(table, price, quantity, work)
        trace(work, TRACE_TIERS, price, 0, quantity, 0, total)
        return total, TOO_LARGE if total == OVERFLOW else PRICED
    if counted > QUANTITY_MAX - quantity:
        return 0, TOO_LARGE
    before = tier_sum(table, price, counted, work)
    after = tier_sum(table, price, counted + quantity, work)
    trace(work, TRACE_TIERS, price, counted, counted + quantity, before, after)
    if before == OVERFLOW or after == OVERFLOW:
        return 0, TOO_LARGE
    return after - before, PRICED


@kernel
def _bounded(table: Ints, price: int, total: int, minimum: int, work: Ints) -> tuple[int, int, int]:
    """The total between the first price's bounds; a disconnect cap cuts the use, not the price."""
    bounded = max(total, minimum)
    maximum = table[table[t.PRICE_MAXIMUM_NUM] + price]
    capped = 0
    if maximum >= 0 and bounded > maximum and table[table[t.PRICE_CAP] + price] == CAP_FREE:
        bounded, capped = maximum, 1
    trace(work, TRACE_TOTAL, total, bounded, capped, price)
    return bounded, PRICED, capped


@kernel
def rounded(table: Ints, detail: int, total: int) -> int:
    """The amount in stored units, rounded once as the detail says; OUT_OF_RANGE past what can be kept.

    The catalogue's compiler refuses a detail whose denominator times step could wrap.
    """
    if total == 0:
        return 0
    step = table[table[t.DETAIL_STEP] + detail]
    denominator = table[table[t.DETAIL_DENOMINATOR] + detail]
    amount = round_div(total, denominator * step, table[table[t.DETAIL_ROUNDING] + detail]) * step
    return amount if abs(amount) <= AMOUNT_MAX else OUT_OF_RANGE
