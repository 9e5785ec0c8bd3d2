"""Shell. What `charging store` does, over a connection to the configured store, with a bar for who watches."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from balance_store.bulk_write import NO_LEDGER, BulkWriter
from balance_store.check_group import Booking
from balance_store.export_format import RowKind
from balance_store.export_store import export_store
from balance_store.findings import Finding
from balance_store.hash_store import StoreHash, hash_store
from balance_store.import_store import Checked, check_export, import_store
from balance_store.measure_size import StoreSize, measure_size
from balance_store.scan import StoreScan
from balance_store.verify import entry_count, verify
from config.compiled_catalogue import CompiledCatalogue
from config.load import load_compiled_catalogue
from config.settings import Settings
from customer_care.place_customers import place_customers
from customer_care.records import open_records, reading, waiting_count
from customer_care.sample_customers import KIND_WEIGHTS, customer_draws, kind_weights
from customer_care.synthetic_store import ROWS_A_CUSTOMER, store_rows


class PublicationsWaitError(Exception):
    """The records have customers that the store was not told of."""


@contextlib.contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)


def booking_of(catalogue: CompiledCatalogue) -> Booking:
    """What of a catalogue the sums of balance groups need."""
    resources = catalogue.resources
    return Booking(
        {item_id: resources[key.resource].id for item_id, key in catalogue.items.items()},
        frozenset(info.id for info in resources.values() if info.is_money),
    )


async def verify_store(settings: Settings, report: Callable[[Finding], None]) -> tuple[int, int]:
    """(entries looked at, findings); each finding is reported as it is made."""
    booking = booking_of(load_compiled_catalogue(settings.catalogue.directory))
    entries, findings = 0, 0
    async with StoreScan.open(settings.store) as scan:
        with progress("verifying", await entry_count(scan)) as advance:

            def looked_at(count: int) -> None:
                nonlocal entries
                entries += count
                advance(count)

            async for finding in verify(scan, booking, looked_at):
                findings += 1
                report(finding)
    return entries, findings


async def hash_of_store(settings: Settings) -> StoreHash:
    """Raises StoreMovedError, ValueError for a damaged record."""
    async with StoreScan.open(settings.store) as scan:
        with progress("hashing", await entry_count(scan)) as advance:
            return await hash_store(scan, advance)


async def export_to_file(settings: Settings, file: Path) -> dict[RowKind, int]:
    """Raises StoreMovedError, FileExistsError."""
    async with StoreScan.open(settings.store) as scan:
        with progress("exporting", await entry_count(scan)) as advance:
            return await export_store(scan, file, advance)


async def import_from_file(settings: Settings, file: Path) -> Checked:
    """Raises ExportRefusedError, StoreMismatchError where the store is not empty."""
    with progress("checking", None) as advance:
        checked = check_export(file, settings.store.shards, advance)
    with progress("importing", sum(checked.counts.values())) as advance:
        await import_store(settings.store, file, checked, advance)
    return checked


def expect_all_published(settings: Settings) -> None:
    """Raises PublicationsWaitError where customers wait for shards of the former deployment."""
    with reading(open_records(settings.records.url)) as connection:
        waiting = waiting_count(connection)
    if waiting:
        raise PublicationsWaitError(
            f"{waiting} customers wait to be published to the former shards: run `care publish` before the export"
        )


def tell_records(settings: Settings, checked: Checked) -> int:
    """Write the shards where an import placed the customers into the records; how many live elsewhere now."""
    assert checked.placement is not None, "into the same shards nobody is placed anew"
    return place_customers(open_records(settings.records.url), checked.placement.shard)


async def size_of_store(settings: Settings, sample: int) -> StoreSize:
    """About `sample` records of each kind are read."""
    async with StoreScan.open(settings.store) as scan:
        return await measure_size(scan, sample)


async def load_synthetic_store(
    settings: Settings, customers: int, seed: int, sharing_percent: int | None
) -> None:
    """Raises StoreMismatchError where the store is not empty."""
    weights = KIND_WEIGHTS if sharing_percent is None else kind_weights(sharing_percent)
    draws = customer_draws(customers, seed, weights)
    rows = store_rows(draws, load_compiled_catalogue(""), settings.store.shards)
    async with BulkWriter.open(settings.store) as writer:
        with progress("loading", customers * ROWS_A_CUSTOMER) as advance:
            await writer.write(rows, advance)
        await writer.finish(NO_LEDGER)
