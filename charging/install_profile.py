"""Pure. Stored profiles into the cache: identifiers, what each stands on, and the image that kernels rate by.

All ids become rows of the catalogue in use, slots and numbers, so an image holds for one catalogue version.
What a record lists once and its rows name by place, identifiers and times, is read into scratch first.
"""

from typing import NamedTuple

from charging.cache_columns import NO_IMAGE, STALE, Customers, Slots
from charging.cached_profile import (
    C_CUSTOMER,
    C_GROUPS,
    C_IDENTIFIERS,
    C_OWNERS,
    C_SHARD,
    C_START,
    C_WORDS,
    CACHED_WORDS,
    IDENTIFIER_WORDS,
    NOT_ITS_OWN,
    T_ENTRY,
    T_FROM_US,
    T_TO_US,
    find_identifier,
    group_place,
    owner_place,
)
from charging.id_index import number_of
from charging.identifier_index import Identifiers, name_of
from charging.measure_profile import (
    SERVICE_FIELDS,
    Z_CANDIDATES,
    Z_CUSTOMER_ID,
    Z_DISCOUNTS,
    Z_GROUPS,
    Z_GROUPS_AT,
    Z_MEMBERSHIPS,
    Z_MEMBERSHIPS_AT,
    Z_NAMES,
    Z_RECURRING,
    Z_RECURRING_AT,
    Z_SERVICES,
    Z_SERVICES_AT,
    Z_SHARINGS,
    Z_TIMES,
    Z_WORDS,
)
from charging.msgpack_cursor import BAD, get_array, get_int, skip_values
from charging.profile_lists import M_AT, M_LENGTH, get_id, get_time, read_lists
from config.catalogue_indexes import (
    DISCOUNTS,
    NOT_IN_CATALOGUE,
    PLANS,
    POLICIES,
    RESOURCES,
    SERVICE_TYPES,
    index_in_catalogue,
)
from rating_kernels import profile_image as p
from rating_kernels.group_image import H_PROFILE_AT
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.line_memory import whole_lines
from rating_kernels.tariff_table import Bytes, Ints

# Memberships as they are read, before services name them, and the pool's slot.
F_SHARING_ID, F_POLICY_ID, F_OWNER_ID, F_OWNER_GROUP_ID, F_FROM_US, F_TO_US, F_OWNER_SLOT = range(7)
MEMBER_FIELDS = 6
MEMBER_WORDS = 7
CANDIDATE_FIELDS, DISCOUNT_FIELDS, RECURRING_FIELDS = 4, 3, 10
# Counters while a profile is read.
N_MEMBERS, N_CANDIDATES, N_SHARINGS, N_DISCOUNTS, N_RECURRING = range(5)
COUNTERS = 5


class ProfileTables(NamedTuple):
    """What a profile is installed into, all with room for what its shape asks."""

    arena: Ints
    used: Ints  # words of the arena
    identifiers: Identifiers
    customers: Customers
    slots: Slots
    words: Ints  # the arena of groups
    indexes: Ints  # catalogue_indexes
    names: Ints  # rows of M_*
    times: Ints
    members: Ints  # rows of F_*
    counts: Ints  # N_*


@standing_kernel
def install_profiles(data: Bytes, first: Ints, shapes: Ints, shard: int, tables: ProfileTables) -> int:
    """Install each record that was measured; how many were, before one was not sound."""
    for record in range(len(first) - 1):
        if not _install(data, first[record + 1], shapes, record, shard, tables):
            return record
    return len(first) - 1


@kernel
def _install(data: Bytes, end: int, shapes: Ints, row: int, shard: int, tables: ProfileTables) -> bool:
    arena, customers = tables.arena, tables.customers
    customer = number_of(customers.table, customers.ids, customers.used, shapes[row, Z_CUSTOMER_ID])
    start = _room_of(customer, shapes[row, Z_WORDS], tables)
    customers.at[customer] = BAD
    if not read_lists(data, end, shapes, row, tables.names, tables.times) or not _read_members(
        data, end, shapes, row, tables
    ):
        return False
    at = _lay_out(shapes, row, start, arena)
    customers.room_at[customer] = at
    arena[at - C_CUSTOMER] = customer
    arena[at - C_SHARD] = shard
    for column in range(COUNTERS):
        tables.counts[column] = 0
    get = shapes[row, Z_SERVICES_AT]
    for service in range(shapes[row, Z_SERVICES]):
        get = _put_service(data, get, end, at, service, shapes, row, tables)
    if get == BAD or not _put_recurring(data, end, at, shapes, row, tables):
        return False
    if not _put_groups(data, end, at, shapes, row, tables):
        return False
    for member in range(shapes[row, Z_MEMBERSHIPS]):
        _put_owner(at, member, tables)
    customers.at[customer] = at
    return True


@kernel
def _room_of(customer: int, words: int, tables: ProfileTables) -> int:
    """Where so many words may be written: over the image that was struck, if it was as long, or behind all others.

    An image that is here stays as it is: a batch may stand on it.
    """
    last = tables.customers.room_at[customer]
    is_struck = last != NO_IMAGE and tables.customers.at[customer] == NO_IMAGE
    if is_struck and words == tables.arena[last - C_WORDS]:
        return tables.arena[last - C_START]
    start = tables.used[0]
    tables.used[0] = start + words
    return start


@kernel
def _lay_out(shapes: Ints, row: int, start: int, arena: Ints) -> int:
    """Write where the sections begin; the offset of the image."""
    for word in range(start, start + shapes[row, Z_WORDS]):
        arena[word] = 0
    at = start + shapes[row, Z_SERVICES] * IDENTIFIER_WORDS + shapes[row, Z_GROUPS]
    at = whole_lines(at + 2 * shapes[row, Z_MEMBERSHIPS] + CACHED_WORDS)
    arena[at - C_START] = start
    arena[at - C_WORDS] = shapes[row, Z_WORDS]
    arena[at + p.P_CUSTOMER_ID] = shapes[row, Z_CUSTOMER_ID]
    arena[at + p.P_SERVICES] = shapes[row, Z_SERVICES]
    place = p.PROFILE_HEADER_WORDS
    arena[at + p.P_SERVICES_AT] = place
    place += shapes[row, Z_SERVICES] * p.SERVICE_WORDS
    arena[at + p.P_CANDIDATES_AT] = place
    place += shapes[row, Z_CANDIDATES] * p.CANDIDATE_WORDS
    arena[at + p.P_MEMBERSHIPS_AT] = place
    place += shapes[row, Z_SHARINGS] * p.MEMBERSHIP_WORDS
    arena[at + p.P_DISCOUNTS_AT] = place
    place += shapes[row, Z_DISCOUNTS] * p.DISCOUNT_WORDS
    arena[at + p.P_RECURRING_AT] = place
    return at


@kernel
def _read_members(data: Bytes, end: int, shapes: Ints, row: int, tables: ProfileTables) -> bool:
    """Memberships into rows of F_*."""
    members, slots, times = tables.members, tables.slots, tables.times
    get, customer_id = shapes[row, Z_MEMBERSHIPS_AT], shapes[row, Z_CUSTOMER_ID]
    for member in range(shapes[row, Z_MEMBERSHIPS]):
        fields, get = get_array(data, get, end)
        if fields < MEMBER_FIELDS:
            return False
        members[member, F_SHARING_ID], get = get_int(data, get, end)
        members[member, F_POLICY_ID], get = get_int(data, get, end)
        members[member, F_OWNER_ID], get = get_id(data, get, end, customer_id)
        members[member, F_OWNER_GROUP_ID], get = get_id(data, get, end, customer_id)
        members[member, F_FROM_US], get = get_time(data, get, end, times, shapes[row, Z_TIMES])
        members[member, F_TO_US], get = get_time(data, get, end, times, shapes[row, Z_TIMES])
        get = skip_values(data, get, end, fields - MEMBER_FIELDS)
        if get == BAD:
            return False
        members[member, F_OWNER_SLOT] = number_of(
            slots.table, slots.ids, slots.used, members[member, F_OWNER_GROUP_ID]
        )
    return True


@kernel
def _put_service(
    data: Bytes, get: int, end: int, at: int, service: int, shapes: Ints, record: int, tables: ProfileTables
) -> int:
    """A service with its identifier, candidates, pools and discounts; the offset behind it, or BAD."""
    arena, slots, counts, times = tables.arena, tables.slots, tables.counts, shapes[record, Z_TIMES]
    row = at + arena[at + p.P_SERVICES_AT] + service * p.SERVICE_WORDS
    fields, get = get_array(data, get, end)
    name, get = get_int(data, get, end)
    type_id, get = get_int(data, get, end)
    arena[row + p.V_SERVICE_TYPE] = index_in_catalogue(tables.indexes, SERVICE_TYPES, type_id)
    arena[row + p.V_VALID_FROM_US], get = get_time(data, get, end, tables.times, times)
    arena[row + p.V_VALID_TO_US], get = get_time(data, get, end, tables.times, times)
    arena[row + p.V_SUBSCRIPTION_ID], get = get_id(data, get, end, shapes[record, Z_CUSTOMER_ID])
    group_id, get = get_id(data, get, end, shapes[record, Z_CUSTOMER_ID])
    if get == BAD or not 0 <= name < shapes[record, Z_NAMES]:
        return BAD
    name_at, length = tables.names[name, M_AT], tables.names[name, M_LENGTH]
    arena[row + p.V_IDENTIFIER_NO] = _put_identifier(data, name_at, length, row, at, tables)
    arena[row + p.V_GROUP_SLOT] = number_of(slots.table, slots.ids, slots.used, group_id)
    arena[row + p.V_CANDIDATE_FIRST] = counts[N_CANDIDATES]
    arena[row + p.V_MEMBERSHIP_FIRST] = counts[N_SHARINGS]
    arena[row + p.V_DISCOUNT_FIRST] = counts[N_DISCOUNTS]
    get = _put_candidates(data, get, end, at, times, tables)
    get = _put_sharings(data, get, end, at, shapes[record, Z_MEMBERSHIPS], tables)
    get = _put_discounts(data, get, end, at, times, tables)
    arena[row + p.V_CANDIDATES] = counts[N_CANDIDATES] - arena[row + p.V_CANDIDATE_FIRST]
    arena[row + p.V_MEMBERSHIPS] = counts[N_SHARINGS] - arena[row + p.V_MEMBERSHIP_FIRST]
    arena[row + p.V_DISCOUNTS] = counts[N_DISCOUNTS] - arena[row + p.V_DISCOUNT_FIRST]
    return skip_values(data, get, end, fields - SERVICE_FIELDS)


@kernel
def _put_identifier(data: Bytes, name_at: int, length: int, row: int, at: int, tables: ProfileTables) -> int:
    """The number of the service's identifier, whose time now covers that of the service."""
    arena = tables.arena
    from_us, to_us = arena[row + p.V_VALID_FROM_US], arena[row + p.V_VALID_TO_US]
    entry = name_of(tables.identifiers, data, name_at, length)
    number = find_identifier(arena, at, entry)
    if number == NOT_ITS_OWN:
        number = arena[at - C_IDENTIFIERS]
        arena[at - C_IDENTIFIERS] = number + 1
        place = arena[at - C_START] + number * IDENTIFIER_WORDS
        arena[place + T_ENTRY] = entry
        arena[place + T_FROM_US] = from_us
        arena[place + T_TO_US] = to_us
        return number
    place = arena[at - C_START] + number * IDENTIFIER_WORDS
    arena[place + T_FROM_US] = min(arena[place + T_FROM_US], from_us)
    arena[place + T_TO_US] = max(arena[place + T_TO_US], to_us)
    return number


@kernel
def _put_candidates(data: Bytes, get: int, end: int, at: int, times: int, tables: ProfileTables) -> int:
    arena, counts = tables.arena, tables.counts
    count, get = get_array(data, get, end)
    for _ in range(count):
        row = at + arena[at + p.P_CANDIDATES_AT] + counts[N_CANDIDATES] * p.CANDIDATE_WORDS
        fields, get = get_array(data, get, end)
        if fields < CANDIDATE_FIELDS:
            return BAD
        arena[row + p.K_PRODUCT_ID], get = get_int(data, get, end)
        plan_id, get = get_int(data, get, end)
        arena[row + p.K_PLAN] = index_in_catalogue(tables.indexes, PLANS, plan_id)
        arena[row + p.K_VALID_FROM_US], get = get_time(data, get, end, tables.times, times)
        arena[row + p.K_VALID_TO_US], get = get_time(data, get, end, tables.times, times)
        get = skip_values(data, get, end, fields - CANDIDATE_FIELDS)
        if arena[row + p.K_PLAN] != NOT_IN_CATALOGUE:
            counts[N_CANDIDATES] += 1
    return get


@kernel
def _put_sharings(data: Bytes, get: int, end: int, at: int, members: int, tables: ProfileTables) -> int:
    """Every membership of a group that the service names, in the order of memberships; the offset behind, or BAD."""
    arena, counts = tables.arena, tables.counts
    count, get = get_array(data, get, end)
    first = get
    for _ in range(count):
        sharing_id, get = get_int(data, get, end)
        member = members - 1
        while member >= 0 and tables.members[member, F_SHARING_ID] != sharing_id:
            member -= 1
        if get == BAD or member < 0:
            return BAD  # a service names a group of which the customer is no member
    for member in range(members):
        sharing_id = tables.members[member, F_SHARING_ID]
        row = at + arena[at + p.P_MEMBERSHIPS_AT] + counts[N_SHARINGS] * p.MEMBERSHIP_WORDS
        policy = index_in_catalogue(tables.indexes, POLICIES, tables.members[member, F_POLICY_ID])
        if policy != NOT_IN_CATALOGUE and _names(data, first, end, count, sharing_id):
            arena[row + p.G_SHARING_ID] = sharing_id
            arena[row + p.G_POLICY] = policy
            arena[row + p.G_OWNER_SLOT] = tables.members[member, F_OWNER_SLOT]
            arena[row + p.G_VALID_FROM_US] = tables.members[member, F_FROM_US]
            arena[row + p.G_VALID_TO_US] = tables.members[member, F_TO_US]
            counts[N_SHARINGS] += 1
    return get


@kernel
def _names(data: Bytes, get: int, end: int, count: int, wanted: int) -> bool:
    """Whether a number is among `count` of them."""
    for _ in range(count):
        number, get = get_int(data, get, end)
        if number == wanted:
            return True
    return False


@kernel
def _put_discounts(data: Bytes, get: int, end: int, at: int, times: int, tables: ProfileTables) -> int:
    arena, counts = tables.arena, tables.counts
    count, get = get_array(data, get, end)
    for _ in range(count):
        row = at + arena[at + p.P_DISCOUNTS_AT] + counts[N_DISCOUNTS] * p.DISCOUNT_WORDS
        fields, get = get_array(data, get, end)
        if fields < DISCOUNT_FIELDS:
            return BAD
        discount_id, get = get_int(data, get, end)
        arena[row + p.D_DISCOUNT] = index_in_catalogue(tables.indexes, DISCOUNTS, discount_id)
        arena[row + p.D_VALID_FROM_US], get = get_time(data, get, end, tables.times, times)
        arena[row + p.D_VALID_TO_US], get = get_time(data, get, end, tables.times, times)
        get = skip_values(data, get, end, fields - DISCOUNT_FIELDS)
        if arena[row + p.D_DISCOUNT] != NOT_IN_CATALOGUE:
            counts[N_DISCOUNTS] += 1
    return get


@kernel
def _put_recurring(data: Bytes, end: int, at: int, shapes: Ints, record: int, tables: ProfileTables) -> bool:
    """What each cycle starts with, and how many rows it became."""
    arena, counts = tables.arena, tables.counts
    get, times = shapes[record, Z_RECURRING_AT], shapes[record, Z_TIMES]
    for _ in range(shapes[record, Z_RECURRING]):
        row = at + arena[at + p.P_RECURRING_AT] + counts[N_RECURRING] * p.RECURRING_WORDS
        fields, get = get_array(data, get, end)
        if fields < RECURRING_FIELDS:
            return False
        arena[row + p.Y_GROUP_ID], get = get_id(data, get, end, shapes[record, Z_CUSTOMER_ID])
        for field in range(p.Y_GROUP_ID + 1, p.Y_VALID_FROM_US):
            arena[row + field], get = get_int(data, get, end)
        arena[row + p.Y_VALID_FROM_US], get = get_time(data, get, end, tables.times, times)
        arena[row + p.Y_VALID_TO_US], get = get_time(data, get, end, tables.times, times)
        for field in range(p.Y_VALID_TO_US + 1, RECURRING_FIELDS):
            arena[row + field], get = get_int(data, get, end)
        get = skip_values(data, get, end, fields - RECURRING_FIELDS)
        if get == BAD:
            return False
        arena[row + p.Y_RESOURCE] = index_in_catalogue(tables.indexes, RESOURCES, arena[row + p.Y_RESOURCE])
        if arena[row + p.Y_RESOURCE] != NOT_IN_CATALOGUE:
            counts[N_RECURRING] += 1
    arena[at + p.P_RECURRING] = counts[N_RECURRING]
    return True


@kernel
def _put_groups(data: Bytes, end: int, at: int, shapes: Ints, record: int, tables: ProfileTables) -> bool:
    """The customer's own groups; images that are here learn where the profile is."""
    arena, slots = tables.arena, tables.slots
    get = shapes[record, Z_GROUPS_AT]
    place = group_place(arena, at)
    for _ in range(shapes[record, Z_GROUPS]):
        group_id, get = get_id(data, get, end, shapes[record, Z_CUSTOMER_ID])
        if get == BAD:
            return False
        slot = number_of(slots.table, slots.ids, slots.used, group_id)
        if slots.fresh_in[slot] != STALE:
            tables.words[slots.at[slot] + H_PROFILE_AT] = at
        arena[place + arena[at - C_GROUPS]] = slot
        arena[at - C_GROUPS] += 1
    return True


@kernel
def _put_owner(at: int, member: int, tables: ProfileTables) -> None:
    """The owner of a pool and the pool's group, each once. Owners lie behind all groups: they move up."""
    arena, customers = tables.arena, tables.customers
    slot = tables.members[member, F_OWNER_SLOT]
    owner = number_of(customers.table, customers.ids, customers.used, tables.members[member, F_OWNER_ID])
    first, behind = group_place(arena, at), owner_place(arena, at)
    is_new = True
    for place in range(first, behind):
        is_new = is_new and arena[place] != slot
    if is_new:
        for place in range(behind + arena[at - C_OWNERS], behind, -1):
            arena[place] = arena[place - 1]
        arena[behind] = slot
        arena[at - C_GROUPS] += 1
        behind += 1
    for place in range(behind, behind + arena[at - C_OWNERS]):
        if arena[place] == owner:
            return
    arena[behind + arena[at - C_OWNERS]] = owner
    arena[at - C_OWNERS] += 1


# The record's fields are in the order of the image's.
assert (p.Y_GROUP_ID, p.Y_ROLLED_IN_ALL) == (0, RECURRING_FIELDS - 1)
assert MEMBER_FIELDS == F_OWNER_SLOT
