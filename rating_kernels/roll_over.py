"""Pure. What is left of a recurring allowance when its cycle ends, kept for some more cycles (DECISIONS 8, 49-50).

The units move, from the allowance's sub-balance to one of their own that is valid from where the allowance
was, but for so many cycles longer. So at every instant a unit stands in one sub-balance, and a late event of
the ended cycle finds all of them: what could not roll in the one that ended, the rest in the other. It
leaves in all what it would have left in time, but for this: where the bound in all had cut, and the resource's
order takes older units first, it cannot make room for them any more.
"""

from rating_kernels import table_words as t
from rating_kernels.balances import NO_ROOM, NONE, append_credit, find_credit
from rating_kernels.cycle_calendar import next_boundary
from rating_kernels.group_image import (
    B_AMOUNT,
    B_CREATED_US,
    B_GRANTED,
    B_KIND,
    B_RESOURCE_ID,
    B_VALID_TO_US,
    BALANCE_WORDS,
    H_CALENDAR,
    H_GROUP_ID,
    H_PROFILE_AT,
    KIND_CREDIT,
    KIND_ROLLED,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.kernel import kernel
from rating_kernels.profile_image import (
    NO_PROFILE,
    P_RECURRING,
    P_RECURRING_AT,
    RECURRING_WORDS,
    Y_AMOUNT,
    Y_GROUP_ID,
    Y_RESOURCE,
    Y_ROLLED_A_CYCLE,
    Y_ROLLED_IN_ALL,
    Y_ROLLOVER_CYCLES,
    Y_VALID_FROM_US,
    Y_VALID_TO_US,
)
from rating_kernels.tariff_table import Ints

# Allowances have the priority of a grant that names none (DECISIONS 3).
PRIORITY = 0


@kernel
def roll_over(
    table: Ints, calendars: Ints, words: Ints, at: int, profiles: Ints, start_us: int, end_us: int
) -> None:
    """Keep what is left of the allowances of the cycle that ends; there must be room for a row each.

    An allowance rolls while its product is valid at the end, and not before it was granted.
    """
    profile_at = words[at + H_PROFILE_AT]
    if profile_at == NO_PROFILE:
        return
    row = profile_at + profiles[profile_at + P_RECURRING_AT]
    for _ in range(profiles[profile_at + P_RECURRING]):
        if (
            profiles[row + Y_ROLLOVER_CYCLES] > 0
            and profiles[row + Y_GROUP_ID] == words[at + H_GROUP_ID]
            and profiles[row + Y_VALID_FROM_US] < end_us < profiles[row + Y_VALID_TO_US]
        ):
            resource_id = table[table[t.RESOURCE_ID] + profiles[row + Y_RESOURCE]]
            _roll_row(calendars, words, at, profiles, row, resource_id, start_us, end_us)
        row += RECURRING_WORDS


@kernel
def _roll_row(
    calendars: Ints,
    words: Ints,
    at: int,
    profiles: Ints,
    row: int,
    resource_id: int,
    start_us: int,
    end_us: int,
) -> None:
    # In its first cycle a product may begin after the cycle.
    from_us = max(start_us, profiles[row + Y_VALID_FROM_US])
    ended = find_credit(words, at, resource_id, from_us, end_us, PRIORITY, KIND_CREDIT)
    if ended == NONE:
        return
    units = min(
        -words[ended + B_AMOUNT],
        # Others may have granted to the same sub-balance: theirs does not roll.
        -profiles[row + Y_AMOUNT],
        profiles[row + Y_ROLLED_A_CYCLE],
        profiles[row + Y_ROLLED_IN_ALL] - rolled_left(words, at, resource_id, end_us),
    )
    if units <= 0:
        return
    to_us = end_us
    for _ in range(profiles[row + Y_ROLLOVER_CYCLES]):
        to_us = next_boundary(calendars, words[at + H_CALENDAR], to_us)
    rolled = find_credit(words, at, resource_id, from_us, to_us, PRIORITY, KIND_ROLLED)
    if rolled == NONE:
        created_us = words[ended + B_CREATED_US]
        rolled = append_credit(words, at, resource_id, 0, from_us, to_us, created_us, PRIORITY, KIND_ROLLED)
        if rolled == NO_ROOM:
            # Whoever rotates made sure that there is; without, the units end with their cycle.
            return
    words[ended + B_AMOUNT] += units
    words[ended + B_GRANTED] -= units
    words[rolled + B_AMOUNT] -= units
    words[rolled + B_GRANTED] += units


@kernel
def rolled_left(words: Ints, at: int, resource_id: int, after_us: int) -> int:
    """Units of a resource that rolled before and outlive an instant, whichever product granted them."""
    total = 0
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_KIND] == KIND_ROLLED
            and words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_VALID_TO_US] > after_us
        ):
            total -= words[row + B_AMOUNT]
        row += BALANCE_WORDS
    return total
