"""Pure. A compiled catalogue as text, for `charging catalog show`: what is sold, and at what price."""

from collections.abc import Iterable

from config.catalogue import CreditLimit, Discount, Plan, Resource, SharingPolicy, Tax
from config.compiled_catalogue import CompiledCatalogue, EventTypeInfo
from config.describe_rate_plans import indented, is_set, rate_plan_lines


def describe(compiled: CompiledCatalogue) -> str:
    """The whole catalogue, indented by level, one thing a line; what it has none of has no heading."""
    catalogue = compiled.catalogue
    site = compiled.site
    sections: list[tuple[str, Iterable[str]]] = [
        ("Resources", [_resource(one) for one in catalogue.resources.values()]),
        ("Plans", [line for plan in catalogue.plans.values() for line in _plan(compiled, plan)]),
        ("Discounts", [_discount(compiled, one) for one in catalogue.discounts.values()]),
        ("Events", [_event_type(event) for event in compiled.event_types.values()]),
        (
            "Special days",
            [f"{day.code}: {day.name}: {' '.join(day.dates)}" for day in catalogue.special_days.values()],
        ),
        (
            "Rate plans",
            [line for plan in catalogue.rate_plans.values() for line in rate_plan_lines(compiled, plan)],
        ),
        ("Credit profiles", _credit_profiles(compiled)),
        (
            "Sharing policies",
            [line for one in catalogue.sharing_policies.values() for line in _policy(compiled, one)],
        ),
        ("Taxes", [_tax(tax) for tax in catalogue.taxes.values()]),
    ]
    lines = [
        f"{site.name}, catalogue version {compiled.version}",
        f"  time zone {site.time_zone}, currency {site.currency}",
    ]
    for title, rows in sections:
        shown = indented(rows)
        lines += ["", title, *shown] if shown else []
    return "\n".join(lines) + "\n"


def _resource(resource: Resource) -> str:
    kind = "money" if resource.monetary else "units"
    unit = f", shown as {resource.unit}" if resource.unit not in ("", resource.code) else ""
    order = resource.consumption_order
    return f"{resource.code}: {resource.name} ({kind}, {resource.decimals} decimals{unit}), used in order {order}"


def _plan(compiled: CompiledCatalogue, plan: Plan) -> list[str]:
    credit = f", credit profile {plan.credit_profile}" if plan.credit_profile else ""
    lines = [f"{plan.code}: {plan.name} ({', '.join(plan.payment_types)}{credit})"]
    bundles = [compiled.catalogue.bundles[code] for code in plan.bundles]
    for bundle in bundles:
        lines += [f"  {_product(compiled, product)}" for product in bundle.products]
    off = [code for bundle in bundles for code in bundle.discounts]
    lines += [f"  discounts: {', '.join(off)}"] if off else []
    return lines


def _product(compiled: CompiledCatalogue, code: str) -> str:
    product = compiled.catalogue.products[code]
    if product.rate_plan:
        priority = f", priority {product.priority}" if product.priority else ""
        return f"{code}: {product.name}, by rate plan {product.rate_plan}{priority}"
    parts = []
    if is_set(product.fee):
        prorated = "prorated by days" if product.prorate else "always whole"
        parts.append(f"{product.fee} {product.fee_resource or compiled.site.currency} a cycle, {prorated}")
    for allowance in product.allowances:
        unit = compiled.resources[allowance.resource].unit
        named = "" if unit == allowance.resource else f"{unit} of "
        parts.append(f"{allowance.amount} {named}{allowance.resource} a cycle")
    return f"{code}: {product.name}, {'; '.join(parts)}"


def _discount(compiled: CompiledCatalogue, discount: Discount) -> str:
    resource = discount.resource or compiled.site.currency
    off = (
        f"{discount.percent} %" if discount.percent is not None else f"{discount.amount} {resource} an event"
    )
    tags = ", ".join(discount.charge_tags + discount.resource_tags)
    what = f"tagged {tags}" if tags else f"in {resource}"
    return f"{discount.code}: {discount.name}: {off} off what is {what}, priority {discount.priority}"


def _event_type(event: EventTypeInfo) -> str:
    fields = ", ".join(f"{f.name}{'' if f.mandatory else '?'}" for f in event.fields)
    largest = event.quantity_max // 10**event.quantity_decimals
    return (
        f"{event.code}: {event.service_type}, in {event.quantity_unit}, at most {largest};"
        f" fields: {fields or 'none'}"
    )


def _credit_profiles(compiled: CompiledCatalogue) -> list[str]:
    lines = []
    for profile in compiled.catalogue.credit_profiles.values():
        lines.append(f"{profile.code}: {profile.name}")
        lines += indented(_limit(limit) for limit in profile.limit)
    return lines


def _limit(limit: CreditLimit) -> str:
    told = f", told at {', '.join(str(t) for t in limit.thresholds)}" if limit.thresholds else ""
    if limit.limit is None:
        return f"{limit.payment_type} {limit.resource}: no limit{told}"
    breach = limit.on_breach or ("deny" if limit.payment_type == "prepaid" else "allow")
    floor = f"from {limit.floor}, " if is_set(limit.floor) else ""
    return f"{limit.payment_type} {limit.resource}: {floor}limit {limit.limit}, beyond it {breach}{told}"


def _policy(compiled: CompiledCatalogue, policy: SharingPolicy) -> list[str]:
    """A policy's name, and below it what it pays, who pays first, and how far."""
    tagged = f" tagged {', '.join(policy.charge_tags)}" if policy.charge_tags else ""
    what = f"{', '.join(policy.resources) or 'everything'}{tagged}"
    where = ", ".join(policy.service_types) or "all services"
    parts = [f"{policy.percent} % of {what} for {where}", policy.strategy]
    unit = compiled.resources[policy.resources[0]].unit if policy.resources else ""
    for cap, whose in ((policy.cap_per_member, "a member"), (policy.cap_per_group, "the group")):
        parts += [f"at most {cap} {unit} a cycle for {whose}"] if cap is not None else []
    parts.append(f"then {'the member pays' if policy.when_exhausted == 'spill' else 'denied'}")
    parts += ["tiers count the group's use together"] if policy.shared_tiers else []
    return [f"{policy.code}: {policy.name}", f"  {', '.join(parts)}"]


def _tax(tax: Tax) -> str:
    when = "charged with each event" if tax.at == "rating" else "on the bill"
    rates = ", ".join(
        f"{rate.percent} % from {rate.valid_from}{f' to {rate.valid_to}' if rate.valid_to else ''}"
        for rate in tax.rate
    )
    return f"{tax.code}: {tax.name} ({tax.category}, {when}): {rates}"
