"""Pure. Which balance is used first: the twelve consumption orders as two signed keys (DECISIONS 3).

A balance's priority goes before the order, then the order's keys, then created_at, then id; no end is
the latest end, since INFINITE_US is larger than any time.
"""

from rating_kernels.group_image import (
    B_AMOUNT,
    B_CREATED_US,
    B_ID,
    B_PRIORITY,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    BALANCE_WORDS,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import (
    EET,
    EETEST,
    EETLST,
    EST,
    ESTEET,
    ESTLET,
    LETEST,
    LETLST,
    LST,
    LSTEET,
    LSTLET,
    Ints,
)

NOTHING_LEFT = -1


@kernel
def first_key(order: int, start_us: int, end_us: int) -> int:
    """What is compared first; smaller goes first."""
    if order in (EST, ESTEET, ESTLET):
        return start_us
    if order in (LST, LSTEET, LSTLET):
        return -start_us
    if order in (EET, EETEST, EETLST):
        return end_us
    return -end_us


@kernel
def second_key(order: int, start_us: int, end_us: int) -> int:
    """What breaks a tie of the first key; 0 where the order names only one."""
    if order in (ESTEET, LSTEET):
        return end_us
    if order in (ESTLET, LSTLET):
        return -end_us
    if order in (EETEST, LETEST):
        return start_us
    if order in (EETLST, LETLST):
        return -start_us
    return 0


@kernel
def goes_before(words: Ints, left: int, right: int, order: int) -> bool:
    """Whether the balance at `left` is used before the one at `right`."""
    if words[left + B_PRIORITY] != words[right + B_PRIORITY]:
        return words[left + B_PRIORITY] < words[right + B_PRIORITY]
    left_from, left_to = words[left + B_VALID_FROM_US], words[left + B_VALID_TO_US]
    right_from, right_to = words[right + B_VALID_FROM_US], words[right + B_VALID_TO_US]
    left_key, right_key = first_key(order, left_from, left_to), first_key(order, right_from, right_to)
    if left_key != right_key:
        return left_key < right_key
    left_key, right_key = second_key(order, left_from, left_to), second_key(order, right_from, right_to)
    if left_key != right_key:
        return left_key < right_key
    if words[left + B_CREATED_US] != words[right + B_CREATED_US]:
        return words[left + B_CREATED_US] < words[right + B_CREATED_US]
    return words[left + B_ID] < words[right + B_ID]


@kernel
def next_credit(words: Ints, at: int, resource_id: int, order: int, time_us: int) -> int:
    """Offset of the balance to use now: valid at the event's time, amount < 0; or NOTHING_LEFT.

    A scan: groups hold a handful of balances, and most have one that fits.
    """
    best = NOTHING_LEFT
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_AMOUNT] < 0
            and words[row + B_VALID_FROM_US] <= time_us < words[row + B_VALID_TO_US]
            and (best < 0 or goes_before(words, row, best, order))
        ):
            best = row
        row += BALANCE_WORDS
    return best
