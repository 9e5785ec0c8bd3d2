"""Pure. Hot balance groups and profiles, in arenas that kernels work on (ARCHITECTURE 5.5).

The cache never decides what is true: a row is used while the store has not named it as changed since it
was loaded. A profile is *ready* when it, the profiles and the groups it stands on (its own and those of
owners whose pools it may use) are all here and none of them is stale. Neither absences nor marks are kept.
No object is kept for a customer: all is in arrays, and a batch is resolved by one kernel (`resolve_rows`).
"""

from collections.abc import Sequence

import numpy as np

from balance_store.group_record import unpack_group
from balance_store.mark_record import is_mark
from balance_store.profile_record import in_schema_of_now, unpack_profile
from balance_store.requests import Changed, DirectoryEntry, Records
from charging.cache_columns import (
    NO_IMAGE,
    STALE,
    Customers,
    Slots,
    customers_with_room,
    slots_with_room,
)
from charging.cached_profile import C_SHARD
from charging.compact_cache import (
    NEEDS,
    Arenas,
    arena_ceilings,
    empty_arenas,
    memory_bytes,
    recent_half,
    used_of,
)
from charging.grow_group import grow_group
from charging.id_index import find_one, numbers_of
from charging.identifier_index import ENTRY_WORDS, WORD_BYTES, Identifiers, with_room
from charging.install_group import DONE, NEEDS_WORDS, GroupTables, install_groups
from charging.install_profile import COUNTERS, MEMBER_WORDS, NAME_WORDS, ProfileTables, install_profiles
from charging.learn_directory import learn_directory
from charging.measure_profile import (
    SHAPE_WORDS,
    Z_GROUPS,
    Z_MEMBERSHIPS,
    Z_NAME_WORDS,
    Z_NAMES,
    Z_SERVICES,
    Z_TIMES,
    Z_WORDS,
    measure_profiles,
)
from charging.resolve_rows import CacheTables
from config.calendar_book import CalendarBook
from config.catalogue_indexes import catalogue_indexes
from config.compile_catalogue import CompiledCatalogue
from rating_kernels.group_image import H_CALENDAR, H_PROFILE_AT, INFINITE_US, SECTIONS
from rating_kernels.line_memory import zeroed_lines
from rating_kernels.profile_image import NO_PROFILE
from rating_kernels.table_words import table_words
from rating_kernels.tariff_table import Bytes, Ints

SHARDS_MAX = 1 << 16


class BalanceCache:
    """Groups by slot, customers by number, the directory's answers by identifier."""

    def __init__(self, catalogue: CompiledCatalogue, rows_max: int) -> None:
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)
        self.calendars = CalendarBook(catalogue.site.time_zone)
        self.rows_max = rows_max
        self.collections = 0
        self._indexes = catalogue_indexes(catalogue)
        self._looks = 0
        self._take(empty_arenas(np.zeros(NEEDS, np.int64)))

    def _take(self, arenas: Arenas) -> None:
        self.slots: Slots = arenas.slots
        self.customers: Customers = arenas.customers
        self.identifiers: Identifiers = arenas.identifiers
        self.words: Ints = arenas.words
        self._words_used = arenas.words_used
        self.profile_arena: Ints = arenas.profiles
        self._profile_words_used = arenas.profiles_used

    def _arenas(self) -> Arenas:
        return Arenas(
            self.slots,
            self.customers,
            self.identifiers,
            self.words,
            self._words_used,
            self.profile_arena,
            self._profile_words_used,
        )

    # What is here ------------------------------------------------------------------------------

    @property
    def groups(self) -> int:
        """Groups that have a slot, stale ones included."""
        return int(self.slots.used[0])

    @property
    def slot_at(self) -> Ints:
        """Offset in `words` of each slot's image."""
        return self.slots.at

    @property
    def slot_shard(self) -> Ints:
        """The shard of each slot's group; none where it is stale."""
        return self.slots.fresh_in

    @property
    def memory_bytes(self) -> int:
        """Bytes of what is here, and of the columns with their room: what the daemon's memory has in it."""
        return memory_bytes(self._arenas())

    def slot_of(self, group_id: int) -> int:
        """The slot of a group that has one."""
        slot = find_one(self.slots.table, self.slots.ids, group_id)
        assert slot >= 0, "the group was never here"
        return slot

    def image_at(self, group_id: int) -> int:
        """Offset in `words` of a group that is here."""
        return int(self.slots.at[self.slot_of(group_id)])

    def profile_at(self, customer_id: int) -> int:
        """Offset in `profile_arena` of the customer's image; NO_PROFILE where it is not here or stale."""
        number = find_one(self.customers.table, self.customers.ids, customer_id)
        return NO_PROFILE if number < 0 else int(self.customers.at[number])

    def has_group(self, shard: int, group_id: int) -> bool:
        """Whether the group's image is here, as that shard had it, and not stale."""
        slot = find_one(self.slots.table, self.slots.ids, group_id)
        return slot >= 0 and bool(self.slots.fresh_in[slot] == shard)

    def tables(self) -> CacheTables:
        """What identifiers are resolved with; holds until something is installed, grown or collected."""
        return CacheTables(self.identifiers, self.customers, self.slots, self.profile_arena)

    def next_look(self) -> int:
        """A number for the columns `seen`; it and twice a shard's number added to it were never given before."""
        self._looks += 2 * SHARDS_MAX
        return self._looks

    # What comes in -----------------------------------------------------------------------------

    def learn(self, identifiers: Sequence[str], found: Sequence[tuple[DirectoryEntry, ...]]) -> None:
        """Take what the directory says of these identifiers, in place of what it said before."""
        names = [one.encode("utf-8", "replace") for one in identifiers]
        rows = np.array(
            [
                (e.shard, e.customer_id, e.valid_from_us, e.valid_to_us or INFINITE_US)
                for entries in found
                for e in entries
            ],
            np.int64,
        ).reshape(-1, 4)
        text, first = _joined(names)
        words = len(names) * (ENTRY_WORDS + 1) + len(text) // WORD_BYTES + len(rows) * ENTRY_WORDS
        self.identifiers = with_room(self.identifiers, words, len(names))
        self.customers = customers_with_room(self.customers, len(rows))
        counts = np.array([len(entries) for entries in found], np.int64)
        learn_directory(text, first, counts, rows, self.identifiers, self.customers)

    def install(self, shard: int, records: Records) -> None:
        """Take records as the store gave them; None, or a mark, removes what is here of that shard.

        Raises ValueError on damaged ones.
        """
        profiles = [
            in_schema_of_now(r) for r in records.profiles.values() if r is not None and not is_mark(r)
        ]
        if len(profiles) < len(records.profiles) or None in records.groups.values():
            gone = frozenset(c for c, r in records.profiles.items() if r is None or is_mark(r))
            self.forget_rows(shard, frozenset(g for g, r in records.groups.items() if r is None), gone)
        if profiles:
            self._install_profiles(shard, profiles)
        groups = {g: record for g, record in records.groups.items() if record is not None}
        if groups:
            self._install_groups(shard, groups)

    def _install_profiles(self, shard: int, records: list[bytes]) -> None:
        data, first = _joined(records)
        shapes = np.zeros((len(records), SHAPE_WORDS), np.int64)
        sound = measure_profiles(data, first, shapes)
        if sound == len(records):
            self._make_room(shapes)
            most = shapes.max(axis=0).tolist()
            tables = ProfileTables(
                self.profile_arena,
                self._profile_words_used,
                self.identifiers,
                self.customers,
                self.slots,
                self.words,
                self._indexes,
                np.zeros((most[Z_NAMES], NAME_WORDS), np.int64),
                np.zeros(most[Z_TIMES], np.int64),
                np.zeros((most[Z_MEMBERSHIPS], MEMBER_WORDS), np.int64),
                np.zeros(COUNTERS, np.int64),
            )
            sound = install_profiles(data, first, shapes, shard, tables)
        if sound < len(records):
            unpack_profile(records[sound])  # it says what is wrong
            raise ValueError("a profile whose rows name what it does not list")

    def _make_room(self, shapes: Ints) -> None:
        """Room for profiles of these shapes and everything that they name."""
        needs = shapes.sum(axis=0)
        members, services = int(needs[Z_MEMBERSHIPS]), int(needs[Z_SERVICES])
        self.slots = slots_with_room(self.slots, services + int(needs[Z_GROUPS]) + members)
        self.customers = customers_with_room(self.customers, len(shapes) + members)
        self.identifiers = with_room(self.identifiers, int(needs[Z_NAME_WORDS]), services)
        self.profile_arena = _with_room(self.profile_arena, int(self._profile_words_used[0] + needs[Z_WORDS]))

    def _install_groups(self, shard: int, records: dict[int, bytes]) -> None:
        data, first = _joined(list(records.values()))
        group_ids = np.fromiter(records, np.int64, len(records))
        self.slots = slots_with_room(self.slots, len(records))
        counts, capacities, slots = (np.zeros(n, np.int64) for n in (SECTIONS, SECTIONS, len(records)))
        done, status = 0, NEEDS_WORDS
        while status == NEEDS_WORDS:
            tables = GroupTables(
                self.words,
                self._words_used,
                self.slots,
                self.customers,
                self.calendars.keys,
                counts,
                capacities,
            )
            done, status, needed = install_groups(data, first, group_ids, done, shard, tables, slots)
            self.words = _with_room(self.words, int(self._words_used[0]) + needed)
        if status != DONE:
            unpack_group(records[int(group_ids[done])])  # it says what is wrong
            raise AssertionError("a record that is sound alone was not taken")
        self._name_calendars(slots)

    def _name_calendars(self, slots: Ints) -> None:
        """Compile the calendars that the book did not have."""
        at = self.slots.at[slots]
        for image in at[self.words[at + H_CALENDAR] < 0].tolist():
            self.words[image + H_CALENDAR] = self.calendars.index_of(self.words, image)

    def grow(self, slot: int, section: int) -> None:
        """Lay a group out again with more room in a section; a kernel asked for it."""
        capacities = np.zeros(SECTIONS, np.int64)
        call = (self._words_used, self.slots.at, slot, section, capacities)
        needed = grow_group(self.words, *call)
        if needed:
            self.words = _with_room(self.words, int(self._words_used[0]) + needed)
            needed = grow_group(self.words, *call)
            assert needed == 0, "there is room now"

    # What goes out -----------------------------------------------------------------------------

    def forget(self, shard: int, changed: Changed) -> None:
        """Drop what the store named as changed by others; everything of the shard if it cannot say."""
        if changed.unknown:
            self.forget_shard(shard)
            return
        self.forget_rows(shard, changed.group_ids, changed.profile_ids)

    def forget_rows(self, shard: int, group_ids: frozenset[int], profile_ids: frozenset[int]) -> None:
        """Drop these rows of a shard; the next batch that needs them loads them.

        A customer who came from there may be here as another shard has them: that copy stays.
        """
        if group_ids:
            slots = numbers_of(self.slots.table, self.slots.ids, np.fromiter(group_ids, np.int64))
            self.slots.fresh_in[slots[self.slots.fresh_in[slots] == shard]] = STALE
        if profile_ids:
            numbers = numbers_of(self.customers.table, self.customers.ids, np.fromiter(profile_ids, np.int64))
            here = numbers[self.customers.at[numbers] != NO_IMAGE]
            mine = here[self.profile_arena[self.customers.at[here] - C_SHARD] == shard]
            self.customers.at[mine] = NO_IMAGE

    def forget_shard(self, shard: int) -> None:
        """Drop every row of a shard."""
        self.slots.fresh_in[self.slots.fresh_in == shard] = STALE
        here = np.flatnonzero(self.customers.at != NO_IMAGE)
        mine = here[self.profile_arena[self.customers.at[here] - C_SHARD] == shard]
        self.customers.at[mine] = NO_IMAGE

    def is_full(self) -> bool:
        """Whether the ceiling is passed: time to `collect`."""
        return bool((used_of(self._arenas()) > arena_ceilings(self.rows_max)).any())

    def collect(self) -> None:
        """Keep the profiles that were used last, as many as half of the ceiling holds.

        Must not run while a batch stands on slots or offsets: they are given out anew.
        """
        self._take(recent_half(self._arenas(), arena_ceilings(self.rows_max)))
        self.collections += 1

    def switch(self, catalogue: CompiledCatalogue) -> None:
        """Go on with another catalogue version. Groups hold ids and stay; images of profiles hold indexes and go.

        Must not run while a batch stands on slots or offsets, as `collect`.
        """
        zone_changed = catalogue.site.time_zone != self.catalogue.site.time_zone
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)
        self._indexes = catalogue_indexes(catalogue)
        self.customers.at[:] = NO_IMAGE
        self._profile_words_used[0] = 0
        if zone_changed:
            self.calendars = CalendarBook(catalogue.site.time_zone)
            self.slots.fresh_in[:] = STALE
        at = self.slots.at[: self.groups]
        self.words[at[at != NO_IMAGE] + H_PROFILE_AT] = NO_PROFILE


def _joined(texts: Sequence[bytes]) -> tuple[Bytes, Ints]:
    """One after the other, and where each begins and the last ends."""
    first = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=first[1:])
    return np.frombuffer(b"".join(texts), np.uint8), first


def _with_room(words: Ints, needed: int) -> Ints:
    if needed <= len(words):
        return words
    larger = zeroed_lines(max(needed, 2 * len(words)))
    larger[: len(words)] = words
    return larger
