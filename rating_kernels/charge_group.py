"""Pure. One amount, or one allowance, on one balance group: credits in order, then what is owed.

Every change goes through the undo log, and every change of a balance leaves an impact.
"""

from rating_kernels import table_words as t
from rating_kernels.balances import NO_ROOM, add_to_item, find_owed, owed_balance, total_holds, total_valid
from rating_kernels.batch_columns import IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED, IMPACT_TAX
from rating_kernels.consumption_order import next_credit
from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    B_ID,
    C_AMOUNT,
    C_COUNTER_ID,
    C_CYCLE_NO,
    COUNTER_WORDS,
    H_CREDIT_ID,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_GROUP_ID,
    S_CYCLE_NO,
    S_END_US,
    S_SEALED,
    S_START_US,
    SECTION_COUNTERS,
    SECTION_SNAPSHOTS,
    SNAPSHOT_WORDS,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.impacts import note_impact
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.quantities import NUM_MAX, mul_div, mul_div_wide
from rating_kernels.tariff_table import BREACH_ALLOW, DOWN, UP, Ints
from rating_kernels.trace import (
    TRACE_ALLOWANCE,
    TRACE_CHARGE,
    TRACE_LIMIT,
    TRACE_TAKEN,
    TRACE_USE,
    trace,
)
from rating_kernels.trace_balances import trace_balances
from rating_kernels.undo_log import logged_append, put
from rating_kernels.workspace import W_GROSS_LEFT, W_TAX_ITEM, W_TAX_LEFT, W_TRACE_ON

# What `chargeable` says of the credit limit.
WITHIN_LIMIT, OVER_LIMIT, BEYOND_LIMIT = range(3)
NO_LIMIT = -1
NO_CREDIT_PROFILE = 0


@kernel
def booking_cycle(words: Ints, at: int, time_us: int) -> tuple[int, int, int, bool]:
    """(number, start, end, late) of the cycle that an event of this time is booked to (DECISIONS 18)."""
    if time_us < words[at + H_CYCLE_START_US]:
        return _ended_cycle(words, at, time_us)
    return words[at + H_CYCLE_NO], words[at + H_CYCLE_START_US], words[at + H_CYCLE_END_US], False


@rare_kernel
def _ended_cycle(words: Ints, at: int, time_us: int) -> tuple[int, int, int, bool]:
    """The cycle before the open one that the event lies in, if billing has not sealed it; else the open one, late."""
    row = row_at(words, at, SECTION_SNAPSHOTS, 0)
    for _ in range(section_count(words, at, SECTION_SNAPSHOTS)):
        if words[row + S_START_US] <= time_us < words[row + S_END_US] and words[row + S_SEALED] == 0:
            return words[row + S_CYCLE_NO], words[row + S_START_US], words[row + S_END_US], False
        row += SNAPSHOT_WORDS
    return words[at + H_CYCLE_NO], words[at + H_CYCLE_START_US], words[at + H_CYCLE_END_US], True


@kernel
def total_booked(words: Ints, at: int, resource_id: int, time_us: int) -> int:
    """What limits and thresholds go by: the balances valid at an event's time, and what it is booked to.

    A late event is owed in the open cycle, which is not valid then: without it no limit would hold.
    """
    total = total_valid(words, at, resource_id, time_us)
    _, start_us, _, late = booking_cycle(words, at, time_us)
    if late:
        row = find_owed(words, at, resource_id, start_us)
        if row >= 0:
            total += words[row + B_AMOUNT]
    return total


@kernel
def find_limit(table: Ints, words: Ints, at: int, resource: int) -> int:
    """Row of the group's credit limit for a resource, or NO_LIMIT."""
    credit_id = words[at + H_CREDIT_ID]
    if credit_id == NO_CREDIT_PROFILE:
        return NO_LIMIT
    low, high = 0, (table[t.CREDIT_ID + 1] - table[t.CREDIT_ID])
    while low < high:
        middle = (low + high) // 2
        if table[table[t.CREDIT_ID] + middle] < credit_id:
            low = middle + 1
        else:
            high = middle
    if low == (table[t.CREDIT_ID + 1] - table[t.CREDIT_ID]) or table[table[t.CREDIT_ID] + low] != credit_id:
        return NO_LIMIT
    for limit in range(
        table[table[t.CREDIT_LIMIT_FIRST] + low], table[table[t.CREDIT_LIMIT_FIRST] + low + 1]
    ):
        if table[table[t.LIMIT_RESOURCE] + limit] == resource:
            return limit
    return NO_LIMIT


@kernel
def limit_and_total(table: Ints, words: Ints, at: int, resource: int, time_us: int) -> tuple[int, int]:
    """The group's credit limit for a resource and the total that it goes by; NO_LIMIT and 0 where it has none."""
    limit = find_limit(table, words, at, resource)
    if limit == NO_LIMIT:
        return NO_LIMIT, 0
    return limit, total_booked(words, at, table[table[t.RESOURCE_ID] + resource], time_us)


@kernel
def chargeable(
    table: Ints, group_id: int, resource: int, limit: int, total: int, amount: int, work: Ints
) -> tuple[int, int]:
    """(how much of the amount the group may be charged, WITHIN | OVER | BEYOND the limit).

    OVER: the profile allows it and it is flagged. BEYOND: only the returned part fits.
    """
    if limit == NO_LIMIT or table[table[t.LIMIT_AMOUNT] + limit] == AMOUNT_MAX:
        trace(work, TRACE_LIMIT, group_id, resource, NO_LIMIT, 0, amount, amount, WITHIN_LIMIT)
        return amount, WITHIN_LIMIT
    room = table[table[t.LIMIT_AMOUNT] + limit] - total
    allowed, said = amount, WITHIN_LIMIT
    if amount > room:
        if table[table[t.LIMIT_BREACH] + limit] == BREACH_ALLOW:
            said = OVER_LIMIT
        else:
            allowed, said = max(room, 0), BEYOND_LIMIT
    trace(work, TRACE_LIMIT, group_id, resource, limit, total, amount, allowed, said)
    return allowed, said


@kernel
def _book(
    words: Ints,
    at: int,
    cycle_no: int,
    item_id: int,
    resource_id: int,
    amount: int,
    owed: int,
    quantity: int,
    impacts: Ints,
    work: Ints,
) -> bool:
    """Add an amount to its item, and the tax in it to the tax's; each payer takes its share, the last the rest."""
    if item_id == 0:
        return True
    tax, tax_owed, holds = 0, 0, True
    if work[W_TAX_LEFT] != 0:
        tax, tax_owed, holds = _book_tax(
            words, at, cycle_no, item_id, resource_id, amount, owed, impacts, work
        )
    if not holds:
        return False
    row = add_to_item(words, at, cycle_no, item_id, amount - tax, owed - tax_owed, quantity, 1, work)
    return row != NO_ROOM and total_holds(words, row)


@rare_kernel
def _book_tax(
    words: Ints,
    at: int,
    cycle_no: int,
    item_id: int,
    resource_id: int,
    amount: int,
    owed: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int, bool]:
    """(tax in an amount, the part of it that is owed, whether its item can hold it); adds it to the tax's item."""
    # The rest is taken whole, so that nothing of the tax is lost. In a refund all of them are below zero.
    tax = work[W_TAX_LEFT]
    if amount != work[W_GROSS_LEFT]:
        tax = mul_div_wide(abs(tax), abs(amount), abs(work[W_GROSS_LEFT]), DOWN)
        tax = tax if amount >= 0 else -tax
    tax_owed = tax if owed == amount else mul_div_wide(tax, owed, amount, DOWN)
    note_impact(
        impacts, work, IMPACT_TAX, words[at + H_GROUP_ID], item_id, resource_id, work[W_TAX_ITEM], 0, tax
    )
    work[W_TAX_LEFT] -= tax
    work[W_GROSS_LEFT] -= amount
    row = add_to_item(words, at, cycle_no, work[W_TAX_ITEM], tax, tax_owed, 0, 0, work)
    return tax, tax_owed, row != NO_ROOM and total_holds(words, row)


@kernel
def refund(
    table: Ints,
    words: Ints,
    at: int,
    resource: int,
    item_id: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> bool:
    """Give an amount < 0 back to what the cycle owes: a cheaper tier was reached. False past the largest amount."""
    resource_id = table[table[t.RESOURCE_ID] + resource]
    trace(work, TRACE_CHARGE, words[at + H_GROUP_ID], resource, amount)
    cycle_no, start_us, end_us, _ = booking_cycle(words, at, time_us)
    row = owed_balance(words, at, resource_id, start_us, end_us, time_us, work)
    if row == NO_ROOM or words[row + B_AMOUNT] < -AMOUNT_MAX - amount:
        return False
    put(words, row + B_AMOUNT, words[row + B_AMOUNT] + amount, work)
    add_impact(impacts, work, IMPACT_OWED, words, at, row, resource_id, item_id, quantity, amount)
    return _book(words, at, cycle_no, item_id, resource_id, amount, amount, quantity, impacts, work)


@kernel
def add_impact(
    impacts: Ints,
    work: Ints,
    kind: int,
    words: Ints,
    at: int,
    balance: int,
    resource_id: int,
    item_id: int,
    quantity: int,
    amount: int,
) -> None:
    """Write the impact on a balance that was changed by it."""
    before, after = words[balance + B_AMOUNT] - amount, words[balance + B_AMOUNT]
    trace(work, TRACE_USE, words[at + H_GROUP_ID], words[balance + B_ID], before, amount, after, kind)
    note_impact(
        impacts,
        work,
        kind,
        words[at + H_GROUP_ID],
        words[balance + B_ID],
        resource_id,
        item_id,
        quantity,
        amount,
    )


@kernel
def charge_group(
    table: Ints,
    words: Ints,
    at: int,
    resource: int,
    item_id: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> bool:
    """Charge an amount > 0: credits valid at the event's time in order, each up to 0, then what is owed.

    False where a balance would pass AMOUNT_MAX; the caller undoes the event.
    """
    resource_id = table[table[t.RESOURCE_ID] + resource]
    order = table[table[t.RESOURCE_ORDER] + resource]
    cycle_no, start_us, end_us, _ = booking_cycle(words, at, time_us)
    trace(work, TRACE_CHARGE, words[at + H_GROUP_ID], resource, amount)
    if work[W_TRACE_ON] == 1:
        trace_balances(words, at, resource_id, order, time_us, work)
    left = amount
    left_quantity = quantity
    while left > 0:
        row = next_credit(words, at, resource_id, order, time_us)
        if row < 0:
            break
        used = min(left, -words[row + B_AMOUNT])
        put(words, row + B_AMOUNT, words[row + B_AMOUNT] + used, work)
        left -= used
        add_impact(impacts, work, IMPACT_CREDIT, words, at, row, resource_id, item_id, left_quantity, used)
        left_quantity = 0
    if left > 0:
        row = owed_balance(words, at, resource_id, start_us, end_us, time_us, work)
        if row == NO_ROOM or words[row + B_AMOUNT] > AMOUNT_MAX - left:
            return False
        put(words, row + B_AMOUNT, words[row + B_AMOUNT] + left, work)
        add_impact(impacts, work, IMPACT_OWED, words, at, row, resource_id, item_id, left_quantity, left)
    return _book(words, at, cycle_no, item_id, resource_id, amount, left, quantity, impacts, work)


@kernel
def use_allowance(
    table: Ints,
    words: Ints,
    at: int,
    resource: int,
    numerator: int,
    denominator: int,
    quantity: int,
    units_max: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """Cover a quantity by free units, numerator / denominator of them each, rounded up.

    Returns (quantity covered, units used); no more than `units_max` units are used.
    """
    resource_id = table[table[t.RESOURCE_ID] + resource]
    order = table[table[t.RESOURCE_ORDER] + resource]
    needed = mul_div(quantity, numerator, denominator, UP)
    wanted = NUM_MAX if needed < 0 else needed
    wanted = min(wanted, units_max)
    trace(work, TRACE_ALLOWANCE, words[at + H_GROUP_ID], resource, quantity, needed, units_max)
    if work[W_TRACE_ON] == 1:
        trace_balances(words, at, resource_id, order, time_us, work)
    used = 0
    covered = 0
    while used < wanted:
        row = next_credit(words, at, resource_id, order, time_us)
        if row < 0:
            break
        take = min(wanted - used, -words[row + B_AMOUNT])
        put(words, row + B_AMOUNT, words[row + B_AMOUNT] + take, work)
        used += take
        so_far = quantity if used == needed else min(quantity, mul_div(used, denominator, numerator, DOWN))
        add_impact(impacts, work, IMPACT_ALLOWANCE, words, at, row, resource_id, 0, so_far - covered, take)
        covered = so_far
    trace(work, TRACE_TAKEN, covered, used)
    return covered, used


@kernel
def counter_row(words: Ints, at: int, cycle_no: int, counter_id: int) -> int:
    """Offset of a cycle's counter, or -1."""
    row = row_at(words, at, SECTION_COUNTERS, 0)
    for _ in range(section_count(words, at, SECTION_COUNTERS)):
        if words[row + C_COUNTER_ID] == counter_id and words[row + C_CYCLE_NO] == cycle_no:
            return row
        row += COUNTER_WORDS
    return -1


@kernel
def count(words: Ints, at: int, cycle_no: int, counter_id: int, amount: int, work: Ints) -> None:
    """Add to a cycle's counter, made if absent; the batch kernel has made room."""
    count_in_row(words, at, counter_row(words, at, cycle_no, counter_id), cycle_no, counter_id, amount, work)


@kernel
def count_in_row(
    words: Ints, at: int, row: int, cycle_no: int, counter_id: int, amount: int, work: Ints
) -> None:
    """As `count`, for who has looked for the counter's row (-1: absent)."""
    if row < 0:
        row = logged_append(words, at, SECTION_COUNTERS, work)
        words[row + C_CYCLE_NO] = cycle_no
        words[row + C_COUNTER_ID] = counter_id
    put(words, row + C_AMOUNT, words[row + C_AMOUNT] + amount, work)
