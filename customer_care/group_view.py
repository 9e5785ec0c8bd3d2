"""Pure. A balance group as people read it; `--json` prints it as it is.

Amounts are decimal text in the resource's unit, positive = owed, negative = prepaid or free (DECISIONS 1).
"""

import datetime
from typing import Any

import msgspec

from config.civil_time import instant
from config.compiled_catalogue import CompiledCatalogue
from customer_care.change_balances import balance_rows, is_valid
from customer_care.commands import GroupRef
from customer_care.crossed_thresholds import thresholds_of
from customer_care.customer_view import ShownResource, Validity, shown_resource, validity_of
from rating_kernels import table_words as t
from rating_kernels.balances import total_valid
from rating_kernels.charge_group import NO_LIMIT, find_limit
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
    C_AMOUNT,
    C_COUNTER_ID,
    C_CYCLE_NO,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    I_AMOUNT,
    I_CYCLE_NO,
    I_EVENTS,
    I_ITEM_ID,
    I_OWED,
    INFINITE_US,
    KIND_CREDIT,
    KIND_OWED,
    KIND_ROLLED,
    S_CYCLE_NO,
    S_END_US,
    S_SEALED,
    S_START_US,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.sharing import SHARING_SHIFT
from rating_kernels.tariff_table import Ints

KIND_NAMES = {KIND_CREDIT: "credit", KIND_OWED: "owed", KIND_ROLLED: "rolled over"}


class ThresholdView(msgspec.Struct, frozen=True):
    """A threshold of the credit profile, where it stands now."""

    amount: str
    reached: bool


class TotalView(msgspec.Struct, frozen=True):
    """What is valid now of a resource; no limit = the profile sets none."""

    resource: str
    amount: str
    unit: str
    limit: str | None
    thresholds: list[ThresholdView]


class BalanceRowView(msgspec.Struct, frozen=True):
    """A balance with its number in the group; `granted` is what was ever given to it."""

    balance: int
    resource: str
    amount: str
    unit: str
    kind: str
    validity: Validity
    valid_now: bool
    created: datetime.datetime
    priority: int
    granted: str


class CycleView(msgspec.Struct, frozen=True):
    """A cycle of the group: open, ended and still taking late events, or sealed by billing."""

    cycle: int
    validity: Validity
    status: str


class CounterView(msgspec.Struct, frozen=True):
    """What a cycle has counted: of a price, or of a sharing group's cap; in the unit that is counted."""

    cycle: int
    what: str
    amount: int


class ItemView(msgspec.Struct, frozen=True):
    """An item total of a cycle that is still in the group; `owed` is the part that no credit covered."""

    cycle: int
    item: str
    resource: str
    amount: str
    owed: str
    events: int


class GroupView(msgspec.Struct, frozen=True):
    """One balance group."""

    group: int
    customer: str
    payment_type: str
    credit_profile: str
    closed: datetime.datetime | None
    cycles: list[CycleView]
    totals: list[TotalView]
    balances: list[BalanceRowView]
    counters: list[CounterView]
    items: list[ItemView]


def group_view(
    ref: GroupRef, image: Ints, catalogue: CompiledCatalogue, table: Ints, now_us: int
) -> GroupView:
    """What the store has, judged at an instant; a cycle that is over shows so until somebody ends it."""
    closed_us = int(image[H_CLOSED_AT_US])
    return GroupView(
        group=ref.group_id,
        customer=ref.customer,
        payment_type=ref.payment_type,
        credit_profile=ref.credit_profile,
        closed=None if closed_us == INFINITE_US else instant(closed_us),
        cycles=_cycles(image, now_us),
        totals=_totals(image, catalogue, table, now_us),
        balances=[_balance(image, row, catalogue, now_us) for row in balance_rows(image)],
        counters=[_counter(row, catalogue) for row in _rows(image, SECTION_COUNTERS)],
        items=[_item(row, catalogue) for row in _rows(image, SECTION_ITEMS)],
    )


def _rows(image: Ints, section: int) -> list[Any]:
    return [image[row_at(image, 0, section, number) :] for number in range(section_count(image, 0, section))]


def _cycles(image: Ints, now_us: int) -> list[CycleView]:
    ended = [
        CycleView(
            int(row[S_CYCLE_NO]),
            validity_of(int(row[S_START_US]), int(row[S_END_US])),
            "sealed" if row[S_SEALED] else "ended",
        )
        for row in _rows(image, SECTION_SNAPSHOTS)
    ]
    start_us, end_us = int(image[H_CYCLE_START_US]), int(image[H_CYCLE_END_US])
    status = "open" if now_us < end_us else "over"
    return [*ended, CycleView(int(image[H_CYCLE_NO]), validity_of(start_us, end_us), status)]


def _totals(image: Ints, catalogue: CompiledCatalogue, table: Ints, now_us: int) -> list[TotalView]:
    totals = []
    for number in dict.fromkeys(int(image[row + B_RESOURCE_ID]) for row in balance_rows(image)):
        shown = shown_resource(catalogue, number)
        total = int(total_valid(image, 0, number, now_us))
        resource = catalogue.resources.get(shown.code)
        limit, thresholds = None, []
        if resource is not None:
            limit = _limit(image, table, resource.index, shown)
            thresholds = [
                ThresholdView(shown.text(one.amount), one.reached)
                for one in thresholds_of(table, image, resource, now_us, total)
            ]
        totals.append(TotalView(shown.code, shown.text(total), shown.unit, limit, thresholds))
    return totals


def _limit(image: Ints, table: Ints, resource: int, shown: ShownResource) -> str | None:
    limit = find_limit(table, image, 0, resource)
    if limit == NO_LIMIT:
        return None
    amount = int(table[table[t.LIMIT_AMOUNT] + limit])
    return None if amount == AMOUNT_MAX else shown.text(amount)


def _balance(image: Ints, at: int, catalogue: CompiledCatalogue, now_us: int) -> BalanceRowView:
    row = image[at:]
    shown = shown_resource(catalogue, int(row[B_RESOURCE_ID]))
    return BalanceRowView(
        balance=int(row[B_ID]),
        resource=shown.code,
        amount=shown.text(int(row[B_AMOUNT])),
        unit=shown.unit,
        kind=KIND_NAMES[int(row[B_KIND])],
        validity=validity_of(int(row[B_VALID_FROM_US]), int(row[B_VALID_TO_US])),
        valid_now=is_valid(image, at, now_us),
        created=instant(int(row[B_CREATED_US])),
        priority=int(row[B_PRIORITY]),
        granted=shown.text(int(row[B_GRANTED])),
    )


def _counter(row: Any, catalogue: CompiledCatalogue) -> CounterView:
    number = int(row[C_COUNTER_ID])
    if number < 0:
        # rating_kernels.counters.price_counter_id, the other way round.
        price = (~number) & (1 << 31) - 1
        kind = "events" if (~number) >> 31 & 1 else "quantity"
        sharing = (~number) >> 32
        what = f"price {catalogue.names['price'].get(price, price)}, {kind}"
        what += f", shared in group {sharing}" if sharing else ""
    else:
        resource = shown_resource(catalogue, number & (1 << SHARING_SHIFT) - 1)
        what = f"used of sharing group {number >> SHARING_SHIFT}, {resource.code}"
    return CounterView(int(row[C_CYCLE_NO]), what, int(row[C_AMOUNT]))


def _item(row: Any, catalogue: CompiledCatalogue) -> ItemView:
    number = int(row[I_ITEM_ID])
    key = catalogue.items.get(number)
    info = catalogue.resources.get(key.resource) if key else None
    shown = shown_resource(catalogue, info.id if info else 0)
    name = f"{'tax of ' if key.is_tax else ''}{key.bill_item}" if key else str(number)
    return ItemView(
        int(row[I_CYCLE_NO]),
        name,
        key.resource if key else "",
        shown.text(int(row[I_AMOUNT])),
        shown.text(int(row[I_OWED])),
        int(row[I_EVENTS]),
    )
