"""Shell. The `billing` command: cycles, bills, invoices, bank files, and whether it all agrees.

Exit status: 0 done, 1 the audit found a difference, 2 not done; what is wrong goes to standard error.
"""

import asyncio
import datetime
import importlib.resources
import os
import sys
import zoneinfo
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import select

from balance_store.client import StoreClient
from balance_store.one_door import GroupMissingError
from balance_store.requests import StoreRefusesError
from billing_batch.audit import all_agree
from billing_batch.bill_parts import UnknownItemError
from billing_batch.bill_records import due_bills, invoice_documents
from billing_batch.billing_order import HierarchyCycleError
from billing_batch.close_cycles import Billing, RunReport
from billing_batch.export_sepa import CreditorError
from billing_batch.export_sepa import export_sepa as export
from billing_batch.invoice import as_html, from_json, minor_text
from billing_batch.outbox_file import write_whole
from billing_batch.read_audit import (
    adjusted_sums,
    bill_comparisons,
    billed_sums,
    fee_sums,
    item_comparisons,
    open_sums,
    rated_sums,
    sepa_comparisons,
)
from charging.fault_messages import explain
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.currencies import minor_digits
from customer_care.records import RecordsError, open_records, reading
from customer_care.tables import billing_profiles, bills, customers

Config = Annotated[str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML).")]
AsOf = Annotated[
    datetime.datetime, Parameter(help="The instant it is done for, with an offset: 2026-11-01T01:00:00Z.")
]
BillStatus = Literal["inactive", "active", "billing", "closed"]
KNOWN_FAULTS = (
    RecordsError,
    CreditorError,
    UnknownItemError,
    HierarchyCycleError,
    GroupMissingError,
    StoreRefusesError,
)
SEPA_FOLDER, INVOICE_FOLDER = "sepa", "invoices"

app = cyclopts.App(
    name="billing",
    help="Close cycles, write bills and bank files.",
    version=lambda: metadata.version("chargeline"),
)
sepa_app = cyclopts.App(name="sepa", help="SEPA direct debit.")
app.command(sepa_app)
console = Console(highlight=False)


def _microseconds(moment: datetime.datetime) -> int:
    if moment.tzinfo is None:
        raise OSError(f"{moment.isoformat()} names no offset: write 2026-11-01T01:00:00Z or +01:00")
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)


@app.command
def run(*, as_of: AsOf, force: bool = False, config: Config = None, json: bool = False) -> None:
    """Close every cycle that ended at or before an instant, and write its bill.

    Parameters
    ----------
    force
        Do not wait for the grace after a cycle's end.
    json
        Print the report for programs.
    """
    settings = load_settings(config, os.environ)
    report = asyncio.run(_run(settings, _microseconds(as_of), force=force))
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(report._asdict()) + b"\n")
        return
    currency = load_compiled_catalogue(settings.catalogue.directory).site.currency
    digits = minor_digits(currency)
    assert digits is not None, "the catalogue's check has seen the currency"
    console.print(f"{report.closed:,} bills, {minor_text(report.total_minor, digits)} {currency} in all")
    if report.moved:
        console.print(f"{report.moved:,} bills of children moved to their owners' bills")
    if report.waiting:
        console.print(
            f"{report.waiting:,} cycles are over but wait for their grace of {report.grace_minutes} minutes (--force)"
        )


async def _run(settings: Settings, as_of_us: int, *, force: bool) -> RunReport:
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    engine = open_records(settings.records.url)
    with reading(engine) as connection:
        due = len(due_bills(connection, as_of_us))
    store = await StoreClient.connect(settings.store)
    columns = (TextColumn("closing cycles"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=due)
            return await Billing(engine, store, settings, catalogue).run(
                as_of_us, force=force, progress=lambda more, _: progress.advance(task, more)
            )
    finally:
        await store.close()


@app.command(name="bills")
def list_bills(*, status: BillStatus | None = None, config: Config = None) -> None:
    """List bills.

    Parameters
    ----------
    status
        Only bills of this status.
    """
    settings = load_settings(config, os.environ)
    statement = (
        select(bills.c.id, bills.c.number, bills.c.status, customers.c.code, bills.c.cycle_no, bills.c.total_minor,
               bills.c.due_minor, bills.c.currency)
        .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
        .join(customers, billing_profiles.c.customer_id == customers.c.id)
        .order_by(bills.c.id)
    )  # fmt: skip
    if status is not None:
        statement = statement.where(bills.c.status == status)
    table = Table("bill", "number", "status", "customer", "cycle", "total", "due", "currency")
    with reading(open_records(settings.records.url)) as connection:
        for row in connection.execute(statement):
            digits = minor_digits(row.currency)
            assert digits is not None, "an import checks the currency"
            amounts = (minor_text(row.total_minor, digits), minor_text(row.due_minor, digits))
            shown = (row.id, row.number or "", row.status, row.code, row.cycle_no, *amounts, row.currency)
            table.add_row(*map(str, shown))
    console.print(table)


@app.command
def invoices(*, out: Path | None = None, config: Config = None) -> None:
    """Write every invoice as JSON and as HTML; files that are there are written again, the same.

    Parameters
    ----------
    out
        Folder; without it `invoices` in the output directory of the settings.
    """
    settings = load_settings(config, os.environ)
    directory = out or Path(settings.billing.output_directory) / INVOICE_FOLDER
    directory.mkdir(parents=True, exist_ok=True)
    template = (importlib.resources.files("billing_batch") / "templates" / "invoice.html").read_text()
    with reading(open_records(settings.records.url)) as connection:
        documents = invoice_documents(connection)
    for number, document in documents:
        write_whole(directory / f"invoice-{number:08d}.json", document)
        write_whole(directory / f"invoice-{number:08d}.html", as_html(from_json(document), template))
    console.print(f"{len(documents):,} invoices, each as JSON and HTML, in {directory}")


@sepa_app.command(name="export")
def export_sepa(*, as_of: AsOf, out: Path | None = None, config: Config = None) -> None:
    """Write a pain.008.001.08 file of every bill that is due and may be collected.

    Parameters
    ----------
    out
        Folder; without it `sepa` in the output directory of the settings.
    """
    settings = load_settings(config, os.environ)
    _microseconds(as_of)
    directory = out or Path(settings.billing.output_directory) / SEPA_FOLDER
    # "Today" for banking days is the site's day, not that of UTC or of whoever typed the command.
    zone = zoneinfo.ZoneInfo(load_compiled_catalogue(settings.catalogue.directory).site.time_zone)
    report = export(open_records(settings.records.url), settings.sepa, as_of.astimezone(zone), directory)
    for reason in report.refused:
        print(f"not collected: {reason}", file=sys.stderr)
    if report.path is None:
        console.print("nothing is to be collected")
    else:
        console.print(
            f"{report.transactions:,} direct debits, {minor_text(report.total_minor, 2)} EUR, in {report.path}"
        )


@app.command
def audit(*, sepa: Path | None = None, config: Config = None) -> None:
    """Compare the sums from rated records to the bank file; exit status 1 where two differ.

    Parameters
    ----------
    sepa
        Folder of the bank files; without it `sepa` in the output directory of the settings.
    """
    settings = load_settings(config, os.environ)
    sys.exit(asyncio.run(_audit(settings, sepa or Path(settings.billing.output_directory) / SEPA_FOLDER)))


async def _audit(settings: Settings, sepa: Path) -> int:
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    store = await StoreClient.connect(settings.store)
    try:
        with reading(open_records(settings.records.url)) as connection:
            count, rated = await rated_sums(settings.kafka, catalogue, settings.charging.output_format)
            open_, begun = await open_sums(connection, store, catalogue)
            fees = fee_sums(connection, catalogue, begun)
            comparisons = item_comparisons(
                rated, fees, adjusted_sums(connection, catalogue), billed_sums(connection), open_
            )
            comparisons += bill_comparisons(connection) + sepa_comparisons(connection, sepa)
    finally:
        await store.close()
    table = Table("what", "sums", "", show_lines=True)
    for one in comparisons:
        sign = "[green]equal[/]" if one.agrees else f"[red]differs by {one.left - one.right:,}[/]"
        # Two lines an entry, so that it can be read on a narrow terminal.
        width = max(len(f"{one.left:,}"), len(f"{one.right:,}"))
        sums = f"{one.left:>{width},} {one.left_name}\n{one.right:>{width},} {one.right_name}"
        table.add_row(one.what, f"{sums}, {one.unit}", sign)
    console.print(table)
    agree = all_agree(comparisons)
    console.print(
        f"{count:,} rated records; " + ("everything agrees" if agree else "[red]the sums differ[/]")
    )
    return 0 if agree else 1


def _checked() -> None:
    try:
        app(sys.argv[1:])
    except KNOWN_FAULTS as error:
        # One clear message, as for every other fault of the world.
        raise OSError(str(error)) from error


def main() -> None:
    """Run the command."""
    sys.exit(explain(_checked))
