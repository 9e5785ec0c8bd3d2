"""Pure. The arrays of a cache's generation: how large they may become, empty ones, and what is struck from them.

Arenas are reserved whole, and the system gives memory as they fill: one that grew by copying would stop the daemon for
as long as that takes, a second with a million customers.
"""

from typing import NamedTuple

import numpy as np

from charging.cache_columns import NO_IMAGE, STALE, Customers, Slots, clear, no_customers, no_slots
from charging.cached_profile import C_SHARD
from charging.id_index import numbers_of
from charging.identifier_index import U_NAMES, U_WORDS, WORD_BYTES, Identifiers, no_identifiers
from rating_kernels.line_memory import zeroed_lines
from rating_kernels.tariff_table import Ints

# What a cache uses and may use of each array.
W_PROFILE_WORDS, W_SLOTS, W_GROUP_WORDS, W_CUSTOMERS, W_NAME_WORDS, W_NAMES = range(6)
NEEDS = 6
# Words for each row that may be here, holes included: of images that outgrew their place, profiles that were
# read again, numbers that changed hands.
GROUP_WORDS = 384
PROFILE_WORDS = 128
NAME_WORDS = 16
# Beyond this (4 GiB) an arena is not reserved, but grows.
RESERVED_WORDS_MAX = 1 << 29


class Arenas(NamedTuple):
    """All arrays of a generation."""

    slots: Slots
    customers: Customers
    identifiers: Identifiers
    words: Ints  # groups
    words_used: Ints
    profiles: Ints
    profiles_used: Ints


def arena_ceilings(rows_max: int) -> Ints:
    """What so many rows may use of each array (W_*)."""
    ceilings = np.full(NEEDS, rows_max, np.int64)
    ceilings[W_PROFILE_WORDS] *= PROFILE_WORDS
    ceilings[W_GROUP_WORDS] *= GROUP_WORDS
    ceilings[W_NAME_WORDS] *= NAME_WORDS
    return ceilings


def used_of(cache: Arenas) -> Ints:
    """What the generation uses of each array (W_*)."""
    used = np.zeros(NEEDS, np.int64)
    used[W_PROFILE_WORDS] = cache.profiles_used[0]
    used[W_SLOTS] = cache.slots.used[0]
    used[W_GROUP_WORDS] = cache.words_used[0]
    used[W_CUSTOMERS] = cache.customers.used[0]
    used[[W_NAME_WORDS, W_NAMES]] = cache.identifiers.used[[U_WORDS, U_NAMES]]
    return used


def memory_bytes(cache: Arenas) -> int:
    """Bytes of the arenas in use, and of columns and tables with their room."""
    used = used_of(cache)
    words = int(used[W_PROFILE_WORDS] + used[W_GROUP_WORDS] + used[W_NAME_WORDS])
    columns = (*cache.slots, *cache.customers, cache.identifiers.table)
    return words * WORD_BYTES + sum(one.nbytes for one in columns)


def empty_arenas(rows_max: int) -> Arenas:
    """An empty generation in which so many rows find room."""
    words = np.minimum(arena_ceilings(rows_max), RESERVED_WORDS_MAX).tolist()
    return Arenas(
        no_slots(),
        no_customers(),
        no_identifiers(words[W_NAME_WORDS], 0),
        zeroed_lines(words[W_GROUP_WORDS]),
        np.zeros(1, np.int64),
        zeroed_lines(words[W_PROFILE_WORDS]),
        np.zeros(1, np.int64),
    )


def clear_arenas(cache: Arenas) -> None:
    """Nothing is here; the room stays. So does what lies in it: each image is written whole."""
    clear(cache.slots)
    clear(cache.customers)
    cache.identifiers.table[:] = 0
    for used in (cache.identifiers.used, cache.words_used, cache.profiles_used):
        used[:] = 0


def strike_groups(cache: Arenas, shard: int, group_ids: Ints) -> None:
    """These groups are not here any more, as far as they are of that shard."""
    slots = numbers_of(cache.slots.table, cache.slots.ids, group_ids)
    cache.slots.fresh_in[slots[cache.slots.fresh_in[slots] == shard]] = STALE


def strike_profiles(cache: Arenas, shard: int, customer_ids: Ints) -> None:
    """Nor are these profiles."""
    numbers = numbers_of(cache.customers.table, cache.customers.ids, customer_ids)
    _strike(cache, shard, numbers[cache.customers.at[numbers] != NO_IMAGE])


def strike_shard(cache: Arenas, shard: int) -> None:
    """Nothing of the shard is here any more."""
    cache.slots.fresh_in[cache.slots.fresh_in == shard] = STALE
    _strike(cache, shard, np.flatnonzero(cache.customers.at != NO_IMAGE))


def _strike(cache: Arenas, shard: int, here: Ints) -> None:
    mine = here[cache.profiles[cache.customers.at[here] - C_SHARD] == shard]
    cache.customers.at[mine] = NO_IMAGE


def others_rows_here(cache: Arenas, shard: int, group_ids: Ints, customer_ids: Ints) -> bool:
    """Whether some of these are here as another shard has them: what was resolved stands on those."""
    fresh_in = cache.slots.fresh_in[numbers_of(cache.slots.table, cache.slots.ids, group_ids)]
    at = cache.customers.at[numbers_of(cache.customers.table, cache.customers.ids, customer_ids)]
    profile_shards = cache.profiles[at[at != NO_IMAGE] - C_SHARD]
    return bool(((fresh_in != STALE) & (fresh_in != shard)).any() or (profile_shards != shard).any())


def strike_copies(cache: Arenas, group_ids: Ints, customer_ids: Ints) -> None:
    """Of whatever shard: a newer generation has them now."""
    cache.slots.fresh_in[numbers_of(cache.slots.table, cache.slots.ids, group_ids)] = STALE
    cache.customers.at[numbers_of(cache.customers.table, cache.customers.ids, customer_ids)] = NO_IMAGE
