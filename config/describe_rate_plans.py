"""Pure. Rate plans as people read them, for `charging catalog show`: which rule leads to which price."""

from collections.abc import Iterable

from config.compile_services import UNITS_US
from config.compiled_catalogue import CompiledCatalogue
from config.rate_plan import (
    AllowanceUse,
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
EVERY_DAY = tuple(range(1, 8))
ONE = "1"


def rate_plan_lines(compiled: CompiledCatalogue, plan: RatePlan) -> list[str]:
    """A rate plan with its versions, bands, details, rules and tiers, indented below its name."""
    events = [e for e in compiled.event_types.values() if e.service_type == plan.service_type]
    unit = events[0].quantity_unit
    lines = [f"{plan.code}: {plan.name} ({plan.service_type}: {', '.join(e.code for e in events)})"]
    for version in plan.version:
        zone = version.time_zone or compiled.site.time_zone
        lines.append(f"  from {version.valid_from}, time zone {zone}{_band_mode(version, unit)}")
        for name, windows in version.band.items():
            shown = "; ".join(f"{_days(window)} {window.from_}-{window.to}" for window in windows)
            lines.append(f"    band {name}: {shown}")
        for detail in version.detail:
            lines += indented(indented(_detail(compiled, detail, version, unit)))
    return lines


def indented(lines: Iterable[str]) -> list[str]:
    """The lines one level deeper."""
    return [f"  {line}" for line in lines]


def is_set(amount: Decimal) -> bool:
    """Whether an amount is another than 0."""
    return str(amount).strip("0.") != ""


def _band_mode(version: RatePlanVersion, unit: str) -> str:
    if not version.band:
        return ""
    # As the compiler decides it where `bands` is left out.
    if version.bands != "start" and unit in UNITS_US:
        return ", a band that begins changes the price of an event"
    return ", an event keeps the price of its start"


def _detail(compiled: CompiledCatalogue, detail: Detail, version: RatePlanVersion, unit: str) -> list[str]:
    booked = "/".join(code for code in (detail.bill_item, detail.general_ledger, detail.tax) if code)
    tags = ", ".join(tag for tag in (detail.charge_tag, detail.resource_tag) if tag)
    tax = compiled.catalogue.taxes.get(detail.tax)
    parts = [detail.resource]
    parts += [f"booked to {booked}"] if booked else []
    parts += ["tax on top at once"] if tax is not None and tax.at == "rating" else []
    parts += [f"tagged {tags}"] if tags else []
    if detail.rounding is not None:
        parts.append(f"rounded {detail.rounding.mode} to {detail.rounding.decimals} decimals")
    lines = [", ".join(parts)]
    lines += [f"  {_allowance(use, unit)}" for use in detail.allowances]
    for rule in detail.rule:
        price = version.price[rule.price]
        shown = _price(price, detail.resource, unit)
        lines.append(f"  {_rule(rule, detail.prefix_field)}: {rule.price} = {shown}")
        lines += [f"    {_tier(tier, detail.resource, unit)}" for tier in price.tiers]
    return lines


def _allowance(use: AllowanceUse, unit: str) -> str:
    return f"first {use.units} of {use.resource} for {_each(use.per, unit)}"


def _each(per: Decimal, unit: str) -> str:
    return f"each {unit}" if str(per) == ONE else f"each {per} {unit}"


def _rule(rule: Rule, prefix_field: str) -> str:
    prefixes = (rule.prefix,) if isinstance(rule.prefix, str) else rule.prefix
    parts = [f"{prefix_field} {' '.join(f'{prefix}...' for prefix in prefixes)}"] if prefixes else []
    parts += [f"{name} = {_values(value)}" for name, value in rule.match.items()]
    parts += [f"{name} from {bounds.from_} to below {bounds.to}" for name, bounds in rule.within.items()]
    parts += [f"band {rule.band}"] if rule.band else []
    parts += [f"weight {rule.weight}"] if rule.weight else []
    return ", ".join(parts) or "anything"


def _values(value: str | int | tuple[str | int, ...]) -> str:
    return " or ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def _price(price: Price, resource: str, unit: str) -> str:
    parts = [f"{price.connect_fee} {resource} to connect"] if is_set(price.connect_fee) else []
    parts += [f"{price.flat} {resource} an event"] if is_set(price.flat) else []
    parts += [_period(period, resource, unit) for period in price.periods]
    if price.tiers:
        counted = "over the cycle" if price.counts == "cycle" else "within the event"
        how = "each part at its tier" if price.mode == "graduated" else "all at the tier reached"
        parts.append(f"{price.mode} tiers {counted}, {how}")
    parts += [_package(price.package, price.counts, resource, unit)] if price.package else []
    parts += [f"at least {price.minimum} {resource}"] if price.minimum is not None else []
    if price.maximum is not None and price.cap == "free":
        parts.append(f"up to {price.maximum} {resource}, then free")
    elif price.maximum is not None:
        parts.append(f"cut off at {price.maximum} {resource}")
    parts += [_free(price, unit)] if price.free_events or price.free_quantity else []
    return ", ".join(parts) or "free"


def _period(period: Period, resource: str, unit: str) -> str:
    begin = f"from {period.from_} {unit} on " if is_set(period.from_) else ""
    step = period.per if period.increment is None else period.increment
    if period.percent is not None:
        return f"{begin}{period.percent} % in steps of {step} {unit}"
    assert period.amount is not None
    if not is_set(period.amount):
        return f"{begin}free"
    return f"{begin}{_per(period.amount, period.per, resource, unit)} in steps of {step} {unit}"


def _per(amount: Decimal, per: Decimal, resource: str, unit: str) -> str:
    return f"{amount} {resource} per {unit if str(per) == ONE else f'{per} {unit}'}"


def _tier(tier: Tier, resource: str, unit: str) -> str:
    end = "beyond" if tier.to is None else f"to {tier.to} {unit}"
    if tier.percent is not None:
        price = f"{tier.percent} %"
    else:
        assert tier.amount is not None
        price = _per(tier.amount, tier.per, resource, unit) if is_set(tier.amount) else "free"
    block = f" in blocks of {tier.block} {unit}" if tier.block is not None else ""
    flat = f" and {tier.flat} {resource} once" if is_set(tier.flat) else ""
    return f"{end} {price}{block}{flat}"


def _package(package: Package, counts: str, resource: str, unit: str) -> str:
    free = f", the first {package.free} {unit} free" if is_set(package.free) else ""
    return f"{package.amount} {resource} per package of {package.size} {unit} of the {counts}{free}"


def _free(price: Price, unit: str) -> str:
    events = f"first {price.free_events} events" if price.free_events else ""
    quantity = f"first {price.free_quantity} {unit}" if price.free_quantity else ""
    return f"free in a cycle: {', up to the '.join(part for part in (events, quantity) if part)}"


def _days(window: BandWindow) -> str:
    numbers = window.weekdays
    if numbers is None:
        numbers = () if window.special_days else EVERY_DAY
    return " ".join([*_weekdays(sorted(set(numbers))), *window.special_days])


def _weekdays(numbers: list[int]) -> list[str]:
    """Names of weekdays; three and more that follow each other as one range."""
    if tuple(numbers) == EVERY_DAY:
        return ["every day"]
    names = [WEEKDAYS[number - 1] for number in numbers]
    in_a_row = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
    return [f"{names[0]}-{names[-1]}"] if in_a_row else names
