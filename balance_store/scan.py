"""Shell. Reading a whole store a bounded piece at a time, for the tools that walk it.

Pieces are not of one version. What must be is read again by a load, or the shard's state is compared before and
after. A server may give an entry twice while a hash changes its size; who must not count it twice compares counts.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from balance_store.client import StoreClient
from balance_store.connection import open_link
from balance_store.directory_record import unpack_entries
from balance_store.keyspace import (
    bucket_of,
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    pack_id,
    profiles_key,
    recent_key,
    slot_of,
)
from balance_store.requests import DirectoryEntry
from balance_store.resp_connection import pack
from balance_store.shard_link import Link
from config.settings import Store as StoreSettings

# Entries of one answer: some 100 KiB, and a few milliseconds of the server.
CHUNK = 512
DECISION_CHUNK = 64

Rows = list[tuple[int, bytes]]


class ShardState(NamedTuple):
    """All of a shard that is not records: it differs wherever a call changed the shard."""

    header: dict[bytes, bytes]
    recent: list[bytes]
    decisions: dict[int, int]  # entries kept, by partition


class StoreScan:
    """A deployment, read whole. Raises StoreUnreachableError where a server does not answer."""

    def __init__(self, link: Link, store: StoreClient) -> None:
        self.store = store
        self.shards = store.shards
        self._link = link

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: StoreSettings) -> AsyncIterator["StoreScan"]:
        """Connect to a whole deployment; raises StoreMismatchError where it is none."""
        store = await StoreClient.connect(settings)
        try:
            link = await open_link(settings)
            try:
                yield cls(link, store)
            finally:
                link.close()
        finally:
            await store.close()

    # What is there -----------------------------------------------------------------------------

    async def profile_count(self, shard: int) -> int:
        return await self._length(profiles_key(shard))

    async def group_count(self, shard: int) -> int:
        return await self._length(groups_key(shard))

    async def identifier_count(self, bucket: int) -> int:
        return await self._length(directory_key(bucket))

    async def _length(self, key: str) -> int:
        (count,) = await self._ask([("HLEN", key)])
        return int(count)

    async def state(self, shard: int) -> ShardState:
        """Header and recent commits of one version, and how many decisions wait."""
        (header,) = await self._ask([("HGETALL", header_key(shard))])
        while True:
            recent, again = await self._ask(
                [("LRANGE", recent_key(shard), 0, -1), ("HGETALL", header_key(shard))]
            )
            if again == header:
                break
            header = again
        fields = dict(pairs(header))
        partitions = partitions_of(fields)
        counts = await self._ask([("LLEN", decisions_key(shard, partition)) for partition in partitions])
        return ShardState(fields, recent, dict(zip(partitions, counts, strict=True)))

    async def draws(self, partitions: Iterable[int]) -> dict[int, int]:
        """How far the counter of each partition is; 0 = never drawn."""
        numbers = sorted(set(partitions))
        found = await self._ask([("GET", draw_key(partition)) for partition in numbers])
        return {p: int(value or 0) for p, value in zip(numbers, found, strict=True)}

    async def memory(self, key: str, samples: int) -> tuple[int, int]:
        """(fields of a hash, bytes that the server takes for it, from so many of them)."""
        usage = (slot_of(key), pack("MEMORY", "USAGE", key, "SAMPLES", samples))
        count, taken = await self._link.read_many([(slot_of(key), pack("HLEN", key)), usage])
        return int(count), int(taken or 0)

    async def used_memory(self) -> int:
        """Bytes that the servers have allocated, everything included."""
        said = await self._link.on_masters(pack("INFO", "memory"))
        return sum(int(text.partition(b"used_memory:")[2].split()[0]) for text in said.values())

    async def record_lengths(self, key: str, count: int) -> list[int]:
        """Bytes of some of a hash's records and of their fields."""
        lengths: list[int] = []
        async for rows in self._pieces(key):
            lengths += [len(field) + len(record) for field, record in rows]
            if len(lengths) >= count:
                break
        return lengths

    # Everything, in pieces ---------------------------------------------------------------------

    async def profiles(self, shard: int) -> AsyncIterator[Rows]:
        async for rows in self._pieces(profiles_key(shard)):
            yield [(int.from_bytes(field, "big"), value) for field, value in rows]

    async def groups(self, shard: int) -> AsyncIterator[Rows]:
        async for rows in self._pieces(groups_key(shard)):
            yield [(int.from_bytes(field, "big"), value) for field, value in rows]

    async def directory(self, bucket: int) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        """Identifiers as bytes: damage may have made them no text."""
        async for rows in self._pieces(directory_key(bucket)):
            yield rows

    async def decisions(self, shard: int, partition: int) -> AsyncIterator[list[bytes]]:
        """Entries oldest first; those that a floor passes meanwhile may make later ones be skipped."""
        first = 0
        key = decisions_key(shard, partition)
        while True:
            (entries,) = await self._ask([("LRANGE", key, first, first + DECISION_CHUNK - 1)])
            if not entries:
                return
            yield entries
            first += len(entries)

    async def _pieces(self, key: str) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        cursor = 0
        while True:
            ((cursor, found),) = await self._ask([("HSCAN", key, cursor, "COUNT", CHUNK)])
            if found:
                yield pairs(found)
            if int(cursor) == 0:
                return

    # Some of it --------------------------------------------------------------------------------

    async def some_profiles(self, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes | None]:
        """Profiles by (shard, customer)."""
        return await self._some(profiles_key, wanted)

    async def some_groups(self, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes | None]:
        """Groups by (shard, group)."""
        return await self._some(groups_key, wanted)

    async def _some(
        self, key_of: Any, wanted: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], bytes | None]:
        by_shard: dict[int, list[int]] = {}
        for shard, number in dict.fromkeys(wanted):
            by_shard.setdefault(shard, []).append(number)
        answers = await self._ask(
            [("HMGET", key_of(shard), *map(pack_id, numbers)) for shard, numbers in by_shard.items()]
        )
        return {
            (shard, number): value
            for (shard, numbers), values in zip(by_shard.items(), answers, strict=True)
            for number, value in zip(numbers, values, strict=True)
        }

    async def some_identifiers(self, wanted: Iterable[str]) -> dict[str, tuple[DirectoryEntry, ...]]:
        """Entries by identifier; none where they cannot be read, which the walk of the directory reports."""
        names = list(dict.fromkeys(wanted))
        by_bucket: dict[int, list[str]] = {}
        for name in names:
            by_bucket.setdefault(bucket_of(name, self.shards), []).append(name)
        answers = await self._ask(
            [("HMGET", directory_key(bucket), *some) for bucket, some in by_bucket.items()]
        )
        return {
            name: read_entries(value) or ()
            for some, values in zip(by_bucket.values(), answers, strict=True)
            for name, value in zip(some, values, strict=True)
        }

    async def _ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        return await ask(self._link, commands)


async def ask(link: Link, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Answers of commands sent together; the second word of each is its key.

    Raises StoreMismatchError where a server refuses one, StoreUnreachableError where it does not answer.
    """
    return await link.read_many([(slot_of(command[1]), pack(*command)) for command in commands])


def pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Fields and values of a hash, which come in turn."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def partitions_of(header: dict[bytes, bytes]) -> list[int]:
    """Partitions that were ever claimed in a shard, by its header."""
    return sorted({int(name[2:]) for name in header if name.startswith((b"e:", b"f:"))})


def read_entries(value: bytes | None) -> tuple[DirectoryEntry, ...] | None:
    """Directory entries, or None where the bytes are none."""
    if value is None:
        return ()
    try:
        return unpack_entries(value)
    except ValueError:
        return None
