"""Pure. Stored balance groups into the cache: each record is unpacked where its image is to lie."""

from typing import NamedTuple

from balance_store.group_record import read_counts, unpack_into
from charging.cache_columns import NO_IMAGE, STALE, Customers, Slots
from charging.id_index import NOT_HERE, find_number, number_of
from config.calendar_book import find_calendar
from rating_kernels.group_image import (
    H_CALENDAR,
    H_CUSTOMER_ID,
    H_PROFILE_AT,
    H_TOUCHED,
    SECTION_ROW_WORDS,
    SECTIONS,
)
from rating_kernels.group_layout import ROOM, can_be_laid_out, image_words, lay_out, words_needed
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.profile_image import NO_PROFILE
from rating_kernels.tariff_table import Bytes, Ints

# How an installation ended: DONE, or at which record it stopped and why.
DONE, NEEDS_WORDS, NOT_SOUND = range(3)

assert len(ROOM) == len(SECTION_ROW_WORDS) == SECTIONS
assert NO_IMAGE == NO_PROFILE == NOT_HERE


class GroupTables(NamedTuple):
    """What a group is installed into; slots have room, words may be asked for."""

    words: Ints
    used: Ints  # words of the arena
    slots: Slots
    customers: Customers
    calendars: Ints  # CalendarBook.keys
    counts: Ints  # rows of each section, scratch
    capacities: Ints  # the same with room to grow


@standing_kernel
def install_groups(
    data: Bytes, first: Ints, group_ids: Ints, start: int, shard: int, tables: GroupTables, slots: Ints
) -> tuple[int, int, int]:
    """Install records first[i]..first[i + 1] from `start` on; (next record, DONE and so on, words it needs).

    slots[i] becomes the group's slot.
    """
    for record in range(start, len(group_ids)):
        slot = number_of(tables.slots.table, tables.slots.ids, tables.slots.used, group_ids[record])
        slots[record] = slot
        needed = _install(data[first[record] : first[record + 1]], slot, shard, tables)
        if needed == NOT_HERE:
            return record, NOT_SOUND, 0
        if needed > 0:
            return record, NEEDS_WORDS, needed
    return len(group_ids), DONE, 0


@kernel
def _install(record: Bytes, slot: int, shard: int, tables: GroupTables) -> int:
    """0, the words that are lacking, or NOT_HERE where the record is not sound."""
    words, slots, customers = tables.words, tables.slots, tables.customers
    slots.fresh_in[slot] = STALE
    get = read_counts(record, tables.counts)
    if get < 0:
        return NOT_HERE
    for section in range(SECTIONS):
        tables.capacities[section] = tables.counts[section] + ROOM[section]
    if not can_be_laid_out(tables.capacities):
        return NOT_HERE
    needed = words_needed(tables.capacities)
    at = slots.at[slot]
    if at == NO_IMAGE or image_words(words, at) < needed:
        at = tables.used[0]
        if at + needed > len(words):
            return needed
        tables.used[0] = at + needed
        slots.at[slot] = at
    lay_out(words, at, tables.capacities)
    if unpack_into(record, get, tables.counts, words, at) != len(record):
        return NOT_HERE
    owner = find_number(customers.table, customers.ids, words[at + H_CUSTOMER_ID])
    words[at + H_PROFILE_AT] = NO_PROFILE if owner == NOT_HERE else customers.at[owner]
    words[at + H_CALENDAR] = find_calendar(tables.calendars, words, at)
    words[at + H_TOUCHED] = 0
    slots.fresh_in[slot] = shard
    return 0
