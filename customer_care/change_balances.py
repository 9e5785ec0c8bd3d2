"""Pure. What commands do to the balances and items of a group's image; a refusal may leave it half changed.

The caller works on a copy with room for a row more in every section, and drops it where a command is refused.
"""

from typing import NamedTuple

from config.compiled_catalogue import CompiledCatalogue, ResourceInfo
from customer_care.check_line import BALANCE_PRIORITY_MAX
from customer_care.commands import Booking, Refusal, Validity
from rating_kernels import table_words as t
from rating_kernels.balances import NO_ROOM, add_to_item, append_credit, find_owed, owed_balance, total_holds
from rating_kernels.consumption_order import next_credit
from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    B_GRANTED,
    B_ID,
    B_KIND,
    B_PRIORITY,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    INFINITE_US,
    KIND_CREDIT,
    KIND_OWED,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import W_LOG

# Below what one event may look at, so that a command never makes usage impossible.
BALANCES_MAX = 1_000
NONE = -1


class Credit(NamedTuple):
    """A credit to be given: amount < 0."""

    amount: int
    valid_to_us: int
    priority: int


def balance_rows(image: Ints) -> list[int]:
    """Offsets of the group's balances, in the order of their creation."""
    count = section_count(image, 0, SECTION_BALANCES)
    return [int(row_at(image, 0, SECTION_BALANCES, number)) for number in range(count)]


def find_balance(image: Ints, balance_id: int) -> int:
    """Offset of the balance of an id, or NONE."""
    return next((row for row in balance_rows(image) if image[row + B_ID] == balance_id), NONE)


def is_valid(image: Ints, row: int, at_us: int) -> bool:
    """Whether a balance holds at an instant."""
    return bool(image[row + B_VALID_FROM_US] <= at_us < image[row + B_VALID_TO_US])


def credit_of(
    image: Ints, resource: ResourceInfo, amount: int, validity: Validity, priority: int, at_us: int
) -> Credit | Refusal:
    """The credit with its end (DECISIONS 5)."""
    if abs(priority) > BALANCE_PRIORITY_MAX:
        return Refusal.PRIORITY_OUT_OF_RANGE
    wanted = validity or ("infinite" if resource.is_money else "cycle")
    if wanted == "cycle":
        valid_to_us = int(image[H_CYCLE_END_US])
    elif wanted == "infinite":
        valid_to_us = INFINITE_US
    else:
        valid_to_us = wanted
    if not at_us < valid_to_us <= INFINITE_US:
        return Refusal.VALIDITY_OVER
    return Credit(amount, valid_to_us, priority)


def merge_credit(image: Ints, resource: ResourceInfo, credit: Credit, at_us: int) -> int | Refusal:
    """Give a credit to the balance of the same end and priority, made if absent; the balance's id."""
    for row in balance_rows(image):
        if (
            image[row + B_RESOURCE_ID] == resource.id
            and image[row + B_KIND] == KIND_CREDIT
            and image[row + B_VALID_TO_US] == credit.valid_to_us
            and image[row + B_VALID_FROM_US] <= at_us
            and image[row + B_PRIORITY] == credit.priority
        ):
            if not _add(image, row, credit.amount):
                return Refusal.AMOUNT_OUT_OF_RANGE
            image[row + B_GRANTED] -= credit.amount
            return int(image[row + B_ID])
    return new_credit(image, resource, credit, at_us)


def new_credit(image: Ints, resource: ResourceInfo, credit: Credit, at_us: int) -> int | Refusal:
    """Give a credit as a balance of its own, valid from now; its id."""
    if section_count(image, 0, SECTION_BALANCES) >= BALANCES_MAX:
        return Refusal.TOO_MANY_BALANCES
    if abs(credit.amount) > AMOUNT_MAX:
        return Refusal.AMOUNT_OUT_OF_RANGE
    row = append_credit(
        image,
        0,
        resource.id,
        credit.amount,
        at_us,
        credit.valid_to_us,
        at_us,
        credit.priority,
        KIND_CREDIT,
    )
    assert row != NO_ROOM
    return int(image[row + B_ID])


def owe(image: Ints, resource: ResourceInfo, amount: int, at_us: int, work: Ints) -> int | Refusal:
    """Let the open cycle owe an amount > 0 whatever credit there is; the balance's id."""
    start_us, end_us = image[H_CYCLE_START_US], image[H_CYCLE_END_US]
    row = owed_balance(image, 0, resource.id, start_us, end_us, at_us, work)
    work[W_LOG] = 0
    assert row != NO_ROOM
    return int(image[row + B_ID]) if _add(image, row, amount) else Refusal.AMOUNT_OUT_OF_RANGE


def use_up(
    table: Ints, image: Ints, resource: ResourceInfo, amount: int, at_us: int, work: Ints
) -> int | Refusal:
    """Take an amount > 0 as usage does: credits in order, then the cycle owes; how much it owes."""
    order = table[table[t.RESOURCE_ORDER] + resource.index]
    left = amount
    while left > 0:
        row = next_credit(image, 0, resource.id, order, at_us)
        if row < 0:
            owing = owe(image, resource, left, at_us, work)
            return owing if isinstance(owing, Refusal) else left
        used = min(left, -int(image[row + B_AMOUNT]))
        image[row + B_AMOUNT] += used
        left -= used
    return 0


def pay_back(image: Ints, resource: ResourceInfo, amount: int, at_us: int) -> int | Refusal:
    """Give back an amount < 0: what the cycle owes is lowered, the rest is credit without end; the lowering."""
    row = find_owed(image, 0, resource.id, image[H_CYCLE_START_US])
    owed = max(int(image[row + B_AMOUNT]), 0) if row != NONE else 0
    lowered = max(amount, -owed)
    if lowered < 0:
        image[row + B_AMOUNT] += lowered
    if lowered > amount:
        kept = merge_credit(image, resource, Credit(amount - lowered, INFINITE_US, 0), at_us)
        if isinstance(kept, Refusal):
            return kept
    return lowered


def adjust_balance(image: Ints, row: int, amount: int) -> Refusal | None:
    """Add a signed amount to one balance, which stays on its side of 0."""
    after = int(image[row + B_AMOUNT]) + amount
    if (after < 0) if image[row + B_KIND] == KIND_OWED else (after > 0):
        return Refusal.BALANCE_TOO_SMALL
    return None if _add(image, row, amount) else Refusal.AMOUNT_OUT_OF_RANGE


def add_item(image: Ints, item_id: int, amount: int, owed: int, work: Ints) -> Refusal | None:
    """Add to an item of the open cycle; no event and no quantity stands behind it."""
    row = add_to_item(image, 0, image[H_CYCLE_NO], item_id, amount, owed, 0, 0, work)
    work[W_LOG] = 0
    assert row != NO_ROOM
    return None if total_holds(image, row) else Refusal.AMOUNT_OUT_OF_RANGE


def booked_item(catalogue: CompiledCatalogue, booking: Booking, resource: str) -> int | Refusal:
    """The item of the catalogue that a booking names; a ledger or tax left out must be the only one."""
    found = {
        number: key
        for number, key in catalogue.items.items()
        if key.bill_item == booking.bill_item
        and key.resource == resource
        and not key.is_tax
        and booking.general_ledger in (None, key.general_ledger)
        and booking.tax in (None, key.tax)
    }
    if not found:
        return Refusal.BOOKING_UNKNOWN
    if len(found) > 1:
        return Refusal.BOOKING_AMBIGUOUS
    ((number, key),) = found.items()
    return Refusal.BOOKING_TAXED_BY_EVENT if key.tax in catalogue.rating_taxes else number


def _add(image: Ints, row: int, amount: int) -> bool:
    """Add to a balance; False past the largest amount."""
    after = int(image[row + B_AMOUNT]) + amount
    if abs(after) > AMOUNT_MAX:
        return False
    image[row + B_AMOUNT] = after
    return True
