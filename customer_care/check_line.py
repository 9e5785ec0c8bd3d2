"""Pure. Whether a customer line can be taken: every fault of the line at once, each with its place.

Only what the line and the catalogue say is judged here; what other customers have is `known_customers`'.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from typing import TypeVar

from stdnum import bic, iban

from config.catalogue import Plan
from config.civil_time import local_midnight_us
from config.compile_catalogue import CompiledCatalogue
from customer_care.billing_cycle import first_cycle
from customer_care.currencies import minor_digits
from customer_care.customer_lines import ByDirectDebit, CustomerLine, Mandate, OpeningBalance, Subscription
from rating_kernels.group_image import AMOUNT_MAX

_Value = TypeVar("_Value", bound=Hashable)

CODE_MAX = 200
# ISO 20022 texts that banks take without a question: letters, digits and a few marks.
_MANDATE_ID = re.compile(r"[A-Za-z0-9+?:().,'-][A-Za-z0-9+?/:().,'-]{0,34}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Billing days of an interval, inclusive (DECISIONS 23).
BILLING_DAYS = {"day": (0, 0), "week": (1, 7), "month": (1, 31), "year": (1, 31)}
INTERVALS_MAX = 366
BALANCE_PRIORITY_MAX = 1000


def line_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> list[str]:
    """Every fault as `place: reason`; empty = the line can be taken."""
    checks: tuple[Callable[[CustomerLine, CompiledCatalogue], Iterator[str]], ...] = (
        _identity_faults,
        _billing_faults,
        _subscription_faults,
        _credit_profile_faults,
        _balance_faults,
        _group_faults,
    )
    return [fault for check in checks for fault in check(line, catalogue)]


def credit_amount(balance: OpeningBalance, decimals: int) -> int | None:
    """The credit in units of 10**-decimals; None if it is no positive amount of these units."""
    return positive_amount(str(balance.credit), decimals)


def positive_amount(text: str, decimals: int) -> int | None:
    """Decimal text in units of 10**-decimals; None if it is no positive amount of these units."""
    if not _DECIMAL.fullmatch(text):
        return None
    amount = Fraction(text) * 10**decimals
    whole = amount.denominator == 1 and 0 < amount.numerator <= AMOUNT_MAX
    return amount.numerator if whole else None


def plan_credit_profiles(line: CustomerLine, plans: dict[str, Plan]) -> set[str]:
    """Credit profiles that the line's plans name, or the one that takes their place."""
    if line.credit_profile:
        return {line.credit_profile}
    return {plans[one.plan].credit_profile for one in line.subscriptions if one.plan in plans}


def _identity_faults(line: CustomerLine, _: CompiledCatalogue) -> Iterator[str]:
    yield from _code_faults("customer", line.customer)
    if not line.type:
        yield "type: is empty"
    if not line.name.last:
        yield "name.last: is empty"
    for name in ("street", "postcode", "city"):
        if not getattr(line.address, name):
            yield f"address.{name}: is empty"
    if not _COUNTRY.fullmatch(line.address.country):
        yield f"address.country: {line.address.country!r} is no ISO 3166-1 code of two letters"
    if isinstance(line.payment, ByDirectDebit):
        yield from _mandate_faults(line.payment.mandate)


def _mandate_faults(mandate: Mandate) -> Iterator[str]:
    if not _MANDATE_ID.fullmatch(mandate.id) or "//" in mandate.id or mandate.id.endswith("/"):
        yield f"payment.mandate.id: {mandate.id!r} is not 1 to 35 letters, digits or +?/:().,'-"
    if not iban.is_valid(mandate.iban):
        yield f"payment.mandate.iban: {mandate.iban!r} is no valid IBAN"
    if mandate.bic and not bic.is_valid(mandate.bic):
        yield f"payment.mandate.bic: {mandate.bic!r} is no BIC of 8 or 11 characters"


def _billing_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> Iterator[str]:
    billing = line.billing
    resource = catalogue.resources.get(billing.currency)
    if resource is None or not resource.is_money or minor_digits(billing.currency) is None:
        yield f"billing.currency: {billing.currency!r} is no currency of ISO 4217 that the catalogue has"
    if not 1 <= billing.every <= INTERVALS_MAX:
        yield f"billing.every: {billing.every} is not 1 to {INTERVALS_MAX}"
    first, last = BILLING_DAYS[billing.interval]
    if not first <= billing.day <= last:
        allowed = f"{first} to {last}" if last else "0: it has none"
        yield f"billing.day: {billing.day} is no billing day of an interval of {billing.interval}s; write {allowed}"


def _subscription_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> Iterator[str]:
    if not line.subscriptions:
        yield "subscriptions: there is none"
    codes = [one.subscription for one in line.subscriptions]
    services = [(service.type, service.identifier) for one in line.subscriptions for service in one.services]
    yield from (f"subscriptions: {code!r} is there twice" for code in _twice(codes))
    yield from (
        f"subscriptions: {identifier!r} is there twice for service type {kind!r}"
        for kind, identifier in _twice(services)
    )
    for number, subscription in enumerate(line.subscriptions):
        place = f"subscriptions[{number}]"
        yield from _code_faults(f"{place}.subscription", subscription.subscription)
        yield from _start_faults(place, line, subscription, catalogue)
        plan = catalogue.catalogue.plans.get(subscription.plan)
        if plan is None:
            yield f"{place}.plan: the catalogue has no plan {subscription.plan!r}"
            continue
        if line.billing.payment_type not in plan.payment_types:
            allowed = ", ".join(plan.payment_types)
            yield f"{place}.plan: {plan.code!r} is not sold {line.billing.payment_type}, only {allowed}"
        yield from _service_faults(place, subscription, plan, catalogue)


def _start_faults(
    place: str, line: CustomerLine, subscription: Subscription, catalogue: CompiledCatalogue
) -> Iterator[str]:
    start = subscription.from_
    if start is None:
        return
    if start < line.since:
        yield f"{place}.from: {start} is before the customer's first day, {line.since}"
    low, high = BILLING_DAYS[line.billing.interval]
    if not (low <= line.billing.day <= high and 1 <= line.billing.every <= INTERVALS_MAX):
        return
    zone = catalogue.site.time_zone
    if local_midnight_us(start, zone) >= first_cycle(line.billing, line.since, zone).end_us:
        yield f"{place}.from: {start} is after the customer's first cycle; it cannot be imported with the customer"


def _service_faults(
    place: str, subscription: Subscription, plan: Plan, catalogue: CompiledCatalogue
) -> Iterator[str]:
    sold = {
        catalogue.products[product].service_type
        for bundle in plan.bundles
        for product in catalogue.catalogue.bundles[bundle].products
    }
    for number, service in enumerate(subscription.services):
        there = f"{place}.services[{number}]"
        if service.type not in catalogue.catalogue.service_types:
            yield f"{there}.type: the catalogue has no service type {service.type!r}"
        elif service.type not in sold:
            yield f"{there}.type: plan {plan.code!r} has no product that rates {service.type!r}"
        yield from _code_faults(f"{there}.identifier", service.identifier)


def _credit_profile_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> Iterator[str]:
    if line.credit_profile and line.credit_profile not in catalogue.catalogue.credit_profiles:
        yield f"credit_profile: the catalogue has no credit profile {line.credit_profile!r}"
    profiles = plan_credit_profiles(line, catalogue.catalogue.plans)
    if len(profiles) > 1:
        names = ", ".join(repr(name) for name in sorted(profiles))
        yield f"credit_profile: the plans have different ones ({names}); name the one that holds"


def _balance_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> Iterator[str]:
    for number, balance in enumerate(line.balances):
        place = f"balances[{number}]"
        resource = catalogue.resources.get(balance.resource)
        if resource is None:
            yield f"{place}.resource: the catalogue has no resource {balance.resource!r}"
        elif credit_amount(balance, resource.stored_decimals) is None:
            yield (
                f"{place}.credit: {balance.credit!r} is no amount above 0 with up to "
                f"{resource.stored_decimals} decimals"
            )
        yield from _validity_faults(f"{place}.validity", balance, line)
        if abs(balance.priority) > BALANCE_PRIORITY_MAX:
            allowed = f"-{BALANCE_PRIORITY_MAX} to {BALANCE_PRIORITY_MAX}"
            yield f"{place}.priority: {balance.priority} is not {allowed}"


def _validity_faults(place: str, balance: OpeningBalance, line: CustomerLine) -> Iterator[str]:
    if balance.validity in (None, "cycle", "infinite"):
        return
    text = str(balance.validity)
    try:
        end = line.since.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        end = None
    if end is None:
        yield f'{place}: {text!r} is neither "cycle", "infinite" nor a date'
    elif end <= line.since:
        yield f"{place}: {text} is not after the customer's first day, {line.since}"


def _group_faults(line: CustomerLine, catalogue: CompiledCatalogue) -> Iterator[str]:
    subscriptions = {one.subscription for one in line.subscriptions}
    owned = [share.group for share in line.shares]
    joined = [member.group for member in line.member_of]
    yield from (f"shares: group {code!r} is there twice" for code in _twice(owned))
    yield from (f"member_of: group {code!r} is there twice" for code in _twice(joined))
    yield from (f"member_of: {code!r} is the customer's own group" for code in sorted({*owned} & {*joined}))
    for number, share in enumerate(line.shares):
        yield from _code_faults(f"shares[{number}].group", share.group)
        if share.policy not in catalogue.catalogue.sharing_policies:
            yield f"shares[{number}].policy: the catalogue has no sharing policy {share.policy!r}"
        if share.subscription not in subscriptions:
            yield f"shares[{number}].subscription: {share.subscription!r} is none of the customer's"
    hierarchy = line.hierarchy
    if hierarchy.owns and hierarchy.owns == hierarchy.member_of:
        yield f"hierarchy: {hierarchy.owns!r} cannot pay for itself"


def _code_faults(place: str, code: str) -> Iterator[str]:
    if not code.strip():
        yield f"{place}: is empty"
    elif len(code) > CODE_MAX or code != code.strip() or not code.isprintable():
        yield f"{place}: {code!r} has more than {CODE_MAX} characters, blanks at an end or control characters"


def _twice(values: list[_Value]) -> list[_Value]:
    return [value for value, count in Counter(values).items() if count > 1]
