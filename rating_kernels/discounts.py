"""Pure. What comes off an event's amount, and the tax that goes on top of it (DECISIONS 14-15)."""

from rating_kernels import table_words as t
from rating_kernels.batch_columns import IMPACT_DISCOUNT
from rating_kernels.impacts import note_impact
from rating_kernels.kernel import kernel
from rating_kernels.profile_image import (
    D_DISCOUNT,
    D_VALID_FROM_US,
    D_VALID_TO_US,
    DISCOUNT_WORDS,
    P_DISCOUNTS_AT,
    V_DISCOUNT_FIRST,
    V_DISCOUNTS,
)
from rating_kernels.quantities import mul_div, round_div
from rating_kernels.tariff_table import FLOOR, HALF_UP, Ints
from rating_kernels.trace import (
    DISCOUNT_NOT_VALID,
    DISCOUNT_NOTHING_LEFT,
    DISCOUNT_OTHER_USE,
    DISCOUNT_TAKEN,
    TRACE_DISCOUNT,
    TRACE_TAX_RATE,
    trace,
)

NO_TAX_RATE = -1


@kernel
def discounted(
    table: Ints,
    profiles: Ints,
    profile_at: int,
    service: int,
    detail: int,
    amount: int,
    time_us: int,
    group_id: int,
    impacts: Ints,
    work: Ints,
) -> int:
    """The net amount after the service's discounts in their order, each rounded as the detail's price.

    What a cheaper tier gives back was charged with its percentages off, so they come off it, too.
    """
    row = (
        profile_at
        + profiles[profile_at + P_DISCOUNTS_AT]
        + profiles[service + V_DISCOUNT_FIRST] * DISCOUNT_WORDS
    )
    net = amount
    for _ in range(profiles[service + V_DISCOUNTS]):
        discount = profiles[row + D_DISCOUNT]
        discount_id = table[table[t.DISCOUNT_ID] + discount]
        off = 0
        if net == 0:
            why = DISCOUNT_NOTHING_LEFT
        elif not profiles[row + D_VALID_FROM_US] <= time_us < profiles[row + D_VALID_TO_US]:
            why = DISCOUNT_NOT_VALID
        elif not _matches(table, discount, detail):
            why = DISCOUNT_OTHER_USE
        else:
            why = DISCOUNT_TAKEN
            off = _off(table, discount, detail, net)
            net -= off
            if off != 0:
                resource_id = table[table[t.RESOURCE_ID] + table[table[t.DETAIL_RESOURCE] + detail]]
                note_impact(impacts, work, IMPACT_DISCOUNT, group_id, discount_id, resource_id, 0, 0, -off)
        trace(work, TRACE_DISCOUNT, discount_id, off, net, why)
        row += DISCOUNT_WORDS
    return net


@kernel
def tax_on(table: Ints, detail: int, net: int, time_us: int, work: Ints) -> int:
    """The tax that a detail's code charges with the event, half up; NO_TAX_RATE where it has none then."""
    tax = table[table[t.DETAIL_TAX] + detail]
    if tax < 0:
        return 0
    for rate in range(table[table[t.TAX_RATE_FIRST] + tax], table[table[t.TAX_RATE_FIRST] + tax + 1]):
        if table[table[t.TAX_FROM_US] + rate] <= time_us < table[table[t.TAX_TO_US] + rate]:
            numerator, denominator = table[table[t.TAX_NUM] + rate], table[table[t.TAX_DEN] + rate]
            trace(work, TRACE_TAX_RATE, tax, rate, numerator, denominator)
            return mul_div(net, numerator, denominator, HALF_UP)
    trace(work, TRACE_TAX_RATE, tax, NO_TAX_RATE)
    return NO_TAX_RATE


@kernel
def _off(table: Ints, discount: int, detail: int, net: int) -> int:
    """What a discount takes: a part of an amount of either sign, or so much, but never more than there is."""
    if table[table[t.DISCOUNT_DEN] + discount] == 0:
        return min(table[table[t.DISCOUNT_NUM] + discount], max(net, 0))
    part = min(_part(table, discount, detail, abs(net)), abs(net))
    return part if net >= 0 else -part


@kernel
def _part(table: Ints, discount: int, detail: int, net: int) -> int:
    numerator = table[table[t.DISCOUNT_NUM] + discount]
    denominator = table[table[t.DISCOUNT_DEN] + discount]
    step = table[table[t.DETAIL_STEP] + detail]
    mode = table[table[t.DETAIL_ROUNDING] + detail]
    if step == 1:
        return mul_div(net, numerator, denominator, mode)
    # denominator * step may pass int64. A step is even, so half of it is whole: a last bit that says "and a
    # little more" rounds as the exact part does.
    more = 1 if (net % denominator) * numerator % denominator != 0 else 0
    return round_div(2 * mul_div(net, numerator, denominator, FLOOR) + more, 2 * step, mode) * step


@kernel
def _matches(table: Ints, discount: int, detail: int) -> bool:
    """Whether an impact of the detail bears one of the discount's tags; no tags fit every impact."""
    if table[table[t.DISCOUNT_RESOURCE] + discount] != table[table[t.DETAIL_RESOURCE] + detail]:
        return False
    charge = table[table[t.DISCOUNT_CHARGE_TAG_FIRST] + discount]
    charge_end = table[table[t.DISCOUNT_CHARGE_TAG_FIRST] + discount + 1]
    resource = table[table[t.DISCOUNT_RESOURCE_TAG_FIRST] + discount]
    resource_end = table[table[t.DISCOUNT_RESOURCE_TAG_FIRST] + discount + 1]
    if charge == charge_end and resource == resource_end:
        return True
    for tag in range(charge, charge_end):
        if table[table[t.DISCOUNT_CHARGE_TAG_ID] + tag] == table[table[t.DETAIL_CHARGE_TAG_ID] + detail]:
            return True
    for tag in range(resource, resource_end):
        if table[table[t.DISCOUNT_RESOURCE_TAG_ID] + tag] == table[table[t.DETAIL_RESOURCE_TAG_ID] + detail]:
            return True
    return False
