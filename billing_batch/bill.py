"""Pure. A cycle's item totals to a bill: lines, taxes, totals, and the sums that must hold."""

from billing_batch.bill_parts import (
    AT_RATING,
    KIND_BALANCING,
    KIND_CHILD,
    KIND_CREDIT,
    KIND_ITEM,
    KINDS_OFF,
    Bill,
    Item,
    Line,
    TaxLine,
    UnknownItemError,
    line_off,
    minor_unit,
    to_minor,
)
from billing_batch.cut_cycle import ItemTotal
from billing_batch.discount_lines import discount_lines
from billing_batch.tax_lines import tax_lines
from config.compiled_catalogue import CompiledCatalogue

NO_DISCOUNTS: frozenset[str] = frozenset()


def build_bill(
    totals: list[ItemTotal],
    children: tuple[Line, ...],
    catalogue: CompiledCatalogue,
    digits: int,
    end_us: int,
    discounts: frozenset[str] = NO_DISCOUNTS,
) -> Bill:
    """The bill of a cycle that ended at `end_us`; `digits` are the decimals of its currency.

    `discounts` are codes of what the customer had bought then; those of events are done already.
    """
    everything = sorted(_item(total, catalogue) for total in totals)
    items = [item for item in everything if not item.is_tax]
    charged_taxes = [item for item in everything if item.is_tax]
    lines = [_item_line(item, catalogue, digits) for item in items]
    lines += _credit_lines(items, digits)
    lines += discount_lines(items, lines, discounts, catalogue, digits)
    taxes = tax_lines(lines, charged_taxes, catalogue, digits, end_us)
    all_lines = (*lines, *children)
    net_minor = sum(line.net_minor for line in all_lines)
    tax_minor = sum(tax.tax_minor for tax in taxes)
    check_sums(all_lines, taxes, digits)
    return Bill(all_lines, taxes, net_minor, tax_minor, net_minor + tax_minor)


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


def check_sums(lines: tuple[Line, ...], taxes: tuple[TaxLine, ...], digits: int) -> None:
    """Every line of a sum in millionths: minor units and residue make exactly that sum."""
    unit = minor_unit(digits)
    for line in lines:
        if line.kind == KIND_ITEM or line.kind in KINDS_OFF:
            wanted = line.amount_micro if line.kind == KIND_ITEM else line.owed_micro - line.amount_micro
            assert line.net_minor * unit + line.residue_micro == wanted, line
    for tax in taxes:
        assert tax.at != AT_RATING or tax.tax_minor * unit + tax.residue_micro == tax.owed_micro, tax


def _item(total: ItemTotal, catalogue: CompiledCatalogue) -> Item:
    key = catalogue.items.get(total.item_id)
    if key is None:
        raise UnknownItemError(
            f"item {total.item_id} is not in catalogue version {catalogue.version}: "
            "bill items, general ledgers and taxes that were used must stay"
        )
    return Item(key.bill_item, key.general_ledger, key.tax, key.resource, key.is_tax, total)


def _item_line(item: Item, catalogue: CompiledCatalogue, digits: int) -> Line:
    total = item.total
    net_minor, residue_micro = to_minor(total.amount, digits)
    return Line(
        KIND_ITEM,
        item.bill_item,
        item.general_ledger,
        item.tax,
        catalogue.catalogue.bill_items[item.bill_item].name,
        total.quantity,
        total.events,
        net_minor,
        residue_micro,
        total.amount,
        total.owed,
    )


def _credit_lines(items: list[Item], digits: int) -> list[Line]:
    """What prepaid money or goodwill covered, taken off again; one line per tax, so that tax follows it.

    Such that what stays is what is owed, converted once: items rounded one by one would leave cents that
    nobody owes.
    """
    lines = []
    for tax in sorted({item.tax for item in items}):
        totals = [item.total for item in items if item.tax == tax]
        covered = sum(total.amount - total.owed for total in totals)
        if covered != 0:
            charged_minor = sum(to_minor(total.amount, digits)[0] for total in totals)
            owed_minor, _ = to_minor(sum(total.owed for total in totals), digits)
            lines.append(
                line_off(KIND_CREDIT, tax, "Paid from credit", covered, owed_minor - charged_minor, digits)
            )
    return lines
