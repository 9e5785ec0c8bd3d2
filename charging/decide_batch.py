"""Pure. Rows of events and a cache of balances in; decisions and the parts of commits out.

The kernel does the deciding; this module gives it room, and sorts what it did by shard and partition.
"""

from typing import NamedTuple

import numpy as np

from balance_store.decision_record import pack_decisions
from balance_store.packed_records import packed_groups
from balance_store.requests import Commit, Records, Usage, Version
from charging.balance_cache import BalanceCache
from charging.ownership import Ownership
from charging.shard_parts import ShardPart
from config.settings import Charging
from rating_kernels.batch_columns import BATCH_DONE, BATCH_GROW_WORDS
from rating_kernels.batch_words import OFFSET, PARTITION, DecisionWords
from rating_kernels.decide_events import decide_events
from rating_kernels.tariff_table import Bytes, Ints
from rating_kernels.trace import noted_steps
from rating_kernels.workspace import new_workspace

HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
# First guess of what one event needs; the kernel asks for more where it is not enough.
IMPACTS_PER_EVENT = 3


class Steps(NamedTuple):
    """What the kernel noted while it decided one event (`rating_kernels.trace`)."""

    rows: Ints
    left_out: int  # steps that did not fit


def decision_limits(settings: Charging) -> Ints:
    """The settings that the kernel reads, in the order of `batch_columns.L_*`; the batch number is set later."""
    return np.array(
        [
            settings.horizon_hours * HOUR_US,
            settings.ahead_seconds * SECOND_US,
            settings.ring_max,
            settings.ring_window_hours * HOUR_US,
            settings.snapshots_max,
            0,
        ],
        np.int64,
    )


def room_for(events: int) -> DecisionWords:
    """Columns for a batch's decisions."""
    return DecisionWords(events, events * IMPACTS_PER_EVENT, events, events * 2)


def decide_rows(
    cache: BalanceCache, limits: Ints, events: Ints, text: Bytes, rows: Ints, out: DecisionWords
) -> DecisionWords:
    """Decide these rows in order on the cache's images; returns the columns, larger if they had to grow.

    `out.touched[: out.used[2]]` are the slots of the groups that this call changed.
    """
    out.used[2] = 0
    return _until_done(cache, limits, events, text, rows, out, new_workspace(limits))


def decide_and_note(
    cache: BalanceCache,
    limits: Ints,
    events: Ints,
    text: Bytes,
    rows: Ints,
    out: DecisionWords,
    steps: dict[int, Steps],
) -> DecisionWords:
    """As `decide_rows`, one by one, and the steps of each row's decision are put into `steps`."""
    out.used[2] = 0
    traced = new_workspace(limits, traced=True)
    for row in rows.tolist():
        out = _until_done(cache, limits, events, text, np.array([row], np.int64), out, traced)
        steps[row] = Steps(*noted_steps(traced))
    return out


def _until_done(
    cache: BalanceCache,
    limits: Ints,
    events: Ints,
    text: Bytes,
    rows: Ints,
    out: DecisionWords,
    work: Ints,
) -> DecisionWords:
    """The kernel as often as it asks for room."""
    position = 0
    while True:
        position, status, lacking = decide_events(
            cache.table,
            cache.calendars.words,
            limits,
            events,
            text,
            rows,
            position,
            cache.words,
            cache.words_used,
            cache.slot_at,
            cache.profile_arena,
            out,
            work,
        )
        if status == BATCH_DONE:
            return out
        if status == BATCH_GROW_WORDS:
            cache.lengthen_words(lacking)
        else:
            out = out.grown()


def build_commit(
    cache: BalanceCache,
    shard: int,
    seen: Version | None,
    tag: bytes,
    caller: bytes,
    events: Ints,
    part: ShardPart,
    decisions: DecisionWords,
    owned: dict[int, Ownership],
    group_schema: int,
) -> Commit:
    """All that one shard has to take of a batch: new records, what they stood on, decisions, floors."""
    written = packed_groups(cache.words, cache.slot_at[part.touched], group_schema)
    version = cache.catalogue.version
    return Commit(
        shard=shard,
        seen=seen,
        tag=tag,
        caller=caller,
        catalogue_version=version,
        writes=Records(written, {}),
        read_group_ids=part.read_group_ids,
        read_profile_ids=part.read_profile_ids,
        usage=tuple(
            Usage(
                partition,
                owned[partition].epoch,
                pack_decisions(events, mine, decisions, version),
                int(events[mine, OFFSET].max()),
                owned[partition].floor_for(shard),
            )
            for partition, mine in _rows_by_partition(part.rows, events)
            if partition in owned
        ),
    )


def with_newest(commit: Commit, seen: Version | None, owned: dict[int, Ownership]) -> Commit:
    """A commit as it is sent: it waited, and version and floors have moved on meanwhile."""
    usage = tuple(
        one._replace(floor=owned[one.partition].floor_for(commit.shard))
        for one in commit.usage
        if one.partition in owned
    )
    return commit._replace(seen=seen, usage=usage)


def floor_commit(
    shard: int, seen: Version | None, tag: bytes, caller: bytes, version: int, owned: dict[int, Ownership]
) -> Commit | None:
    """A commit that only carries floors to an idle shard; None if the shard knows them all."""
    usage = tuple(
        Usage(one.partition, one.epoch, b"", -1, one.floor_for(shard))
        for one in owned.values()
        if one.floor_for(shard).next_offset >= 0
    )
    if not usage:
        return None
    return Commit(shard, seen, tag, caller, version, Records({}, {}), (), (), usage)


def told_floors(commit: Commit, owned: dict[int, Ownership]) -> None:
    """Note the floors that an accepted commit carried."""
    for usage in commit.usage:
        if usage.partition in owned:
            owned[usage.partition].told_floor(commit.shard, usage.floor)


def _rows_by_partition(rows: Ints, events: Ints) -> list[tuple[int, Ints]]:
    partitions = events[rows, PARTITION]
    return [(int(one), rows[partitions == one]) for one in np.flatnonzero(np.bincount(partitions))]
