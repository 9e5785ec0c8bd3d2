"""Pure. Sub-balances of a group: totals, credits, and the one that takes what nothing covers."""

from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    B_CREATED_US,
    B_GRANTED,
    B_ID,
    B_KIND,
    B_PRIORITY,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    BALANCE_WORDS,
    H_NEXT_BALANCE_ID,
    I_AMOUNT,
    I_CYCLE_NO,
    I_EVENTS,
    I_ITEM_ID,
    I_OWED,
    I_QUANTITY,
    ITEM_WORDS,
    KIND_CREDIT,
    KIND_OWED,
    QUANTITY_MAX,
    SECTION_BALANCES,
    SECTION_ITEMS,
)
from rating_kernels.group_layout import append_row, remove_row, row_at, section_count
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.undo_log import keep_words, logged_append, put

NO_ROOM = -1
NONE = -1
# An item's totals stand behind what names it.
ITEM_TOTALS = ITEM_WORDS - I_AMOUNT
assert I_AMOUNT < I_OWED < I_QUANTITY < I_EVENTS < ITEM_WORDS


@kernel
def total_valid(words: Ints, at: int, resource_id: int, at_us: int) -> int:
    """Sum of a resource's balances valid at an instant: positive = owed, negative = prepaid or free."""
    total = 0
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_VALID_FROM_US] <= at_us < words[row + B_VALID_TO_US]
        ):
            total += words[row + B_AMOUNT]
        row += BALANCE_WORDS
    return total


@kernel
def granted_valid(words: Ints, at: int, resource_id: int, at_us: int) -> int:
    """What was granted to the balances of a resource that are valid at an instant, as a positive number."""
    total = 0
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_VALID_FROM_US] <= at_us < words[row + B_VALID_TO_US]
        ):
            total += words[row + B_GRANTED]
        row += BALANCE_WORDS
    return total


@kernel
def credit_balance(
    words: Ints,
    at: int,
    resource_id: int,
    amount: int,
    valid_from_us: int,
    valid_to_us: int,
    created_us: int,
    priority: int,
) -> int:
    """Grant or top up (amount < 0); same resource, validity and priority merge (DECISIONS 5).

    Returns the balance's offset, or NO_ROOM before any change.
    """
    row = find_credit(words, at, resource_id, valid_from_us, valid_to_us, priority, KIND_CREDIT)
    if row == NONE:
        return append_credit(
            words, at, resource_id, amount, valid_from_us, valid_to_us, created_us, priority, KIND_CREDIT
        )
    words[row + B_AMOUNT] += amount
    words[row + B_GRANTED] -= amount
    return row


@kernel
def find_credit(
    words: Ints, at: int, resource_id: int, valid_from_us: int, valid_to_us: int, priority: int, kind: int
) -> int:
    """Offset of the sub-balance that holds what was credited alike, or NONE."""
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_VALID_FROM_US] == valid_from_us
            and words[row + B_VALID_TO_US] == valid_to_us
            and words[row + B_PRIORITY] == priority
            and words[row + B_KIND] == kind
        ):
            return row
        row += BALANCE_WORDS
    return NONE


@kernel
def append_credit(
    words: Ints,
    at: int,
    resource_id: int,
    amount: int,
    valid_from_us: int,
    valid_to_us: int,
    created_us: int,
    priority: int,
    kind: int,
) -> int:
    """A sub-balance of its own (amount <= 0); its offset, or NO_ROOM before any change."""
    row = append_row(words, at, SECTION_BALANCES)
    if row < 0:
        return NO_ROOM
    words[row + B_ID] = words[at + H_NEXT_BALANCE_ID]
    words[at + H_NEXT_BALANCE_ID] += 1
    words[row + B_RESOURCE_ID] = resource_id
    words[row + B_AMOUNT] = amount
    words[row + B_VALID_FROM_US] = valid_from_us
    words[row + B_VALID_TO_US] = valid_to_us
    words[row + B_CREATED_US] = created_us
    words[row + B_PRIORITY] = priority
    words[row + B_GRANTED] = -amount
    words[row + B_KIND] = kind
    return row


@kernel
def find_owed(words: Ints, at: int, resource_id: int, start_us: int) -> int:
    """The balance of a cycle that takes what no credit covers, or -1 where nothing was owed yet."""
    row = row_at(words, at, SECTION_BALANCES, 0)
    for _ in range(section_count(words, at, SECTION_BALANCES)):
        if (
            words[row + B_KIND] == KIND_OWED
            and words[row + B_RESOURCE_ID] == resource_id
            and words[row + B_VALID_FROM_US] == start_us
        ):
            return row
        row += BALANCE_WORDS
    return -1


@kernel
def owed_balance(
    words: Ints, at: int, resource_id: int, start_us: int, end_us: int, created_us: int, work: Ints
) -> int:
    """The balance of a cycle that takes what no credit covers; made if absent. NO_ROOM if it cannot be."""
    row = find_owed(words, at, resource_id, start_us)
    if row >= 0:
        return row
    row = logged_append(words, at, SECTION_BALANCES, work)
    if row < 0:
        return NO_ROOM
    words[row + B_ID] = words[at + H_NEXT_BALANCE_ID]
    put(words, at + H_NEXT_BALANCE_ID, words[at + H_NEXT_BALANCE_ID] + 1, work)
    words[row + B_RESOURCE_ID] = resource_id
    words[row + B_VALID_FROM_US] = start_us
    words[row + B_VALID_TO_US] = end_us
    words[row + B_CREATED_US] = created_us
    words[row + B_KIND] = KIND_OWED
    return row


@kernel
def add_to_item(
    words: Ints,
    at: int,
    cycle_no: int,
    item_id: int,
    amount: int,
    owed: int,
    quantity: int,
    events: int,
    work: Ints,
) -> int:
    """Add to an item's totals in a cycle; the item's offset, or NO_ROOM before any change."""
    row = row_at(words, at, SECTION_ITEMS, 0)
    for _ in range(section_count(words, at, SECTION_ITEMS)):
        if words[row + I_ITEM_ID] == item_id and words[row + I_CYCLE_NO] == cycle_no:
            break
        row += ITEM_WORDS
    else:
        row = logged_append(words, at, SECTION_ITEMS, work)
        if row < 0:
            return NO_ROOM
        words[row + I_CYCLE_NO] = cycle_no
        words[row + I_ITEM_ID] = item_id
    keep_words(words, row + I_AMOUNT, ITEM_TOTALS, work)
    words[row + I_AMOUNT] += amount
    words[row + I_OWED] += owed
    words[row + I_QUANTITY] += quantity
    words[row + I_EVENTS] += events
    return row


@kernel
def total_holds(words: Ints, row: int) -> bool:
    """Whether an item's totals stay within what can be kept; where not, the caller undoes the event."""
    return abs(words[row + I_AMOUNT]) <= AMOUNT_MAX and words[row + I_QUANTITY] <= QUANTITY_MAX


@kernel
def drop_expired(words: Ints, at: int, before_us: int) -> None:
    """Remove the balances that ended at or before an instant."""
    number = section_count(words, at, SECTION_BALANCES) - 1
    while number >= 0:
        if words[row_at(words, at, SECTION_BALANCES, number) + B_VALID_TO_US] <= before_us:
            remove_row(words, at, SECTION_BALANCES, number)
        number -= 1
