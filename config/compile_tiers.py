"""Pure. Periods, tiers and packages of a price into one list: from where, how large a block, at what amount."""

import itertools
from fractions import Fraction
from typing import NamedTuple

from config.compilation import Place
from config.exact_amounts import exact, not_negative, positive, whole
from config.rate_plan import Decimal, Package, Period, Price, Tier
from rating_kernels.tariff_table import BY_PERIOD, GRADUATED, VOLUME

TIERS_MAX = 64
_NOTHING = Fraction(0)


class Quantities(NamedTuple):
    """How events of a service type are counted."""

    decimals: int
    maximum: int  # in the smallest unit
    unit_us: int = 0  # what the smallest unit lasts; 0 = quantities are no time


class ExactPeriod(NamedTuple):
    """A period or tier; the price of an increment, and of entering it, in stored units."""

    from_quantity: int
    increment: int
    amount: Fraction
    flat: Fraction = _NOTHING


def price_model(price: Price, place: Place) -> int:
    """BY_PERIOD, GRADUATED or VOLUME; a fault where a price goes by two of them."""
    ways = [name for name in ("periods", "tiers", "package") if getattr(price, name)]
    if len(ways) > 1:
        place.fault(f"has {' and '.join(ways)}", "keep one of them")
    tiered = bool(price.tiers or price.package)
    if not tiered and price.mode != "graduated":
        place.at("mode").fault("needs tiers", "add `tiers`, or leave `mode` out")
    if not tiered and price.counts == "cycle":
        place.at("counts").fault("needs tiers or a package", "add `tiers`, or leave `counts` out")
    if price.counts == "cycle" and (price.free_events is not None or price.free_quantity is not None):
        # Where the free part lies among tiers that count everything has no one answer; a volume price would
        # give back what it never charged.
        place.at("counts").fault(
            "counts what is free, too", "begin with a tier of amount 0, or a package with `free`"
        )
    if not tiered:
        return BY_PERIOD
    return VOLUME if price.mode == "volume" else GRADUATED


def exact_periods(price: Price, unit: int, quantities: Quantities, place: Place) -> list[ExactPeriod]:
    """The price's periods, tiers or packages, ascending, the first from 0; `unit` stored units make one."""
    if price.package is not None:
        return _package(price.package, unit, quantities, place.at("package"))
    if price.tiers:
        return _tiers(price.tiers, unit, quantities, place)
    periods = [
        _period(period, unit, quantities, place.at(f"periods[{number}]"))
        for number, period in enumerate(price.periods)
    ]
    for number, (one, other) in enumerate(itertools.pairwise(periods), 1):
        if one.from_quantity >= other.from_quantity:
            place.at(f"periods[{number}].from").fault("does not come after the period before it", "sort them")
    if periods and periods[0].from_quantity != 0:
        place.at("periods[0].from").fault("is not 0", "let the first period begin at 0")
    # A price without periods has one that costs nothing, so that kernels always find one. Its increments are
    # the smallest: a large one that has started would carry the price past the end of its band.
    return periods or [ExactPeriod(0, 1, _NOTHING)]


def _period(period: Period, unit: int, quantities: Quantities, place: Place) -> ExactPeriod:
    per = positive(period.per, place.at("per"))
    step = per if period.increment is None else positive(period.increment, place.at("increment"))
    name = "per" if period.increment is None else "increment"
    increment = max(whole(step, quantities.decimals, place.at(name)), 1)
    start = whole(exact(period.from_, place.at("from")), quantities.decimals, place.at("from"))
    one = _amount_per(period.amount, period.percent, per, place)
    return ExactPeriod(start, increment, one * unit * increment / 10**quantities.decimals)


def _tiers(tiers: tuple[Tier, ...], unit: int, quantities: Quantities, place: Place) -> list[ExactPeriod]:
    if len(tiers) > TIERS_MAX:
        place.at("tiers").fault(f"{len(tiers)} are too many", f"use at most {TIERS_MAX}")
    found: list[ExactPeriod] = []
    start = 0
    for number, tier in enumerate(tiers):
        there = place.at(f"tiers[{number}]")
        block = 1
        if tier.block is not None:
            block = max(
                whole(positive(tier.block, there.at("block")), quantities.decimals, there.at("block")), 1
            )
        one = _amount_per(tier.amount, tier.percent, positive(tier.per, there.at("per")), there)
        amount = one * unit * block / 10**quantities.decimals
        found.append(ExactPeriod(start, block, amount, not_negative(tier.flat, there.at("flat")) * unit))
        if tier.to is None:
            if number + 1 < len(tiers):
                there.at("to").fault("is missing, and tiers follow", "say up to where the tier goes")
            break
        end = whole(positive(tier.to, there.at("to")), quantities.decimals, there.at("to"))
        if end <= start:
            there.at("to").fault("does not come after the tier before it", "sort them")
        start = max(end, start + 1)
    else:
        if start < quantities.maximum:
            place.at(f"tiers[{len(tiers) - 1}].to").fault(
                "leaves larger quantities without a price", "leave `to` out of the last tier"
            )
    return found


def _package(package: Package, unit: int, quantities: Quantities, place: Place) -> list[ExactPeriod]:
    size = max(whole(positive(package.size, place.at("size")), quantities.decimals, place.at("size")), 1)
    free = whole(not_negative(package.free, place.at("free")), quantities.decimals, place.at("free"))
    blocks = ExactPeriod(free, size, not_negative(package.amount, place.at("amount")) * unit)
    return [ExactPeriod(0, 1, _NOTHING), blocks] if free else [blocks]


def _amount_per(amount: Decimal | None, percent: Decimal | None, per: Fraction, place: Place) -> Fraction:
    """What one unit of quantity costs, in units of the resource."""
    if (amount is None) == (percent is None):
        place.fault("needs `amount` or `percent`, one of them", "write what it costs")
        return _NOTHING
    if percent is not None:
        return not_negative(percent, place.at("percent")) / 100
    assert amount is not None
    return not_negative(amount, place.at("amount")) / per
