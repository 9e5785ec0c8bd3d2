"""Shell. The statements of billing: what is due, bills with their lines, numbers without gaps."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from billing_batch.bill_parts import Bill, Line
from billing_batch.due_bill import DueBill
from customer_care.tables import (
    balance_groups,
    bill_lines,
    bill_taxes,
    billing_credits,
    billing_profiles,
    bills,
    customers,
    hierarchy_groups,
    hierarchy_memberships,
    invoices,
    purchased_discounts,
    sequences,
    subscriptions,
)

BILL_SEQUENCE, INVOICE_SEQUENCE = "bill", "invoice"


def due_bills(connection: Connection, as_of_us: int) -> list[DueBill]:
    """Active bills whose cycle ended at or before an instant, by profile."""
    return _bills_where(connection, bills.c.status == "active", bills.c.period_end_us <= as_of_us)


def billed_in_store(connection: Connection) -> list[DueBill]:
    """Bills that were written, but whose cycle the store has not been told to forget."""
    return _bills_where(connection, bills.c.number.is_not(None), bills.c.in_store)


def forgotten_in_store(connection: Connection, bill_ids: list[int]) -> None:
    """Note that the store has forgotten these bills' cycles."""
    connection.execute(update(bills).where(bills.c.id.in_(bill_ids)).values(in_store=False))


def _bills_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[DueBill]:
    columns = (
        bills.c.id,
        billing_profiles.c.id,
        customers.c.id,
        customers.c.code,
        customers.c.shard,
        balance_groups.c.id,
        billing_profiles.c.payment_type,
        bills.c.cycle_no,
        bills.c.period_start_us,
        bills.c.period_end_us,
        bills.c.currency,
        billing_profiles.c.interval_kind,
        billing_profiles.c.interval_count,
        billing_profiles.c.billing_day,
        billing_profiles.c.anchor_days,
    )
    statement = (
        select(*columns)
        .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
        .join(customers, billing_profiles.c.customer_id == customers.c.id)
        .join(balance_groups, balance_groups.c.billing_profile_id == billing_profiles.c.id)
        .where(*conditions)
        .order_by(billing_profiles.c.id)
    )
    return [DueBill._make(row) for row in connection.execute(statement)]


def owners(connection: Connection) -> dict[int, int]:
    """Who pays for whom: a child's billing profile to its owner's."""
    statement = (
        select(hierarchy_memberships.c.billing_profile_id, hierarchy_groups.c.owner_billing_profile_id)
        .join(hierarchy_groups, hierarchy_memberships.c.hierarchy_group_id == hierarchy_groups.c.id)
        .where(hierarchy_groups.c.status == "active")
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def discounts_bought(connection: Connection, group_id: int, at_us: int) -> frozenset[str]:
    """Codes of the discounts that a balance group's subscriptions had at an instant, each once.

    By validity alone: a status tells of today, and a cycle may be billed long after its end.
    """
    bought = purchased_discounts
    statement = (
        select(bought.c.discount)
        .join(subscriptions, bought.c.subscription_id == subscriptions.c.id)
        .where(
            subscriptions.c.balance_group_id == group_id,
            bought.c.valid_from_us <= at_us,
            bought.c.valid_to_us > at_us,
        )
    )
    return frozenset(connection.execute(statement).scalars())


def still_active(connection: Connection, bill_id: int) -> bool:
    """Whether nobody closed the bill meanwhile; locks the row where the database has row locks."""
    statement = select(bills.c.status).where(bills.c.id == bill_id).with_for_update()
    return connection.execute(statement).scalar_one() == "active"


def next_numbers(connection: Connection, site: str, name: str, count: int) -> int:
    """Take `count` numbers of a sequence; the first. In the transaction that uses them, so none is lost."""
    here = (sequences.c.site == site) & (sequences.c.name == name)
    found = connection.execute(select(sequences.c.next).where(here).with_for_update()).scalar_one_or_none()
    first = 1 if found is None else found
    if found is None:
        connection.execute(insert(sequences).values(site=site, name=name, next=first + count))
    else:
        connection.execute(update(sequences).where(here).values(next=first + count))
    return first


def child_lines(connection: Connection, bill_id: int) -> tuple[Line, ...]:
    """Lines that children's bills have moved to an active bill."""
    columns = [getattr(bill_lines.c, field) for field in Line._fields]
    statement = select(*columns).where(bill_lines.c.bill_id == bill_id).order_by(bill_lines.c.position)
    return tuple(Line._make(row) for row in connection.execute(statement))


def active_bill_of(connection: Connection, billing_profile_id: int) -> int:
    """The bill that collects charges now."""
    statement = select(bills.c.id).where(
        bills.c.billing_profile_id == billing_profile_id, bills.c.status == "active"
    )
    return connection.execute(statement).scalar_one()


def add_child_line(connection: Connection, owner_bill_id: int, line: Line) -> None:
    """Put a child's bill on the owner's active bill, as one item."""
    position = len(child_lines(connection, owner_bill_id)) + 1
    connection.execute(insert(bill_lines).values(bill_id=owner_bill_id, position=position, **line._asdict()))


def write_bill(connection: Connection, bill_id: int, bill: Bill, values: dict[str, Any]) -> None:
    """Replace an active bill's lines and taxes by the final ones, and give it its totals and status."""
    connection.execute(bill_lines.delete().where(bill_lines.c.bill_id == bill_id))
    rows = [{"bill_id": bill_id, "position": n, **line._asdict()} for n, line in enumerate(bill.lines, 1)]
    if rows:
        connection.execute(insert(bill_lines), rows)
    if bill.taxes:
        connection.execute(insert(bill_taxes), [{"bill_id": bill_id, **tax._asdict()} for tax in bill.taxes])
    totals = {"net_minor": bill.net_minor, "tax_minor": bill.tax_minor, "total_minor": bill.total_minor}
    connection.execute(update(bills).where(bills.c.id == bill_id).values(**totals, **values))


def move_to_next_bill(connection: Connection, due: DueBill, site: str, next_period: tuple[int, int]) -> None:
    """The prepared bill becomes the active one, and the next is prepared (DECISIONS 25)."""
    mine = bills.c.billing_profile_id == due.billing_profile_id
    connection.execute(update(bills).where(mine, bills.c.status == "inactive").values(status="active"))
    start_us, end_us = next_period
    connection.execute(
        insert(bills).values(
            site=site,
            billing_profile_id=due.billing_profile_id,
            status="inactive",
            cycle_no=due.cycle_no + 2,
            period_start_us=start_us,
            period_end_us=end_us,
            currency=due.currency,
        )
    )


def use_credits(connection: Connection, billing_profile_id: int, amount_minor: int) -> int:
    """Pay from the profile's credits, oldest first; how much they covered."""
    mine = (billing_credits.c.billing_profile_id == billing_profile_id) & (billing_credits.c.left_minor > 0)
    left = amount_minor
    statement = (
        select(billing_credits.c.id, billing_credits.c.left_minor).where(mine).order_by(billing_credits.c.id)
    )
    for credit_id, available in connection.execute(statement).all():
        used = min(left, available)
        if used == 0:
            break
        change = update(billing_credits).where(billing_credits.c.id == credit_id)
        connection.execute(change.values(left_minor=available - used))
        left -= used
    return amount_minor - left


def keep_credit(connection: Connection, due: DueBill, amount_minor: int, now_us: int) -> None:
    """A bill below zero is credit of its profile (DECISIONS 27)."""
    connection.execute(
        insert(billing_credits).values(
            billing_profile_id=due.billing_profile_id,
            bill_id=due.bill_id,
            amount_minor=amount_minor,
            left_minor=amount_minor,
            created_at_us=now_us,
        )
    )


def keep_invoice(
    connection: Connection, bill_id: int, site: str, number: int, document: bytes, now_us: int
) -> None:
    """The document of a bill, as the customer gets it; it never changes."""
    connection.execute(
        insert(invoices).values(
            bill_id=bill_id, site=site, number=number, document=document, created_at_us=now_us
        )
    )


def invoice_documents(connection: Connection) -> list[tuple[int, bytes]]:
    """Number and document of every invoice."""
    statement = select(invoices.c.number, invoices.c.document).order_by(invoices.c.number)
    return [(number, document) for number, document in connection.execute(statement)]
