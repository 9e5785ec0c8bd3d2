"""Shell. For `billing audit`: every bill by itself, because sums over all bills hide two errors that cancel.

What is in order is not listed; each comparison that comes out is a difference.
"""

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from billing_batch.audit import Comparison
from billing_batch.bill_parts import AT_RATING, KIND_BALANCING, KIND_CHILD, KIND_ITEM, KINDS_OFF, minor_unit
from customer_care.currencies import minor_digits
from customer_care.tables import bill_lines, bill_taxes, bills


def differing_bills(connection: Connection) -> list[Comparison]:
    """Bills whose lines are not their net, whose tax lines are not their tax, or whose total is not both."""
    net = _sum_by_bill(bill_lines.c.bill_id, bill_lines.c.net_minor)
    tax = _sum_by_bill(bill_taxes.c.bill_id, bill_taxes.c.tax_minor)
    statement = (
        select(bills.c.number, net, bills.c.net_minor, tax, bills.c.tax_minor, bills.c.total_minor)
        .where(
            bills.c.number.is_not(None),
            or_(
                net != bills.c.net_minor,
                tax != bills.c.tax_minor,
                bills.c.total_minor != bills.c.net_minor + bills.c.tax_minor,
            ),
        )
        .order_by(bills.c.number)
    )
    found = []
    for row in connection.execute(statement):
        number, lines, net_minor, taxes, tax_minor, total = map(int, row)
        name = f"bill {number}"
        found += [
            Comparison(name, "lines", lines, "net", net_minor, "minor units"),
            Comparison(name, "tax lines", taxes, "tax", tax_minor, "minor units"),
            Comparison(name, "net and tax", net_minor + tax_minor, "total", total, "minor units"),
        ]
    return [one for one in found if not one.agrees]


def differing_lines(connection: Connection) -> list[Comparison]:
    """Lines whose minor units and what is left below them are not the amount they stand for."""
    found = []
    for currency, unit in _minor_units(connection):
        shown = bill_lines.c.net_minor * unit + bill_lines.c.residue_micro
        off = bill_lines.c.owed_micro - bill_lines.c.amount_micro
        amount = case((bill_lines.c.kind.in_(KINDS_OFF), off), else_=bill_lines.c.amount_micro)
        statement = (
            select(bills.c.number, bill_lines.c.position, shown, amount)
            .join(bills, bill_lines.c.bill_id == bills.c.id)
            .where(
                bills.c.number.is_not(None),
                bills.c.currency == currency,
                bill_lines.c.kind.in_((KIND_ITEM, *KINDS_OFF)),
                shown != amount,
            )
            .order_by(bills.c.number, bill_lines.c.position)
        )
        for number, position, left, right in connection.execute(statement):
            name = f"bill {number}, line {position}"
            found.append(
                Comparison(name, "minor units and rest", int(left), "amount", int(right), "millionths")
            )
    return found


def differing_taxes(connection: Connection) -> list[Comparison]:
    """Taxes charged with events whose minor units and what is left below them are not what is owed of them."""
    found = []
    for currency, unit in _minor_units(connection):
        shown = bill_taxes.c.tax_minor * unit + bill_taxes.c.residue_micro
        statement = (
            select(bills.c.number, bill_taxes.c.tax, shown, bill_taxes.c.owed_micro)
            .join(bills, bill_taxes.c.bill_id == bills.c.id)
            .where(
                bills.c.currency == currency,
                bill_taxes.c.at == AT_RATING,
                shown != bill_taxes.c.owed_micro,
            )
            .order_by(bills.c.number, bill_taxes.c.tax)
        )
        for number, tax, left, right in connection.execute(statement):
            name = f"bill {number}, tax {tax}"
            found.append(
                Comparison(name, "minor units and rest", int(left), "owed", int(right), "millionths")
            )
    return found


def differing_moves(connection: Connection) -> list[Comparison]:
    """Bills of children of which the owner's bill holds another amount, or nothing."""
    on_owner = bill_lines.alias()
    held = func.coalesce(
        select(func.sum(on_owner.c.net_minor))
        .where(on_owner.c.kind == KIND_CHILD, on_owner.c.child_bill_id == bills.c.id)
        .scalar_subquery(),
        0,
    )
    statement = (
        select(bills.c.number, -bill_lines.c.net_minor, held)
        .join(bills, bill_lines.c.bill_id == bills.c.id)
        .where(bill_lines.c.kind == KIND_BALANCING, -bill_lines.c.net_minor != held)
        .order_by(bills.c.number)
    )
    return [
        Comparison(f"bill {number}", "moved away", int(moved), "on its owner's", int(there), "minor units")
        for number, moved, there in connection.execute(statement)
    ]


def _minor_units(connection: Connection) -> list[tuple[str, int]]:
    """Each currency that there are bills in, with its minor unit in millionths."""
    found = []
    for (currency,) in connection.execute(select(bills.c.currency).distinct()).all():
        digits = minor_digits(currency)
        assert digits is not None, "an import checks the currency"
        found.append((currency, minor_unit(digits)))
    return found


def _sum_by_bill(bill_id: ColumnElement[int], amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(select(func.sum(amount)).where(bill_id == bills.c.id).scalar_subquery(), 0)
