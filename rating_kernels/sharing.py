"""Pure. Who pays for an event: the owners of pools its user may use, and the user (DECISIONS 20-21).

The workspace lists the memberships that hold for the event, best first. One hop only: an owner's own
memberships are not looked at.
"""

from rating_kernels import table_words as t
from rating_kernels.charge_group import (
    booking_cycle,
    count,
    counter_row,
)
from rating_kernels.group_image import AMOUNT_MAX, C_AMOUNT, H_GROUP_ID
from rating_kernels.kernel import kernel, rare_kernel
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
from rating_kernels.tariff_table import (
    MEMBER_FIRST,
    Ints,
)
from rating_kernels.trace import (
    MEMBER_HOLDS,
    MEMBER_NO_OWNER,
    MEMBER_NOT_VALID,
    MEMBER_ONE_TOO_MANY,
    POLICY_APPLIES,
    POLICY_OTHER_RESOURCE,
    POLICY_OTHER_SERVICE,
    POLICY_OTHER_TAG,
    TRACE_CAPS,
    TRACE_MEMBERSHIP,
    trace,
)
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
    words: Ints, profiles: Ints, profile_at: int, service: int, slot_at: Ints, time_us: int, work: Ints
) -> None:
    """List the memberships of a service that hold at the event's time and whose owner is here."""
    work[W_PAYERS] = 0
    first = profiles[service + V_MEMBERSHIP_FIRST]
    row = profile_at + profiles[profile_at + P_MEMBERSHIPS_AT] + first * MEMBERSHIP_WORDS
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        slot = profiles[row + G_OWNER_SLOT]
        why = MEMBER_HOLDS
        if not profiles[row + G_VALID_FROM_US] <= time_us < profiles[row + G_VALID_TO_US]:
            why = MEMBER_NOT_VALID
        elif slot_at[slot] < 0:
            why = MEMBER_NO_OWNER
        elif work[W_PAYERS] == PAYERS_MAX:
            why = MEMBER_ONE_TOO_MANY
        if why == MEMBER_HOLDS:
            entry = W_PAYER_ROWS + work[W_PAYERS] * PAYER_WORDS
            work[entry + Y_AT] = slot_at[slot]
            work[entry + Y_POLICY] = profiles[row + G_POLICY]
            work[entry + Y_SHARING_ID] = profiles[row + G_SHARING_ID]
            work[entry + Y_SLOT] = slot
            work[entry + Y_CHANGED] = 0
            work[W_PAYERS] += 1
        trace(
            work,
            TRACE_MEMBERSHIP,
            profiles[row + G_SHARING_ID],
            profiles[row + G_POLICY],
            words[slot_at[slot] + H_GROUP_ID] if slot_at[slot] >= 0 else 0,
            profiles[row + G_VALID_FROM_US],
            profiles[row + G_VALID_TO_US],
            why,
        )
        row += MEMBERSHIP_WORDS


@kernel
def policy_covers(table: Ints, policy: int, service_type: int, resource: int, charge_tag_id: int) -> bool:
    """Whether a policy speaks of this use of this resource."""
    return policy_says(table, policy, service_type, resource, charge_tag_id) == POLICY_APPLIES


@kernel
def policy_says(table: Ints, policy: int, service_type: int, resource: int, charge_tag_id: int) -> int:
    """POLICY_APPLIES, or what a policy does not cover; one without tags covers every tag."""
    if (table[table[t.POLICY_SERVICE_TYPES] + policy] >> service_type) & 1 == 0:
        return POLICY_OTHER_SERVICE
    if (table[table[t.POLICY_RESOURCES] + policy] >> resource) & 1 == 0:
        return POLICY_OTHER_RESOURCE
    first, end = table[table[t.POLICY_TAG_FIRST] + policy], table[table[t.POLICY_TAG_FIRST] + policy + 1]
    if first == end:
        return POLICY_APPLIES
    for tag in range(first, end):
        if table[table[t.POLICY_TAG_ID] + tag] == charge_tag_id:
            return POLICY_APPLIES
    return POLICY_OTHER_TAG


@kernel
def member_goes_first(table: Ints, work: Ints) -> bool:
    """The best membership's strategy decides whether the user's own balances come first."""
    return (
        work[W_PAYERS] == 0 or table[table[t.POLICY_STRATEGY] + work[W_PAYER_ROWS + Y_POLICY]] == MEMBER_FIRST
    )


@kernel
def cap_room(
    table: Ints, words: Ints, at: int, owner_at: int, policy: int, counter_id: int, time_us: int, work: Ints
) -> int:
    """How much the policy's caps of the cycle still allow, for this member and for the group."""
    cap_member, cap_group = (
        table[table[t.POLICY_CAP_MEMBER] + policy],
        table[table[t.POLICY_CAP_GROUP] + policy],
    )
    if cap_member < 0 and cap_group < 0:
        return AMOUNT_MAX
    return _room_below_caps(words, at, owner_at, cap_member, cap_group, counter_id, time_us, work)


@rare_kernel
def _room_below_caps(
    words: Ints,
    at: int,
    owner_at: int,
    cap_member: int,
    cap_group: int,
    counter_id: int,
    time_us: int,
    work: Ints,
) -> int:
    room, used_member, used_group = AMOUNT_MAX, 0, 0
    if cap_member >= 0:
        used_member = _counted(words, at, counter_id, time_us)
        room = min(room, cap_member - used_member)
    if cap_group >= 0:
        used_group = _counted(words, owner_at, counter_id, time_us)
        room = min(room, cap_group - used_group)
    trace(work, TRACE_CAPS, used_member, cap_member, used_group, cap_group)
    return max(room, 0)


@kernel
def _counted(words: Ints, at: int, counter_id: int, time_us: int) -> int:
    """What a group's counter of the cycle stands at."""
    cycle_no, _, _, _ = booking_cycle(words, at, time_us)
    row = counter_row(words, at, cycle_no, counter_id)
    return words[row + C_AMOUNT] if row >= 0 else 0


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
