"""Pure. Products, what they bring each cycle, the bundles and plans that sell them, and taxes."""

from msgspec import structs

from config.catalogue import Product, Rollover, Tax
from config.compilation import Compilation, Place
from config.compiled_catalogue import ProductInfo, RecurringInfo, TaxRateInfo
from config.exact_amounts import MONEY_DECIMALS, not_negative, positive, whole
from rating_kernels.group_image import AMOUNT_MAX, INFINITE_US

PERCENT_MAX = 100
# Each cycle's rolled units are a sub-balance of their own, and groups hold a handful.
ROLLOVER_CYCLES_MAX = 24


def compile_products(
    compilation: Compilation, service_types: dict[str, int], plans: dict[str, int]
) -> dict[str, ProductInfo]:
    """Products by code."""
    infos: dict[str, ProductInfo] = {}
    for product in compilation.catalogue.products.values():
        place = compilation.place("product", product.code)
        number = compilation.name("product", product.code, place)
        recurring = _recurring(compilation, product, place)
        if product.rate_plan and recurring:
            place.fault("has a rate plan and a fee or allowances", "make a second product of these")
        elif not product.rate_plan and not recurring:
            place.fault("does nothing", "give it a rate plan, a fee or allowances")
        service_type, rate_plan_id = "", 0
        if product.rate_plan and place.refer("rate_plan", product.rate_plan):
            service_type = compilation.catalogue.rate_plans[product.rate_plan].service_type
            rate_plan_id = compilation.name("rate_plan", product.rate_plan, place)
        infos[product.code] = ProductInfo(
            code=product.code,
            id=number,
            service_type=service_type,
            service_type_index=service_types.get(service_type, -1),
            rate_plan_id=rate_plan_id,
            rate_plan_index=plans.get(product.rate_plan, -1),
            priority=product.priority,
            recurring=tuple(recurring),
        )
    return infos


def check_plans(compilation: Compilation) -> None:
    """References of bundles and plans, and that nobody prepaid can spend without a limit."""
    catalogue = compilation.catalogue
    for bundle in catalogue.bundles.values():
        place = compilation.place("bundle", bundle.code)
        for product in bundle.products:
            place.refer("product", product, "products")
        for discount in bundle.discounts:
            place.refer("discount", discount, "discounts")
        if not bundle.products and not bundle.discounts:
            place.at("products").fault("there is none", "name the products it sells")
    for plan in catalogue.plans.values():
        place = compilation.place("plan", plan.code)
        for bundle_code in plan.bundles:
            place.refer("bundle", bundle_code, "bundles")
        if not plan.bundles:
            place.at("bundles").fault("there is none", "name the bundles it is made of")
        if not plan.payment_types:
            place.at("payment_types").fault("there is none", "name prepaid, pay_now or postpaid")
        if plan.credit_profile and not place.refer("credit_profile", plan.credit_profile):
            continue
        profile = catalogue.credit_profiles.get(plan.credit_profile)
        limits = profile.limit if profile else ()
        guarded = any(
            limit.payment_type == "prepaid"
            and limit.resource == catalogue.site.currency
            and limit.limit is not None
            for limit in limits
        )
        if "prepaid" in plan.payment_types and not guarded:
            message = f"a prepaid customer could spend {catalogue.site.currency} without limit"
            cure = "name a credit profile with a prepaid limit of the site's currency"
            place.at("credit_profile").fault(message, cure)


def compile_taxes(compilation: Compilation) -> dict[str, tuple[TaxRateInfo, ...]]:
    """Rates of each tax, ascending, half-open; a rate without an end lasts until the next."""
    return {
        tax.code: _tax_rates(tax, compilation.catalogue.site.time_zone, compilation.place("tax", tax.code))
        for tax in compilation.catalogue.taxes.values()
    }


def _tax_rates(tax: Tax, zone: str, place: Place) -> tuple[TaxRateInfo, ...]:
    rows: list[tuple[int, int, int, int]] = []
    for number, rate in enumerate(tax.rate):
        there = place.at(f"rate[{number}]")
        percent = whole(not_negative(rate.percent, there.at("percent")), MONEY_DECIMALS, there.at("percent"))
        if percent > PERCENT_MAX * 10**MONEY_DECIMALS:
            there.at("percent").fault(f"{rate.percent} is more than {PERCENT_MAX}", "write 20 for 20 %")
        start = there.at("valid_from").instant_us(rate.valid_from, zone)
        end = there.at("valid_to").instant_us(rate.valid_to, zone) if rate.valid_to else 0
        if rate.valid_to and end <= start:
            there.at("valid_to").fault("is not after valid_from", "make it later, or leave it out")
        rows.append((start, end, percent, number))
    rows.sort()
    rates = []
    for (start, end, percent, number), following in zip(rows, [*rows[1:], None], strict=True):
        next_start = following[0] if following else INFINITE_US
        if following and (end > next_start or start == next_start):
            there = place.at(f"rate[{following[3]}].valid_from")
            there.fault(f"overlaps rate[{number}]", "let it begin where the other ends")
        rates.append(TaxRateInfo(percent, start, end or next_start))
    if not rates:
        place.at("rate").fault("there is none", "add [[tax.rate]]")
    return tuple(rates)


def _recurring(compilation: Compilation, product: Product, place: Place) -> list[RecurringInfo]:
    """The fee and the allowances of a product, fee first."""
    rows: list[RecurringInfo] = []
    fee = not_negative(product.fee, place.at("fee"))
    code = product.fee_resource or compilation.catalogue.site.currency
    if fee and place.refer("resource", code, "fee_resource"):
        info = compilation.resources[code]
        if not info.is_money:
            place.at("fee_resource").fault(f"{code!r} is not money, and bills hold money only", "name money")
        item = _fee_item(compilation, product, code, place)
        amount = whole(fee, info.stored_decimals, place.at("fee"))
        rows.append(RecurringInfo(info.id, info.index, item, amount, product.prorate))
    for number, allowance in enumerate(product.allowances):
        there = place.at(f"allowances[{number}]")
        if not there.refer("resource", allowance.resource):
            continue
        info = compilation.resources[allowance.resource]
        spot = there.at("amount")
        amount = whole(positive(allowance.amount, spot), info.stored_decimals, spot)
        # Allowances are granted whole, also in a short cycle.
        row = RecurringInfo(info.id, info.index, 0, -amount, prorate=False)
        rows.append(_rolling(row, allowance.rollover, info.stored_decimals, there.at("rollover")))
    return rows


def _fee_item(compilation: Compilation, product: Product, resource: str, place: Place) -> int:
    """Where the fee is booked."""
    if not product.bill_item:
        place.at("bill_item").fault("is missing, and a fee without one is on no bill", "name a bill item")
    if product.charge_tag:
        compilation.tag(product.charge_tag, "charge", "charge_tag", place)
    tax = compilation.catalogue.taxes.get(product.tax)
    if tax is not None and tax.at == "rating":
        # Its item would hold net amounts with their tax charged and without, and no bill could tell them apart.
        place.at("tax").fault(
            f"{product.tax!r} is charged with each event, and a fee has none", 'name a tax with at = "bill"'
        )
    tags = (product.charge_tag, "")
    return compilation.item(product.bill_item, product.general_ledger, product.tax, resource, tags, place)


def _rolling(row: RecurringInfo, rollover: Rollover | None, decimals: int, place: Place) -> RecurringInfo:
    """The allowance with what may outlive its cycle."""
    if rollover is None:
        return row
    if not 1 <= rollover.cycles <= ROLLOVER_CYCLES_MAX:
        place.at("cycles").fault(
            f"{rollover.cycles} is not between 1 and {ROLLOVER_CYCLES_MAX}", "write 1 for the next one"
        )
    bounds = [
        AMOUNT_MAX if bound is None else whole(positive(bound, place.at(name)), decimals, place.at(name))
        for name, bound in (("per_cycle", rollover.per_cycle), ("total", rollover.total))
    ]
    return structs.replace(
        row, rollover_cycles=rollover.cycles, rolled_a_cycle=bounds[0], rolled_in_all=bounds[1]
    )
