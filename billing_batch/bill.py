"""Pure. A cycle's item totals to a bill: lines, taxes, totals, and the sums that must hold.

Money comes in in millionths and is converted to minor units once per line, half up away from zero; what
is left below a minor unit stays on the line (DECISIONS 16). Tax is computed per code and rate on the
bill's summed base and rounded once (EN 16931, BR-CO-17; DECISIONS 15).
"""

from typing import NamedTuple

from billing_batch.cut_cycle import ItemTotal
from config.compiled_catalogue import CompiledCatalogue, ItemKey
from rating_kernels.quantities import round_div
from rating_kernels.tariff_table import HALF_UP

MICRO_DIGITS = 6
PERCENT_MICRO = 100 * 10**6
KIND_ITEM, KIND_CREDIT, KIND_CHILD, KIND_BALANCING = "item", "credit", "child_bill", "balancing"


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


class TaxLine(NamedTuple):
    """A tax of a bill: one rate of one code on its whole base."""

    tax: str
    category: str
    percent_micro: int
    base_minor: int
    tax_minor: int


class Bill(NamedTuple):
    """Lines in order, taxes, and what they add up to."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


class UnknownItemError(Exception):
    """A group has a total under an item that the catalogue cannot name; bill with the version that can."""


def build_bill(
    totals: list[ItemTotal],
    children: tuple[Line, ...],
    catalogue: CompiledCatalogue,
    digits: int,
    end_us: int,
) -> Bill:
    """The bill of a cycle that ended at `end_us`; `digits` are the decimals of its currency."""
    items = [(_key(total, catalogue), total) for total in totals]
    lines = [_item_line(key, total, catalogue, digits) for key, total in sorted(items)]
    lines += _credit_lines(items, digits)
    everything = (*lines, *children)
    taxes = tuple(
        _tax_line(tax, lines, catalogue, end_us) for tax in sorted({line.tax for line in lines if line.tax})
    )
    net_minor = sum(line.net_minor for line in everything)
    tax_minor = sum(tax.tax_minor for tax in taxes)
    check_sums(everything, digits)
    return Bill(everything, taxes, net_minor, tax_minor, net_minor + tax_minor)


def balanced(bill: Bill, owner_bill_id: int) -> Bill:
    """The bill of a child: closed by an item that takes its total away to the owner's bill."""
    line = Line(
        KIND_BALANCING, "", "", "", f"moved to bill {owner_bill_id}", 0, 0, -bill.total_minor, 0, 0, 0, None
    )
    return bill._replace(
        lines=(*bill.lines, line), net_minor=bill.net_minor - bill.total_minor, total_minor=0
    )


def child_line(child_bill_id: int, child_number: int, customer: str, total_minor: int) -> Line:
    """The one item of the owner's bill that stands for a child's whole bill, its tax included."""
    text = f"bill {child_number} of {customer}"
    return Line(KIND_CHILD, "", "", "", text, 0, 0, total_minor, 0, 0, 0, child_bill_id)


def to_minor(amount_micro: int, digits: int) -> tuple[int, int]:
    """(minor units, what is left in millionths): half up away from zero."""
    unit = 10 ** (MICRO_DIGITS - digits)
    minor = int(round_div(amount_micro, unit, HALF_UP))
    return minor, amount_micro - minor * unit


def check_sums(lines: tuple[Line, ...], digits: int) -> None:
    """Every line of a sum in millionths: minor units and residue make exactly that sum."""
    unit = 10 ** (MICRO_DIGITS - digits)
    for line in lines:
        if line.kind in (KIND_ITEM, KIND_CREDIT):
            wanted = line.amount_micro if line.kind == KIND_ITEM else line.owed_micro - line.amount_micro
            assert line.net_minor * unit + line.residue_micro == wanted, line


def _key(total: ItemTotal, catalogue: CompiledCatalogue) -> tuple[str, str, str, str]:
    key: ItemKey | None = catalogue.items.get(total.item_id)
    if key is None:
        raise UnknownItemError(
            f"item {total.item_id} is not in catalogue version {catalogue.version}: "
            "bill items, general ledgers and taxes that were used must stay"
        )
    return key.bill_item, key.general_ledger, key.tax, key.resource


def _item_line(
    key: tuple[str, str, str, str], total: ItemTotal, catalogue: CompiledCatalogue, digits: int
) -> Line:
    bill_item, general_ledger, tax, _ = key
    net_minor, residue_micro = to_minor(total.amount, digits)
    return Line(
        KIND_ITEM,
        bill_item,
        general_ledger,
        tax,
        catalogue.catalogue.bill_items[bill_item].name,
        total.quantity,
        total.events,
        net_minor,
        residue_micro,
        total.amount,
        total.owed,
    )


def _credit_lines(items: list[tuple[tuple[str, str, str, str], ItemTotal]], digits: int) -> list[Line]:
    """What prepaid money or goodwill covered, taken off again; one line per tax, so that tax follows it.

    Such that what stays is what is owed, converted once: items rounded one by one would leave cents that
    nobody owes.
    """
    unit = 10 ** (MICRO_DIGITS - digits)
    lines = []
    for tax in sorted({key[2] for key, _ in items}):
        totals = [total for key, total in items if key[2] == tax]
        covered = sum(total.amount - total.owed for total in totals)
        if covered != 0:
            charged_minor = sum(to_minor(total.amount, digits)[0] for total in totals)
            owed_minor, _ = to_minor(sum(total.owed for total in totals), digits)
            minor = owed_minor - charged_minor
            residue_micro = -covered - minor * unit
            lines.append(
                Line(KIND_CREDIT, "", "", tax, "Paid from credit", 0, 0, minor, residue_micro, covered, 0)
            )
    return lines


def _tax_line(tax: str, lines: list[Line], catalogue: CompiledCatalogue, end_us: int) -> TaxLine:
    """The rate in force in the cycle's last instant."""
    base_minor = sum(line.net_minor for line in lines if line.tax == tax)
    rate = next((r for r in catalogue.tax_rates[tax] if r.valid_from_us <= end_us - 1 < r.valid_to_us), None)
    if rate is None:
        raise UnknownItemError(f"tax {tax} has no rate at the end of the cycle: add one to the catalogue")
    amount = int(round_div(base_minor * rate.percent_micro, PERCENT_MICRO, HALF_UP))
    return TaxLine(tax, catalogue.catalogue.taxes[tax].category, rate.percent_micro, base_minor, amount)
