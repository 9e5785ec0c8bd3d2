"""Shell. `charging balance`: what customer care does to balances (docs/BALANCES.md).

Exit status: 0 done, or done before; 1 refused, nothing changed; 2 not asked, or not known whether it was done:
the message says which, and the same command with the same --id finds out.
"""

import asyncio
import datetime
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from charging.balance_desk import NOT_DONE, Look, OpenDesk, Told, complain, give, write_json
from config.civil_time import local_midnight_us
from customer_care.activity_records import activities
from customer_care.check_line import positive_amount
from customer_care.commands import (
    Adjust,
    Booking,
    Close,
    Command,
    Create,
    Expire,
    Grant,
    SetCreditProfile,
    TopUp,
    Validity,
)
from customer_care.group_view import group_view
from customer_care.history_view import history_view
from customer_care.records import reading
from customer_care.show_balances import print_group, print_history
from customer_care.titled_tables import table_console

app = cyclopts.App(name="balance")

Resource = Annotated[str, Parameter(help="Code of the resource, such as EUR.")]
Credit = Annotated[str, Parameter(help="How much the customer is given: the balance goes down.")]
MaybeCredit = Annotated[str | None, Parameter(help="How much the customer is given: the balance goes down.")]
MaybeDebit = Annotated[str | None, Parameter(help="How much the customer is charged: the balance goes up.")]
Until = Annotated[
    str | None,
    Parameter(
        help="`cycle`, `infinite`, or the day at whose start it ends (2027-01-01). Without it money is infinite, and "
        "all else ends with the cycle."
    ),
]
Priority = Annotated[int, Parameter(help="-1000 to 1000; the lowest is used first.")]
BillItem = Annotated[str | None, Parameter(help="Code of the bill item that it is added to.")]
Ledger = Annotated[
    str | None, Parameter(help="General ledger, where the catalogue has several for the item.")
]
Tax = Annotated[str | None, Parameter(help="Tax code, where the catalogue has several for the item.")]
TOLD, LOOK = Told(), Look()


@app.command
def show(who: str, /, *, look: Look = LOOK) -> None:
    """Show a balance group: totals, limits, thresholds, balances, cycles, items, counters."""
    desk = OpenDesk(look, who)
    image = asyncio.run(desk.load_image())
    view = group_view(desk.group, image, desk.catalogue, desk.tools.table, desk.now_us)
    if look.json:
        write_json(view)
    else:
        print_group(view, desk.zone, table_console())


@app.command
def history(
    who: str,
    /,
    *,
    rows: Annotated[int, Parameter(help="Newest rows of the activity log.")] = 50,
    look: Look = LOOK,
) -> None:
    """Show a balance group, the commands that it remembers, and the customer's activity log."""
    desk = OpenDesk(look, who)
    image = asyncio.run(desk.load_image())
    with reading(desk.engine) as connection:
        log = activities(connection, desk.group.customer_id, rows)
    group = group_view(desk.group, image, desk.catalogue, desk.tools.table, desk.now_us)
    view = history_view(desk.group, group, image, log, desk.catalogue)
    if look.json:
        write_json(view)
    else:
        print_history(view, desk.zone, table_console())


@app.command
def top_up(
    who: str,
    /,
    *,
    resource: Resource,
    credit: Credit,
    validity: Until = None,
    priority: Priority = 0,
    told: Told = TOLD,
) -> None:
    """Add credit that the customer paid for; it joins credit of the same end and priority."""

    def command(desk: OpenDesk) -> Command:
        amount = -_amount(desk, resource, credit)
        return TopUp(resource, amount, _validity(desk, validity), priority)

    give(told, who, command)


@app.command
def grant(
    who: str,
    /,
    *,
    resource: Resource,
    credit: Credit,
    validity: Until = None,
    priority: Priority = 0,
    told: Told = TOLD,
) -> None:
    """Add credit that the customer is given; it joins credit of the same end and priority."""

    def command(desk: OpenDesk) -> Command:
        amount = -_amount(desk, resource, credit)
        return Grant(resource, amount, _validity(desk, validity), priority)

    give(told, who, command)


@app.command
def create(
    who: str,
    /,
    *,
    resource: Resource,
    credit: MaybeCredit = None,
    debit: MaybeDebit = None,
    validity: Until = None,
    priority: Priority = 0,
    bill_item: BillItem = None,
    general_ledger: Ledger = None,
    tax: Tax = None,
    told: Told = TOLD,
) -> None:
    """Make a balance of its own: a credit, or a debit that the cycle owes whatever credit there is.

    A debit of money needs a bill item: without one no bill has it.
    """

    def command(desk: OpenDesk) -> Command:
        amount = _signed(desk, resource, credit, debit)
        booking = _booking(bill_item, general_ledger, tax)
        return Create(resource, amount, _validity(desk, validity), priority, booking)

    give(told, who, command)


@app.command
def adjust(
    who: str,
    /,
    *,
    resource: Resource,
    credit: MaybeCredit = None,
    debit: MaybeDebit = None,
    balance: Annotated[int | None, Parameter(help="Number of the balance to correct.")] = None,
    bill_item: BillItem = None,
    general_ledger: Ledger = None,
    tax: Tax = None,
    tax_supplier: Annotated[str, Parameter(help="Who pays the tax; recorded.")] = "",
    told: Told = TOLD,
) -> None:
    """Correct one balance, an item of the bill, or both; nothing is overwritten, an amount is added.

    Without --balance a debit uses credit up like usage, and the cycle owes the rest; a credit lowers what the
    cycle owes, and the rest becomes credit without end.
    """

    def command(desk: OpenDesk) -> Command:
        amount = _signed(desk, resource, credit, debit)
        return Adjust(resource, amount, balance, _booking(bill_item, general_ledger, tax), tax_supplier)

    give(told, who, command)


@app.command
def expire(
    who: str,
    /,
    *,
    balance: Annotated[int, Parameter(help="Number of the balance, as `show` has it.")],
    told: Told = TOLD,
) -> None:
    """End the validity of a credit now. What is owed does not expire."""
    give(told, who, lambda _: Expire(balance))


@app.command
def credit_profile(
    who: str,
    /,
    *,
    profile: Annotated[str, Parameter(help="Code of the credit profile; `none` takes every limit away.")],
    told: Told = TOLD,
) -> None:
    """Put a balance group under another credit profile, and say which thresholds that reaches or leaves."""
    code = "" if profile == "none" else profile
    give(told, who, lambda desk: SetCreditProfile(code, desk.group.payment_type))


@app.command
def close(who: str, /, *, told: Told = TOLD) -> None:
    """Close a balance group: events from now on are rejected, and no later cycle owes or grants anything."""
    give(told, who, lambda _: Close())


def _amount(desk: OpenDesk, code: str, text: str) -> int:
    """What was typed, in stored units; a resource that is unknown is refused by the command itself."""
    resource = desk.catalogue.resources.get(code)
    amount = positive_amount(text, resource.stored_decimals) if resource else 1
    if amount is None:
        decimals = resource.stored_decimals if resource else 0
        complain(
            f"{text!r} is no amount above 0 with up to {decimals} decimals; --credit and --debit say the sign",
            NOT_DONE,
        )
    return amount


def _signed(desk: OpenDesk, code: str, credit: str | None, debit: str | None) -> int:
    if credit is not None and debit is None:
        return -_amount(desk, code, credit)
    if debit is None or credit is not None:
        complain("name the amount with --credit (given to the customer) or with --debit (charged)", NOT_DONE)
    return _amount(desk, code, debit)


def _validity(desk: OpenDesk, text: str | None) -> Validity:
    if text is None:
        return None
    if text == "cycle":
        return "cycle"
    if text == "infinite":
        return "infinite"
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        complain(f"--validity {text!r} is neither cycle, infinite nor a day such as 2027-01-01", NOT_DONE)
    return local_midnight_us(day, desk.catalogue.site.time_zone)


def _booking(bill_item: str | None, general_ledger: str | None, tax: str | None) -> Booking | None:
    if bill_item is None:
        if general_ledger is not None or tax is not None:
            complain("--general-ledger and --tax are of a bill item: add --bill-item", NOT_DONE)
        return None
    return Booking(bill_item, general_ledger, tax)
