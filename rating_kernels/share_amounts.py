"""Pure. An amount on the owners whose pools its user may use, by their policies (DECISIONS 20-21)."""

from rating_kernels import table_words as t
from rating_kernels.charge_group import (
    BEYOND_LIMIT,
    OVER_LIMIT,
    charge_group,
    chargeable,
    limit_and_total,
    refund,
)
from rating_kernels.group_image import H_GROUP_ID
from rating_kernels.kernel import kernel
from rating_kernels.outcomes import Outcome
from rating_kernels.quantities import mul_div, mul_div_wide
from rating_kernels.sharing import SHARING_SHIFT, cap_room, count_caps, policy_covers, policy_says
from rating_kernels.tariff_table import (
    DENY_WHEN_EXHAUSTED,
    DOWN,
    HALF_UP,
    Ints,
)
from rating_kernels.thresholds import find_and_watch, watch
from rating_kernels.trace import (
    POLICY_APPLIES,
    TRACE_POLICY,
    TRACE_SHORT,
    trace,
)
from rating_kernels.workspace import (
    PAYER_WORDS,
    W_PAYER_ROWS,
    W_PAYERS,
    Y_AT,
    Y_CHANGED,
    Y_POLICY,
    Y_SHARING_ID,
)

CHARGED, CHARGED_OVER_LIMIT = int(Outcome.CHARGED), int(Outcome.CHARGED_OVER_LIMIT)
DENIED_SHARING, AMOUNT_OUT_OF_RANGE = int(Outcome.DENIED_SHARING), int(Outcome.AMOUNT_OUT_OF_RANGE)


@kernel
def charge_owners(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    service_type: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int, int]:
    """(amount paid by owners, quantity it stands for, outcome of their part) of an amount of money."""
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    paid = 0
    paid_quantity = 0
    outcome = CHARGED
    for owner in range(work[W_PAYERS]):
        if paid == amount:
            break
        entry = W_PAYER_ROWS + owner * PAYER_WORDS
        owner_at, policy, sharing_id = work[entry + Y_AT], work[entry + Y_POLICY], work[entry + Y_SHARING_ID]
        said = policy_says(
            table, policy, service_type, resource, table[table[t.DETAIL_CHARGE_TAG_ID] + detail]
        )
        if said != POLICY_APPLIES:
            trace(work, TRACE_POLICY, sharing_id, policy, words[owner_at + H_GROUP_ID], resource, 0, said)
            continue
        offered = min(amount - paid, mul_div(amount, table[table[t.POLICY_PERCENT] + policy], 100, HALF_UP))
        trace(work, TRACE_POLICY, sharing_id, policy, words[owner_at + H_GROUP_ID], resource, offered, said)
        counter_id = (sharing_id << SHARING_SHIFT) | table[table[t.RESOURCE_ID] + resource]
        wanted = min(offered, cap_room(table, words, at, owner_at, policy, counter_id, time_us, work))
        limit, total = limit_and_total(table, words, owner_at, resource, time_us)
        owner_id = words[owner_at + H_GROUP_ID]
        wanted, limited = chargeable(table, owner_id, resource, limit, total, wanted, work)
        if limited == BEYOND_LIMIT or wanted < offered:
            denied = table[table[t.POLICY_EXHAUSTED] + policy] == DENY_WHEN_EXHAUSTED
            trace(work, TRACE_SHORT, sharing_id, offered - wanted, 1 if denied else 0)
            if denied:
                return paid, paid_quantity, DENIED_SHARING
        if wanted == 0:
            continue
        watch(table, owner_at, resource, limit, total, work)
        part = mul_div_wide(quantity, wanted, amount, DOWN)
        if not charge_group(
            table,
            words,
            owner_at,
            resource,
            table[table[t.DETAIL_ITEM_ID] + detail],
            wanted,
            part,
            time_us,
            impacts,
            work,
        ):
            return paid, paid_quantity, AMOUNT_OUT_OF_RANGE
        work[entry + Y_CHANGED] = 1
        count_caps(table, words, at, owner_at, policy, counter_id, wanted, time_us, work)
        paid += wanted
        paid_quantity += part
        if limited == OVER_LIMIT:
            outcome = CHARGED_OVER_LIMIT
    return paid, paid_quantity, outcome


@kernel
def refund_owner(
    table: Ints,
    words: Ints,
    detail: int,
    service_type: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int, bool]:
    """(part of an amount < 0, quantity it stands for, False past the largest amount) of the owner who pays first.

    Its share as of a charge. What counts against the policy's caps stays: a cheaper tier opens no cap again.
    """
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    for owner in range(work[W_PAYERS]):
        entry = W_PAYER_ROWS + owner * PAYER_WORDS
        owner_at, policy = work[entry + Y_AT], work[entry + Y_POLICY]
        if not policy_covers(
            table, policy, service_type, resource, table[table[t.DETAIL_CHARGE_TAG_ID] + detail]
        ):
            continue
        percent = table[table[t.POLICY_PERCENT] + policy]
        part = -mul_div(-amount, percent, 100, HALF_UP)
        part_quantity = mul_div(quantity, percent, 100, DOWN)
        if part == 0:
            break
        find_and_watch(table, words, owner_at, resource, time_us, work)
        item_id = table[table[t.DETAIL_ITEM_ID] + detail]
        given = refund(table, words, owner_at, resource, item_id, part, part_quantity, time_us, impacts, work)
        work[entry + Y_CHANGED] = 1
        return part, part_quantity, given
    return 0, 0, True
