"""Pure. Numbers for ids: an open-addressing table in arrays, from a 64-bit id to its place in columns.

Numbers are given out in order and none is taken back; a cache that wants room makes new tables. The table
holds numbers and the ids themselves lie in a column, so that it costs 16 to 32 bytes an id.
"""

import numpy as np

from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Ints

NOT_HERE = -1
# The table is at most half full, so that a look-up seldom goes beyond its first place.
PLACES_PER_ID = 2
# The golden ratio's 64 bits, odd: a multiplication moves every bit of an id to the top.
_SPREAD = -7046029254386353131
_TOP_BITS = 32


@kernel
def _place(table: Ints, one_id: int) -> int:
    bits = one_id * _SPREAD
    return (bits ^ (bits >> _TOP_BITS)) & (len(table) - 1)


@kernel
def find_number(table: Ints, ids: Ints, one_id: int) -> int:
    """The id's number, or NOT_HERE."""
    place = _place(table, one_id)
    while table[place] != NOT_HERE and ids[table[place]] != one_id:
        place = (place + 1) & (len(table) - 1)
    return table[place]


@kernel
def number_of(table: Ints, ids: Ints, used: Ints, one_id: int) -> int:
    """The id's number, the next one if it has none yet; `with_room` comes first."""
    place = _place(table, one_id)
    while table[place] != NOT_HERE and ids[table[place]] != one_id:
        place = (place + 1) & (len(table) - 1)
    if table[place] == NOT_HERE:
        table[place] = used[0]
        ids[used[0]] = one_id
        used[0] += 1
    return table[place]


@standing_kernel
def fill_table(table: Ints, ids: Ints, count: int) -> None:
    """Enter the first `count` ids into an empty table."""
    for number in range(count):
        place = _place(table, ids[number])
        while table[place] != NOT_HERE:
            place = (place + 1) & (len(table) - 1)
        table[place] = number


@standing_kernel
def find_one(table: Ints, ids: Ints, one_id: int) -> int:
    """`find_number` for those who are no kernels."""
    return find_number(table, ids, one_id)


@standing_kernel
def find_numbers(table: Ints, ids: Ints, wanted: Ints, found: Ints) -> int:
    """Fill `found` with the numbers of those that have one; how many."""
    count = 0
    for one_id in wanted:
        number = find_number(table, ids, one_id)
        if number != NOT_HERE:
            found[count] = number
            count += 1
    return count


def numbers_of(table: Ints, ids: Ints, wanted: Ints) -> Ints:
    """The numbers of those ids that have one."""
    found = np.empty(len(wanted), np.int64)
    return found[: find_numbers(table, ids, wanted, found)]


def empty_table(ids: int) -> Ints:
    """A table for so many ids."""
    return np.full(1 << (PLACES_PER_ID * ids - 1).bit_length(), NOT_HERE, np.int64)


def longer(column: Ints, length: int, value: int = 0) -> Ints:
    """The column with room for so many, the new part filled with `value`."""
    grown = np.zeros(length, np.int64) if value == 0 else np.full(length, value, np.int64)
    grown[: len(column)] = column
    return grown
