"""Pure. The end of a cycle, within the decision of whoever comes first at or after it (ARCHITECTURE 9).

Item totals and counters stay where they are under their cycle's number; a snapshot row says that the
cycle ended. What may roll over is kept, and recurring allowances and fees of the next cycle are applied.
"""

from rating_kernels import table_words as t
from rating_kernels.balances import NO_ROOM, add_to_item, credit_balance, drop_expired, owed_balance
from rating_kernels.cycle_calendar import next_boundary
from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    H_CALENDAR,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_GROUP_ID,
    H_PROFILE_AT,
    S_CYCLE_NO,
    S_END_US,
    S_START_US,
    SECTION_BALANCES,
    SECTION_ITEMS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import append_row, row_at, section_count, section_free
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.outcomes import Outcome
from rating_kernels.profile_image import (
    NO_PROFILE,
    P_RECURRING,
    P_RECURRING_AT,
    RECURRING_WORDS,
    Y_AMOUNT,
    Y_GROUP_ID,
    Y_ITEM_ID,
    Y_RESOURCE,
    Y_VALID_FROM_US,
    Y_VALID_TO_US,
)
from rating_kernels.quantities import round_div
from rating_kernels.roll_over import roll_over
from rating_kernels.tariff_table import HALF_UP, Ints
from rating_kernels.trace import TRACE_ROTATED, trace
from rating_kernels.undo_log import put
from rating_kernels.workspace import W_LOG

CHARGED = int(Outcome.CHARGED)
SNAPSHOTS_FULL = int(Outcome.SNAPSHOTS_FULL)
# Balances and items that a recurring row may add to a group in each cycle: what rolls over, what is granted or owed.
ROWS_A_CYCLE = 3


@kernel
def cycles_over(calendars: Ints, words: Ints, at: int, until_us: int) -> int:
    """How many cycles of the group have ended at or before an instant."""
    return 0 if until_us < words[at + H_CYCLE_END_US] else _count_cycles(calendars, words, at, until_us)


@rare_kernel
def _count_cycles(calendars: Ints, words: Ints, at: int, until_us: int) -> int:
    count = 0
    end_us = words[at + H_CYCLE_END_US]
    while end_us <= until_us:
        count += 1
        end_us = next_boundary(calendars, words[at + H_CALENDAR], end_us)
    return count


@kernel
def recurring_rows(words: Ints, at: int, profiles: Ints) -> int:
    """Rows that a cycle of the group may start with (an upper bound: those of all its customer's groups)."""
    profile_at = words[at + H_PROFILE_AT]
    return 0 if profile_at == NO_PROFILE else profiles[profile_at + P_RECURRING]


@rare_kernel
def rotate_group(
    table: Ints,
    calendars: Ints,
    words: Ints,
    at: int,
    profiles: Ints,
    until_us: int,
    snapshots_max: int,
    work: Ints,
) -> int:
    """End every cycle that is over; CHARGED, SNAPSHOTS_FULL, or NO_ROOM. The last two change nothing.

    What rotation changes is true whatever becomes of the event that caused it, so it is not to be
    undone: the log is left empty.
    """
    cycles = cycles_over(calendars, words, at, until_us)
    if cycles == 0:
        return CHARGED
    if section_count(words, at, SECTION_SNAPSHOTS) + cycles > snapshots_max:
        return SNAPSHOTS_FULL
    needed = cycles * ROWS_A_CYCLE * recurring_rows(words, at, profiles)
    if (
        section_free(words, at, SECTION_SNAPSHOTS) < cycles
        or section_free(words, at, SECTION_BALANCES) < needed
        or section_free(words, at, SECTION_ITEMS) < needed
    ):
        return NO_ROOM
    trace(work, TRACE_ROTATED, words[at + H_GROUP_ID], cycles)
    for _ in range(cycles):
        row = append_row(words, at, SECTION_SNAPSHOTS)
        words[row + S_CYCLE_NO] = words[at + H_CYCLE_NO]
        words[row + S_START_US] = words[at + H_CYCLE_START_US]
        words[row + S_END_US] = words[at + H_CYCLE_END_US]
        roll_over(table, calendars, words, at, profiles, words[row + S_START_US], words[row + S_END_US])
        words[at + H_CYCLE_NO] += 1
        words[at + H_CYCLE_START_US] = words[at + H_CYCLE_END_US]
        words[at + H_CYCLE_END_US] = next_boundary(
            calendars, words[at + H_CALENDAR], words[at + H_CYCLE_END_US]
        )
        apply_recurring(table, words, at, profiles, 1, 1, work)
    # A late event of a cycle that billing has not sealed may still use what was valid then.
    oldest = row_at(words, at, SECTION_SNAPSHOTS, 0)
    drop_expired(words, at, words[oldest + S_START_US])
    return CHARGED


@kernel
def apply_recurring(
    table: Ints, words: Ints, at: int, profiles: Ints, numerator: int, denominator: int, work: Ints
) -> int:
    """Grant the cycle's allowances and charge its fees, fees times numerator / denominator, half up.

    Products that are not valid at the cycle's start, or during a first cycle that began before them, do
    not count; neither does anything once the account is closed. CHARGED, or NO_ROOM; the log is left empty.
    """
    profile_at = words[at + H_PROFILE_AT]
    start_us = words[at + H_CYCLE_START_US]
    if profile_at == NO_PROFILE or words[at + H_CLOSED_AT_US] <= start_us:
        return CHARGED
    row = profile_at + profiles[profile_at + P_RECURRING_AT]
    end_us = words[at + H_CYCLE_END_US]
    outcome = CHARGED
    for _ in range(profiles[profile_at + P_RECURRING]):
        amount = profiles[row + Y_AMOUNT]
        resource_id = table[table[t.RESOURCE_ID] + profiles[row + Y_RESOURCE]]
        if (
            profiles[row + Y_GROUP_ID] == words[at + H_GROUP_ID]
            and profiles[row + Y_VALID_FROM_US] <= start_us < profiles[row + Y_VALID_TO_US]
        ):
            if amount < 0:
                done = credit_balance(words, at, resource_id, amount, start_us, end_us, start_us, 0)
            else:
                fee = round_div(amount * numerator, denominator, HALF_UP)
                done = charge_fee(words, at, resource_id, profiles[row + Y_ITEM_ID], fee, start_us, work)
            if done == NO_ROOM:
                outcome = NO_ROOM
        row += RECURRING_WORDS
    work[W_LOG] = 0
    return outcome


@kernel
def charge_fee(
    words: Ints, at: int, resource_id: int, item_id: int, fee: int, created_us: int, work: Ints
) -> int:
    """Book a fee to the open cycle: it is owed, whatever credits there are."""
    owed = owed_balance(
        words, at, resource_id, words[at + H_CYCLE_START_US], words[at + H_CYCLE_END_US], created_us, work
    )
    if owed == NO_ROOM:
        return NO_ROOM
    put(words, owed + B_AMOUNT, words[owed + B_AMOUNT] + fee, work)
    return add_to_item(words, at, words[at + H_CYCLE_NO], item_id, fee, fee, 0, 0, work)


# A fee is below AMOUNT_MAX and a cycle has at most 366 days, so a prorated fee cannot wrap.
assert AMOUNT_MAX * 366 < 2**63
