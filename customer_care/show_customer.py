"""Shell. A customer on the terminal: what is recorded, and the balances as the store has them now."""

import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from customer_care.customer_view import (
    BalanceView,
    BillView,
    CustomerView,
    HierarchyView,
    SharingView,
    Validity,
    amount_text,
)


def print_customer(
    view: CustomerView, balances: list[BalanceView] | str, minor_digits: int, console: Console
) -> None:
    """Print everything; `balances` may be the reason why the store did not answer."""
    console.print(_head(view))
    console.print(_bills(view.bills, minor_digits))
    console.print(_subscriptions(view))
    groups = _groups(view)
    if groups:
        console.print(Group(*groups))
    console.print(_balances(balances))


def _head(view: CustomerView) -> RenderableType:
    table = Table(title=f"Customer {view.code}", title_justify="left", show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column()
    address, billing = view.address, view.billing_profile
    rows = (
        ("name", " ".join(part for part in (view.name.first, view.name.last) if part)),
        ("number", f"{view.number} on shard {view.shard}, {_published(view)}"),
        ("type", f"{view.type}, {view.status}, since {view.since}"),
        ("contact", ", ".join(part for part in (view.email, view.phone) if part)),
        (
            "address",
            f"{address.street} {address.number}, {address.postcode} {address.city}, {address.country}",
        ),
        (
            "billing",
            f"{billing.payment_type}, {billing.currency}, {billing.cycle}, by {billing.payment_method}",
        ),
        *(("mandate", f"{one.id} of {one.signed_on}, {one.iban}, {one.status}") for one in view.mandates),
    )
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _published(view: CustomerView) -> str:
    return "known to the store" if view.published else "the store has not been told yet: `care publish`"


def _bills(bills: list[BillView], minor_digits: int) -> RenderableType:
    table = _titled("Bills", "bill", "number", "status", "cycle", "from", "to", "total", "due")
    for bill in bills:
        table.add_row(
            str(bill.id),
            "" if bill.number is None else str(bill.number),
            bill.status,
            str(bill.cycle_no),
            _day(bill.period.start),
            _day(bill.period.end),
            f"{amount_text(bill.total_minor, minor_digits, minor_digits)} {bill.currency}",
            f"{amount_text(bill.due_minor, minor_digits, minor_digits)} {bill.currency}",
        )
    return table


def _subscriptions(view: CustomerView) -> RenderableType:
    table = _titled("Subscriptions", "subscription", "plan", "status", "valid", "products", "services")
    for one in view.subscriptions:
        services = "\n".join(f"{service.type} {service.identifier}" for service in one.services)
        table.add_row(
            one.code, one.plan, one.status, _span(one.validity), Text("\n".join(one.products)), Text(services)
        )
    return table


def _groups(view: CustomerView) -> list[RenderableType]:
    lines = [
        *(_sharing(one, "shares with") for one in view.shares),
        *(_sharing(one, "may use what") for one in view.member_of),
        *(_hierarchy(one, "pays the bills of") for one in view.pays_for),
        *(_hierarchy(one, "has bills paid by") for one in view.paid_by),
    ]
    return [Text("Groups", style="italic"), *(Text(line) for line in lines)] if lines else []


def _sharing(one: SharingView, verb: str) -> str:
    others = ", ".join(one.members) or "nobody yet" if verb == "shares with" else f"{one.owner} shares"
    return f"  {one.group}: {verb} {others} (policy {one.policy})"


def _hierarchy(one: HierarchyView, verb: str) -> str:
    others = ", ".join(one.members) or "nobody yet" if verb == "pays the bills of" else one.payer
    return f"  {one.group}: {verb} {others}"


def _balances(balances: list[BalanceView] | str) -> RenderableType:
    if isinstance(balances, str):
        return Text(f"Balances: {balances}")
    table = _titled("Balances: positive = owed, negative = prepaid or free", "resource", "amount", "valid")
    for one in balances:
        table.add_row(
            one.resource, Text(f"{one.amount} {one.unit}".strip(), justify="right"), _span(one.validity)
        )
    return table


def _titled(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))


def _span(validity: Validity) -> str:
    return f"{_day(validity.start)} to {_day(validity.end)}"


def _day(time: datetime.datetime | None) -> str:
    return "" if time is None else time.strftime("%Y-%m-%d %H:%M")
