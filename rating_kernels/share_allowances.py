"""Pure. Free units before money: an event's allowances, the owners' by their policies and the user's own (DECISIONS 13, 20)."""

from rating_kernels import table_words as t
from rating_kernels.batch_columns import FLAG_SHARED
from rating_kernels.charge_group import (
    use_allowance,
)
from rating_kernels.group_image import AMOUNT_MAX, H_GROUP_ID
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.quantities import mul_div
from rating_kernels.sharing import (
    SHARING_SHIFT,
    cap_room,
    count_caps,
    member_goes_first,
    policy_says,
)
from rating_kernels.tariff_table import (
    DENY_WHEN_EXHAUSTED,
    DOWN,
    Ints,
)
from rating_kernels.thresholds import find_and_watch
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


@rare_kernel
def use_owner_allowance(
    table: Ints,
    words: Ints,
    at: int,
    entry: int,
    detail: int,
    service_type: int,
    allowance: int,
    quantity: int,
    left: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, bool, bool]:
    """(quantity covered, whether units were used, denied) of one owner's allowance by its policy."""
    owner_at, policy, sharing_id = work[entry + Y_AT], work[entry + Y_POLICY], work[entry + Y_SHARING_ID]
    resource = table[table[t.ALLOWANCE_RESOURCE] + allowance]
    said = policy_says(table, policy, service_type, resource, table[table[t.DETAIL_CHARGE_TAG_ID] + detail])
    if said != POLICY_APPLIES:
        trace(work, TRACE_POLICY, sharing_id, policy, words[owner_at + H_GROUP_ID], resource, 0, said)
        return 0, False, False
    offered = min(left, mul_div(quantity, table[table[t.POLICY_PERCENT] + policy], 100, DOWN))
    trace(work, TRACE_POLICY, sharing_id, policy, words[owner_at + H_GROUP_ID], resource, offered, said)
    counter_id = (sharing_id << SHARING_SHIFT) | table[table[t.RESOURCE_ID] + resource]
    units_max = cap_room(table, words, at, owner_at, policy, counter_id, time_us, work)
    find_and_watch(table, words, owner_at, resource, time_us, work)
    taken, units = use_allowance(
        table,
        words,
        owner_at,
        resource,
        table[table[t.ALLOWANCE_NUM] + allowance],
        table[table[t.ALLOWANCE_DEN] + allowance],
        offered,
        units_max,
        time_us,
        impacts,
        work,
    )
    if units > 0:
        work[entry + Y_CHANGED] = 1
        count_caps(table, words, at, owner_at, policy, counter_id, units, time_us, work)
    denied = taken < offered and table[table[t.POLICY_EXHAUSTED] + policy] == DENY_WHEN_EXHAUSTED
    if taken < offered:
        trace(work, TRACE_SHORT, sharing_id, offered - taken, 1 if denied else 0)
    return taken, units > 0, denied


@kernel
def cover_by_allowances(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    service_type: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int, bool]:
    """(quantity covered, FLAG_SHARED or 0, denied): the detail's allowances in order, each by all payers."""
    covered = 0
    flags = 0
    own_turn = 0 if member_goes_first(table, work) else work[W_PAYERS]
    first = table[table[t.DETAIL_ALLOWANCE_FIRST] + detail]
    for allowance in range(first, table[table[t.DETAIL_ALLOWANCE_FIRST] + detail + 1]):
        resource = table[table[t.ALLOWANCE_RESOURCE] + allowance]
        owner = 0
        for turn in range(work[W_PAYERS] + 1):
            if covered == quantity:
                break
            left = quantity - covered
            if turn == own_turn:
                find_and_watch(table, words, at, resource, time_us, work)
                numerator = table[table[t.ALLOWANCE_NUM] + allowance]
                denominator = table[table[t.ALLOWANCE_DEN] + allowance]
                taken, _ = use_allowance(
                    table,
                    words,
                    at,
                    resource,
                    numerator,
                    denominator,
                    left,
                    AMOUNT_MAX,
                    time_us,
                    impacts,
                    work,
                )
                covered += taken
                continue
            entry = W_PAYER_ROWS + owner * PAYER_WORDS
            owner += 1
            taken, used, denied = use_owner_allowance(
                table,
                words,
                at,
                entry,
                detail,
                service_type,
                allowance,
                quantity,
                left,
                time_us,
                impacts,
                work,
            )
            if used:
                flags = FLAG_SHARED
            covered += taken
            if denied:
                return covered, flags, True
    return covered, flags, False
