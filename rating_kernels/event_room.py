"""Pure. Whether the groups and the output can take the worst that one event can add to them."""

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.batch_columns import L_RING_MAX, L_SNAPSHOTS_MAX
from rating_kernels.group_image import (
    SECTION_BALANCES,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_SNAPSHOTS,
    SECTIONS,
)
from rating_kernels.group_layout import section_count, section_free
from rating_kernels.kernel import kernel
from rating_kernels.profile_image import (
    G_OWNER_SLOT,
    MEMBERSHIP_WORDS,
    P_MEMBERSHIPS_AT,
    V_DISCOUNTS,
    V_GROUP_SLOT,
    V_MEMBERSHIP_FIRST,
    V_MEMBERSHIPS,
)
from rating_kernels.rotate_cycle import cycles_over, recurring_rows
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import LOG_MAX, W_IMPACTS, W_LIMITS, W_NOTICES, W_TOUCHED

NONE = -1
HAS_ROOM, NEEDS_ROOM, TOO_MANY = range(3)
# What one payer's part of a detail writes to the undo log beside one entry a balance: an item and the tax's
# (five entries each), an owed balance, caps and counters of the price.
LOG_A_PAYER = 24


@kernel
def full_section(
    table: Ints,
    calendars: Ints,
    words: Ints,
    at: int,
    profiles: Ints,
    payers: int,
    time_us: int,
    work: Ints,
) -> int:
    """The section that cannot take an event, and the rotations that come before it; NONE if all can."""
    room = table[t.ROOM_ROWS]
    cycles = min(cycles_over(calendars, words, at, time_us), work[W_LIMITS + L_SNAPSHOTS_MAX])
    recurring = 0 if cycles == 0 else 2 * cycles * recurring_rows(words, at, profiles)
    ring_max = work[W_LIMITS + L_RING_MAX]
    if section_free(words, at, SECTION_BALANCES) < table[room] + recurring:
        return SECTION_BALANCES
    if section_free(words, at, SECTION_ITEMS) < table[room + 1] + recurring:
        return SECTION_ITEMS
    # Caps are counted for each sharing group apart.
    if section_free(words, at, SECTION_COUNTERS) < table[room + 2] * payers:
        return SECTION_COUNTERS
    if section_free(words, at, SECTION_SNAPSHOTS) < cycles:
        return SECTION_SNAPSHOTS
    if section_free(words, at, SECTION_RING) == 0 and section_count(words, at, SECTION_RING) < ring_max:
        return SECTION_RING
    return NONE


@kernel
def membership_row(profiles: Ints, profile_at: int, service: int) -> int:
    """Offset of the first membership that the service may use."""
    first = profiles[service + V_MEMBERSHIP_FIRST]
    return profile_at + profiles[profile_at + P_MEMBERSHIPS_AT] + first * MEMBERSHIP_WORDS


@kernel
def group_without_room(
    table: Ints,
    calendars: Ints,
    events: Ints,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    work: Ints,
) -> int:
    """slot * SECTIONS + section of a group that needs more room there before the event, or NONE."""
    time_us = events[row, e.TIME_US]
    slot = profiles[service + V_GROUP_SLOT]
    payers = 1 + profiles[service + V_MEMBERSHIPS]
    section = full_section(table, calendars, words, slot_at[slot], profiles, payers, time_us, work)
    if section != NONE:
        return slot * SECTIONS + section
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        slot = profiles[member + G_OWNER_SLOT]
        at = slot_at[slot]
        if at >= 0:
            section = full_section(table, calendars, words, at, profiles, payers, time_us, work)
            if section != NONE:
                return slot * SECTIONS + section
        member += MEMBERSHIP_WORDS
    return NONE


@kernel
def output_room(
    table: Ints,
    events: Ints,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    impacts: Ints,
    notices: Ints,
    touched: Ints,
    work: Ints,
) -> int:
    """Room for an impact of every balance in reach, once per detail, and for every notice and group.

    TOO_MANY: what the event may change does not fit the undo log.
    """
    groups = 1 + profiles[service + V_MEMBERSHIPS]
    at = slot_at[profiles[service + V_GROUP_SLOT]]
    balances = section_count(words, at, SECTION_BALANCES) + recurring_rows(words, at, profiles)
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        at = slot_at[profiles[member + G_OWNER_SLOT]]
        if at >= 0:
            balances += section_count(words, at, SECTION_BALANCES) + recurring_rows(words, at, profiles)
        member += MEMBERSHIP_WORDS
    # Each detail may use every balance, for an allowance or for its amount, those too that a rotation
    # grants before; it may make one a group, book tax, and try an allowance and an amount on a last one.
    details = table[table[t.ROOM_ROWS]]
    needed = details * (2 * balances + 5 * groups + 1 + profiles[service + V_DISCOUNTS])
    if needed + LOG_A_PAYER * details * groups >= LOG_MAX:
        return TOO_MANY
    thresholds = table[t.THRESHOLD_VALUE + 1] - table[t.THRESHOLD_VALUE]
    if (
        len(impacts) - work[W_IMPACTS] >= needed
        and len(notices) - work[W_NOTICES] >= groups * thresholds
        and len(touched) - work[W_TOUCHED] >= groups
    ):
        return HAS_ROOM
    return NEEDS_ROOM
