"""Shell. Filling a new deployment: records first, headers last.

A deployment whose headers are missing is refused by everybody, so one that was filled half-way is none, and nobody
reads it by mistake. Records are written as they are, past the one door: there is nobody yet whom they could surprise.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from balance_store.bulk_rows import StoreRow
from balance_store.client import StoreClient
from balance_store.connection import open_link
from balance_store.deployment import create
from balance_store.keyspace import (
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    profiles_key,
    recent_key,
)
from balance_store.lowest_catalogue import raise_lowest_catalogue
from balance_store.requests import StoreMismatchError
from balance_store.scan import ask
from balance_store.server_check import check_servers
from balance_store.shard_link import Link
from config.masked_url import masked_url
from config.settings import Store as StoreSettings

# Rows sent together: some 2 MB, so that the server's sync is shared by thousands.
ROWS_AT_ONCE = 12_288

CALLER = b"bulk"

Advance = Callable[[int], None]


class PartitionLedger(NamedTuple):
    """What a deployment knows beside its records."""

    draws: dict[int, int]  # of each partition
    fields: dict[int, dict[bytes, bytes]]  # epochs and floors of each shard, as its header holds them
    catalogue: int  # the lowest version that shards accept; 0 = any


NO_LEDGER = PartitionLedger({}, {}, 0)


class BulkWriter:
    """A deployment in the making."""

    def __init__(self, link: Link, settings: StoreSettings) -> None:
        self._link = link
        self._settings = settings

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: StoreSettings) -> AsyncIterator["BulkWriter"]:
        """Take an empty store: one without a deployment, or with one that never held anything.

        Raises StoreMismatchError where anything is there, StoreUnreachableError where nobody answers.
        """
        link = await open_link(settings)
        try:
            await check_servers(link, settings)
            writer = cls(link, settings)
            await writer._take()
            yield writer
        finally:
            link.close()

    async def _take(self) -> None:
        shards = range(self._settings.shards)
        made = await ask(self._link, [("HGET", header_key(shard), "shards") for shard in shards])
        others = {int(there) for there in made if there is not None} - {self._settings.shards}
        if others:
            raise StoreMismatchError(
                f"the deployment has {others.pop()} shards, the settings say {self._settings.shards}"
            )
        for key_of in (groups_key, profiles_key, directory_key):
            counts = await ask(self._link, [("HLEN", key_of(shard)) for shard in shards])
            if any(counts):
                why = "it is in use" if None not in made else "an earlier filling was not finished"
                raise StoreMismatchError(
                    f"the store at {masked_url(self._settings.url)} is not empty ({why}): take an empty server or database"
                )
        await ask(
            self._link,
            [("DEL", key) for shard in shards for key in (header_key(shard), recent_key(shard))],
        )

    async def write(self, rows: Iterator[StoreRow], advance: Advance) -> None:
        """Write rows as they are made; the next are made while the server takes the ones before."""
        writing: asyncio.Task[None] | None = None
        while some := await asyncio.to_thread(lambda: list(islice(rows, ROWS_AT_ONCE))):
            if writing is not None:
                await writing
            writing = asyncio.create_task(self._write(some))
            advance(len(some))
        if writing is not None:
            await writing

    async def _write(self, rows: list[StoreRow]) -> None:
        by_key: dict[str, list[bytes]] = {}
        for key, field, record in rows:
            by_key.setdefault(key, []).extend((field, record))
        await ask(self._link, [("HSET", key, *fields) for key, fields in by_key.items()])

    async def append_decisions(self, shard: int, partition: int, entries: list[bytes]) -> None:
        """Decisions of a partition, after those that are there."""
        await ask(self._link, [("RPUSH", decisions_key(shard, partition), *entries)])

    async def finish(self, ledger: PartitionLedger) -> None:
        """What is known of partitions, then the headers: from here on the deployment is one."""
        await ask(self._link, [("SET", draw_key(p), draw) for p, draw in ledger.draws.items()])
        for shard, fields in ledger.fields.items():
            # Without its number this is no header yet, and making one leaves these fields as they are.
            if fields:
                await ask(self._link, [("HSET", header_key(shard), *chain.from_iterable(fields.items()))])
        await create(self._settings)
        store = await StoreClient.connect(self._settings)
        try:
            await raise_lowest_catalogue(store, ledger.catalogue, CALLER)
        finally:
            await store.close()
