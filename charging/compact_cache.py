"""Pure. How much memory a cache may take, and the part that is kept when it takes more.

What is kept is copied into new arrays without holes. Slots, numbers and offsets are given out anew, so
everything that holds one is written again.
"""

from typing import NamedTuple

import numpy as np

from charging.cache_columns import FIRST_IDS, NO_IMAGE, STALE, Customers, Slots, no_customers, no_slots
from charging.cached_profile import (
    C_CUSTOMER,
    C_GROUPS,
    C_IDENTIFIERS,
    C_OWNERS,
    C_START,
    C_USED_IN,
    C_WORDS,
    CACHED_WORDS,
    IDENTIFIER_WORDS,
    T_ENTRY,
    group_place,
    owner_place,
)
from charging.id_index import NOT_HERE, find_number, number_of
from charging.identifier_index import (
    E_CUSTOMER,
    E_FROM_US,
    E_HASH,
    E_LENGTH,
    E_NEXT,
    E_SHARD,
    E_TO_US,
    ENTRY_WORDS,
    MOVED,
    NO_ENTRY,
    NOBODY,
    U_NAMES,
    U_WORDS,
    WORD_BYTES,
    Identifiers,
    add_name,
    entry_words,
    next_entry,
    no_identifiers,
)
from rating_kernels.group_image import H_CUSTOMER_ID, H_PROFILE_AT
from rating_kernels.group_layout import image_words
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.line_memory import zeroed_lines
from rating_kernels.profile_image import (
    G_OWNER_SLOT,
    MEMBERSHIP_WORDS,
    NO_PROFILE,
    P_MEMBERSHIPS_AT,
    P_SERVICES,
    P_SERVICES_AT,
    SERVICE_WORDS,
    V_GROUP_SLOT,
    V_MEMBERSHIP_FIRST,
    V_MEMBERSHIPS,
)
from rating_kernels.tariff_table import Ints

# What a profile needs of each array, its groups counted with it, and what a cache uses and may use.
W_PROFILE_WORDS, W_SLOTS, W_GROUP_WORDS, W_CUSTOMERS, W_NAME_WORDS, W_NAMES = range(6)
NEEDS = 6
# Words for each row that may be here, holes included: of images that outgrew their place, profiles that were
# read again, numbers that changed hands. Past them it is time to close the holes.
GROUP_WORDS = 384
PROFILE_WORDS = 128
NAME_WORDS = 16
FIRST_ARENA_WORDS = 1 << 16
# In the columns `seen`, where no look has this number.
COUNTED = 1


class Arenas(NamedTuple):
    """All arrays of a cache."""

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
    """What the cache uses of each array (W_*)."""
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


def empty_arenas(room: Ints) -> Arenas:
    """An empty cache with room for so much (W_*)."""
    ids = np.maximum(room, FIRST_IDS)
    words = np.maximum(room, FIRST_ARENA_WORDS)
    return Arenas(
        no_slots(int(ids[W_SLOTS])),
        no_customers(int(ids[W_CUSTOMERS])),
        no_identifiers(int(words[W_NAME_WORDS]), int(ids[W_NAMES])),
        zeroed_lines(int(words[W_GROUP_WORDS])),
        np.zeros(1, np.int64),
        zeroed_lines(int(words[W_PROFILE_WORDS])),
        np.zeros(1, np.int64),
    )


def recent_half(cache: Arenas, ceilings: Ints) -> Arenas:
    """The profiles that were used last, as many as half of what is allowed holds, and what they stand on.

    The old arrays are of no use afterwards.
    """
    numbers = np.flatnonzero(cache.customers.at != NO_IMAGE).astype(np.int64)
    used_in = cache.profiles[cache.customers.at[numbers] - C_USED_IN]
    numbers = numbers[np.argsort(-used_in, kind="stable")]
    needs = np.zeros((len(numbers), NEEDS), np.int64)
    measure_needs(numbers, cache, needs)
    needs = needs.cumsum(axis=0)
    kept = int(np.count_nonzero((needs <= ceilings // 2).all(axis=1)))
    kept = max(kept, min(1, len(numbers)))
    recent = empty_arenas(needs[kept - 1] if kept else np.zeros(NEEDS, np.int64))
    copy_profiles(numbers[:kept], cache, recent)
    copy_groups(cache, recent)
    return recent


@standing_kernel
def measure_needs(numbers: Ints, cache: Arenas, needs: Ints) -> None:
    """needs[i]: W_* of each customer's profile, without what one before it has brought along."""
    slots, customers, profiles = cache.slots, cache.customers, cache.profiles
    for i in range(len(numbers)):
        at = customers.at[numbers[i]]
        needs[i, W_PROFILE_WORDS] = profiles[at - C_WORDS]
        needs[i, W_CUSTOMERS] = _count(customers.seen, numbers[i])
        place = group_place(profiles, at)
        for slot in profiles[place : place + profiles[at - C_GROUPS]]:
            is_new = _count(slots.seen, slot)
            needs[i, W_SLOTS] += is_new
            if is_new == 1 and slots.fresh_in[slot] != STALE:
                needs[i, W_GROUP_WORDS] += image_words(cache.words, slots.at[slot])
        place = owner_place(profiles, at)
        for owner in profiles[place : place + profiles[at - C_OWNERS]]:
            needs[i, W_CUSTOMERS] += _count(customers.seen, owner)
        _measure_names(at, i, cache, needs)


@kernel
def _measure_names(at: int, i: int, cache: Arenas, needs: Ints) -> None:
    """A name that two profiles have is counted for both."""
    profiles, words = cache.profiles, cache.identifiers.words
    needs[i, W_NAMES] = profiles[at - C_IDENTIFIERS]
    place = profiles[at - C_START]
    for _ in range(profiles[at - C_IDENTIFIERS]):
        entry = profiles[place + T_ENTRY]
        needs[i, W_NAME_WORDS] += entry_words(words[entry + E_LENGTH])
        if words[entry + E_CUSTOMER] != NOBODY:
            needs[i, W_CUSTOMERS] += _count(cache.customers.seen, words[entry + E_CUSTOMER])
            while words[entry + E_NEXT] != NO_ENTRY:
                entry = words[entry + E_NEXT]
                needs[i, W_NAME_WORDS] += ENTRY_WORDS
                needs[i, W_CUSTOMERS] += _count(cache.customers.seen, words[entry + E_CUSTOMER])
        place += IDENTIFIER_WORDS


@kernel
def _count(seen: Ints, number: int) -> int:
    """1 for the first time. The old columns are of no use to anybody else by now."""
    if seen[number] == COUNTED:
        return 0
    seen[number] = COUNTED
    return 1


@standing_kernel
def copy_profiles(numbers: Ints, old: Arenas, new: Arenas) -> None:
    """Copy these customers' profiles, with slots for their groups and all that the directory said of them."""
    for i in range(len(numbers)):
        old_at = old.customers.at[numbers[i]]
        start, length = old.profiles[old_at - C_START], old.profiles[old_at - C_WORDS]
        new_start = new.profiles_used[0]
        new.profiles_used[0] = new_start + length
        for word in range(length):
            new.profiles[new_start + word] = old.profiles[start + word]
        at = new_start + old_at - start
        customer = _customer(numbers[i], old, new)
        new.customers.at[customer] = at
        new.profiles[at - C_START] = new_start
        new.profiles[at - C_CUSTOMER] = customer
        _point_anew(at, old, new)


@kernel
def _point_anew(at: int, old: Arenas, new: Arenas) -> None:
    """Write the identifiers, slots and numbers of a profile's copy again."""
    profiles = new.profiles
    place = profiles[at - C_START] + T_ENTRY
    for _ in range(profiles[at - C_IDENTIFIERS]):
        profiles[place] = _entry(profiles[place], old, new)
        place += IDENTIFIER_WORDS
    place = group_place(profiles, at)
    for i in range(place, place + profiles[at - C_GROUPS]):
        profiles[i] = _slot(profiles[i], old, new)
    place = owner_place(profiles, at)
    for i in range(place, place + profiles[at - C_OWNERS]):
        profiles[i] = _customer(profiles[i], old, new)
    service = at + profiles[at + P_SERVICES_AT]
    for _ in range(profiles[at + P_SERVICES]):
        profiles[service + V_GROUP_SLOT] = _slot(profiles[service + V_GROUP_SLOT], old, new)
        row = at + profiles[at + P_MEMBERSHIPS_AT] + profiles[service + V_MEMBERSHIP_FIRST] * MEMBERSHIP_WORDS
        for _ in range(profiles[service + V_MEMBERSHIPS]):
            profiles[row + G_OWNER_SLOT] = _slot(profiles[row + G_OWNER_SLOT], old, new)
            row += MEMBERSHIP_WORDS
        service += SERVICE_WORDS


@kernel
def _slot(old_slot: int, old: Arenas, new: Arenas) -> int:
    return number_of(new.slots.table, new.slots.ids, new.slots.used, old.slots.ids[old_slot])


@kernel
def _customer(number: int, old: Arenas, new: Arenas) -> int:
    customers = new.customers
    return number_of(customers.table, customers.ids, customers.used, old.customers.ids[number])


@kernel
def _entry(old_entry: int, old: Arenas, new: Arenas) -> int:
    """The identifier's entry in the new index, with the directory's entries behind it; copied once."""
    source, target = old.identifiers, new.identifiers
    if source.words[old_entry + E_LENGTH] == MOVED:
        return source.words[old_entry + E_HASH]
    name_at = (old_entry + ENTRY_WORDS) * WORD_BYTES
    length = source.words[old_entry + E_LENGTH]
    name = add_name(target, source.words[old_entry + E_HASH], source.text, name_at, length)
    source.words[old_entry + E_LENGTH] = MOVED
    source.words[old_entry + E_HASH] = name
    if source.words[old_entry + E_CUSTOMER] == NOBODY:
        return name
    entry = name
    while True:
        target.words[entry + E_CUSTOMER] = _customer(source.words[old_entry + E_CUSTOMER], old, new)
        target.words[entry + E_SHARD] = source.words[old_entry + E_SHARD]
        target.words[entry + E_FROM_US] = source.words[old_entry + E_FROM_US]
        target.words[entry + E_TO_US] = source.words[old_entry + E_TO_US]
        old_entry = source.words[old_entry + E_NEXT]
        if old_entry == NO_ENTRY:
            return name
        entry = next_entry(target, entry)


@standing_kernel
def copy_groups(old: Arenas, new: Arenas) -> None:
    """Copy the fresh images of all groups that have a slot by now."""
    for slot in range(new.slots.used[0]):
        old_slot = find_number(old.slots.table, old.slots.ids, new.slots.ids[slot])
        if old.slots.fresh_in[old_slot] == STALE:
            continue
        source, at = old.slots.at[old_slot], new.words_used[0]
        length = image_words(old.words, source)
        new.words_used[0] = at + length
        for word in range(length):
            new.words[at + word] = old.words[source + word]
        owner = find_number(new.customers.table, new.customers.ids, new.words[at + H_CUSTOMER_ID])
        new.words[at + H_PROFILE_AT] = NO_PROFILE if owner == NOT_HERE else new.customers.at[owner]
        new.slots.at[slot] = at
        new.slots.fresh_in[slot] = old.slots.fresh_in[old_slot]


# The header is copied with the rest of a profile.
assert max(C_CUSTOMER, C_START, C_WORDS) <= CACHED_WORDS
