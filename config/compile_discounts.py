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
    """Append every discount of events, and find the items of those of bills; by code.

    After rate plans and products, which say what is booked where.
    """
    infos: dict[str, DiscountInfo] = {}
    index = 0
    for discount in compilation.catalogue.discounts.values():
        place = compilation.place("discount", discount.code)
        number = compilation.name("discount", discount.code, place)
        ratio = _ratio(compilation, discount, place)
        tags = {
            kind: [compilation.tag(tag, kind, f"{kind}_tags", place) for tag in tags]
            for kind, tags in (("charge", discount.charge_tags), ("resource", discount.resource_tags))
        }
        on_bill = discount.at == "bill"
        items = _items(compilation, discount, place) if on_bill else frozenset()
        infos[discount.code] = DiscountInfo(
            discount.code, number, -1 if on_bill else index, discount.priority, on_bill, *ratio, items
        )
        if not on_bill:
            _add_discount(compilation, discount, number, ratio, tags)
            index += 1
    return infos


def _add_discount(
    compilation: Compilation,
    discount: Discount,
    number: int,
    ratio: tuple[int, int],
    tags: dict[str, list[int]],
) -> None:
    """A row of the kernels' table."""
    resource = compilation.resources.get(discount.resource or compilation.catalogue.site.currency)
    compilation.columns.add(
        discount_id=number,
        discount_resource=resource.index if resource else 0,
        discount_num=ratio[0],
        discount_den=ratio[1],
    )
    for kind, tag_ids in tags.items():
        compilation.columns.open(f"discount_{kind}_tag_first")
        for tag_id in tag_ids:
            compilation.columns.add(**{f"discount_{kind}_tag_id": tag_id})


def _items(compilation: Compilation, discount: Discount, place: Place) -> frozenset[int]:
    """The items that a discount comes off on the bill: a total cannot be taken apart again."""
    code = discount.resource or compilation.catalogue.site.currency
    resource = compilation.resources.get(code)
    if resource is not None and not resource.is_money:
        place.at("resource").fault(f"{code!r} is not money, and bills hold nothing else", "name one that is")
    found = set()
    for number, key in compilation.items.items():
        if key.is_tax or key.resource != code:
            continue
        fits = {_fits(discount, *tags) for tags in compilation.booked[number]}
        if True not in fits:
            continue
        found.add(number)
        item = "/".join(part for part in (key.bill_item, key.general_ledger, key.tax) if part)
        tax = compilation.catalogue.taxes.get(key.tax)
        if False in fits:
            place.fault(
                f"fits a part of what is booked to {item}, and a bill cannot tell the parts apart",
                "give all of it a tag of the discount, or book the rest to another bill item",
            )
        elif tax is not None and tax.at == "rating":
            place.fault(
                f"comes off {item}, whose tax was charged with each event",
                'set at = "event", or name tags that leave it out',
            )
    return frozenset(found)


def _fits(discount: Discount, charge_tag: str, resource_tag: str) -> bool:
    """Whether what bears these tags is meant; no tags fit everything, as in the kernels."""
    if not discount.charge_tags and not discount.resource_tags:
        return True
    return charge_tag in discount.charge_tags or resource_tag in discount.resource_tags


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
