"""Shell. `charging store size`: what a customer takes of the server's memory, by the server's own figures.

The server tells the memory of a hash from a sample of its fields, allocator's rounding and table included; divided
by its fields this is an entry's. Bytes of records are read from a sample, too; what is left is the server's.
"""

from typing import NamedTuple

from balance_store.keyspace import directory_key, groups_key, profiles_key
from balance_store.scan import StoreScan

# Fields of each hash that the server looks at: it does nothing else meanwhile, for about a millisecond.
SERVER_SAMPLES = 1_000
PERCENTILES = (50, 90, 99)


class EntrySize(NamedTuple):
    """One kind of entry. Figures in bytes; `memory` and `record` are means over all and over the sample."""

    kind: str
    entries: int
    memory: int
    record: int
    percentiles: tuple[int, ...]  # of the record's bytes, as in PERCENTILES
    record_max: int

    @property
    def overhead(self) -> int:
        """What the server takes beside the record: field, table, allocator."""
        return self.memory - self.record


class StoreSize(NamedTuple):
    """The store's entries, and what the server says of itself."""

    entries: tuple[EntrySize, ...]
    customers: int
    memory_a_customer: int  # group, profile and directory entry together
    used_memory: int
    used_memory_a_customer: int


async def measure_size(scan: StoreScan, sample: int) -> StoreSize:
    """Measure with about `sample` records of each kind read, spread over the shards."""
    a_shard = max(1, sample // scan.shards)
    kinds = []
    for kind, key_of in (("group", groups_key), ("profile", profiles_key), ("identifier", directory_key)):
        keys = [key_of(shard) for shard in range(scan.shards)]
        entries, memory = 0, 0
        lengths: list[int] = []
        for key in keys:
            count, taken = await scan.memory(key, SERVER_SAMPLES)
            entries += count
            memory += taken
            lengths += await scan.record_lengths(key, a_shard)
        kinds.append(_entry_size(kind, entries, memory, sorted(lengths)))
    used = await scan.used_memory()
    customers = kinds[1].entries
    together = sum(one.memory * one.entries for one in kinds) // max(customers, 1)
    return StoreSize(tuple(kinds), customers, together, used, used // max(customers, 1))


def _entry_size(kind: str, entries: int, memory: int, lengths: list[int]) -> EntrySize:
    if not lengths:
        return EntrySize(kind, 0, 0, 0, tuple(0 for _ in PERCENTILES), 0)
    at = tuple(lengths[min(len(lengths) - 1, len(lengths) * p // 100)] for p in PERCENTILES)
    return EntrySize(kind, entries, memory // entries, sum(lengths) // len(lengths), at, lengths[-1])
