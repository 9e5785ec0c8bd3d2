"""Pure. What a balance group proves of itself: its sums, its rows and its cycles.

Every event moves balances and adds to items in one decision, so in each cycle that is still here what items say
is owed is what the balances that take it hold. Until a group's first cycle ends, and nobody gave it a command,
no credit has been dropped: what was taken from credits is then what items say they covered.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from balance_store.findings import Fault, Wrong
from rating_kernels.group_image import (
    B_AMOUNT,
    B_GRANTED,
    B_ID,
    B_KIND,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    C_COUNTER_ID,
    C_CYCLE_NO,
    H_CUSTOMER_ID,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_GROUP_ID,
    H_NEXT_BALANCE_ID,
    H_SECTIONS,
    I_AMOUNT,
    I_CYCLE_NO,
    I_ITEM_ID,
    I_OWED,
    KIND_OWED,
    R_ID_HASH,
    S_CYCLE_NO,
    S_END_US,
    S_START_US,
    SECTION_BALANCES,
    SECTION_COMMANDS,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_ROW_WORDS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import PLACE_SHIFT, ROWS_MAX
from rating_kernels.tariff_table import Ints

FIRST_CYCLE_NO = 1
NO_ITEM = 0

Rows = list[list[int]]


class Booking(NamedTuple):
    """What of the catalogue the sums need: only money is booked to items, each item in one resource."""

    resource_of_item: Mapping[int, int]
    money: frozenset[int]  # ids of resources


def rows_of(words: Ints) -> tuple[Rows, ...]:
    """The rows of each section as plain numbers, for an image that starts at 0."""
    flat: list[int] = words.tolist()
    sections = []
    for section, width in enumerate(SECTION_ROW_WORDS):
        head = flat[H_SECTIONS + section]
        count, first = head & ROWS_MAX, head >> PLACE_SHIFT
        sections.append([flat[at : at + width] for at in range(first, first + count * width, width)])
    return tuple(sections)


def untouched(rows: tuple[Rows, ...]) -> bool:
    """Whether nobody ever gave the group a command; usage and rotation alone moved its balances."""
    return not rows[SECTION_COMMANDS]


def group_faults(group_id: int, customer_id: int, words: Ints, booking: Booking) -> list[Fault]:
    """Everything that is wrong with an image by itself; `customer_id` is whose it should be."""
    subject = f"group {group_id}"
    if words[H_GROUP_ID] != group_id or words[H_CUSTOMER_ID] != customer_id:
        said = f"it says group {words[H_GROUP_ID]} of customer {words[H_CUSTOMER_ID]}"
        return [Fault(Wrong.GROUP_MISPLACED, subject, f"{said}, not of {customer_id}")]
    rows = rows_of(words)
    texts = (*_cycle_faults(words, rows), *_row_faults(words, rows))
    faults = [Fault(Wrong.GROUP_ROWS, subject, text) for text in texts]
    faults += [Fault(Wrong.GROUP_SUMS, subject, text) for text in _sum_faults(words, rows, booking)]
    return faults


def _cycle_faults(words: Ints, rows: tuple[Rows, ...]) -> list[str]:
    cycle_no, start_us, end_us = (int(words[w]) for w in (H_CYCLE_NO, H_CYCLE_START_US, H_CYCLE_END_US))
    faults = []
    if cycle_no < FIRST_CYCLE_NO or start_us >= end_us:
        faults.append(f"cycle {cycle_no} goes from {start_us} to {end_us}")
    snapshots = rows[SECTION_SNAPSHOTS]
    cycles = [(s[S_CYCLE_NO], s[S_START_US], s[S_END_US]) for s in snapshots]
    for (number, _, ended_us), (next_no, next_start_us, _) in pairwise(
        [*cycles, (cycle_no, start_us, end_us)]
    ):
        if number + 1 != next_no or ended_us != next_start_us:
            faults.append(f"ended cycle {number} is not followed by cycle {next_no} at its end")
    here = {s[S_CYCLE_NO] for s in snapshots} | {cycle_no}
    for name, section, column in (
        ("item", SECTION_ITEMS, I_CYCLE_NO),
        ("counter", SECTION_COUNTERS, C_CYCLE_NO),
    ):
        gone = sorted({row[column] for row in rows[section]} - here)
        faults += [f"an {name} of cycle {number}, which is neither open nor kept" for number in gone]
    return faults


def _row_faults(words: Ints, rows: tuple[Rows, ...]) -> list[str]:
    faults = []
    balances = rows[SECTION_BALANCES]
    for balance in balances:
        number, amount, granted = balance[B_ID], balance[B_AMOUNT], balance[B_GRANTED]
        if not 0 < number < words[H_NEXT_BALANCE_ID]:
            faults.append(f"balance {number}, and the next is to be {words[H_NEXT_BALANCE_ID]}")
        if balance[B_VALID_FROM_US] > balance[B_VALID_TO_US]:
            faults.append(f"balance {number} ends before it begins")
        # An adjustment may leave more than was granted, never less than nothing.
        if balance[B_KIND] != KIND_OWED and (amount > 0 or (amount < -granted and untouched(rows))):
            faults.append(f"balance {number} holds {amount} of {granted} granted")
    twice: dict[str, list[tuple[int, ...]]] = {
        "balance": [(b[B_ID],) for b in balances],
        "owed balance": [(b[B_RESOURCE_ID], b[B_VALID_FROM_US]) for b in balances if b[B_KIND] == KIND_OWED],
        "item": [(i[I_CYCLE_NO], i[I_ITEM_ID]) for i in rows[SECTION_ITEMS]],
        "counter": [(c[C_CYCLE_NO], c[C_COUNTER_ID]) for c in rows[SECTION_COUNTERS]],
        "event id in the ring": [(r[R_ID_HASH],) for r in rows[SECTION_RING]],
    }
    for name, keys in twice.items():
        if len(set(keys)) == len(keys):
            continue
        faults += [f"{name} {' '.join(map(str, k))} twice" for k, n in Counter(keys).items() if n > 1]
    return faults


def _sum_faults(words: Ints, rows: tuple[Rows, ...], booking: Booking) -> list[str]:
    """Items whose resource the catalogue does not know leave their cycle unproven."""
    items, balances = rows[SECTION_ITEMS], rows[SECTION_BALANCES]
    snapshots = rows[SECTION_SNAPSHOTS]
    cycles = {s[S_CYCLE_NO]: s[S_START_US] for s in snapshots}
    cycles[int(words[H_CYCLE_NO])] = int(words[H_CYCLE_START_US])
    faults = []
    for cycle_no, start_us in cycles.items():
        booked = [i for i in items if i[I_CYCLE_NO] == cycle_no and i[I_ITEM_ID] != NO_ITEM]
        if any(i[I_ITEM_ID] not in booking.resource_of_item for i in booked):
            continue
        by_items, held, covered, taken = (Counter[int]() for _ in range(4))
        for item in booked:
            resource = booking.resource_of_item[item[I_ITEM_ID]]
            by_items[resource] += item[I_OWED]
            covered[resource] += item[I_AMOUNT] - item[I_OWED]
        for balance in balances:
            if balance[B_KIND] != KIND_OWED:
                taken[balance[B_RESOURCE_ID]] += balance[B_GRANTED] + balance[B_AMOUNT]
            elif balance[B_VALID_FROM_US] == start_us:
                held[balance[B_RESOURCE_ID]] += balance[B_AMOUNT]
        for resource in sorted(booking.money):
            if by_items[resource] != held[resource]:
                faults.append(
                    f"cycle {cycle_no}, resource {resource}: items owe {by_items[resource]}, "
                    f"balances {held[resource]}"
                )
            whole = cycle_no == FIRST_CYCLE_NO == words[H_CYCLE_NO] and untouched(rows)
            if whole and covered[resource] != taken[resource]:
                faults.append(
                    f"resource {resource}: {taken[resource]} was taken from credits, "
                    f"items were covered by {covered[resource]}"
                )
    return faults
