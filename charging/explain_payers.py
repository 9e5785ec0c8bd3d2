"""Pure. The steps of who pays: sharing policies, credit limits, balances in their order."""

from charging.explain_reading import Handler, Reading
from charging.explanation import BalanceStep, LimitStep, PayerStep, PolicyStep
from config.compile_credit import BREACHES
from config.compile_services import CONSUMPTION_ORDERS
from rating_kernels import trace as k
from rating_kernels.batch_columns import IMPACT_OWED
from rating_kernels.charge_group import BEYOND_LIMIT, NO_LIMIT, OVER_LIMIT, WITHIN_LIMIT

ORDER_NAMES = {number: name for name, number in CONSUMPTION_ORDERS.items()}
BREACH_NAMES = {number: name for name, number in BREACHES.items()}
POLICY_WHY = {
    k.POLICY_APPLIES: "applies",
    k.POLICY_OTHER_SERVICE: "other_service_type",
    k.POLICY_OTHER_RESOURCE: "other_resource",
    k.POLICY_OTHER_TAG: "other_charge_tag",
}
BALANCE_WHY = {
    k.BALANCE_IN_ORDER: "not_needed",
    k.BALANCE_NOT_VALID: "not_valid_then",
    k.BALANCE_EMPTY: "empty",
    k.BALANCE_OWED: "owed",
}
LIMIT_SAYS = {WITHIN_LIMIT: "within", OVER_LIMIT: "over", BEYOND_LIMIT: "beyond"}


def _payer(reading: Reading, group_id: int, resource: int) -> PayerStep:
    """The turn at hand, or a new one where that is another group's or was taken."""
    payer = reading.payer
    if payer is None or payer.group != group_id or payer.for_what:
        payer = _new_payer(reading, group_id, resource)
    return payer


def _new_payer(reading: Reading, group_id: int, resource: int) -> PayerStep:
    payer = PayerStep(group_id, reading.names.resources[resource].code, reading.names.customer(group_id))
    detail = reading.details[-1]
    (detail.allowances if reading.covering else detail.payers).append(payer)
    reading.payer = payer
    return payer


def _now(reading: Reading) -> PayerStep:
    assert reading.payer is not None, "what a payer does comes after it"
    return reading.payer


def _resource(reading: Reading) -> int:
    """Row of the resource that the payer at hand gives."""
    return reading.names.catalogue.resources[_now(reading).resource].index


def _offer(reading: Reading, amount: int) -> str:
    """What a pool is asked for: a quantity while allowances cover, then an amount."""
    return reading.quantity(amount) if reading.covering else reading.names.amount(_resource(reading), amount)


def _policy(reading: Reading, row: list[int]) -> None:
    sharing, policy, group_id, resource, offered, why = row[:6]
    names = reading.names
    payer = _new_payer(reading, group_id, resource)
    payer.policy = PolicyStep(
        sharing=names.people.sharing.get(sharing, sharing),
        policy=names.policy(policy),
        why=POLICY_WHY[why],
        percent=int(names.table.policy_percent[policy]),
        offered=_offer(reading, offered) if why == k.POLICY_APPLIES else "",
    )


def _caps(reading: Reading, row: list[int]) -> None:
    """Caps are in units of the resource; -1 = none."""
    used_member, cap_member, used_group, cap_group = row[:4]
    policy, resource = _now(reading).policy, _resource(reading)
    assert policy is not None, "only pools have caps"
    if cap_member >= 0:
        policy.member_cap = reading.names.amount(resource, cap_member)
        policy.member_used = reading.names.amount(resource, used_member)
    if cap_group >= 0:
        policy.group_cap = reading.names.amount(resource, cap_group)
        policy.group_used = reading.names.amount(resource, used_group)


def _short(reading: Reading, row: list[int]) -> None:
    policy = _now(reading).policy
    assert policy is not None, "only a pool can lack something"
    policy.lacking, policy.denies = _offer(reading, row[1]), row[2] == 1


def _limit(reading: Reading, row: list[int]) -> None:
    group_id, resource, limit, total, asked, allowed, says = row
    names = reading.names
    step = LimitStep("no_limit", names.amount(resource, asked), names.amount(resource, allowed))
    if limit != NO_LIMIT:
        table = names.table
        amount = int(table.limit_amount[limit])
        profile = int(table.credit_limit_first.searchsorted(limit, "right")) - 1
        step.profile = str(names.name("credit", int(table.credit_id[profile])))
        step.says = LIMIT_SAYS[says]
        step.limit = names.amount(resource, amount)
        step.total_before = names.amount(resource, total)
        step.room = names.amount(resource, amount - total)
        step.on_breach = BREACH_NAMES[int(table.limit_breach[limit])]
    _payer(reading, group_id, resource).limit = step


def _begin(reading: Reading, group_id: int, resource: int, for_what: str) -> PayerStep:
    payer = _payer(reading, group_id, resource)
    payer.for_what = for_what
    payer.order = ORDER_NAMES[int(reading.names.table.resource_order[resource])]
    return payer


def _allowance(reading: Reading, row: list[int]) -> None:
    group_id, resource, quantity, needed, _ = row[:5]
    payer = _begin(reading, group_id, resource, "allowance")
    payer.asked, payer.units_needed = (
        reading.quantity(quantity),
        reading.names.amount(resource, needed) if needed >= 0 else "",
    )


def _charge(reading: Reading, row: list[int]) -> None:
    group_id, resource, amount = row[:3]
    payer = _begin(reading, group_id, resource, "amount" if amount > 0 else "refund")
    payer.asked = payer.used = reading.names.amount(resource, amount)


def _balance(reading: Reading, row: list[int]) -> None:
    _, balance, before, why = row[:4]
    amount = reading.names.amount(_resource(reading), before)
    _now(reading).balances.append(BalanceStep(balance, amount, BALANCE_WHY[why]))


def _validity(reading: Reading, row: list[int]) -> None:
    step = _now(reading).balances[-1]
    step.valid_from, step.valid_to = reading.names.local(row[0]), reading.names.local(row[1])
    step.priority = row[2]


def _use(reading: Reading, row: list[int]) -> None:
    """A balance was changed; the one that takes what is owed may have been made for it."""
    _, balance, before, used, after, kind = row[:6]
    resource = _resource(reading)
    balances = _now(reading).balances
    step = next((one for one in balances if one.balance == balance), None)
    if step is None:
        step = BalanceStep(balance, reading.names.amount(resource, before), "owed")
        balances.append(step)
    step.why = "owes" if kind == IMPACT_OWED else "used"
    step.used, step.after = reading.names.amount(resource, used), reading.names.amount(resource, after)


def _taken(reading: Reading, row: list[int]) -> None:
    payer = _now(reading)
    payer.taken = reading.quantity(row[0])
    payer.used = reading.names.amount(_resource(reading), row[1])


def _covered(reading: Reading, row: list[int]) -> None:
    reading.details[-1].covered = reading.quantity(row[0])
    reading.covering, reading.payer = False, None


def _unrated(reading: Reading, row: list[int]) -> None:
    reading.details[-1].unrated = reading.names.amount(row[1], row[2])


HANDLERS: dict[int, Handler] = {
    k.TRACE_POLICY: _policy,
    k.TRACE_CAPS: _caps,
    k.TRACE_SHORT: _short,
    k.TRACE_LIMIT: _limit,
    k.TRACE_ALLOWANCE: _allowance,
    k.TRACE_CHARGE: _charge,
    k.TRACE_BALANCE: _balance,
    k.TRACE_VALIDITY: _validity,
    k.TRACE_USE: _use,
    k.TRACE_TAKEN: _taken,
    k.TRACE_COVERED: _covered,
    k.TRACE_UNRATED: _unrated,
}
