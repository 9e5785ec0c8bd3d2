"""Pure. The steps of a price: rules, periods, tiers, what a cycle gives for nothing, rounding, discounts, tax."""

from fractions import Fraction

from charging.explain_names import exact_text
from charging.explain_reading import Handler, Reading
from charging.explanation import (
    DiscountStep,
    FreeStep,
    PartStep,
    PriceStep,
    PricingStep,
    TaxStep,
    TierStep,
)
from config.compile_services import ROUNDING_MODES
from rating_kernels import trace as k
from rating_kernels.price_event import OUT_OF_RANGE
from rating_kernels.quantities import OVERFLOW

ROUNDING_NAMES = {number: name for name, number in ROUNDING_MODES.items()}
DISCOUNT_WHY = {
    k.DISCOUNT_TAKEN: "taken",
    k.DISCOUNT_NOT_VALID: "not_valid_then",
    k.DISCOUNT_OTHER_USE: "other_use",
    k.DISCOUNT_NOTHING_LEFT: "nothing_left",
}
NO_BAND = -1
NO_PRICE = -1
PERCENT = 100


def _rule(reading: Reading, row: list[int]) -> None:
    reading.rule = (row[0], row[1], row[2], row[3])


def _price(reading: Reading, row: list[int]) -> None:
    """A look-up, with the rule noted just before it; without a rule there is no price."""
    price, detail, elapsed, time_us, position_us = row[:5]
    names = reading.names
    step = PriceStep(
        detail=detail - int(names.table.version_detail_first[names.version_of(detail)]),
        at=names.local(time_us, names.zone_of(detail)),
        elapsed=reading.quantity(elapsed),
        special_day=names.special_day(detail, position_us),
    )
    if price != NO_PRICE and reading.event is not None and reading.info is not None:
        rule, matched, band, since_s = reading.rule
        step.price = names.price(price)
        step.prefix = names.prefix(detail, matched, reading.event, reading.info)
        step.weight = int(names.table.rule_weight[rule])
        step.conditions = names.conditions(rule, reading.info)
        if band != NO_BAND:
            step.band = names.catalogue.band_codes[band]
            step.band_since = f"{since_s // 3600:02}:{since_s // 60 % 60:02}:{since_s % 60:02}"
    looked_up = reading.details[-1].prices if reading.details else reading.prices
    if reading.details and looked_up and looked_up[-1].elapsed == step.elapsed:
        # The price at the event's start is looked up again where the event is split.
        looked_up.pop()
    looked_up.append(step)


def _counted(reading: Reading, row: list[int]) -> None:
    group_id, price, quantity, events, added = row[:5]
    reading.details[-1].counted = FreeStep(
        group=group_id,
        customer=reading.names.customer(group_id),
        price=reading.names.price(price),
        quantity_before=reading.quantity(quantity),
        quantity_after=reading.quantity(quantity + added),
        events_before=events,
        events_after=events + 1,
    )


def _free(reading: Reading, row: list[int]) -> None:
    counted = reading.details[-1].counted
    assert counted is not None, "what is free follows what was counted"
    counted.free, counted.whole_event = reading.quantity(row[0]), row[1] == 1


def _fees(reading: Reading, row: list[int]) -> None:
    """The price begins: its fees, and the bounds that its total will have."""
    price, connect, flat, minimum = row[:4]
    maximum = int(reading.names.table.price_maximum_num[price])
    reading.details[-1].pricing = PricingStep(
        price=reading.names.price(price),
        connect=reading.exact(connect),
        flat=reading.exact(flat),
        minimum=reading.exact(minimum) if minimum >= 0 else "",
        maximum=reading.exact(maximum) if maximum >= 0 else "",
    )
    reading.sum_so_far = connect + flat
    reading.tiers = []


def _part(reading: Reading, period: int, count: int, cost: int) -> PartStep:
    table = reading.names.table
    price = int(table.price_period_first.searchsorted(period, "right")) - 1
    return PartStep(
        price=reading.names.price(price),
        amount=_sum(reading, cost),
        begins=reading.quantity(int(table.period_from[period])),
        count=count,
        size=reading.quantity(int(table.period_increment[period])),
        each=reading.exact(int(table.period_increment_num[period])),
        flat=reading.exact(int(table.period_flat_num[period])),
    )


def _sum(reading: Reading, total: int) -> str:
    return "too large" if total == OVERFLOW else reading.exact(total)


def _period(reading: Reading, row: list[int]) -> None:
    period, before, after, count, total = row[:5]
    part = _part(reading, period, count, total - reading.sum_so_far)
    part.quantity = reading.quantity(min(after, reading.total_quantity) - before)
    reading.sum_so_far = total
    reading.pricing.periods.append(part)


def _tier(reading: Reading, row: list[int]) -> None:
    tier, quantity, blocks, cost = row[:4]
    part = _part(reading, tier, blocks, cost)
    part.quantity = reading.quantity(quantity)
    reading.tiers.append(part)


def _tier_sum(reading: Reading, row: list[int]) -> None:
    _, quantity, total = row[:3]
    step = TierStep(reading.quantity(quantity), _sum(reading, total), reading.tiers)
    reading.pricing.tiers.append(step)
    reading.tiers = []


def _tiers(reading: Reading, _row: list[int]) -> None:
    """Tiers of a cycle are noted as they are computed; people read first what it costs with the event."""
    reading.pricing.tiers.reverse()


def _total(reading: Reading, row: list[int]) -> None:
    total, bounded, capped = row[:3]
    pricing = reading.pricing
    pricing.sum, pricing.bounded = reading.exact(total), reading.exact(bounded)
    if capped == 1:
        pricing.held_by = "maximum"
    elif bounded > total:
        pricing.held_by = "minimum"


def _rounded(reading: Reading, row: list[int]) -> None:
    table, pricing = reading.names.table, reading.pricing
    info = reading.names.resource_of(reading.detail)
    pricing.amount = "" if row[0] == OUT_OF_RANGE else reading.amount(row[0])
    pricing.rounding = ROUNDING_NAMES[int(table.detail_rounding[reading.detail])]
    pricing.decimals = info.stored_decimals - (len(str(table.detail_step[reading.detail])) - 1)


def _discount(reading: Reading, row: list[int]) -> None:
    discount, off, net, why = row[:4]
    step = DiscountStep(
        reading.names.name("discount", discount),
        DISCOUNT_WHY[why],
        reading.amount(off),
        reading.amount(net),
    )
    reading.details[-1].discounts.append(step)


def _tax_rate(reading: Reading, row: list[int]) -> None:
    tax, rate, numerator, denominator = row[:4]
    step = TaxStep(reading.names.catalogue.rating_taxes[tax])
    if rate >= 0:
        step.percent = exact_text(Fraction(numerator * PERCENT, denominator))
    reading.details[-1].tax = step


def _tax(reading: Reading, row: list[int]) -> None:
    step = reading.details[-1].tax
    assert step is not None, "a tax follows its rate"
    step.net, step.amount, step.gross = (reading.amount(amount) for amount in row[1:4])


HANDLERS: dict[int, Handler] = {
    k.TRACE_RULE: _rule,
    k.TRACE_PRICE: _price,
    k.TRACE_COUNTED: _counted,
    k.TRACE_FREE: _free,
    k.TRACE_FEES: _fees,
    k.TRACE_PERIOD: _period,
    k.TRACE_TIER: _tier,
    k.TRACE_TIER_SUM: _tier_sum,
    k.TRACE_TIERS: _tiers,
    k.TRACE_TOTAL: _total,
    k.TRACE_ROUNDED: _rounded,
    k.TRACE_DISCOUNT: _discount,
    k.TRACE_TAX_RATE: _tax_rate,
    k.TRACE_TAX: _tax,
}
