"""Shell. `charging store verify | hash | size | load-synthetic`: a whole store looked at, or made."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Annotated

import cyclopts
import msgspec
from cyclopts import Parameter, validators
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from balance_store.measure_size import StoreSize
from config.load import load_settings
from config.settings import Settings

Config = Annotated[
    str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML); without it the defaults.")
]
FINDINGS_MAX = 1_000

app = cyclopts.App(name="store", help="The store of balances.")


def _settings(config: str | None) -> Settings:
    return load_settings(config, os.environ)


@contextlib.contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)


@app.command
def verify(*, config: Config = None, json: bool = False) -> None:
    """Walk the whole store and say what does not agree; exit status 1 where anything does not.

    May run while usage flows: what looks wrong is read again at one version before it is said.

    Parameters
    ----------
    json
        One JSON object a finding, and one with the counts at the end.
    """
    counts = asyncio.run(_verify(_settings(config), as_json=json))
    if counts["findings"]:
        sys.exit(1)


async def _verify(settings: Settings, *, as_json: bool) -> dict[str, int]:
    from balance_store.check_group import Booking
    from balance_store.scan import StoreScan
    from balance_store.verify import entry_count, verify
    from config.load import load_compiled_catalogue

    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    resources = catalogue.resources
    booking = Booking(
        {item_id: resources[key.resource].id for item_id, key in catalogue.items.items()},
        frozenset(info.id for info in resources.values() if info.is_money),
    )
    counts = {"entries": 0, "findings": 0}
    async with StoreScan.open(settings.store) as scan:
        with progress("verifying", await entry_count(scan)) as advance:

            def looked_at(count: int) -> None:
                counts["entries"] += count
                advance(count)

            async for finding in verify(scan, booking, looked_at):
                counts["findings"] += 1
                if counts["findings"] <= FINDINGS_MAX:
                    print(msgspec.json.encode(finding._asdict()).decode() if as_json else finding)
    if as_json:
        print(msgspec.json.encode(counts).decode())
    else:
        more = counts["findings"] - FINDINGS_MAX
        if more > 0:
            print(f"... and {more} more")
        print(f"{counts['entries']} entries looked at, {counts['findings']} findings")
    return counts


@app.command(name="hash")
def hash_(*, config: Config = None, json: bool = False) -> None:
    """Print one hash of all balances, counters, items, snapshots and profiles; nothing may change meanwhile.

    Parameters
    ----------
    json
        A JSON object with the counts of what was read.
    """
    from balance_store.hash_store import StoreMovedError

    try:
        found = asyncio.run(_hash(_settings(config)))
    except StoreMovedError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(f"{error}; `charging store verify` lists everything", file=sys.stderr)
        sys.exit(1)
    print(msgspec.json.encode(found).decode() if json else found["hash"])


async def _hash(settings: Settings) -> dict[str, str | int]:
    from balance_store.hash_store import hash_store
    from balance_store.scan import StoreScan
    from balance_store.verify import entry_count

    async with StoreScan.open(settings.store) as scan:
        with progress("hashing", await entry_count(scan)) as advance:
            found = await hash_store(scan, advance)
    return {"hash": found.hex, "groups": found.groups, "profiles": found.profiles}


@app.command
def size(*, config: Config = None, sample: int = 20_000, json: bool = False) -> None:
    """Print what a customer takes of the server's memory: group, profile and directory entry.

    Parameters
    ----------
    sample
        How many records of each kind are read for their lengths.
    json
        One JSON object.
    """
    found = asyncio.run(_size(_settings(config), sample))
    if json:
        entries = [one._asdict() | {"overhead": one.overhead} for one in found.entries]
        print(msgspec.json.encode(found._asdict() | {"entries": entries}).decode())
        return
    print(
        f"{'':12}{'entries':>12}{'memory':>9}{'bytes':>9}{'p50':>7}{'p90':>7}{'p99':>7}{'max':>7}{'overhead':>10}"
    )
    for one in found.entries:
        middle = "".join(f"{value:>7}" for value in one.percentiles)
        print(
            f"{one.kind:12}{one.entries:>12,}{one.memory:>9}{one.record:>9}{middle}"
            f"{one.record_max:>7}{one.overhead:>10}"
        )
    print(f"together {found.memory_a_customer} bytes a customer, {found.customers:,} customers")
    print(f"the server uses {found.used_memory:,} bytes, {found.used_memory_a_customer} a customer")


async def _size(settings: Settings, sample: int) -> StoreSize:
    from balance_store.measure_size import measure_size
    from balance_store.scan import StoreScan

    async with StoreScan.open(settings.store) as scan:
        return await measure_size(scan, sample)


@app.command
def load_synthetic(
    *,
    customers: int,
    config: Config = None,
    seed: int | None = None,
    sharing: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=100))] = None,
    json: bool = False,
) -> None:
    """Fill an empty store with customers of the sample operator, for tests of size and speed.

    They are those of the same number and seed that the benches import, record for record; the records of
    customer care know nothing of them. The catalogue must be the sample.

    Parameters
    ----------
    customers
        How many.
    seed
        Other customers for another seed.
    sharing
        Percent of the customers who live in families and share; without it two thirds.
    json
        One JSON object with the counts and seconds.
    """
    from customer_care.sample_customers import SEED

    started = time.monotonic()
    asyncio.run(_load(_settings(config), customers, SEED if seed is None else seed, sharing))
    seconds = time.monotonic() - started
    if json:
        counts = {"customers": customers, "seconds": round(seconds, 3)}
        print(msgspec.json.encode(counts).decode())
    else:
        print(f"{customers:,} customers in {seconds:,.1f} s, {customers / seconds:,.0f} a second")


async def _load(settings: Settings, customers: int, seed: int, sharing: int | None) -> None:
    from balance_store.bulk_write import NO_LEDGER, BulkWriter
    from config.load import load_compiled_catalogue
    from customer_care.sample_customers import KIND_WEIGHTS, customer_draws, kind_weights
    from customer_care.synthetic_store import ROWS_A_CUSTOMER, store_rows

    weights = KIND_WEIGHTS if sharing is None else kind_weights(sharing)
    catalogue = load_compiled_catalogue("")
    rows = store_rows(customer_draws(customers, seed, weights), catalogue, settings.store.shards)
    async with BulkWriter.open(settings.store) as writer:
        with progress("loading", customers * ROWS_A_CUSTOMER) as advance:
            await writer.write(rows, advance)
        await writer.finish(NO_LEDGER)
