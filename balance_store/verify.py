"""Shell. `charging store verify`: walks every shard and the directory, and says what does not agree.

Pieces are read while usage flows, so a fault is only a suspicion: its subject is read again, group, profile and
owners at one version and the directory after them, and it is a finding if it is still there after some tries.
A new customer's directory entries come after its profile, and that is what the tries wait for.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from balance_store.check_customer import (
    CustomerRecords,
    customer_faults,
    entry_faults,
    group_customer,
    needs_of,
    orphan_faults,
    stored_profile,
)
from balance_store.check_group import Booking
from balance_store.check_shard import (
    decision_faults,
    epoch_faults,
    header_faults,
    lost_decisions,
    read_decisions,
    read_header,
    recent_faults,
)
from balance_store.directory_record import unpack_entries
from balance_store.findings import Fault, Finding, Wrong
from balance_store.group_record import unpack_group
from balance_store.keyspace import bucket_of, is_id
from balance_store.requests import DirectoryEntry, Load
from balance_store.scan import Rows, StoreScan
from rating_kernels.tariff_table import Ints

TRIES = 4
PAUSE_S = 0.25

Advance = Callable[[int], None]
Subject = TypeVar("Subject")


async def verify(scan: StoreScan, booking: Booking, advance: Advance) -> AsyncIterator[Finding]:
    """Findings as they are made; `advance` is told how many entries were looked at. Holds one piece at a time."""
    for shard in range(scan.shards):
        place = f"shard {shard}"
        for fault in await _state_faults(scan, shard):
            yield Finding(fault.wrong, place, fault.subject, fault.text)
        async for rows in scan.profiles(shard):
            for fault in await _profile_faults(scan, shard, rows, booking):
                yield Finding(fault.wrong, place, fault.subject, fault.text)
            advance(len(rows))
        async for rows in scan.groups(shard):
            for fault in await _orphans(scan, shard, rows):
                yield Finding(fault.wrong, place, fault.subject, fault.text)
            advance(len(rows))
    for bucket in range(scan.shards):
        async for entries in scan.directory(bucket):
            for fault in await _directory_faults(scan, bucket, entries):
                yield Finding(fault.wrong, f"directory {bucket}", fault.subject, fault.text)
            advance(len(entries))


async def entry_count(scan: StoreScan) -> int:
    """How many entries there are to look at."""
    total = 0
    for shard in range(scan.shards):
        total += await scan.profile_count(shard) + await scan.group_count(shard)
        total += await scan.identifier_count(shard)
    return total


# Header, recent commits, decisions ---------------------------------------------------------------


async def _state_faults(scan: StoreScan, shard: int) -> list[Fault]:
    state = await scan.state(shard)
    faults = header_faults(state.header, scan.shards)
    if faults:
        return faults
    header = read_header(state.header)
    faults = recent_faults(header, state.recent)
    # Drawn before it is claimed: a counter that is read after the header can only be higher.
    faults += epoch_faults(header, await scan.draws(header.epochs))
    for partition in state.decisions:
        faults += await _decision_faults(scan, shard, partition)
    return faults


async def _decision_faults(scan: StoreScan, shard: int, partition: int) -> list[Fault]:
    faults: list[Fault] = []
    async for entries in scan.decisions(shard, partition):
        damaged = decision_faults(partition, entries)
        faults += damaged
        if damaged:
            continue
        events = [event for entry in entries for event in read_decisions(entry).events]
        ids = {event.group_id for event in events if event.group_id > 0}
        ids |= {impact.group_id for event in events for impact in event.impacts}
        found = await scan.some_groups((shard, group_id) for group_id in ids)
        groups = {group_id: _image(record) for (_, group_id), record in found.items()}
        faults += lost_decisions(partition, events, groups)
    return faults


def _image(record: bytes | None) -> Ints | None:
    if record is None:
        return None
    try:
        return unpack_group(record)
    except ValueError:
        return None


# Profiles with their groups, owners and identifiers -----------------------------------------------


async def _profile_faults(scan: StoreScan, shard: int, rows: Rows, booking: Booking) -> list[Fault]:
    suspects = [
        records.customer_id
        for records in await _customers(scan, shard, rows)
        if customer_faults(records, booking)
    ]
    return await _still_there(suspects, lambda customer: _customer_again(scan, shard, customer, booking))


async def _customers(scan: StoreScan, shard: int, rows: Rows) -> list[CustomerRecords]:
    """The records of these profiles' customers, near enough of one time."""
    needs = {
        customer_id: needs_of(profile)
        for customer_id, record in rows
        if (profile := stored_profile(record)) is not None
    }
    groups = await scan.some_groups((shard, g) for need in needs.values() for g in need.group_ids)
    owners = await scan.some_profiles((shard, o) for need in needs.values() for o in need.owner_ids)
    names = itertools.chain.from_iterable(need.identifiers for need in needs.values())
    directory = await scan.some_identifiers(names)
    found = []
    for customer_id, record in rows:
        need = needs.get(customer_id)
        group_ids, owner_ids, identifiers = need if need is not None else ((), (), ())
        found.append(
            CustomerRecords(
                shard,
                customer_id,
                record,
                {group_id: groups[shard, group_id] for group_id in group_ids},
                {owner_id: owners[shard, owner_id] for owner_id in owner_ids},
                {name: directory[name] for name in identifiers},
            )
        )
    return found


async def _customer_again(scan: StoreScan, shard: int, customer_id: int, booking: Booking) -> list[Fault]:
    loaded = await scan.store.load(Load(shard, None, (), (customer_id,)))
    while True:
        record = loaded.records.profiles[customer_id]
        profile = stored_profile(record)
        group_ids, owner_ids, identifiers = ((), (), ()) if profile is None else needs_of(profile)
        customers = tuple({customer_id, *owner_ids})
        loaded = await scan.store.load(Load(shard, None, group_ids, customers))
        groups, profiles = loaded.records
        if profiles[customer_id] == record:
            break
    directory = await scan.some_identifiers(identifiers)
    owners = {owner_id: profiles[owner_id] for owner_id in owner_ids}
    return customer_faults(CustomerRecords(shard, customer_id, record, groups, owners, directory), booking)


# Groups that nobody owns --------------------------------------------------------------------------


async def _orphans(scan: StoreScan, shard: int, rows: Rows) -> list[Fault]:
    customers = {group_id: group_customer(record) for group_id, record in rows}
    profiles = await scan.some_profiles((shard, c) for c in customers.values() if c is not None)
    suspects = [
        group_id
        for group_id, record in rows
        if orphan_faults(group_id, record, profiles.get((shard, customers[group_id] or 0)))
    ]
    return await _still_there(suspects, lambda group_id: _group_again(scan, shard, group_id))


async def _group_again(scan: StoreScan, shard: int, group_id: int) -> list[Fault]:
    record = (await scan.store.load(Load(shard, None, (group_id,), ()))).records.groups[group_id]
    customer_id = None if record is None else group_customer(record)
    customers = () if customer_id is None else (customer_id,)
    loaded = (await scan.store.load(Load(shard, None, (group_id,), customers))).records
    return orphan_faults(group_id, loaded.groups[group_id], loaded.profiles.get(customer_id or 0))


# Directory entries that lead nowhere ---------------------------------------------------------------


async def _directory_faults(scan: StoreScan, bucket: int, rows: list[tuple[bytes, bytes]]) -> list[Fault]:
    faults: list[Fault] = []
    wanted: dict[bytes, list[tuple[int, int]]] = {}
    for name, value in rows:
        identifier = name.decode(errors="replace")
        try:
            entries = unpack_entries(value)
        except ValueError as error:
            faults.append(Fault(Wrong.IDENTIFIER_DAMAGED, f"identifier {identifier}", str(error)))
            continue
        if name != identifier.encode():
            text = "it is no text"
            faults.append(Fault(Wrong.IDENTIFIER_DAMAGED, f"identifier {identifier}", text))
            continue
        if bucket_of(identifier, scan.shards) != bucket:
            text = "it is in a bucket where nobody looks for it"
            faults.append(Fault(Wrong.IDENTIFIER_DAMAGED, f"identifier {identifier}", text))
        wanted[name] = _places(scan, entries)
    profiles = await scan.some_profiles(itertools.chain.from_iterable(wanted.values()))
    suspects = [
        name.decode()
        for name, value in rows
        if name in wanted and _entries_faults(name.decode(), unpack_entries(value), profiles)
    ]
    return faults + await _still_there(suspects, lambda identifier: _identifier_again(scan, identifier))


def _entries_faults(
    identifier: str,
    entries: tuple[DirectoryEntry, ...],
    profiles: dict[tuple[int, int], bytes | None],
) -> list[Fault]:
    return [
        fault
        for entry in entries
        for fault in entry_faults(identifier, entry, profiles.get((entry.shard, entry.customer_id)))
    ]


async def _identifier_again(scan: StoreScan, identifier: str) -> list[Fault]:
    entries = (await scan.some_identifiers([identifier]))[identifier]
    profiles = await scan.some_profiles(_places(scan, entries))
    return _entries_faults(identifier, entries, profiles)


def _places(scan: StoreScan, entries: tuple[DirectoryEntry, ...]) -> list[tuple[int, int]]:
    """Where these entries lead, but for places that there cannot be."""
    return [(e.shard, e.customer_id) for e in entries if 0 <= e.shard < scan.shards and is_id(e.customer_id)]


# What is suspected is looked at again ---------------------------------------------------------------


async def _still_there(
    suspects: list[Subject], look: Callable[[Subject], Awaitable[list[Fault]]]
) -> list[Fault]:
    faults: dict[Subject, list[Fault]] = {}
    for _ in range(TRIES):
        if not suspects:
            return []
        await asyncio.sleep(PAUSE_S)
        faults = {subject: found for subject in suspects if (found := await look(subject))}
        suspects = list(faults)
    return [fault for found in faults.values() for fault in found]
