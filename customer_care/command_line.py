"""Shell. The `care` command. Exit status: 0 done, 1 done in part, 2 not done; what is wrong goes to stderr."""

import asyncio
import contextlib
import getpass
import os
import sys
import time
import zoneinfo
from collections.abc import AsyncIterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, BinaryIO

import cyclopts
import msgspec
from cyclopts import Parameter
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from balance_store.client import StoreClient
from balance_store.group_record import unpack_group
from balance_store.requests import Load, Store, StoreMismatchError, StoreRefusesError, StoreUnreachableError
from config.compile_catalogue import CompiledCatalogue
from config.faults import ConfigError
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.currencies import minor_digits
from customer_care.customer_view import BalanceView, CustomerView, balance_views
from customer_care.fault_reason import reason_of
from customer_care.import_file import BatchReport, Desk, import_lines
from customer_care.publish import publish_waiting
from customer_care.read_customer import read_customer
from customer_care.records import RecordsError, open_records, reading, waiting_count
from customer_care.show_customer import print_customer
from customer_care.titled_tables import table_console

DONE, DONE_IN_PART, NOT_DONE = range(3)
STORE_FAULTS = (StoreUnreachableError, StoreMismatchError, StoreRefusesError)

Config = Annotated[str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML).")]

app = cyclopts.App(name="care", help="Look after customers.", version=lambda: metadata.version("chargeline"))


@app.command(name="import")
def import_customers(file: str, /, *, config: Config = None) -> int:
    """Take customers from an NDJSON file; a customer who is there already is left as it is, or brought up to date.

    Parameters
    ----------
    file
        One customer a line; `-` reads standard input. docs/CUSTOMERS.md describes the line.
    """
    settings = load_settings(config, os.environ)
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    engine = open_records(settings.records.url)
    with contextlib.ExitStack() as stack:
        source = sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))
        return asyncio.run(_import(source, engine, settings, catalogue))


@app.command
def publish(*, config: Config = None) -> int:
    """Tell the store of customers it has not been told of; `care import` does so by itself."""
    settings = load_settings(config, os.environ)
    return asyncio.run(_publish(open_records(settings.records.url), settings))


@app.command
def show(customer: str, /, *, json: bool = False, config: Config = None) -> int:
    """Show a customer: bills, subscriptions, groups, and the balances as they are now.

    Parameters
    ----------
    customer
        The customer's code.
    json
        As JSON, for programs.
    """
    settings = load_settings(config, os.environ)
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    with reading(open_records(settings.records.url)) as connection:
        view = read_customer(connection, customer, time.time_ns() // 1_000)
    if view is None:
        _complain(f"there is no customer {customer!r}")
        return NOT_DONE
    balances = asyncio.run(_live_balances(view, settings, catalogue))
    if json:
        shown = {"customer": view, "balances": balances if isinstance(balances, list) else None}
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
    else:
        digits = minor_digits(view.billing_profile.currency)
        assert digits is not None, "an import checks the currency"
        zone = zoneinfo.ZoneInfo(catalogue.site.time_zone)
        print_customer(view, balances, digits, zone, table_console())
    return DONE


def main() -> None:
    """Run the command; a fault of a file, the records or the store is one clear message."""
    try:
        sys.exit(app(sys.argv[1:]))
    except ConfigError as error:
        for fault in error.faults:
            _complain(str(fault))
    except (RecordsError, SQLAlchemyError, OSError) as error:
        _complain(reason_of(error))
    sys.exit(NOT_DONE)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


async def _import(source: BinaryIO, engine: Engine, settings: Settings, catalogue: CompiledCatalogue) -> int:
    desk = Desk(
        catalogue,
        settings.store.shards,
        settings.store.tied_customers_max,
        getpass.getuser(),
        lambda: time.time_ns() // 1000,
    )
    total = BatchReport(0, 0, 0, [])
    for report in import_lines(source, engine, desk):
        for fault in report.faults:
            _complain(str(fault))
        total = total.plus(report)
    _say(
        f"{total.new:,} new, {total.changed:,} changed, {total.unchanged:,} unchanged, "
        f"{len(total.faults):,} refused"
    )
    published = await _publish(engine, settings)
    return DONE_IN_PART if total.faults else published


async def _publish(engine: Engine, settings: Settings) -> int:
    """What waits in the outbox, to the store; says how much and what is left."""
    try:
        async with _store(settings) as store:
            _say(f"{await publish_waiting(engine, store):,} customers published to the store")
    except STORE_FAULTS as error:
        with reading(engine) as connection:
            left = waiting_count(connection)
        _complain(f"{error}\n{left:,} customers wait to be published: `care publish`")
        return DONE_IN_PART
    return DONE


async def _live_balances(
    view: CustomerView, settings: Settings, catalogue: CompiledCatalogue
) -> list[BalanceView] | str:
    """Balances as the store has them, or why it does not say."""
    try:
        async with _store(settings) as store:
            answer = await store.load(Load(view.shard, None, tuple(view.group_ids), ()))
    except STORE_FAULTS as error:
        return str(error)
    images = [unpack_group(record) for record in answer.records.groups.values() if record is not None]
    return [balance for words in images for balance in balance_views(words, catalogue)]


@contextlib.asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    store = await StoreClient.connect(settings.store)
    try:
        yield store
    finally:
        await store.close()
