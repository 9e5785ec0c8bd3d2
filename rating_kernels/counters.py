"""Pure. What a cycle has used of a price, and what tiers and free parts make of it.

A price counts in its user's group, or in the owner's of a sharing group whose policy says so: then all
members count together.
"""

from rating_kernels import table_words as t
from rating_kernels.charge_group import booking_cycle, count_in_row, counter_row
from rating_kernels.group_image import C_AMOUNT
from rating_kernels.kernel import kernel
from rating_kernels.sharing import policy_covers
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import (
    PAYER_WORDS,
    W_PAYER_ROWS,
    W_PAYERS,
    Y_AT,
    Y_CHANGED,
    Y_POLICY,
    Y_SHARING_ID,
)

QUANTITY, EVENTS = range(2)
NOTHING_COUNTED = -1


@kernel
def price_counter_id(sharing_id: int, price_id: int, kind: int) -> int:
    """Counters of prices are negative, those of caps are not; sharing 0 = the user's own."""
    return ~((sharing_id << 32) | (kind << 31) | price_id)


@kernel
def counting_payer(table: Ints, detail: int, service_type: int, work: Ints) -> int:
    """Row of the first payer whose policy lets the group's tiers count together, or 0."""
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    tag_id = table[table[t.DETAIL_CHARGE_TAG_ID] + detail]
    for payer in range(work[W_PAYERS]):
        row = W_PAYER_ROWS + payer * PAYER_WORDS
        policy = work[row + Y_POLICY]
        if table[table[t.POLICY_SHARED_TIERS] + policy] == 1 and policy_covers(
            table, policy, service_type, resource, tag_id
        ):
            return row
    return 0


@kernel
def count_use(
    table: Ints, words: Ints, at: int, price: int, payer: int, quantity: int, time_us: int, work: Ints
) -> tuple[int, int]:
    """(quantity counted before or NOTHING_COUNTED, events before); then counts this event's quantity too."""
    holder, sharing_id = at, 0
    if payer != 0:
        holder, sharing_id = work[payer + Y_AT], work[payer + Y_SHARING_ID]
        work[payer + Y_CHANGED] = 1
    price_id = table[table[t.PRICE_ID] + price]
    cycle_no, _, _, _ = booking_cycle(words, holder, time_us)
    used_id = price_counter_id(sharing_id, price_id, QUANTITY)
    events_id = price_counter_id(sharing_id, price_id, EVENTS)
    used = counter_row(words, holder, cycle_no, used_id)
    events = counter_row(words, holder, cycle_no, events_id)
    quantity_before = words[used + C_AMOUNT] if used >= 0 else NOTHING_COUNTED
    events_before = words[events + C_AMOUNT] if events >= 0 else 0
    count_in_row(words, holder, used, cycle_no, used_id, quantity, work)
    count_in_row(words, holder, events, cycle_no, events_id, 1, work)
    return quantity_before, events_before
