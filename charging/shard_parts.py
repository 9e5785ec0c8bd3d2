"""Pure. A decided batch sorted by shard: rows, groups that were changed, and what the decisions stood on."""

from typing import NamedTuple

import numpy as np

from charging.balance_cache import BalanceCache
from charging.cached_profile import C_CUSTOMER, C_GROUPS, C_OWNERS, C_SEEN, group_place, owner_place
from charging.resolve_rows import NOWHERE, CacheTables
from rating_kernels import batch_words as e
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Ints

# Where a note of what was read goes: how many groups and profiles, over all shards.
N_GROUPS, N_PROFILES = range(2)


class ShardPart(NamedTuple):
    """One shard's part of a batch; rows and slots are in the order in which they were, ids rise."""

    rows: Ints
    touched: Ints  # slots
    read_group_ids: Ints  # without those of `touched`
    read_profile_ids: Ints


def parts_by_shard(
    cache: BalanceCache, events: Ints, rows: Ints, row_shard: Ints, touched: Ints, shards: int
) -> dict[int, ShardPart]:
    """The parts of all shards that have rows; what belongs to no customer goes to its partition's home shard."""
    sorted_rows, first_row = np.empty_like(rows), np.zeros(shards + 1, np.int64)
    sort_rows(events, rows, row_shard, sorted_rows, first_row)
    assert not len(touched) or cache.slot_shard[touched].min() >= 0, "decided on a group that was dropped"
    sorted_slots, first_slot = np.empty_like(touched), np.zeros(shards + 1, np.int64)
    sort_slots(cache.slot_shard, touched, sorted_slots, first_slot)
    assert (np.diff(first_row)[np.diff(first_slot) > 0] > 0).all(), (
        "decided on a group of a shard without rows"
    )
    first = np.zeros((shards + 1, 2), np.int64)
    tables = cache.tables()
    look = cache.next_look()
    room = 4 * len(rows)
    while True:
        groups, profiles = np.empty(room, np.int64), np.empty(room, np.int64)
        note_read(events, sorted_rows, first_row, sorted_slots, tables, look, groups, profiles, first)
        if first[-1].max() <= room:
            break
        room, look = int(first[-1].max()), cache.next_look()
    parts = {}
    for shard in np.flatnonzero(np.diff(first_row)).tolist():
        (group, profile), (group_end, profile_end) = first[shard], first[shard + 1]
        parts[shard] = ShardPart(
            sorted_rows[first_row[shard] : first_row[shard + 1]],
            sorted_slots[first_slot[shard] : first_slot[shard + 1]],
            np.sort(groups[group:group_end]),
            np.sort(profiles[profile:profile_end]),
        )
    return parts


@standing_kernel
def sort_rows(events: Ints, rows: Ints, row_shard: Ints, out: Ints, first: Ints) -> None:
    """Rows by shard, in their order within it: out[first[shard] : first[shard + 1]]."""
    shards = len(first) - 1
    for row in rows:
        first[_shard_of(events, row, row_shard, shards) + 1] += 1
    _sum_up(first)
    for row in rows:
        shard = _shard_of(events, row, row_shard, shards)
        out[first[shard]] = row
        first[shard] += 1
    _step_back(first)


@kernel
def _shard_of(events: Ints, row: int, row_shard: Ints, shards: int) -> int:
    return events[row, e.PARTITION] % shards if row_shard[row] == NOWHERE else row_shard[row]


@standing_kernel
def sort_slots(slot_shard: Ints, slots: Ints, out: Ints, first: Ints) -> None:
    """The same of slots."""
    for slot in slots:
        first[slot_shard[slot] + 1] += 1
    _sum_up(first)
    for slot in slots:
        shard = slot_shard[slot]
        out[first[shard]] = slot
        first[shard] += 1
    _step_back(first)


@kernel
def _sum_up(first: Ints) -> None:
    """From how many each shard has to where each begins."""
    for shard in range(1, len(first)):
        first[shard] += first[shard - 1]


@kernel
def _step_back(first: Ints) -> None:
    """Each beginning has become the next one's."""
    for shard in range(len(first) - 1, 0, -1):
        first[shard] = first[shard - 1]
    first[0] = 0


@standing_kernel
def note_read(
    events: Ints,
    rows: Ints,
    first_row: Ints,
    touched: Ints,
    cache: CacheTables,
    look: int,
    groups: Ints,
    profiles: Ints,
    first: Ints,
) -> None:
    """Ids of the groups and profiles that the rows' decisions stood on, each once, shard by shard.

    first[shard]: where the shard's begin. What was changed is not noted. Where there is no room, only the
    count goes on.
    """
    for slot in touched:
        cache.slots.seen[slot] = look
    counts = first[len(first) - 1]
    counts[N_GROUPS], counts[N_PROFILES] = 0, 0
    for shard in range(len(first_row) - 1):
        first[shard, N_GROUPS], first[shard, N_PROFILES] = counts[N_GROUPS], counts[N_PROFILES]
        for i in range(first_row[shard], first_row[shard + 1]):
            at = events[rows[i], e.PROFILE_AT]
            if at != NOWHERE and cache.profiles[at - C_SEEN] != look:
                cache.profiles[at - C_SEEN] = look
                _note_profile(at, cache, look, groups, profiles, counts)


@kernel
def _note_profile(at: int, cache: CacheTables, look: int, groups: Ints, profiles: Ints, counts: Ints) -> None:
    """A profile and all that it stands on."""
    arena, customers, slots = cache.profiles, cache.customers, cache.slots
    _note(customers.seen, customers.ids, arena[at - C_CUSTOMER], look, profiles, counts, N_PROFILES)
    place = group_place(arena, at)
    for i in range(place, place + arena[at - C_GROUPS]):
        _note(slots.seen, slots.ids, arena[i], look, groups, counts, N_GROUPS)
    place = owner_place(arena, at)
    for i in range(place, place + arena[at - C_OWNERS]):
        _note(customers.seen, customers.ids, arena[i], look, profiles, counts, N_PROFILES)


@kernel
def _note(seen: Ints, ids: Ints, number: int, look: int, out: Ints, counts: Ints, kind: int) -> None:
    if seen[number] == look:
        return
    seen[number] = look
    if counts[kind] < len(out):
        out[counts[kind]] = ids[number]
    counts[kind] += 1
