"""Pure. From service identifiers to the customers whose events these are, and what is not here yet.

The directory is a hint with validity; the profile confirms. Nobody is told UNKNOWN_IDENTIFIER or
NO_SERVICE before a read of the directory and, after it, of the shard.
"""

from dataclasses import dataclass, field

from balance_store.requests import DirectoryEntry
from charging.balance_cache import BalanceCache, CachedProfile, Missing, covers
from rating_kernels.batch_words import IDENTIFIER_NO, OUTCOME, PROFILE_AT, TIME_US
from rating_kernels.tariff_table import Ints

NOWHERE = -1  # profile offset or shard of an event that belongs to no customer


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

    def __bool__(self) -> bool:
        """Whether anything is wanted."""
        return bool(self.identifiers or self.profiles or self.records)


def resolve(
    cache: BalanceCache,
    events: Ints,
    identifiers: list[str],
    rows: Ints,
    row_shard: Ints,
    read: ReadNow,
    batch_no: int,
) -> Wanted:
    """Fill profile_at, identifier_no and row_shard for the rows that the cache can answer.

    Rows whose outcome is set keep profile_at = -1. Call again after reading what is wanted; what stays
    unknown although it was read in `read` belongs to nobody.
    """
    wanted = Wanted()
    heads = events[rows][:, [OUTCOME, TIME_US]].tolist()
    for row, (outcome, time_us) in zip(rows.tolist(), heads, strict=True):
        if outcome != 0:
            continue
        identifier = identifiers[row]
        entry = _entry(cache.directory.get(identifier, ()), time_us)
        if entry is None:
            if identifier not in read.identifiers:
                wanted.identifiers.add(identifier)
            events[row, PROFILE_AT] = NOWHERE
            row_shard[row] = NOWHERE
            continue
        entry = _moved(cache, identifier, entry, read)
        cached = _ready_profile(cache, identifier, entry, read, wanted)
        if cached is None:
            events[row, PROFILE_AT] = NOWHERE
            row_shard[row] = NOWHERE
            continue
        cached.used_in = batch_no
        span = cached.identifiers.get(identifier)
        if span is None or not span.from_us <= time_us < span.to_us:
            _look_again(identifier, cached, read, wanted)
        events[row, PROFILE_AT] = NOWHERE if span is None else cached.at
        events[row, IDENTIFIER_NO] = 0 if span is None else span.number
        row_shard[row] = cached.shard
    return wanted


def _entry(entries: tuple[DirectoryEntry, ...], time_us: int) -> DirectoryEntry | None:
    """The entry that speaks of this time, else the latest one: the profile will say whether it holds."""
    for entry in entries:
        if covers(entry, time_us):
            return entry
    return entries[-1] if entries else None


def _moved(cache: BalanceCache, identifier: str, entry: DirectoryEntry, read: ReadNow) -> DirectoryEntry:
    """The entry, pointing to where a mark said; the directory's copy here too, which is a hint as it was before."""
    shard = read.lives_at.get(entry.customer_id, entry.shard)
    if shard == entry.shard:
        return entry
    cache.directory[identifier] = tuple(
        one._replace(shard=shard) if one.customer_id == entry.customer_id else one
        for one in cache.directory[identifier]
    )
    return entry._replace(shard=shard)


def _ready_profile(
    cache: BalanceCache, identifier: str, entry: DirectoryEntry, read: ReadNow, wanted: Wanted
) -> CachedProfile | None:
    """The customer's profile with all it stands on, or None with what is missing noted.

    All of it is read from one shard, the one that the profile was read from.
    """
    cached = cache.ready(entry.customer_id)
    if cached is not None:
        return cached
    known = cache.profile(entry.customer_id)
    shard = entry.shard if known is None else known.shard
    missing = cache.missing(entry.customer_id)
    lacking = {one for one in missing.profile_ids if (shard, one) not in read.profiles}
    if lacking or missing.group_ids:
        at_shard = wanted.records.setdefault(shard, Missing(set(), set()))
        at_shard.group_ids.update(missing.group_ids)
        at_shard.profile_ids.update(lacking)
    elif identifier not in read.identifiers:
        # Nobody is there: the directory that named the shard may be older than a move.
        wanted.identifiers.add(identifier)
    return None


def _look_again(identifier: str, cached: CachedProfile, read: ReadNow, wanted: Wanted) -> None:
    """A number may have changed hands since directory and profile were read: read both, in that order."""
    if identifier not in read.identifiers:
        wanted.identifiers.add(identifier)
    elif (cached.shard, cached.customer_id) not in read.profiles:
        wanted.profiles[cached.customer_id] = cached.shard
