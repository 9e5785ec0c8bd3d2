"""Pure. What a bill is made of, and how money of charging becomes money of bills.

Money comes in in millionths and is converted to minor units once, half up away from zero; what is left
below a minor unit is kept beside it (DECISIONS 16).
"""

from typing import NamedTuple

from billing_batch.cut_cycle import ItemTotal
from rating_kernels.quantities import round_div
from rating_kernels.tariff_table import HALF_UP

MICRO_DIGITS = 6
KIND_ITEM, KIND_CREDIT, KIND_DISCOUNT = "item", "credit", "discount"
KIND_CHILD, KIND_BALANCING = "child_bill", "balancing"
# Lines that take off a part of what items hold: their amount is that part, and nothing of it is owed.
KINDS_OFF = (KIND_CREDIT, KIND_DISCOUNT)
AT_BILL, AT_RATING = "bill", "rating"


class Item(NamedTuple):
    """An item total by its name; `is_tax`: the tax of that item, charged with its events."""

    bill_item: str
    general_ledger: str
    tax: str
    resource: str
    is_tax: bool
    total: ItemTotal


class Line(NamedTuple):
    """A line of a bill; `net_minor` is what it adds to the bill, before tax."""

    kind: str
    bill_item: str
    general_ledger: str
    tax: str
    text: str
    quantity: int
    events: int
    net_minor: int
    residue_micro: int
    amount_micro: int
    owed_micro: int
    child_bill_id: int | None = None
    discount: str = ""


class TaxLine(NamedTuple):
    """A tax of a bill: one rate of one code on its whole base, or what was charged with the events."""

    tax: str
    category: str
    percent_micro: int
    base_minor: int
    tax_minor: int
    at: str = AT_BILL
    residue_micro: int = 0
    amount_micro: int = 0
    owed_micro: int = 0


class Bill(NamedTuple):
    """Lines in order, taxes, and what they add up to."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


class UnknownItemError(Exception):
    """A group has a total under an item that the catalogue cannot name; bill with the version that can."""


def to_minor(amount_micro: int, digits: int) -> tuple[int, int]:
    """(minor units, what is left in millionths): half up away from zero."""
    unit = minor_unit(digits)
    minor = int(round_div(amount_micro, unit, HALF_UP))
    return minor, amount_micro - minor * unit


def minor_unit(digits: int) -> int:
    """A minor unit of a currency with these decimals, in millionths."""
    unit: int = 10 ** (MICRO_DIGITS - digits)
    return unit


def line_off(kind: str, tax: str, text: str, off_micro: int, net_minor: int, digits: int) -> Line:
    """A line that takes an amount off what the items of a tax hold."""
    residue_micro = -off_micro - net_minor * minor_unit(digits)
    return Line(kind, "", "", tax, text, 0, 0, net_minor, residue_micro, off_micro, 0)
