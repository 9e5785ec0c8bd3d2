"""Pure. From service identifiers to the customers whose events these are, and what is not here yet.

The directory is a hint with validity; the profile confirms. Nobody is told UNKNOWN_IDENTIFIER or
NO_SERVICE before a read of the directory and, after it, of the shard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from charging.balance_cache import BalanceCache
from charging.decoded_batch import S_SERVICE_AT, S_SERVICE_LENGTH, DecodedBatch
from charging.resolve_rows import (
    D_ROW,
    D_WHY,
    DOUBT_WORDS,
    FOUND_WORDS,
    IS_NOT_STORED,
    K_BY_DIRECTORY,
    K_ID,
    K_SHARD,
    LACK_WORDS,
    MAY_BE_READ,
    N_DOUBTS,
    N_GROUPS,
    N_PROFILES,
    NOT_IN_DIRECTORY,
    NOWHERE,
    Notes,
    resolve_rows,
)
from rating_kernels.batch_words import OUTCOME
from rating_kernels.tariff_table import Ints


class Missing(NamedTuple):
    """What must be loaded from one shard before events can be decided; or what a shard does not have."""

    group_ids: set[int]
    profile_ids: set[int]


NOTHING = Missing(set(), set())


@dataclass
class ReadNow:
    """What was read from the store for this batch, so that doubt ends after one fresh look."""

    identifiers: set[str] = field(default_factory=set)
    profiles: set[tuple[int, int]] = field(default_factory=set)  # (shard, customer)
    # Customers whose mark was met, and where it points to: for this batch only, as marks are not kept.
    lives_at: dict[int, int] = field(default_factory=dict)

    def directory_was_read(self, identifiers: set[str]) -> None:
        """A shard counts as read only after the directory that named it."""
        self.identifiers |= identifiers
        self.profiles.clear()
        self.lives_at.clear()


@dataclass
class Wanted:
    """What must be read before these rows can be decided."""

    identifiers: set[str] = field(default_factory=set)
    profiles: dict[int, int] = field(default_factory=dict)  # customer -> shard, to be read afresh
    records: dict[int, Missing] = field(default_factory=dict)  # shard -> what the cache lacks
    # Something that is here is read again: rows that were resolved by it must be looked at again too.
    afresh: bool = False

    def __bool__(self) -> bool:
        """Whether anything is wanted."""
        return bool(self.identifiers or self.profiles or self.records)


def resolve(
    cache: BalanceCache,
    decoded: DecodedBatch,
    rows: Ints,
    row_shard: Ints,
    read: ReadNow,
    absent: Mapping[int, Missing],
) -> Wanted:
    """Fill profile_at, identifier_no and row_shard for the rows that the cache can answer.

    Rows whose outcome is set keep profile_at = -1. Call again after reading what is wanted, for the `unresolved` ones
    at least, and for all of them where the reading was `afresh` or the cache dropped something; what stays
    unknown although it was read in `read` belongs to nobody. `absent`: what a shard, as it is known now, does not
    have; once nothing is wanted, rows whose profile names any of that are STORE_INCOMPLETE.
    """
    notes = _resolve_and_note(cache, decoded, rows, row_shard, MAY_BE_READ)
    doubts, profiles, groups = notes.counts.tolist()
    wanted = Wanted()
    doubtful = notes.doubts[:doubts]
    wanted.identifiers |= set(_identifiers(decoded, doubtful[:, D_ROW])) - read.identifiers
    # A number may have changed hands since directory and profile were read: both again, in that order.
    known = doubtful[doubtful[:, D_WHY] != NOT_IN_DIRECTORY]
    for identifier, (_, _, customer_id, shard) in zip(
        _identifiers(decoded, known[:, D_ROW]), known.tolist(), strict=True
    ):
        if identifier not in wanted.identifiers and (shard, customer_id) not in read.profiles:
            wanted.profiles[customer_id] = shard
            wanted.afresh = True
        wanted.afresh |= identifier in wanted.identifiers
    nobody_there, is_incomplete = _want_profiles(notes.profiles[:profiles], read, absent, wanted)
    is_incomplete |= _want_groups(notes.groups[:groups], absent, wanted)
    wanted.records = {shard: one for shard, one in wanted.records.items() if one.group_ids or one.profile_ids}
    if nobody_there:
        # The directory that named the shard may be older than a move.
        open_rows = unresolved(decoded, rows, row_shard)
        wanted.identifiers |= set(_identifiers(decoded, open_rows)) - read.identifiers
        wanted.afresh = True
    if is_incomplete and not wanted:
        _resolve_and_note(cache, decoded, rows, row_shard, IS_NOT_STORED)
    return wanted


def _want_profiles(
    notes: Ints, read: ReadNow, absent: Mapping[int, Missing], wanted: Wanted
) -> tuple[bool, bool]:
    """Want the profiles that lack; whether some are known to be absent: (by the directory, by another profile)."""
    nobody_there = is_incomplete = False
    shards, customers = notes[:, K_SHARD], notes[:, K_ID]
    for named in np.unique(shards).tolist():
        some = shards == named
        missing = absent.get(named, NOTHING).profile_ids
        lacking = set(customers[some].tolist())
        # Who is where the note says, and not known to be absent, is simply read: nearly all.
        special = lacking & (missing | read.lives_at.keys())
        _records_of(wanted, named).profile_ids.update(lacking - special)
        if not special:
            continue
        for customer_id, by_directory in zip(*notes[some][:, [K_ID, K_BY_DIRECTORY]].T.tolist(), strict=True):
            if customer_id not in special:
                continue
            shard = read.lives_at.get(customer_id, named) if by_directory else named
            is_absent = customer_id in absent.get(shard, NOTHING).profile_ids
            if not is_absent or (by_directory and (shard, customer_id) not in read.profiles):
                _records_of(wanted, shard).profile_ids.add(customer_id)
            elif by_directory:
                nobody_there = True
            else:
                is_incomplete = True
    return nobody_there, is_incomplete


def _want_groups(notes: Ints, absent: Mapping[int, Missing], wanted: Wanted) -> bool:
    """Want the groups that lack; whether some are known to be absent."""
    is_incomplete = False
    for shard in np.unique(notes[:, K_SHARD]).tolist():
        lacking = set(notes[notes[:, K_SHARD] == shard, K_ID].tolist())
        missing = absent.get(shard, NOTHING).group_ids
        is_incomplete |= not lacking.isdisjoint(missing)
        _records_of(wanted, shard).group_ids.update(lacking - missing)
    return is_incomplete


def _records_of(wanted: Wanted, shard: int) -> Missing:
    return wanted.records.setdefault(shard, Missing(set(), set()))


def unresolved(decoded: DecodedBatch, rows: Ints, row_shard: Ints) -> Ints:
    """Those of the rows that have no customer yet, or one of whom something lacks."""
    return rows[(decoded.words[rows, OUTCOME] == 0) & (row_shard[rows] == NOWHERE)]


def _identifiers(decoded: DecodedBatch, rows: Ints) -> list[str]:
    """The identifiers of these rows: each customer that is not here comes by this way once or twice."""
    text = decoded.text.data
    places = decoded.spans[rows][:, [S_SERVICE_AT, S_SERVICE_LENGTH]].tolist()
    return [str(text[at : at + length], "utf-8", "replace") for at, length in places]


def _resolve_and_note(
    cache: BalanceCache,
    decoded: DecodedBatch,
    rows: Ints,
    row_shard: Ints,
    what_lacks: int,
) -> Notes:
    """The kernel, with as much room for notes as it asks for, until the cache has no more of what it notes."""
    found = np.empty((len(rows), FOUND_WORDS), np.int64)
    service_at, service_length = decoded.spans[:, S_SERVICE_AT], decoded.spans[:, S_SERVICE_LENGTH]
    room = 2 * len(rows)
    while True:
        notes = Notes(
            np.empty((len(rows), DOUBT_WORDS), np.int64),
            np.empty((room, LACK_WORDS), np.int64),
            np.empty((room, LACK_WORDS), np.int64),
            np.empty(3, np.int64),
        )
        resolve_rows(
            decoded.words,
            decoded.text,
            service_at,
            service_length,
            rows,
            row_shard,
            cache.tables(),
            cache.next_look(),
            what_lacks,
            found,
            notes,
        )
        lacking = int(notes.counts[[N_PROFILES, N_GROUPS]].max())
        if lacking > room:
            room = lacking
            continue
        assert notes.counts[N_DOUBTS] <= len(rows)
        if not cache.recall(decoded.text, service_at, service_length, notes):
            return notes
