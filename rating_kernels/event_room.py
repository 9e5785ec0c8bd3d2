"""Pure. Whether the groups and the output can take the worst that one event can add to them."""

from numba import njit

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.batch_columns import L_RING_MAX, L_SNAPSHOTS_MAX
from rating_kernels.group_image import (
    SECTION_BALANCES,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import section_count, section_free
from rating_kernels.profile_image import (
    G_OWNER_SLOT,
    MEMBERSHIP_WORDS,
    P_MEMBERSHIPS_AT,
    V_GROUP_SLOT,
    V_MEMBERSHIP_FIRST,
    V_MEMBERSHIPS,
)
from rating_kernels.rotate_cycle import cycles_over, recurring_rows
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import LOG_MAX, W_IMPACTS, W_LIMITS, W_NOTICES, W_TOUCHED

# Details of a rate plan version; the catalogue's compiler refuses more. Each may add an owed balance and
# an item to a group, and a counter for its allowances and one for its price.
DETAILS_MAX = 8
NONE = -1


@njit(cache=True, nogil=True)
def has_room(calendars: Ints, words: Ints, at: int, profiles: Ints, time_us: int, work: Ints) -> bool:
    """Whether a group can take an event, and the rotations that come before it."""
    cycles = min(cycles_over(calendars, words, at, time_us), work[W_LIMITS + L_SNAPSHOTS_MAX])
    recurring = 0 if cycles == 0 else 2 * cycles * recurring_rows(words, at, profiles)
    ring_max = work[W_LIMITS + L_RING_MAX]
    return (
        section_free(words, at, SECTION_BALANCES) >= DETAILS_MAX + recurring
        and section_free(words, at, SECTION_ITEMS) >= DETAILS_MAX + recurring
        and section_free(words, at, SECTION_COUNTERS) >= 2 * DETAILS_MAX
        and section_free(words, at, SECTION_SNAPSHOTS) >= cycles
        and (section_free(words, at, SECTION_RING) > 0 or section_count(words, at, SECTION_RING) >= ring_max)
    )


@njit(cache=True, nogil=True)
def membership_row(profiles: Ints, profile_at: int, service: int) -> int:
    """Offset of the first membership that the service may use."""
    first = profiles[service + V_MEMBERSHIP_FIRST]
    return profile_at + profiles[profile_at + P_MEMBERSHIPS_AT] + first * MEMBERSHIP_WORDS


@njit(cache=True, nogil=True)
def group_without_room(
    calendars: Ints,
    events: Ints,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    work: Ints,
) -> int:
    """Slot of a group that must be laid out with more room before the event, or NONE."""
    time_us = events[row, e.TIME_US]
    slot = profiles[service + V_GROUP_SLOT]
    if not has_room(calendars, words, slot_at[slot], profiles, time_us, work):
        return slot
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        slot = profiles[member + G_OWNER_SLOT]
        if slot_at[slot] >= 0 and not has_room(calendars, words, slot_at[slot], profiles, time_us, work):
            return slot
        member += MEMBERSHIP_WORDS
    return NONE


@njit(cache=True, nogil=True)
def output_has_room(
    table: Ints,
    events: Ints,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    impacts_max: int,
    notices_max: int,
    touched_max: int,
    work: Ints,
) -> bool:
    """Room for an impact of every balance in reach, once per detail, and for every notice and group."""
    groups = 1 + profiles[service + V_MEMBERSHIPS]
    balances = section_count(words, slot_at[profiles[service + V_GROUP_SLOT]], SECTION_BALANCES)
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        at = slot_at[profiles[member + G_OWNER_SLOT]]
        if at >= 0:
            balances += section_count(words, at, SECTION_BALANCES)
        member += MEMBERSHIP_WORDS
    # A rotation may grant balances before the event looks at them, and each detail may make one.
    impacts = DETAILS_MAX * (2 * balances + 4 * groups)
    assert impacts + 16 * DETAILS_MAX * groups < LOG_MAX, "too many balances for one event"
    thresholds = table[t.THRESHOLD_VALUE + 1] - table[t.THRESHOLD_VALUE]
    return (
        impacts_max - work[W_IMPACTS] >= impacts
        and notices_max - work[W_NOTICES] >= groups * thresholds
        and touched_max - work[W_TOUCHED] >= groups
    )
