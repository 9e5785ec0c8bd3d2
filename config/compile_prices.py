"""Pure. Prices into whole numbers: each detail has one denominator in which all its prices are exact.

A detail is refused if an event of its type could come near the limits of the kernels' arithmetic.
"""

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

from config.catalogue import Decimal, Period, Price
from config.compilation import Columns, Place
from config.exact_amounts import exact, not_negative, positive, whole
from rating_kernels.group_image import AMOUNT_MAX
from rating_kernels.tariff_table import CAP_DISCONNECT, CAP_FREE, CAP_NONE

# Kernels add up numerators in int64; a quarter of its range leaves room for a connect fee and rounding.
NUMERATOR_MAX = 2**61


class Quantities(NamedTuple):
    """How events of a service type are counted."""

    decimals: int
    maximum: int  # in the smallest unit


class ExactPeriod(NamedTuple):
    """A period; the price of an increment in stored units."""

    from_quantity: int
    increment: int
    amount: Fraction


class ExactPrice(NamedTuple):
    """A price in stored units of its resource; None = not set."""

    connect: Fraction
    flat: Fraction
    minimum: Fraction | None
    maximum: Fraction | None
    cap: int
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
    periods = [
        _exact_period(period, unit, quantities, place.at(f"periods[{number}]"))
        for number, period in enumerate(price.periods)
    ]
    for number, (one, other) in enumerate(itertools.pairwise(periods), 1):
        if one.from_quantity >= other.from_quantity:
            place.at(f"periods[{number}].from").fault("does not come after the period before it", "sort them")
    if periods and periods[0].from_quantity != 0:
        place.at("periods[0].from").fault("is not 0", "let the first period begin at 0")
    # A price without periods has one that costs nothing, so that kernels always find one.
    return ExactPrice(
        connect=not_negative(price.connect_fee, place.at("connect_fee")) * unit,
        flat=not_negative(price.flat, place.at("flat")) * unit,
        minimum=minimum,
        maximum=maximum,
        cap=cap,
        periods=periods or [ExactPeriod(0, max(quantities.maximum, 1), Fraction(0))],
    )


def common_denominator(prices: list[ExactPrice]) -> int:
    """The denominator in which all prices of a detail are whole."""
    return math.lcm(*(amount.denominator for price in prices for amount in _amounts(price)))


def check_room(
    prices: list[ExactPrice], denominator: int, step: int, quantities: Quantities, place: Place
) -> None:
    """A fault if the largest event's price, or one step of rounding, could pass what kernels can hold."""
    # Increments tile the quantity and the last one may stand out, so no event costs more than this.
    dearest = max((p.amount / p.increment for price in prices for p in price.periods), default=Fraction(0))
    longest = max((p.increment for price in prices for p in price.periods), default=0)
    worst = dearest * (quantities.maximum + longest)
    worst += max((price.connect + price.flat for price in prices), default=Fraction(0))
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
    )
    columns.open("price_period_first")
    for period in price.periods:
        columns.add(
            period_from=period.from_quantity,
            period_increment=period.increment,
            period_increment_num=num(period.amount),
        )


def _exact_period(period: Period, unit: int, quantities: Quantities, place: Place) -> ExactPeriod:
    scale = 10**quantities.decimals
    per = positive(period.per, place.at("per"))
    step = per if period.increment is None else positive(period.increment, place.at("increment"))
    name = "per" if period.increment is None else "increment"
    increment = max(whole(step, quantities.decimals, place.at(name)), 1)
    start = whole(exact(period.from_, place.at("from")), quantities.decimals, place.at("from"))
    amount = not_negative(period.amount, place.at("amount"))
    return ExactPeriod(start, increment, amount * unit * increment / (per * scale))


def _amounts(price: ExactPrice) -> list[Fraction]:
    bounds = [amount for amount in (price.minimum, price.maximum) if amount is not None]
    return [price.connect, price.flat, *bounds, *(period.amount for period in price.periods)]
