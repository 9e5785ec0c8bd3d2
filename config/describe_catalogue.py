"""Pure. A compiled catalogue as text, for `charging catalog show`: what is sold, and at what price."""

from collections.abc import Iterable

from config.catalogue import Catalogue, CreditLimit, Rollover
from config.compiled_catalogue import CompiledCatalogue, EventTypeInfo
from config.rate_plan import (
    BandWindow,
    Decimal,
    Detail,
    Package,
    Period,
    Price,
    RatePlan,
    RatePlanVersion,
    Rule,
    Tier,
)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def describe(compiled: CompiledCatalogue) -> str:
    """The whole catalogue, indented by level, one thing a line."""
    catalogue = compiled.catalogue
    site = compiled.site
    lines = [
        f"{site.name}, catalogue version {compiled.version}",
        f"  time zone {site.time_zone}, currency {site.currency}",
        "",
        "Plans",
    ]
    for plan in catalogue.plans.values():
        credit = f", credit profile {plan.credit_profile}" if plan.credit_profile else ""
        lines.append(f"  {plan.code}: {plan.name} ({', '.join(plan.payment_types)}{credit})")
        for bundle in plan.bundles:
            lines += [f"    {_product(compiled, product)}" for product in catalogue.bundles[bundle].products]
    lines += ["", "Events"]
    lines += [f"  {_event_type(event)}" for event in compiled.event_types.values()]
    lines += ["", "Rate plans"]
    for rate_plan in catalogue.rate_plans.values():
        lines += _indented(_rate_plan(compiled, rate_plan))
    lines += ["", "Credit profiles"]
    for profile in catalogue.credit_profiles.values():
        lines.append(f"  {profile.code}: {profile.name}")
        lines += [f"    {_limit(limit)}" for limit in profile.limit]
    lines += ["", "Sharing policies", *_indented(_policies(catalogue)), "", "Taxes"]
    for tax in catalogue.taxes.values():
        rates = ", ".join(f"{rate.percent} % from {rate.valid_from}" for rate in tax.rate)
        lines.append(f"  {tax.code}: {tax.name} ({tax.category}): {rates}")
    return "\n".join(lines) + "\n"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _product(compiled: CompiledCatalogue, code: str) -> str:
    product = compiled.catalogue.products[code]
    if product.rate_plan:
        return f"{code}: {product.name}, by rate plan {product.rate_plan}"
    parts = []
    if product.fee:
        prorated = "prorated by days" if product.prorate else "always whole"
        parts.append(f"{product.fee} {product.fee_resource or compiled.site.currency} a cycle, {prorated}")
    for allowance in product.allowances:
        unit = compiled.resources[allowance.resource].unit
        parts.append(
            f"{allowance.amount} {unit} of {allowance.resource} a cycle{_rollover(allowance.rollover, unit)}"
        )
    return f"{code}: {product.name}, {'; '.join(parts)}"


def _rollover(rollover: Rollover | None, unit: str) -> str:
    if rollover is None:
        return ""
    text = f", what is left for {rollover.cycles} more"
    if rollover.per_cycle is not None:
        text += f", up to {rollover.per_cycle} {unit} of each"
    if rollover.total is not None:
        text += f", up to {rollover.total} {unit} in all"
    return text


def _event_type(event: EventTypeInfo) -> str:
    fields = ", ".join(f"{f.name}{'' if f.mandatory else '?'}" for f in event.fields)
    return f"{event.code}: {event.service_type}, in {event.quantity_unit}; fields: {fields or 'none'}"


def _rate_plan(compiled: CompiledCatalogue, plan: RatePlan) -> list[str]:
    unit = next(e.quantity_unit for e in compiled.event_types.values() if e.service_type == plan.service_type)
    lines = [f"{plan.code}: {plan.name} ({plan.service_type})"]
    for version in plan.version:
        zone = version.time_zone or compiled.site.time_zone
        lines.append(f"  from {version.valid_from}, time zone {zone}")
        for name, windows in version.band.items():
            shown = "; ".join(f"{_days(window)} {window.from_}-{window.to}" for window in windows)
            lines.append(f"    band {name}: {shown}")
        for detail in version.detail:
            lines += _indented(_indented(_detail(detail, version, unit)))
    return lines


def _detail(detail: Detail, version: RatePlanVersion, unit: str) -> list[str]:
    booked = "/".join(code for code in (detail.bill_item, detail.general_ledger, detail.tax) if code)
    lines = [f"{detail.resource}{f', booked to {booked}' if booked else ''}"]
    lines += [f"  first {use.units} of {use.resource} for each {use.per} {unit}" for use in detail.allowances]
    for rule in detail.rule:
        price = _price(version.price[rule.price], detail.resource, unit)
        lines.append(f"  {_rule(rule)}: {rule.price} = {price}")
    return lines


def _rule(rule: Rule) -> str:
    prefixes = (rule.prefix,) if isinstance(rule.prefix, str) else rule.prefix
    parts = [f"prefix {' '.join(prefixes)}"] if prefixes else []
    parts += [f"{name} = {value}" for name, value in rule.match.items()]
    parts += [f"{name} in {bounds.from_}..{bounds.to}" for name, bounds in rule.within.items()]
    parts += [f"band {rule.band}"] if rule.band else []
    parts += [f"weight {rule.weight}"] if rule.weight else []
    return ", ".join(parts) or "anything"


def _price(price: Price, resource: str, unit: str) -> str:
    parts = [f"{price.connect_fee} {resource} to connect"] if _is_set(price.connect_fee) else []
    parts += [f"{price.flat} {resource} an event"] if _is_set(price.flat) else []
    parts += [_period(period, resource, unit) for period in price.periods]
    if price.tiers:
        counted = "over the cycle" if price.counts == "cycle" else "within the event"
        tiers = "; ".join(_tier(tier, resource, unit) for tier in price.tiers)
        parts.append(f"{price.mode} tiers {counted}: {tiers}")
    parts += [_package(price.package, price.counts, resource, unit)] if price.package else []
    parts += [_free(price, unit)] if price.free_events or price.free_quantity else []
    parts += [f"at least {price.minimum} {resource}"] if price.minimum is not None else []
    if price.maximum is not None:
        end = "then free" if price.cap == "free" else "then cut off"
        parts.append(f"up to {price.maximum} {resource}, {end}")
    return ", ".join(parts) or "free"


def _period(period: Period, resource: str, unit: str) -> str:
    begin = f"from {period.from_} {unit} on " if _is_set(period.from_) else ""
    step = period.per if period.increment is None else period.increment
    if period.percent is not None:
        return f"{begin}{period.percent} % in steps of {step} {unit}"
    return f"{begin}{period.amount} {resource} per {period.per} {unit} in steps of {step}"


def _tier(tier: Tier, resource: str, unit: str) -> str:
    end = "beyond" if tier.to is None else f"to {tier.to} {unit}"
    price = (
        f"{tier.percent} %" if tier.percent is not None else f"{tier.amount} {resource} per {tier.per} {unit}"
    )
    block = f" in blocks of {tier.block}" if tier.block is not None else ""
    flat = f" and {tier.flat} {resource}" if _is_set(tier.flat) else ""
    return f"{end} {price}{block}{flat}"


def _package(package: Package, counts: str, resource: str, unit: str) -> str:
    free = f", the first {package.free} free" if _is_set(package.free) else ""
    return f"{package.amount} {resource} per package of {package.size} {unit} of the {counts}{free}"


def _free(price: Price, unit: str) -> str:
    events = f"first {price.free_events} events" if price.free_events else ""
    quantity = f"first {price.free_quantity} {unit}" if price.free_quantity else ""
    return f"free in a cycle: {', up to the '.join(part for part in (events, quantity) if part)}"


def _limit(limit: CreditLimit) -> str:
    end = "no limit" if limit.limit is None else f"limit {limit.limit}"
    breach = limit.on_breach or ("deny" if limit.payment_type == "prepaid" else "allow")
    told = f", told at {', '.join(str(t) for t in limit.thresholds)}" if limit.thresholds else ""
    return f"{limit.payment_type} {limit.resource}: {end}, beyond it {breach}{told}"


def _policies(catalogue: Catalogue) -> list[str]:
    return [
        f"{policy.code}: {policy.name}: {policy.percent} % of {', '.join(policy.resources) or 'everything'}"
        f" for {', '.join(policy.service_types) or 'all services'}, {policy.strategy},"
        f" {policy.when_exhausted} when exhausted"
        for policy in catalogue.sharing_policies.values()
    ]


def _days(window: BandWindow) -> str:
    numbers = window.weekdays
    if numbers is None:
        numbers = () if window.special_days else tuple(range(1, 8))
    return " ".join([*(WEEKDAYS[number - 1] for number in sorted(numbers)), *window.special_days])


def _is_set(amount: Decimal) -> bool:
    return str(amount).strip("0.") != ""
