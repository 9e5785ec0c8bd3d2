"""Shell. `charging store export`: a whole store into a file, a piece at a time; nothing may change meanwhile."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from balance_store.check_shard import read_header
from balance_store.export_format import START, End, Frame, Head, RowKind, Rows, pack_frame
from balance_store.hash_store import expect_count, expect_still, shard_states
from balance_store.keyspace import pack_id
from balance_store.scan import ShardState, StoreScan

Advance = Callable[[int], None]


async def export_store(scan: StoreScan, path: Path, advance: Advance) -> dict[RowKind, int]:
    """Write the file, whole or not at all; how many rows of each kind it holds.

    Raises StoreMovedError where a shard changed meanwhile, FileExistsError, OSError.
    """
    part = _part_of(path)
    try:
        with part.open("wb") as file:
            counts = await _write(scan, file, advance)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _part_of(path: Path) -> Path:
    if path.exists():
        raise FileExistsError(f"{path} is there already: an export is never written over")
    return path.with_name(f"{path.name}.part")


async def _write(scan: StoreScan, file: BinaryIO, advance: Advance) -> dict[RowKind, int]:
    before = await shard_states(scan)
    file.write(START)
    number = 0

    def put(frame: Frame) -> None:
        nonlocal number
        file.write(pack_frame(frame, number))
        number += 1

    counts = dict.fromkeys(RowKind, 0)
    put(await _head(scan, before))
    for shard, state in enumerate(before):
        async for rows in _rows(scan, shard, state):
            put(rows)
            counts[rows.kind] += len(rows.rows)
            advance(0 if rows.kind is RowKind.DECISIONS else len(rows.rows))
    there = dict.fromkeys(RowKind, 0)
    for shard, state in enumerate(before):
        there[RowKind.GROUPS] += await scan.group_count(shard)
        there[RowKind.PROFILES] += await scan.profile_count(shard)
        there[RowKind.DIRECTORY] += await scan.identifier_count(shard)
        there[RowKind.DECISIONS] += sum(state.decisions.values())
    for kind in RowKind:
        expect_count(counts[kind], there[kind], f"the store's {kind}")
    put(End(counts))
    expect_still(before, await shard_states(scan))
    return counts


async def _head(scan: StoreScan, states: list[ShardState]) -> Head:
    partitions = {partition for state in states for partition in state.decisions}
    fields = {
        shard: {name: value for name, value in state.header.items() if name.startswith((b"e:", b"f:"))}
        for shard, state in enumerate(states)
    }
    catalogue = max(read_header(state.header).catalogue for state in states)
    return Head(scan.shards, catalogue, await scan.draws(partitions), fields)


async def _rows(scan: StoreScan, shard: int, state: ShardState) -> AsyncIterator[Rows]:
    async for groups in scan.groups(shard):
        yield Rows(RowKind.GROUPS, shard, 0, [(pack_id(number), record) for number, record in groups])
    async for profiles in scan.profiles(shard):
        yield Rows(RowKind.PROFILES, shard, 0, [(pack_id(number), record) for number, record in profiles])
    async for identifiers in scan.directory(shard):
        yield Rows(RowKind.DIRECTORY, shard, 0, identifiers)
    for partition in state.decisions:
        async for entries in scan.decisions(shard, partition):
            yield Rows(RowKind.DECISIONS, shard, partition, [(b"", entry) for entry in entries])
