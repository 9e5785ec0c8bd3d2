"""Pure. Credit profiles and sharing policies: who may owe how much, and who pays for whom."""

from fractions import Fraction

from config.catalogue import PAYMENT_TYPES, CreditLimit, CreditProfile, PaymentType, SharingPolicy
from config.code_ids import code_id, credit_id
from config.compilation import Compilation, Place
from config.compiled_catalogue import ResourceInfo
from config.exact_amounts import exact, not_negative, whole
from config.rate_plan import Decimal
from rating_kernels.group_image import AMOUNT_MAX
from rating_kernels.tariff_table import (
    BREACH_ALLOW,
    BREACH_DENY,
    BREACH_UP_TO_LIMIT,
    DENY_WHEN_EXHAUSTED,
    MEMBER_FIRST,
    OWNER_FIRST,
    SPILL_TO_MEMBER,
    THRESHOLD_AMOUNT,
    THRESHOLD_PERCENT,
)

BREACHES = {"deny": BREACH_DENY, "up_to_limit": BREACH_UP_TO_LIMIT, "allow": BREACH_ALLOW}
STRATEGIES = {"owner_first": OWNER_FIRST, "member_first": MEMBER_FIRST}
EXHAUSTED = {"spill": SPILL_TO_MEMBER, "deny": DENY_WHEN_EXHAUSTED}
NO_CAP = -1
PERCENT_MAX = 100


def compile_credit_profiles(compilation: Compilation) -> None:
    """A row for each profile and payment type, ascending by id, its limits below it."""
    rows: dict[int, tuple[CreditProfile, PaymentType]] = {}
    for profile in compilation.catalogue.credit_profiles.values():
        place = compilation.place("credit_profile", profile.code)
        _check_twins(profile, place)
        for payment_type in PAYMENT_TYPES:
            number = credit_id(profile.code, payment_type)
            compilation.take_id("credit", number, f"{profile.code}/{payment_type}", place)
            rows[number] = (profile, payment_type)
    for number in sorted(rows):
        profile, payment_type = rows[number]
        place = compilation.place("credit_profile", profile.code)
        compilation.columns.add(credit_id=number)
        compilation.columns.open("credit_limit_first")
        for row, limit in enumerate(profile.limit):
            if limit.payment_type == payment_type:
                _add_limit(compilation, limit, place.at(f"limit[{row}]"))


def compile_sharing_policies(compilation: Compilation, service_types: dict[str, int]) -> None:
    """Append every sharing policy."""
    everywhere = (1 << len(service_types)) - 1
    resources = {code: info.index for code, info in compilation.resources.items()}
    everything = (1 << len(resources)) - 1
    for policy in compilation.catalogue.sharing_policies.values():
        place = compilation.place("sharing_policy", policy.code)
        number = compilation.name("policy", policy.code, place)
        if not 1 <= policy.percent <= PERCENT_MAX:
            place.at("percent").fault(f"{policy.percent} is out of bounds", "write 1 to 100")
        compilation.columns.add(
            policy_id=number,
            policy_service_types=_bits(policy.service_types, service_types, "service_type", place)
            or everywhere,
            policy_resources=_bits(policy.resources, resources, "resource", place) or everything,
            policy_percent=policy.percent,
            policy_strategy=STRATEGIES[policy.strategy],
            policy_exhausted=EXHAUSTED[policy.when_exhausted],
            policy_cap_member=_cap(compilation, policy, policy.cap_per_member, place.at("cap_per_member")),
            policy_shared_tiers=int(policy.shared_tiers),
            policy_cap_group=_cap(compilation, policy, policy.cap_per_group, place.at("cap_per_group")),
        )
        compilation.columns.open("policy_tag_first")
        for tag in policy.charge_tags:
            if place.refer("tag", tag, "charge_tags") and compilation.catalogue.tags[tag].kind != "charge":
                place.at("charge_tags").fault(f"{tag!r} is not a charge tag", "name a tag of kind 'charge'")
            compilation.columns.add(policy_tag_id=code_id("tag", tag))


def _check_twins(profile: CreditProfile, place: Place) -> None:
    seen: dict[tuple[str, str], int] = {}
    for row, limit in enumerate(profile.limit):
        first = seen.setdefault((limit.payment_type, limit.resource), row)
        if first != row:
            message = f"is for the same payment type and resource as limit[{first}]"
            place.at(f"limit[{row}]").fault(message, "keep one of them")


def _add_limit(compilation: Compilation, limit: CreditLimit, place: Place) -> None:
    """Append a limit and its thresholds."""
    if not place.refer("resource", limit.resource):
        return
    info = compilation.resources[limit.resource]
    floor = _amount(limit.floor, info, place.at("floor"))
    amount = AMOUNT_MAX if limit.limit is None else _amount(limit.limit, info, place.at("limit"))
    if amount < floor:
        place.at("limit").fault("is below the floor", "raise it, or lower the floor")
    breach = limit.on_breach or ("deny" if limit.payment_type == "prepaid" else "allow")
    compilation.columns.add(
        limit_resource=info.index, limit_floor=floor, limit_amount=amount, limit_breach=BREACHES[breach]
    )
    compilation.columns.open("limit_threshold_first")
    for number, threshold in enumerate(limit.thresholds):
        there = place.at(f"thresholds[{number}]")
        kind, value = _threshold(threshold, info, there)
        if kind == THRESHOLD_PERCENT and limit.limit is None:
            there.fault("is a part of the way to a limit, and there is no limit", "add `limit`, or an amount")
        if kind == THRESHOLD_PERCENT and info.is_money:
            # Only the floor of free units moves, with what is granted.
            kind, value = THRESHOLD_AMOUNT, floor + (amount - floor) * value // 100
        compilation.columns.add(threshold_kind=kind, threshold_value=value)


def _threshold(threshold: Decimal, info: ResourceInfo, place: Place) -> tuple[int, int]:
    text = str(threshold)
    if not text.endswith("%"):
        return THRESHOLD_AMOUNT, _amount(threshold, info, place)
    percent = exact(text.removesuffix("%").strip(), place)
    if percent.denominator != 1 or not 1 <= percent <= PERCENT_MAX:
        place.fault(f"{text!r} is out of bounds", 'write "1%" to "100%", or an amount')
        percent = Fraction(1)
    return THRESHOLD_PERCENT, int(percent)


def _amount(value: Decimal, info: ResourceInfo, place: Place) -> int:
    return whole(exact(value, place), info.stored_decimals, place)


def _bits(codes: tuple[str, ...], indexes: dict[str, int], table: str, place: Place) -> int:
    bits = 0
    for code in codes:
        if place.refer(table, code, f"{table}s"):
            bits |= 1 << indexes[code]
    return bits


def _cap(compilation: Compilation, policy: SharingPolicy, cap: Decimal | None, place: Place) -> int:
    if cap is None:
        return NO_CAP
    if len(policy.resources) != 1:
        place.fault("is in units of a resource, and the policy covers several", "let it name one resource")
        return NO_CAP
    info = compilation.resources.get(policy.resources[0])
    return NO_CAP if info is None else whole(not_negative(cap, place), info.stored_decimals, place)
