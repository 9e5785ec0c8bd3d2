"""Shell. `charging store import`: a file of `charging store export` into an empty store.

The file is read twice: once to check every frame, before anything is written, and once to write it. Into the same
number of shards everything is taken as it is. Into another number customers are placed anew and every shard gets the
highest of all floors and epochs, which is exact only where no shard keeps decisions: a decision is found again in
the shard that made it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from balance_store.bulk_rows import StoreRow, bucket_row, group_row, identifier_row, profile_row
from balance_store.bulk_write import BulkWriter, PartitionLedger
from balance_store.check_customer import group_customer, stored_profile
from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.export_format import (
    FRAME_HEAD_BYTES,
    START,
    End,
    Frame,
    Head,
    RowKind,
    Rows,
    check_start,
    counted,
    unpack_frame,
    unpack_head,
)
from balance_store.mark_record import is_mark, unpack_mark
from balance_store.placement import Placement
from balance_store.scan import read_entries
from config.settings import Store as StoreSettings

Advance = Callable[[int], None]


class ExportRefusedError(Exception):
    """The file cannot be taken; says where and why. Nothing was written."""


class Checked(NamedTuple):
    """What the first reading found."""

    head: Head
    counts: dict[RowKind, int]
    placement: Placement | None  # None: into the same shards


def frames(file: BinaryIO, name: str) -> Iterator[Frame]:
    """Every frame, from the head to the end; raises ExportRefusedError with the byte at which it is not one."""
    at = 0
    last: Frame | None = None
    try:
        check_start(file.read(len(START)))
        at, number = len(START), 0
        while head_bytes := file.read(FRAME_HEAD_BYTES):
            if isinstance(last, End):
                raise ValueError("something follows the end")
            head = unpack_head(head_bytes)
            last = unpack_frame(head, number, file.read(head.length))
            if isinstance(last, Head) != (number == 0):
                raise ValueError("the head is not the first frame")
            yield last
            at += FRAME_HEAD_BYTES + head.length
            number += 1
        if not isinstance(last, End):
            raise ValueError("the file ends before its end")
    except ValueError as error:
        raise ExportRefusedError(f"{name}, byte {at}: {error}") from error


def check_export(path: Path, shards: int, advance: Advance) -> Checked:
    """Read the whole file; raises ExportRefusedError where it is damaged or cannot go into so many shards."""
    with path.open("rb") as file:
        found = frames(file, str(path))
        head = next(found)
        assert isinstance(head, Head), "the first frame is the head"
        placement = None if head.shards == shards else Placement(shards)
        counts = dict.fromkeys(RowKind, 0)
        said: dict[RowKind, int] = {}
        for frame in found:
            if isinstance(frame, End):
                said = frame.counts
            elif isinstance(frame, Rows):
                for kind, count in counted([frame]).items():
                    counts[kind] += count
                advance(len(frame.rows))
                if placement is not None:
                    _place(frame, placement, path)
    if said != counts:
        raise ExportRefusedError(f"{path}: its end counts {said}, it holds {counts}")
    if placement is not None and counts[RowKind.DECISIONS]:
        raise ExportRefusedError(
            f"{path} holds {counts[RowKind.DECISIONS]} decisions above the floors of {head.shards} shards, which "
            f"cannot be put into {shards}: drain all daemons, wait for a sweep, and export again"
        )
    return Checked(head, counts, placement)


def _place(frame: Rows, placement: Placement, path: Path) -> None:
    """Take note of who is tied; raises ExportRefusedError where a record does not say whose it is."""
    for field, record in frame.rows:
        number = int.from_bytes(field, "big")
        readable = True
        match frame.kind:
            case RowKind.PROFILES if is_mark(record):
                if unpack_mark(record).whole:
                    raise ExportRefusedError(
                        f"{path}: customer {number} is on the way to another shard: finish the move "
                        "(`charging sharing show` of anybody in that family does), and export again"
                    )
            case RowKind.PROFILES:
                profile = stored_profile(record)
                readable = profile is not None
                placement.tie([] if profile is None else [profile])
            case RowKind.GROUPS:
                readable = group_customer(record) is not None
            case RowKind.DIRECTORY:
                readable = bool(read_entries(record)) and field.decode(errors="replace").encode() == field
        if not readable:
            what = repr(field) if frame.kind is RowKind.DIRECTORY else str(number)
            raise ExportRefusedError(
                f"{path}: the record {what} of {frame.kind} cannot be read, so nobody can say in which shard it "
                "belongs: import into the same number of shards, and verify"
            )


async def import_store(
    settings: StoreSettings, path: Path, checked: Checked, advance: Advance
) -> dict[RowKind, int]:
    """Write a checked file into an empty store; raises StoreMismatchError where it is not empty."""
    async with BulkWriter.open(settings) as writer:
        with path.open("rb") as file:
            rows = _store_rows(frames(file, str(path)), checked.placement)
            await writer.write(rows, advance)
        with path.open("rb") as file:
            for frame in frames(file, str(path)):
                if isinstance(frame, Rows) and frame.kind is RowKind.DECISIONS:
                    entries = [entry for _, entry in frame.rows]
                    await writer.append_decisions(frame.place, frame.partition, entries)
        await writer.finish(ledger_for(checked.head, settings.shards))
    return checked.counts


def _store_rows(found: Iterator[Frame], placement: Placement | None) -> Iterator[StoreRow]:
    for frame in found:
        if isinstance(frame, Rows):
            for field, record in frame.rows:
                number = int.from_bytes(field, "big")
                match frame.kind:
                    case RowKind.GROUPS:
                        yield group_row(_group_shard(frame.place, record, placement), number, record)
                    case RowKind.PROFILES:
                        if placement is None:
                            yield profile_row(frame.place, number, record)
                        elif not is_mark(record):
                            # Where somebody once moved to says nothing of the new shards.
                            yield profile_row(placement.shard(number), number, record)
                    case RowKind.DIRECTORY:
                        yield _directory_row(frame.place, field, record, placement)


def _group_shard(shard: int, record: bytes, placement: Placement | None) -> int:
    if placement is None:
        return shard
    customer_id = group_customer(record)
    assert customer_id is not None, "the first reading has seen it"
    return placement.shard(customer_id)


def _directory_row(bucket: int, field: bytes, record: bytes, placement: Placement | None) -> StoreRow:
    if placement is None:
        return bucket_row(bucket, field, record)
    entries = tuple(e._replace(shard=placement.shard(e.customer_id)) for e in unpack_entries(record))
    return identifier_row(field.decode(), placement.shards, pack_entries(entries))


def ledger_for(head: Head, shards: int) -> PartitionLedger:
    """Epochs and floors of the new shards: as they were, or in each the highest of all."""
    if head.shards == shards:
        return PartitionLedger(head.draws, head.fields, head.catalogue)
    highest: dict[bytes, bytes] = {}
    for fields in head.fields.values():
        for name, value in fields.items():
            highest[name] = max(highest.get(name, value), value, key=_numbers)
    return PartitionLedger(head.draws, dict.fromkeys(range(shards), highest), head.catalogue)


def _numbers(value: bytes) -> list[int]:
    return [int(number) for number in value.split()]
