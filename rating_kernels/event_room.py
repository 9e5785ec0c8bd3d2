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
from rating_kernels.rotate_cycle import ROWS_A_CYCLE, cycles_over, recurring_rows
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import LOG_MAX, W_IMPACTS, W_LIMITS, W_NOTICES, W_TOUCHED

NONE = -1
HAS_ROOM, GROUP_FULL, OUTPUT_FULL, TOO_MANY = range(4)
# What one payer's part of a detail writes to the undo log beside one entry a balance: an item and the tax's
# (five entries each), an owed balance, caps and counters of the price.
LOG_A_PAYER = 24


@kernel
def group_room(
    table: Ints,
    calendars: Ints,
    words: Ints,
    at: int,
    profiles: Ints,
    payers: int,
    time_us: int,
    work: Ints,
) -> tuple[int, int]:
    """(the section that cannot take an event and the cycles that end before it, or NONE; balances it may meet)."""
    room = table[t.ROOM_ROWS]
    # More cycles than may wait for billing end none.
    cycles = min(cycles_over(calendars, words, at, time_us), work[W_LIMITS + L_SNAPSHOTS_MAX])
    recurring = 0 if cycles == 0 else ROWS_A_CYCLE * cycles * recurring_rows(words, at, profiles)
    balances = section_count(words, at, SECTION_BALANCES) + recurring
    if section_free(words, at, SECTION_BALANCES) < table[room] + recurring:
        return SECTION_BALANCES, balances
    if section_free(words, at, SECTION_ITEMS) < table[room + 1] + recurring:
        return SECTION_ITEMS, balances
    # Caps are counted for each sharing group apart.
    if section_free(words, at, SECTION_COUNTERS) < table[room + 2] * payers:
        return SECTION_COUNTERS, balances
    if section_free(words, at, SECTION_SNAPSHOTS) < cycles:
        return SECTION_SNAPSHOTS, balances
    ring_max = work[W_LIMITS + L_RING_MAX]
    if section_free(words, at, SECTION_RING) == 0 and section_count(words, at, SECTION_RING) < ring_max:
        return SECTION_RING, balances
    return NONE, balances


@kernel
def membership_row(profiles: Ints, profile_at: int, service: int) -> int:
    """Offset of the first membership that the service may use."""
    first = profiles[service + V_MEMBERSHIP_FIRST]
    return profile_at + profiles[profile_at + P_MEMBERSHIPS_AT] + first * MEMBERSHIP_WORDS


@kernel
def event_room(
    table: Ints,
    calendars: Ints,
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
) -> tuple[int, int]:
    """(HAS_ROOM, NONE), (GROUP_FULL, slot * SECTIONS + section that needs room first), or what the output lacks.

    The output takes an impact of every balance in reach, once per detail, and every notice and group.
    TOO_MANY: what the event may change does not fit the undo log.
    """
    time_us = events[row, e.TIME_US]
    slot = profiles[service + V_GROUP_SLOT]
    groups = 1 + profiles[service + V_MEMBERSHIPS]
    section, balances = group_room(table, calendars, words, slot_at[slot], profiles, groups, time_us, work)
    if section != NONE:
        return GROUP_FULL, slot * SECTIONS + section
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        slot = profiles[member + G_OWNER_SLOT]
        at = slot_at[slot]
        if at >= 0:
            section, more = group_room(table, calendars, words, at, profiles, groups, time_us, work)
            if section != NONE:
                return GROUP_FULL, slot * SECTIONS + section
            balances += more
        member += MEMBERSHIP_WORDS
    # Each detail may use every balance, for an allowance or for its amount, those too that a rotation
    # grants before; it may make one a group, book tax, and try an allowance and an amount on a last one.
    details = table[table[t.ROOM_ROWS]]
    needed = details * (2 * balances + 5 * groups + 1 + profiles[service + V_DISCOUNTS])
    if needed + LOG_A_PAYER * details * groups >= LOG_MAX:
        return TOO_MANY, NONE
    thresholds = table[t.THRESHOLD_VALUE + 1] - table[t.THRESHOLD_VALUE]
    if (
        len(impacts) - work[W_IMPACTS] >= needed
        and len(notices) - work[W_NOTICES] >= groups * thresholds
        and len(touched) - work[W_TOUCHED] >= groups
    ):
        return HAS_ROOM, NONE
    return OUTPUT_FULL, NONE
