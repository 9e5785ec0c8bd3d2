"""Pure. The balances that an amount or an allowance may use, noted in the order in which they go."""

from rating_kernels.consumption_order import NOTHING_LEFT, goes_before
from rating_kernels.group_image import (
    B_AMOUNT,
    B_CREATED_US,
    B_ID,
    B_KIND,
    B_PRIORITY,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    BALANCE_WORDS,
    H_GROUP_ID,
    KIND_OWED,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.trace import (
    BALANCE_EMPTY,
    BALANCE_IN_ORDER,
    BALANCE_NOT_VALID,
    BALANCE_OWED,
    TRACE_BALANCE,
    TRACE_VALIDITY,
    trace,
)


@rare_kernel
def trace_balances(words: Ints, at: int, resource_id: int, order: int, time_us: int, work: Ints) -> None:
    """Note every balance of a resource, before anything is used: those that may be, as they go; then the others."""
    last = NOTHING_LEFT
    while True:
        following = _credit_after(words, at, resource_id, order, time_us, last)
        if following == NOTHING_LEFT:
            break
        _note(words, at, following, BALANCE_IN_ORDER, work)
        last = following
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if words[row + B_RESOURCE_ID] == resource_id and _why_not(words, row, time_us) != BALANCE_IN_ORDER:
            _note(words, at, row, _why_not(words, row, time_us), work)
        row += BALANCE_WORDS


@kernel
def _credit_after(words: Ints, at: int, resource_id: int, order: int, time_us: int, last: int) -> int:
    """The credit that goes first of those that go after `last`."""
    best = NOTHING_LEFT
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_RESOURCE_ID] == resource_id
            and _why_not(words, row, time_us) == BALANCE_IN_ORDER
            and (last == NOTHING_LEFT or goes_before(words, last, row, order))
            and (best == NOTHING_LEFT or goes_before(words, row, best, order))
        ):
            best = row
        row += BALANCE_WORDS
    return best


@kernel
def _why_not(words: Ints, row: int, time_us: int) -> int:
    if not words[row + B_VALID_FROM_US] <= time_us < words[row + B_VALID_TO_US]:
        return BALANCE_NOT_VALID
    if words[row + B_AMOUNT] < 0:
        return BALANCE_IN_ORDER
    return BALANCE_OWED if words[row + B_KIND] == KIND_OWED else BALANCE_EMPTY


@kernel
def _note(words: Ints, at: int, row: int, why: int, work: Ints) -> None:
    trace(work, TRACE_BALANCE, words[at + H_GROUP_ID], words[row + B_ID], words[row + B_AMOUNT], why)
    trace(
        work,
        TRACE_VALIDITY,
        words[row + B_VALID_FROM_US],
        words[row + B_VALID_TO_US],
        words[row + B_PRIORITY],
        words[row + B_CREATED_US],
    )
