"""Shell. Balance groups, answers and histories on the terminal; days and times of the site's zone."""

import datetime
import zoneinfo

from rich.console import Console, RenderableType
from rich.text import Text

from customer_care.answer_view import AnswerView, NoticeView, RefusalView
from customer_care.customer_view import Validity
from customer_care.group_view import GroupView, TotalView
from customer_care.history_view import ActivityView, HistoryView
from customer_care.titled_tables import titled_table

SIGNS = "positive = owed, negative = prepaid or free"


def print_group(view: GroupView, zone: zoneinfo.ZoneInfo, console: Console) -> None:
    """Print a balance group."""
    closed = f", closed {_time(view.closed, zone)}" if view.closed else ""
    profile = view.credit_profile or "none"
    console.print(
        Text(
            f"Balance group {view.group} of customer {view.customer}: {view.payment_type}, credit profile {profile}{closed}"
        )
    )
    totals = titled_table("Totals valid now", "resource", "amount", "limit", "thresholds")
    for total in view.totals:
        totals.add_row(
            total.resource, _amount(total.amount, total.unit), total.limit or "", _thresholds(total)
        )
    balances = titled_table(
        "Balances", "balance", "resource", "amount", "kind", "valid", "created", "priority", "granted"
    )
    for one in view.balances:
        balances.add_row(
            str(one.balance),
            one.resource,
            _amount(one.amount, one.unit),
            one.kind if one.valid_now else f"{one.kind}, not valid now",
            _span(one.validity, zone),
            _time(one.created, zone),
            str(one.priority),
            one.granted,
        )
    cycles = titled_table("Cycles", "cycle", "status", "valid")
    for cycle in view.cycles:
        cycles.add_row(str(cycle.cycle), cycle.status, _span(cycle.validity, zone))
    items = titled_table("Items of these cycles", "cycle", "item", "amount", "owed", "events")
    for item in view.items:
        amount = f"{item.amount} {item.resource}"
        items.add_row(str(item.cycle), item.item, amount, f"{item.owed} {item.resource}", str(item.events))
    counters = titled_table("Counters", "cycle", "of", "amount")
    for counter in view.counters:
        counters.add_row(str(counter.cycle), counter.what, str(counter.amount))
    for table in (totals, balances, cycles, items, counters):
        if table.row_count:
            console.print(table)
    console.print(Text(f"  {SIGNS}", style="dim"))


def print_answer(view: AnswerView | RefusalView, console: Console) -> None:
    """Print what became of a command, its id first: it is what a repeat needs."""
    head = f"{view.command} {view.id}"
    if isinstance(view, RefusalView):
        console.print(Text(f"{head} refused, {view.reason}: {view.text}"))
        return
    again = " had been done before" if view.repeated else " done"
    console.print(Text(f"{head}{again}: customer {view.customer}, balance group {view.group}"))
    for line in _effects(view):
        console.print(Text(f"  {line}"))


def print_history(view: HistoryView, zone: zoneinfo.ZoneInfo, console: Console) -> None:
    """Print a group, the commands that it remembers, and the activity log."""
    print_group(view.group, zone, console)
    commands = titled_table("Commands the group remembers", "done", "command", "id", "balance")
    for one in view.commands:
        number = "" if one.balance is None else str(one.balance)
        commands.add_row(
            _time(one.done, zone), one.command, one.id or "not recorded: repeat the command", number
        )
    log = titled_table("Activity log", "time", "who", "action", "id", "what")
    for row in view.activities:
        log.add_row(_time(row.time, zone), row.actor, row.action, row.id or "", _what(row))
    for table in (commands, log):
        if table.row_count:
            console.print(table)


def _what(row: ActivityView) -> str:
    return "; ".join(_effects(row.answer)) if isinstance(row.answer, AnswerView) else ""


def _effects(view: AnswerView) -> list[str]:
    """What a command did, in a line each."""
    lines = []
    if view.resource:
        amount = view.amount if view.amount.startswith("-") else f"+{view.amount}"
        lines.append(f"{view.resource}: {view.before} to {view.after} ({amount})")
    lines += [f"balance {one.balance}: {one.before} to {one.after}" for one in view.changes]
    if view.bill_item:
        lines.append(f"on the bill under {view.bill_item}")
    return lines + [_notice(one) for one in view.notices]


def _notice(one: NoticeView) -> str:
    crossed = "reached" if one.direction == "up" else "no longer reached"
    reason = ", by the new credit profile" if one.reason == "reset" else ""
    return f"threshold {one.threshold} {one.resource} {crossed}{reason}"


def _thresholds(total: TotalView) -> str:
    return ", ".join(f"{one.amount}{' reached' if one.reached else ''}" for one in total.thresholds)


def _amount(amount: str, unit: str) -> RenderableType:
    return Text(f"{amount} {unit}".strip(), justify="right")


def _span(validity: Validity, zone: zoneinfo.ZoneInfo) -> str:
    start = _time(validity.start, zone)
    return f"from {start}" if validity.end is None else f"{start} to {_time(validity.end, zone)}"


def _time(time: datetime.datetime, zone: zoneinfo.ZoneInfo) -> str:
    """A date, with the time unless it is midnight."""
    local = time.astimezone(zone)
    return local.strftime("%Y-%m-%d" if local.time() == datetime.time() else "%Y-%m-%d %H:%M:%S")
