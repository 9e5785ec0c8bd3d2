"""Pure. What a batch lacks and the former generation has comes into the one in use, so nothing stops to make room.

Whatever is taken over is struck from the former one, as is what the store brought anew: a row is in one of both.
Numbers, slots and offsets are each generation's own, so everything that holds one is written again.
"""

from charging.cache_arenas import (
    NEEDS,
    W_CUSTOMERS,
    W_GROUP_WORDS,
    W_NAME_WORDS,
    W_NAMES,
    W_PROFILE_WORDS,
    W_SLOTS,
    Arenas,
)
from charging.cache_columns import NO_IMAGE, STALE
from charging.cached_profile import (
    C_CUSTOMER,
    C_GROUPS,
    C_IDENTIFIERS,
    C_OWNERS,
    C_START,
    C_WORDS,
    CACHED_WORDS,
    IDENTIFIER_WORDS,
    T_ENTRY,
    group_place,
    owner_place,
)
from charging.id_index import NOT_HERE, PLACES_PER_ID, find_number, number_of
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
    add_name,
    entry_words,
    find_name,
    next_entry,
)
from charging.resolve_rows import (
    D_ROW,
    D_WHY,
    K_ID,
    N_DOUBTS,
    N_GROUPS,
    N_PROFILES,
    NOT_IN_DIRECTORY,
    Notes,
)
from charging.wire.text_hash import text_hash
from rating_kernels.group_image import H_CUSTOMER_ID, H_PROFILE_AT
from rating_kernels.group_layout import image_words
from rating_kernels.kernel import kernel, standing_kernel
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
from rating_kernels.tariff_table import Bytes, Ints


@standing_kernel
def recall_rows(
    text: Bytes,
    service_at: Ints,
    service_length: Ints,
    notes: Notes,
    start: int,
    old: Arenas,
    new: Arenas,
    needs: Ints,
) -> tuple[int, int]:
    """Take over what the notes lack, from note `start` on: doubts, profiles, groups.

    (the note at which room ran out, and `needs` says of what (W_*), or how many notes there are; how many of them
    found something)
    """
    doubts = notes.counts[N_DOUBTS]
    behind_profiles = doubts + notes.counts[N_PROFILES]
    count = behind_profiles + notes.counts[N_GROUPS]
    found = 0
    for note in range(start, count):
        if note < doubts:
            if notes.doubts[note, D_WHY] != NOT_IN_DIRECTORY:
                continue
            row = notes.doubts[note, D_ROW]
            taken = _recall_name(text, service_at[row], service_length[row], old, new, needs)
        elif note < behind_profiles:
            taken = _recall_profile(notes.profiles[note - doubts, K_ID], old, new, needs)
        else:
            taken = _recall_group(notes.groups[note - behind_profiles, K_ID], old, new, needs)
        if taken < 0:
            return note, found
        found += taken
    return count, found


@standing_kernel
def _recall_name(text: Bytes, at: int, length: int, old: Arenas, new: Arenas, needs: Ints) -> int:
    """An identifier and what the directory said of it: 1, 0 where it is not there, -1 where room is lacking."""
    entry = find_name(old.identifiers, text_hash(text, at, length), text, at, length)
    if entry == NO_ENTRY or old.identifiers.words[entry + E_CUSTOMER] == NOBODY:
        return 0
    _begin(needs)
    _add_name_needs(entry, old, needs)
    if not _has_room(new, needs):
        return -1
    _entry(entry, old, new)
    while entry != NO_ENTRY:
        # Where room is lacking for the profile, the next look says so.
        customer = old.identifiers.words[entry + E_CUSTOMER]
        _recall_profile(old.customers.ids[customer], old, new, needs)
        entry = old.identifiers.words[entry + E_NEXT]
    return 1


@standing_kernel
def _recall_profile(customer_id: int, old: Arenas, new: Arenas, needs: Ints) -> int:
    """A profile with its identifiers and groups, and those of the owners of its pools; the same."""
    number = find_number(old.customers.table, old.customers.ids, customer_id)
    if number == NOT_HERE or old.customers.at[number] == NO_IMAGE:
        return 0
    _begin(needs)
    at = old.customers.at[number]
    _add_profile_needs(at, old, needs)
    place = owner_place(old.profiles, at)
    for owner in old.profiles[place : place + old.profiles[at - C_OWNERS]]:
        if old.customers.at[owner] != NO_IMAGE:
            _add_profile_needs(old.customers.at[owner], old, needs)
    if not _has_room(new, needs):
        return -1
    _take_profile(number, old, new)
    for owner in old.profiles[place : place + old.profiles[at - C_OWNERS]]:
        if old.customers.at[owner] != NO_IMAGE:
            _take_profile(owner, old, new)
    return 1


@standing_kernel
def _recall_group(group_id: int, old: Arenas, new: Arenas, needs: Ints) -> int:
    """A group alone; the same."""
    slot = find_number(old.slots.table, old.slots.ids, group_id)
    if slot == NOT_HERE or old.slots.fresh_in[slot] == STALE:
        return 0
    _begin(needs)
    needs[W_SLOTS] = 1
    needs[W_GROUP_WORDS] = image_words(old.words, old.slots.at[slot])
    if not _has_room(new, needs):
        return -1
    _take_group(slot, old, new)
    return 1


# What is needed -----------------------------------------------------------------------------------


@kernel
def _begin(needs: Ints) -> None:
    for need in range(NEEDS):
        needs[need] = 0


@standing_kernel
def _add_profile_needs(at: int, old: Arenas, needs: Ints) -> None:
    """More than it will be, where some of it is there already."""
    profiles = old.profiles
    needs[W_PROFILE_WORDS] += profiles[at - C_WORDS]
    needs[W_CUSTOMERS] += 1 + profiles[at - C_OWNERS]
    place = group_place(profiles, at)
    for slot in profiles[place : place + profiles[at - C_GROUPS]]:
        needs[W_SLOTS] += 1
        if old.slots.fresh_in[slot] != STALE:
            needs[W_GROUP_WORDS] += image_words(old.words, old.slots.at[slot])
    service = at + profiles[at + P_SERVICES_AT]
    for _ in range(profiles[at + P_SERVICES]):
        needs[W_SLOTS] += 1 + profiles[service + V_MEMBERSHIPS]
        service += SERVICE_WORDS
    place = profiles[at - C_START]
    for _ in range(profiles[at - C_IDENTIFIERS]):
        _add_name_needs(profiles[place + T_ENTRY], old, needs)
        place += IDENTIFIER_WORDS


@kernel
def _add_name_needs(entry: int, old: Arenas, needs: Ints) -> None:
    words = old.identifiers.words
    if words[entry + E_LENGTH] == MOVED:
        return
    needs[W_NAMES] += 1
    needs[W_NAME_WORDS] += entry_words(words[entry + E_LENGTH])
    while entry != NO_ENTRY:
        needs[W_NAME_WORDS] += ENTRY_WORDS
        needs[W_CUSTOMERS] += 1
        entry = words[entry + E_NEXT]


@kernel
def _has_room(new: Arenas, needs: Ints) -> bool:
    names = new.identifiers.used[U_NAMES] + needs[W_NAMES]
    return (
        new.profiles_used[0] + needs[W_PROFILE_WORDS] <= len(new.profiles)
        and new.words_used[0] + needs[W_GROUP_WORDS] <= len(new.words)
        and new.slots.used[0] + needs[W_SLOTS] <= len(new.slots.ids)
        and new.customers.used[0] + needs[W_CUSTOMERS] <= len(new.customers.ids)
        and new.identifiers.used[U_WORDS] + needs[W_NAME_WORDS] <= len(new.identifiers.words)
        and PLACES_PER_ID * names <= len(new.identifiers.table)
    )


# What is taken ------------------------------------------------------------------------------------


@standing_kernel
def _take_profile(number: int, old: Arenas, new: Arenas) -> None:
    old_at = old.customers.at[number]
    start, length = old.profiles[old_at - C_START], old.profiles[old_at - C_WORDS]
    new_start = new.profiles_used[0]
    new.profiles_used[0] = new_start + length
    for word in range(length):
        new.profiles[new_start + word] = old.profiles[start + word]
    at = new_start + old_at - start
    customer = _customer(number, old, new)
    new.customers.at[customer] = at
    new.customers.room_at[customer] = at
    new.profiles[at - C_START] = new_start
    new.profiles[at - C_CUSTOMER] = customer
    _take_groups(old_at, old, new)
    _point_anew(at, old, new)
    old.customers.at[number] = NO_IMAGE


@kernel
def _take_groups(old_at: int, old: Arenas, new: Arenas) -> None:
    """Those that a profile stands on; its own learn where it is now."""
    place = group_place(old.profiles, old_at)
    for old_slot in old.profiles[place : place + old.profiles[old_at - C_GROUPS]]:
        _take_group(old_slot, old, new)
        slot = find_number(new.slots.table, new.slots.ids, old.slots.ids[old_slot])
        if slot != NOT_HERE and new.slots.fresh_in[slot] != STALE:
            _name_profile(new.slots.at[slot], new)


@standing_kernel
def _take_group(old_slot: int, old: Arenas, new: Arenas) -> None:
    """The image, where it is fresh; the one in use has none then."""
    if old.slots.fresh_in[old_slot] == STALE:
        return
    source, at = old.slots.at[old_slot], new.words_used[0]
    length = image_words(old.words, source)
    new.words_used[0] = at + length
    for word in range(length):
        new.words[at + word] = old.words[source + word]
    slot = _slot(old_slot, old, new)
    new.slots.at[slot] = at
    new.slots.fresh_in[slot] = old.slots.fresh_in[old_slot]
    old.slots.fresh_in[old_slot] = STALE
    _name_profile(at, new)


@kernel
def _name_profile(image: int, new: Arenas) -> None:
    owner = find_number(new.customers.table, new.customers.ids, new.words[image + H_CUSTOMER_ID])
    new.words[image + H_PROFILE_AT] = NO_PROFILE if owner == NOT_HERE else new.customers.at[owner]


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


@standing_kernel
def _entry(old_entry: int, old: Arenas, new: Arenas) -> int:
    """The identifier's entry in the index in use; what the directory said comes along unless it was read anew."""
    source, target = old.identifiers, new.identifiers
    if source.words[old_entry + E_LENGTH] == MOVED:
        return source.words[old_entry + E_HASH]
    name_hash, length = source.words[old_entry + E_HASH], source.words[old_entry + E_LENGTH]
    name_at = (old_entry + ENTRY_WORDS) * WORD_BYTES
    name = find_name(target, name_hash, source.text, name_at, length)
    if name == NO_ENTRY:
        name = add_name(target, name_hash, source.text, name_at, length)
    source.words[old_entry + E_LENGTH] = MOVED
    source.words[old_entry + E_HASH] = name
    if source.words[old_entry + E_CUSTOMER] == NOBODY or target.words[name + E_CUSTOMER] != NOBODY:
        return name
    entry = name
    while True:
        target.words[entry + E_CUSTOMER] = _customer(source.words[old_entry + E_CUSTOMER], old, new)
        target.words[entry + E_SHARD] = source.words[old_entry + E_SHARD]
        target.words[entry + E_FROM_US] = source.words[old_entry + E_FROM_US]
        target.words[entry + E_TO_US] = source.words[old_entry + E_TO_US]
        old_entry = source.words[old_entry + E_NEXT]
        if old_entry == NO_ENTRY:
            target.words[entry + E_NEXT] = NO_ENTRY
            return name
        entry = next_entry(target, entry)


# The header is copied with the rest of a profile.
assert max(C_CUSTOMER, C_START, C_WORDS) <= CACHED_WORDS
