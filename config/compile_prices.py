"""Pure. Prices into whole numbers: each detail has one denominator in which all its prices are exact.

A detail is refused if an event of its type could come near the limits of the kernels' arithmetic.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from config.compilation import Columns, Place
from config.compile_tiers import ExactPeriod, Quantities, exact_periods, price_model
from config.exact_amounts import not_negative, positive, whole
from config.rate_plan import Decimal, Price
from rating_kernels.group_image import AMOUNT_MAX
from rating_kernels.tariff_table import CAP_DISCONNECT, CAP_FREE, CAP_NONE, PER_CYCLE, PER_EVENT

# Kernels add up numerators in int64; a quarter of its range leaves room for a connect fee and rounding.
NUMERATOR_MAX = 2**61
FREE_EVENTS_MAX = 2**31
NOT_SET = -1


class ExactPrice(NamedTuple):
    """A price in stored units of its resource; None = not set."""

    connect: Fraction
    flat: Fraction
    minimum: Fraction | None
    maximum: Fraction | None
    cap: int
    model: int
    scope: int
    free_events: int  # -1 = not set
    free_quantity: int
    periods: list[ExactPeriod]


def exact_price(price: Price, decimals: int, quantities: Quantities, place: Place) -> ExactPrice:
    """A price with its numbers read and checked; `decimals` are the stored ones of the resource."""
    unit = 10**decimals

    def bound(value: Decimal | None, name: str) -> Fraction | None:
        return None if value is None else not_negative(value, place.at(name)) * unit

    minimum, maximum = bound(price.minimum, "minimum"), bound(price.maximum, "maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        place.at("minimum").fault("is above the maximum", "lower it, or raise the maximum")
    if maximum is None and price.cap != "free":
        place.at("cap").fault("needs a maximum", "add `maximum`")
    cap = CAP_NONE if maximum is None else CAP_FREE if price.cap == "free" else CAP_DISCONNECT
    return ExactPrice(
        connect=not_negative(price.connect_fee, place.at("connect_fee")) * unit,
        flat=not_negative(price.flat, place.at("flat")) * unit,
        minimum=minimum,
        maximum=maximum,
        cap=cap,
        model=price_model(price, place),
        scope=PER_CYCLE if price.counts == "cycle" else PER_EVENT,
        free_events=_free_events(price, place.at("free_events")),
        free_quantity=_free_quantity(price, quantities, place.at("free_quantity")),
        periods=exact_periods(price, unit, quantities, place),
    )


def counts_use(price: ExactPrice) -> bool:
    """Whether what a cycle has used of the price is counted."""
    return price.scope == PER_CYCLE or price.free_events != NOT_SET or price.free_quantity != NOT_SET


def _free_events(price: Price, place: Place) -> int:
    if price.free_events is None:
        return NOT_SET
    if not 1 <= price.free_events <= FREE_EVENTS_MAX:
        place.fault(f"{price.free_events} is out of bounds", f"write 1 to {FREE_EVENTS_MAX}")
    return price.free_events


def _free_quantity(price: Price, quantities: Quantities, place: Place) -> int:
    if price.free_quantity is None:
        return NOT_SET
    return whole(positive(price.free_quantity, place), quantities.decimals, place)


def common_denominator(prices: list[ExactPrice]) -> int:
    """The denominator in which all prices of a detail are whole."""
    return math.lcm(*(amount.denominator for price in prices for amount in _amounts(price)))


def check_room(
    prices: list[ExactPrice], denominator: int, step: int, quantities: Quantities, place: Place
) -> None:
    """A fault if the largest event's price, or one step of rounding, could pass what kernels can hold."""
    # Increments tile the quantity and the last one of each tier may stand out, so no event costs more.
    dearest = max((p.amount / p.increment for price in prices for p in price.periods), default=Fraction(0))
    longest = max((p.increment for price in prices for p in price.periods), default=0)
    most = max((len(price.periods) for price in prices), default=0)
    worst = dearest * (quantities.maximum + longest * most)
    worst += max((p.connect + p.flat + sum(t.flat for t in p.periods) for p in prices), default=Fraction(0))
    worst = max([worst, *(a for price in prices for a in (price.minimum, price.maximum) if a is not None)])
    if worst > AMOUNT_MAX:
        message = (
            f"an event of the largest quantity could cost {math.ceil(worst)} stored units of {AMOUNT_MAX}"
        )
        place.fault(message, "lower the event type's quantity_max, or the price")
    elif max(worst, Fraction(step)) * denominator > NUMERATOR_MAX:
        message = (
            f"its prices are whole only in 1/{denominator} of a stored unit, which leaves too little room"
        )
        place.fault(message, "choose amounts that divide by `per`, or lower the event type's quantity_max")


def add_price(columns: Columns, price: ExactPrice, price_id: int, denominator: int) -> None:
    """Append a price and its periods."""

    def num(amount: Fraction | None) -> int:
        return -1 if amount is None else int(amount * denominator)

    columns.add(
        price_id=price_id,
        price_connect_num=num(price.connect),
        price_flat_num=num(price.flat),
        price_minimum_num=num(price.minimum),
        price_maximum_num=num(price.maximum),
        price_cap=price.cap,
        price_model=price.model,
        price_scope=price.scope,
        price_free_events=price.free_events,
        price_free_quantity=price.free_quantity,
    )
    columns.open("price_period_first")
    for period in price.periods:
        columns.add(
            period_from=period.from_quantity,
            period_increment=period.increment,
            period_increment_num=num(period.amount),
            period_flat_num=num(period.flat),
        )


def _amounts(price: ExactPrice) -> list[Fraction]:
    bounds = [amount for amount in (price.minimum, price.maximum) if amount is not None]
    return [
        price.connect,
        price.flat,
        *bounds,
        *(a for period in price.periods for a in (period.amount, period.flat)),
    ]
