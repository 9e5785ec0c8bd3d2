"""Pure. What the cache knows of each balance group and each customer, in columns that kernels read.

A group's number is its slot. What stands in the columns of a slot or number that was just given out means
"not here": kernels give numbers out, so the columns are filled ahead of them.
"""

from typing import NamedTuple

import numpy as np

from charging.id_index import NOT_HERE, PLACES_PER_ID, empty_table, fill_table, longer
from rating_kernels.tariff_table import Ints

FIRST_IDS = 1 << 10
NO_IMAGE = -1
STALE = -1


class Slots(NamedTuple):
    """Balance groups by slot."""

    table: Ints
    used: Ints  # one word: how many
    ids: Ints
    at: Ints  # offset of the image in the arena of groups; NO_IMAGE before it came
    fresh_in: Ints  # the shard whose image this is, as far as we were told; STALE where it is not
    seen: Ints  # number of the last look that noted it


class Customers(NamedTuple):
    """Customers by number."""

    table: Ints
    used: Ints
    ids: Ints
    at: Ints  # offset of the profile's image in the arena of profiles; NO_IMAGE where it is not here
    seen: Ints
    room_at: Ints  # offset of the image that was written last, here or struck; NO_IMAGE before the first


def no_slots(ids: int = FIRST_IDS) -> Slots:
    """Room for so many groups, and none here."""
    return Slots(*_columns(ids, len(Slots._fields)))


def no_customers(ids: int = FIRST_IDS) -> Customers:
    """Room for so many customers, and none here."""
    return Customers(*_columns(ids, len(Customers._fields)))


def slots_with_room(slots: Slots, more: int) -> Slots:
    """The slots, twice as many where so many more would not fit."""
    return slots if _has_room(slots.ids, slots.used, more) else Slots(*_larger(tuple(slots), more))


def customers_with_room(customers: Customers, more: int) -> Customers:
    """The same of customers."""
    if _has_room(customers.ids, customers.used, more):
        return customers
    return Customers(*_larger(tuple(customers), more))


def clear(columns: Slots | Customers) -> None:
    """Nothing is here; the room stays."""
    table, used, _, *others = columns
    table[:] = NOT_HERE
    for one in others:
        one[: int(used[0])] = NO_IMAGE
    used[0] = 0


def _columns(ids: int, count: int) -> list[Ints]:
    columns = [np.full(ids, NO_IMAGE, np.int64) for _ in range(count - 3)]
    return [empty_table(ids), np.zeros(1, np.int64), np.zeros(ids, np.int64), *columns]


def _has_room(ids: Ints, used: Ints, more: int) -> bool:
    return int(used[0]) + more <= len(ids)


def _larger(columns: tuple[Ints, ...], more: int) -> list[Ints]:
    table, used, ids, at, *others = columns
    count = int(used[0])
    length = max(count + more, 2 * len(ids))
    ids = longer(ids, length)
    if PLACES_PER_ID * length > len(table):
        table = empty_table(length)
        fill_table(table, ids, count)
    return [table, used, ids, longer(at, length, NO_IMAGE), *(longer(one, length, STALE) for one in others)]


assert NOT_HERE == NO_IMAGE == STALE  # what a look-up says of an id that has no number
