"""Pure. Discounts, and the taxes that are charged with the event."""

from fractions import Fraction

from config.catalogue import Discount
from config.compilation import Compilation, Place
from config.compiled_catalogue import DiscountInfo, TaxRateInfo
from config.exact_amounts import MONEY_DECIMALS, positive, whole

PERCENT_MAX = 100
# Kernels multiply a rest below the denominator by the numerator: both stay below 2**31.
RATIO_MAX = 2**31


def compile_discounts(compilation: Compilation) -> dict[str, DiscountInfo]:
    """Append every discount; by code."""
    infos: dict[str, DiscountInfo] = {}
    for index, discount in enumerate(compilation.catalogue.discounts.values()):
        place = compilation.place("discount", discount.code)
        number = compilation.name("discount", discount.code, place)
        infos[discount.code] = DiscountInfo(discount.code, number, index, discount.priority)
        ratio = _ratio(compilation, discount, place)
        resource = compilation.resources.get(discount.resource or compilation.catalogue.site.currency)
        compilation.columns.add(
            discount_id=number,
            discount_resource=resource.index if resource else 0,
            discount_num=ratio[0],
            discount_den=ratio[1],
        )
        for kind, tags in (("charge", discount.charge_tags), ("resource", discount.resource_tags)):
            compilation.columns.open(f"discount_{kind}_tag_first")
            for tag in tags:
                field = f"{kind}_tags"
                if place.refer("tag", tag, field) and compilation.catalogue.tags[tag].kind != kind:
                    place.at(field).fault(f"{tag!r} is not a {kind} tag", f"name a tag of kind {kind!r}")
                tag_id = compilation.name("tag", tag, place.at(field))
                compilation.columns.add(**{f"discount_{kind}_tag_id": tag_id})
    return infos


def _ratio(compilation: Compilation, discount: Discount, place: Place) -> tuple[int, int]:
    """(numerator, denominator) of a part, or (stored units, 0)."""
    code = discount.resource or compilation.catalogue.site.currency
    known = place.refer("resource", code, "resource")
    if (discount.percent is None) == (discount.amount is None):
        place.fault("needs `percent` or `amount`, one of them", "write what it takes off")
        return 0, 1
    if discount.amount is not None:
        decimals = compilation.resources[code].stored_decimals if known else MONEY_DECIMALS
        return whole(positive(discount.amount, place.at("amount")), decimals, place.at("amount")), 0
    assert discount.percent is not None
    part = positive(discount.percent, place.at("percent")) / PERCENT_MAX
    if part > 1:
        place.at("percent").fault(f"{discount.percent} is more than 100", "write 10 for 10 %")
    if part.denominator >= RATIO_MAX:
        place.at("percent").fault("has too many digits", "write at most seven after the point")
        return 0, 1
    return part.numerator, part.denominator


def add_rating_taxes(compilation: Compilation, rates: dict[str, tuple[TaxRateInfo, ...]]) -> None:
    """Append the rates of the taxes that are charged with the event."""
    for code in compilation.rating_taxes:
        compilation.columns.open("tax_rate_first")
        for rate in rates[code]:
            part = Fraction(rate.percent_micro, PERCENT_MAX * 10**MONEY_DECIMALS)
            compilation.columns.add(
                tax_from_us=rate.valid_from_us,
                tax_to_us=rate.valid_to_us,
                tax_num=part.numerator,
                tax_den=part.denominator,
            )
