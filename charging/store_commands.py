"""Shell. `charging store verify | hash`: a whole store looked at."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import cyclopts
import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
