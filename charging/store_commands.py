"""Shell. `charging store`: looking at a whole store, making it, moving it. Parts are imported when they are used."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
import msgspec
from cyclopts import Parameter, validators

from config.load import load_settings
from config.settings import Settings

if TYPE_CHECKING:
    from balance_store.export_format import RowKind
    from balance_store.findings import Finding

Config = Annotated[
    str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML); without it the defaults.")
]
Percent = Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=100))]
FINDINGS_MAX = 1_000

app = cyclopts.App(name="store", help="The store of balances.")


def _settings(config: str | None) -> Settings:
    return load_settings(config, os.environ)


def _print_json(value: object) -> None:
    print(msgspec.json.encode(value).decode())


@app.command
def create(*, config: Config = None) -> None:
    """Make the shards of a new deployment and load the functions; says so if they are there.

    Functions of other versions stay beside them, so daemons can be replaced one by one.
    """
    from balance_store.deployment import create as create_deployment

    print(asyncio.run(create_deployment(_settings(config).store)))


@app.command
def retire(*, config: Config = None) -> None:
    """Remove the functions of all versions but this one, once every daemon is of this one.

    A daemon of another version that still runs ends at its next call; nothing is lost.
    """
    from balance_store.deployment import retire_functions

    retired = asyncio.run(retire_functions(_settings(config).store))
    print(f"removed: {', '.join(retired)}" if retired else "no other version is there")


@app.command
def verify(*, config: Config = None, json: bool = False) -> None:
    """Walk the whole store and say what does not agree; exit status 1 where anything does not.

    May run while usage flows: what looks wrong is read again at one version before it is said.

    Parameters
    ----------
    json
        One JSON object a finding, and one with the counts at the end.
    """
    from charging.store_tools import verify_store

    said = 0

    def report(finding: "Finding") -> None:
        nonlocal said
        said += 1
        if json:
            _print_json(finding._asdict())
        elif said <= FINDINGS_MAX:
            print(finding)

    entries, findings = asyncio.run(verify_store(_settings(config), report))
    if json:
        _print_json({"entries": entries, "findings": findings})
    else:
        if findings > FINDINGS_MAX:
            print(f"... and {findings - FINDINGS_MAX} more (--json lists all)")
        print(f"{entries} entries looked at, {findings} findings")
    if findings:
        sys.exit(1)


@app.command(name="hash")
def hash_(*, config: Config = None, json: bool = False) -> None:
    """Print one hash of all balances, counters, items, snapshots and profiles; nothing may change meanwhile.

    Parameters
    ----------
    json
        A JSON object with the counts of what was read.
    """
    from balance_store.hash_store import StoreMovedError
    from charging.store_tools import hash_of_store

    try:
        found = asyncio.run(hash_of_store(_settings(config)))
    except StoreMovedError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        print(f"{error}; `charging store verify` lists everything", file=sys.stderr)
        sys.exit(1)
    if json:
        _print_json({"hash": found.hex, "groups": found.groups, "profiles": found.profiles})
    else:
        print(found.hex)


@app.command(name="export")
def export_(file: Path, *, config: Config = None, json: bool = False) -> None:
    """Write the whole store into a file: backup, or the way to another server. Nothing may change meanwhile.

    Parameters
    ----------
    file
        Must not be there yet.
    json
        One JSON object with the counts.
    """
    from balance_store.hash_store import StoreMovedError
    from charging.store_tools import export_to_file

    try:
        counts = asyncio.run(export_to_file(_settings(config), file))
    except StoreMovedError as error:
        print(f"{error}; no file was written", file=sys.stderr)
        sys.exit(1)
    _print_counts(counts, f"written to {file}", as_json=json)


@app.command(name="import")
def import_(file: Path, *, config: Config = None, tell_records: bool = False, json: bool = False) -> None:
    """Read a file of `charging store export` into an empty store, of the same number of shards or another.

    Parameters
    ----------
    file
        Checked whole before anything is written.
    tell_records
        With another number of shards: write into the records of customer care where each customer lives now.
    json
        One JSON object with the counts.
    """
    from balance_store.import_store import ExportRefusedError
    from charging import store_tools

    settings = _settings(config)
    try:
        if tell_records:
            store_tools.expect_all_published(settings)
        checked = asyncio.run(store_tools.import_from_file(settings, file))
    except (ExportRefusedError, store_tools.PublicationsWaitError) as error:
        print(f"{error}; nothing was written", file=sys.stderr)
        sys.exit(1)
    _print_counts(checked.counts, f"read from {file}", as_json=json)
    if checked.placement is None:
        return
    if tell_records:
        moved = store_tools.tell_records(settings, checked)
        print(f"{moved} customers live in another shard by the records now", file=sys.stderr)
    else:
        print(
            f"the customers live in {checked.placement.shards} shards now, and in {checked.head.shards} by the "
            "records of customer care: where there are any, import with --tell-records",
            file=sys.stderr,
        )


def _print_counts(counts: "dict[RowKind, int]", what: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(counts)
    else:
        print(", ".join(f"{count} {kind}" for kind, count in counts.items()), what)


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
    from charging.store_tools import size_of_store

    found = asyncio.run(size_of_store(_settings(config), sample))
    if json:
        entries = [one._asdict() | {"overhead": one.overhead} for one in found.entries]
        _print_json(found._asdict() | {"entries": entries})
        return
    print(
        f"{'':12}{'entries':>12}{'memory':>8}{'bytes':>8}{'p50':>7}{'p90':>7}{'p99':>7}{'max':>7}{'more':>7}"
    )
    for one in found.entries:
        middle = "".join(f"{value:>7}" for value in one.percentiles)
        print(
            f"{one.kind:12}{one.entries:>12,}{one.memory:>8}{one.record:>8}{middle}"
            f"{one.record_max:>7}{one.overhead:>7}"
        )
    print(f"together {found.memory_a_customer} bytes a customer, {found.customers:,} customers")
    print(f"the server uses {found.used_memory:,} bytes, {found.used_memory_a_customer} a customer")


@app.command
def load_synthetic(
    *,
    customers: int,
    config: Config = None,
    seed: int | None = None,
    sharing: Percent = None,
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
    from charging.store_tools import load_synthetic_store
    from customer_care.sample_customers import SEED

    started = time.monotonic()
    asyncio.run(load_synthetic_store(_settings(config), customers, SEED if seed is None else seed, sharing))
    seconds = time.monotonic() - started
    if json:
        _print_json({"customers": customers, "seconds": round(seconds, 3)})
    else:
        print(f"{customers:,} customers in {seconds:,.1f} s, {customers / seconds:,.0f} a second")
