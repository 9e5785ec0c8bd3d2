"""Shell. A customer on the terminal: what is recorded, and the balances as the store has them now."""

import datetime
import zoneinfo

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from customer_care.customer_view import (
    BalanceView,
    BillView,
    CustomerView,
    HierarchyView,
    ServiceView,
    SharingView,
    Validity,
    amount_text,
)
from customer_care.titled_tables import titled_table


def print_customer(
    view: CustomerView,
    balances: list[BalanceView] | str,
    minor_digits: int,
    zone: zoneinfo.ZoneInfo,
    console: Console,
) -> None:
    """Print everything, days and times of a zone; `balances` may be why the store did not answer."""
    console.print(_head(view))
    console.print(_bills(view.bills, minor_digits, zone))
    console.print(_subscriptions(view, zone))
    groups = _groups(view)
    if groups:
        console.print(Group(*groups))
    console.print(_balances(balances, zone))


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


def _bills(bills: list[BillView], minor_digits: int, zone: zoneinfo.ZoneInfo) -> RenderableType:
    table = titled_table("Bills", "bill", "number", "status", "cycle", "from", "to", "total", "due")
    for bill in bills:
        table.add_row(
            str(bill.id),
            "" if bill.number is None else str(bill.number),
            bill.status,
            str(bill.cycle_no),
            _day(bill.period.start, zone),
            _day(bill.period.end, zone),
            f"{amount_text(bill.total_minor, minor_digits, minor_digits)} {bill.currency}",
            f"{amount_text(bill.due_minor, minor_digits, minor_digits)} {bill.currency}",
        )
    return table


def _subscriptions(view: CustomerView, zone: zoneinfo.ZoneInfo) -> RenderableType:
    table = titled_table("Subscriptions", "subscription", "plan", "status", "valid", "products", "services")
    for one in view.subscriptions:
        table.add_row(
            one.code,
            one.plan,
            one.status,
            _span(one.validity, zone),
            ", ".join(one.products),
            _services(one.services),
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


def _balances(balances: list[BalanceView] | str, zone: zoneinfo.ZoneInfo) -> RenderableType:
    if isinstance(balances, str):
        return Text(f"Balances: {balances}")
    if not balances:
        return Text("Balances: none yet")
    table = titled_table("Balances", "resource", "amount", "valid")
    for one in balances:
        table.add_row(
            one.resource, Text(f"{one.amount} {one.unit}".strip(), justify="right"), _span(one.validity, zone)
        )
    return Group(table, Text("  positive = owed, negative = prepaid or free", style="dim"))


def _services(services: list[ServiceView]) -> str:
    """A line for each identifier with the services it has."""
    kinds: dict[str, list[str]] = {}
    for service in services:
        kinds.setdefault(service.identifier, []).append(service.type)
    return "\n".join(f"{identifier}: {', '.join(some)}" for identifier, some in kinds.items())


def _span(validity: Validity, zone: zoneinfo.ZoneInfo) -> str:
    end = _day(validity.end, zone)
    return f"{_day(validity.start, zone)} to {end}" if end else f"from {_day(validity.start, zone)}"


def _day(time: datetime.datetime | None, zone: zoneinfo.ZoneInfo) -> str:
    """A date, with the time unless it is midnight; empty = no end."""
    if time is None:
        return ""
    local = time.astimezone(zone)
    return local.strftime("%Y-%m-%d" if local.time() == datetime.time() else "%Y-%m-%d %H:%M:%S")
