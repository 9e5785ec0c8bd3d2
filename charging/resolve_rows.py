"""Pure. From service identifiers to customers, in one call for a batch: what the cache can answer without doubt.

A batch goes through in blocks, and each block in steps that every event takes before the next one begins: a
step asks for the memory that the next will read, so that events wait for it together and not one by one.
"""

from typing import NamedTuple

from charging.cache_columns import NO_IMAGE, Customers, Slots
from charging.cached_profile import (
    C_GROUPS,
    C_OWNERS,
    C_SHARD,
    C_START,
    IDENTIFIER_WORDS,
    NOT_ITS_OWN,
    T_FROM_US,
    T_TO_US,
    find_identifier,
    group_place,
    owner_place,
)
from charging.identifier_index import (
    E_CUSTOMER,
    E_SHARD,
    NO_ENTRY,
    NOBODY,
    Identifiers,
    entry_at,
    find_name,
    prefetch_entry,
    prefetch_place,
)
from charging.wire.text_hash import text_hash
from rating_kernels import batch_words as e
from rating_kernels.kernel import kernel, prefetch, standing_kernel
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Bytes, Ints

STORE_INCOMPLETE = int(Outcome.STORE_INCOMPLETE)
NOWHERE = -1  # profile offset or shard of an event that belongs to no customer
BLOCK = 256

# Why a row needs a second look: the directory was not read or has nothing; or the identifier is not the
# customer's (at that time), and the number may have changed hands since directory and profile were read.
NOT_IN_DIRECTORY, NOT_THE_CUSTOMERS = range(2)
D_ROW, D_WHY, D_CUSTOMER_ID, D_SHARD = range(4)
DOUBT_WORDS = 4
# What is lacking: of which shard, the id, and whether the directory named the shard. It may be older than a move;
# what a profile stands on is in the profile's shard and nowhere else.
K_SHARD, K_ID, K_BY_DIRECTORY = range(3)
NOT_NAMED, NAMED_BY_DIRECTORY = range(2)
LACK_WORDS = 3
# What is to be thought of it: it may be read, or the store told that it has not got it.
MAY_BE_READ, IS_NOT_STORED = range(2)
# How much there was to note.
N_DOUBTS, N_PROFILES, N_GROUPS = range(3)
# What is found of a row's identifier: its entry, and the directory's that speaks of the time.
O_NAME, O_ENTRY = range(2)
FOUND_WORDS = 2


class CacheTables(NamedTuple):
    """What identifiers are resolved with."""

    identifiers: Identifiers
    customers: Customers
    slots: Slots
    profiles: Ints  # the arena


class Notes(NamedTuple):
    """What a call could not resolve: rows of D_* and K_*, and how many of each there were (N_*)."""

    doubts: Ints
    profiles: Ints
    groups: Ints
    counts: Ints


@standing_kernel
def resolve_rows(
    events: Ints,
    text: Bytes,
    service_at: Ints,
    service_length: Ints,
    rows: Ints,
    row_shard: Ints,
    cache: CacheTables,
    look: int,
    what_lacks: int,
    found: Ints,
    notes: Notes,
) -> None:
    """Fill profile_at, identifier_no and row_shard of the rows without an outcome, and note what they lack.

    `look` is a number that no call had before: what a shard lacks is noted once. Where notes are full, only
    their count goes on: call again with larger ones. `found` is scratch, O_* of each row. With IS_NOT_STORED
    rows whose profile still lacks something are STORE_INCOMPLETE; a later look begins anew.
    """
    for number in range(len(notes.counts)):
        notes.counts[number] = 0
    for first in range(0, len(rows), BLOCK):
        end = min(first + BLOCK, len(rows))
        _find_entries(events, text, service_at, service_length, rows, first, end, cache, found)
        for i in range(first, end):
            if found[i, O_ENTRY] != NO_ENTRY:
                at = cache.customers.at[cache.identifiers.words[found[i, O_ENTRY] + E_CUSTOMER]]
                prefetch(cache.profiles, at - C_START)
        for i in range(first, end):
            row = rows[i]
            if events[row, e.OUTCOME] == STORE_INCOMPLETE:
                events[row, e.OUTCOME] = 0
            if events[row, e.OUTCOME] == 0:
                events[row, e.PROFILE_AT] = NOWHERE
                row_shard[row] = NOWHERE
                if found[i, O_ENTRY] == NO_ENTRY:
                    _doubt(row, NOT_IN_DIRECTORY, 0, NOWHERE, notes)
                else:
                    _resolve(
                        events,
                        row,
                        found[i, O_NAME],
                        found[i, O_ENTRY],
                        row_shard,
                        cache,
                        look,
                        what_lacks,
                        notes,
                    )


@kernel
def _find_entries(
    events: Ints,
    text: Bytes,
    service_at: Ints,
    service_length: Ints,
    rows: Ints,
    first: int,
    end: int,
    cache: CacheTables,
    found: Ints,
) -> None:
    """Fill O_* of a block's rows; O_ENTRY is NO_ENTRY where the directory was not read or has nothing."""
    index = cache.identifiers
    for i in range(first, end):
        row = rows[i]
        found[i, O_NAME] = text_hash(text, service_at[row], service_length[row])
        prefetch_place(index, found[i, O_NAME])
    for i in range(first, end):
        prefetch_entry(index, found[i, O_NAME])
    for i in range(first, end):
        row = rows[i]
        name = find_name(index, found[i, O_NAME], text, service_at[row], service_length[row])
        entry = NO_ENTRY
        if name != NO_ENTRY and index.words[name + E_CUSTOMER] != NOBODY:
            entry = entry_at(index, name, events[row, e.TIME_US])
            prefetch(cache.customers.at, index.words[entry + E_CUSTOMER])
        found[i, O_NAME] = name
        found[i, O_ENTRY] = entry


@kernel
def _resolve(
    events: Ints,
    row: int,
    name: int,
    entry: int,
    row_shard: Ints,
    cache: CacheTables,
    look: int,
    what_lacks: int,
    notes: Notes,
) -> None:
    """A row whose identifier is in the directory."""
    profiles = cache.profiles
    customer, shard = cache.identifiers.words[entry + E_CUSTOMER], cache.identifiers.words[entry + E_SHARD]
    at = cache.customers.at[customer]
    if at == NO_IMAGE:
        _lack(
            notes.profiles,
            notes.counts,
            N_PROFILES,
            cache.customers.seen,
            cache.customers.ids,
            customer,
            shard,
            look,
            NAMED_BY_DIRECTORY,
        )
        return
    if not _is_ready(at, cache, look, notes):
        if what_lacks == IS_NOT_STORED:
            # By the place of the profile the commit names what the rejection stands on.
            events[row, e.PROFILE_AT] = at
            events[row, e.OUTCOME] = STORE_INCOMPLETE
            row_shard[row] = profiles[at - C_SHARD]
        return
    row_shard[row] = profiles[at - C_SHARD]
    number = find_identifier(profiles, at, name)
    if number == NOT_ITS_OWN:
        _doubt(row, NOT_THE_CUSTOMERS, cache.customers.ids[customer], row_shard[row], notes)
        events[row, e.IDENTIFIER_NO] = 0
        return
    events[row, e.PROFILE_AT] = at
    events[row, e.IDENTIFIER_NO] = number
    place = profiles[at - C_START] + number * IDENTIFIER_WORDS
    if not profiles[place + T_FROM_US] <= events[row, e.TIME_US] < profiles[place + T_TO_US]:
        _doubt(row, NOT_THE_CUSTOMERS, cache.customers.ids[customer], row_shard[row], notes)


@kernel
def _is_ready(at: int, cache: CacheTables, look: int, notes: Notes) -> bool:
    """Whether all that the profile stands on is here; what is not is noted.

    All of it is in the profile's shard: an image that came from another is of a time before a move.
    """
    profiles, slots, customers = cache.profiles, cache.slots, cache.customers
    shard = profiles[at - C_SHARD]
    is_ready = True
    place = group_place(profiles, at)
    for i in range(place, place + profiles[at - C_GROUPS]):
        if slots.fresh_in[profiles[i]] != shard:
            is_ready = False
            _lack(
                notes.groups,
                notes.counts,
                N_GROUPS,
                slots.seen,
                slots.ids,
                profiles[i],
                shard,
                look,
                NOT_NAMED,
            )
    place = owner_place(profiles, at)
    for i in range(place, place + profiles[at - C_OWNERS]):
        owner_at = customers.at[profiles[i]]
        if owner_at == NO_IMAGE or profiles[owner_at - C_SHARD] != shard:
            is_ready = False
            _lack(
                notes.profiles,
                notes.counts,
                N_PROFILES,
                customers.seen,
                customers.ids,
                profiles[i],
                shard,
                look,
                NOT_NAMED,
            )
    return is_ready


@kernel
def _lack(
    noted: Ints,
    counts: Ints,
    kind: int,
    seen: Ints,
    ids: Ints,
    number: int,
    shard: int,
    look: int,
    by_directory: int,
) -> None:
    # Two identifiers of a customer may name two shards, if one was read before the customer moved; and what the
    # directory names is asked for in another way than what a profile stands on.
    mine = look + 2 * shard + by_directory
    if seen[number] == mine:
        return
    seen[number] = mine
    if counts[kind] < len(noted):
        noted[counts[kind], K_SHARD] = shard
        noted[counts[kind], K_ID] = ids[number]
        noted[counts[kind], K_BY_DIRECTORY] = by_directory
    counts[kind] += 1


@kernel
def _doubt(row: int, why: int, customer_id: int, shard: int, notes: Notes) -> None:
    doubt = notes.counts[N_DOUBTS]
    notes.counts[N_DOUBTS] += 1
    notes.doubts[doubt, D_ROW] = row
    notes.doubts[doubt, D_WHY] = why
    notes.doubts[doubt, D_CUSTOMER_ID] = customer_id
    notes.doubts[doubt, D_SHARD] = shard
