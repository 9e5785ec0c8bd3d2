"""Pure. Who pays for an event: the owners of pools its user may use, and the user (DECISIONS 20-21).

The workspace lists the memberships that hold for the event, best first. One hop only: an owner's own
memberships are not looked at.
"""

from rating_kernels import table_words as t
from rating_kernels.batch_columns import FLAG_SHARED
from rating_kernels.charge_group import (
    BEYOND_LIMIT,
    booking_cycle,
    charge_group,
    chargeable,
    count,
    counter_row,
    refund,
    use_allowance,
)
from rating_kernels.group_image import AMOUNT_MAX, C_AMOUNT
from rating_kernels.kernel import kernel
from rating_kernels.profile_image import (
    G_OWNER_SLOT,
    G_POLICY,
    G_SHARING_ID,
    G_VALID_FROM_US,
    G_VALID_TO_US,
    MEMBERSHIP_WORDS,
    P_MEMBERSHIPS_AT,
    V_MEMBERSHIP_FIRST,
    V_MEMBERSHIPS,
)
from rating_kernels.quantities import mul_div, mul_div_wide
from rating_kernels.tariff_table import (
    DENY_WHEN_EXHAUSTED,
    DOWN,
    HALF_UP,
    MEMBER_FIRST,
    Ints,
)
from rating_kernels.thresholds import watch
from rating_kernels.workspace import (
    PAYER_WORDS,
    PAYERS_MAX,
    W_PAYER_ROWS,
    W_PAYERS,
    Y_AT,
    Y_CHANGED,
    Y_POLICY,
    Y_SHARING_ID,
    Y_SLOT,
)

# A counter of a sharing group and a resource: ids are below 2**31, so both fit a word.
SHARING_SHIFT = 32


@kernel
def find_payers(
    profiles: Ints, profile_at: int, service: int, slot_at: Ints, time_us: int, work: Ints
) -> None:
    """List the memberships of a service that hold at the event's time and whose owner is here."""
    work[W_PAYERS] = 0
    first = profiles[service + V_MEMBERSHIP_FIRST]
    row = profile_at + profiles[profile_at + P_MEMBERSHIPS_AT] + first * MEMBERSHIP_WORDS
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        slot = profiles[row + G_OWNER_SLOT]
        if (
            work[W_PAYERS] < PAYERS_MAX
            and profiles[row + G_VALID_FROM_US] <= time_us < profiles[row + G_VALID_TO_US]
            and slot_at[slot] >= 0
        ):
            entry = W_PAYER_ROWS + work[W_PAYERS] * PAYER_WORDS
            work[entry + Y_AT] = slot_at[slot]
            work[entry + Y_POLICY] = profiles[row + G_POLICY]
            work[entry + Y_SHARING_ID] = profiles[row + G_SHARING_ID]
            work[entry + Y_SLOT] = slot
            work[entry + Y_CHANGED] = 0
            work[W_PAYERS] += 1
        row += MEMBERSHIP_WORDS


@kernel
def policy_covers(table: Ints, policy: int, service_type: int, resource: int, charge_tag_id: int) -> bool:
    """Whether a policy speaks of this use of this resource; a policy without tags covers every tag."""
    if (table[table[t.POLICY_SERVICE_TYPES] + policy] >> service_type) & 1 == 0:
        return False
    if (table[table[t.POLICY_RESOURCES] + policy] >> resource) & 1 == 0:
        return False
    first, end = table[table[t.POLICY_TAG_FIRST] + policy], table[table[t.POLICY_TAG_FIRST] + policy + 1]
    if first == end:
        return True
    for tag in range(first, end):
        if table[table[t.POLICY_TAG_ID] + tag] == charge_tag_id:
            return True
    return False


@kernel
def member_goes_first(table: Ints, work: Ints) -> bool:
    """The best membership's strategy decides whether the user's own balances come first."""
    return (
        work[W_PAYERS] == 0 or table[table[t.POLICY_STRATEGY] + work[W_PAYER_ROWS + Y_POLICY]] == MEMBER_FIRST
    )


@kernel
def cap_room(
    table: Ints, words: Ints, at: int, owner_at: int, policy: int, counter_id: int, time_us: int
) -> int:
    """How much the policy's caps of the cycle still allow, for this member and for the group."""
    room = AMOUNT_MAX
    if table[table[t.POLICY_CAP_MEMBER] + policy] >= 0:
        cycle_no, _, _, _ = booking_cycle(words, at, time_us)
        row = counter_row(words, at, cycle_no, counter_id)
        room = min(
            room, table[table[t.POLICY_CAP_MEMBER] + policy] - (words[row + C_AMOUNT] if row >= 0 else 0)
        )
    if table[table[t.POLICY_CAP_GROUP] + policy] >= 0:
        cycle_no, _, _, _ = booking_cycle(words, owner_at, time_us)
        row = counter_row(words, owner_at, cycle_no, counter_id)
        room = min(
            room, table[table[t.POLICY_CAP_GROUP] + policy] - (words[row + C_AMOUNT] if row >= 0 else 0)
        )
    return max(room, 0)


@kernel
def count_caps(
    table: Ints,
    words: Ints,
    at: int,
    owner_at: int,
    policy: int,
    counter_id: int,
    amount: int,
    time_us: int,
    work: Ints,
) -> None:
    """Add to the counters that the policy's caps go by."""
    if table[table[t.POLICY_CAP_MEMBER] + policy] >= 0:
        cycle_no, _, _, _ = booking_cycle(words, at, time_us)
        count(words, at, cycle_no, counter_id, amount, work)
    if table[table[t.POLICY_CAP_GROUP] + policy] >= 0:
        cycle_no, _, _, _ = booking_cycle(words, owner_at, time_us)
        count(words, owner_at, cycle_no, counter_id, amount, work)


@kernel
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
    if not policy_covers(
        table, policy, service_type, resource, table[table[t.DETAIL_CHARGE_TAG_ID] + detail]
    ):
        return 0, False, False
    offered = min(left, mul_div(quantity, table[table[t.POLICY_PERCENT] + policy], 100, DOWN))
    counter_id = (sharing_id << SHARING_SHIFT) | table[table[t.RESOURCE_ID] + resource]
    units_max = cap_room(table, words, at, owner_at, policy, counter_id, time_us)
    watch(table, words, owner_at, resource, time_us, work)
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
                watch(table, words, at, resource, time_us, work)
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
) -> tuple[int, int, bool, bool]:
    """(amount paid by owners, quantity it stands for, denied, too large) of an amount of money."""
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    paid = 0
    paid_quantity = 0
    for owner in range(work[W_PAYERS]):
        if paid == amount:
            break
        entry = W_PAYER_ROWS + owner * PAYER_WORDS
        owner_at, policy, sharing_id = work[entry + Y_AT], work[entry + Y_POLICY], work[entry + Y_SHARING_ID]
        if not policy_covers(
            table, policy, service_type, resource, table[table[t.DETAIL_CHARGE_TAG_ID] + detail]
        ):
            continue
        offered = min(amount - paid, mul_div(amount, table[table[t.POLICY_PERCENT] + policy], 100, HALF_UP))
        counter_id = (sharing_id << SHARING_SHIFT) | table[table[t.RESOURCE_ID] + resource]
        wanted = min(offered, cap_room(table, words, at, owner_at, policy, counter_id, time_us))
        wanted, limited = chargeable(table, words, owner_at, resource, wanted, time_us)
        if (limited == BEYOND_LIMIT or wanted < offered) and table[
            table[t.POLICY_EXHAUSTED] + policy
        ] == DENY_WHEN_EXHAUSTED:
            return paid, paid_quantity, True, False
        if wanted == 0:
            continue
        watch(table, words, owner_at, resource, time_us, work)
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
            return paid, paid_quantity, False, True
        work[entry + Y_CHANGED] = 1
        count_caps(table, words, at, owner_at, policy, counter_id, wanted, time_us, work)
        paid += wanted
        paid_quantity += part
    return paid, paid_quantity, False, False


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
        watch(table, words, owner_at, resource, time_us, work)
        item_id = table[table[t.DETAIL_ITEM_ID] + detail]
        given = refund(table, words, owner_at, resource, item_id, part, part_quantity, time_us, impacts, work)
        work[entry + Y_CHANGED] = 1
        return part, part_quantity, given
    return 0, 0, True
