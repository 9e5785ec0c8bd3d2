"""Pure. Hot balance groups and profiles, in arenas that kernels work on (ARCHITECTURE 5.5).

The cache never decides what is true: a row is used while the store has not named it as changed since it
was loaded. A profile is *ready* when it, the profiles and the groups it stands on (its own and those of
owners whose pools it may use) are all here and none of them is stale. Neither absences nor marks are kept.
No object is kept for a customer: all is in arrays, and a batch is resolved by one kernel (`resolve_rows`).

There are two generations of it all: what is used goes into the one in use, from the former one if it is there
(`recall_rows`). When that is full it becomes the former one, and what was not used for so long is gone.
"""

from collections.abc import Collection, Sequence

import numpy as np

from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.group_record import unpack_group
from balance_store.mark_record import is_mark
from balance_store.profile_record import in_schema_of_now, unpack_profile
from balance_store.requests import Changed, Records
from charging.cache_arenas import (
    NEEDS,
    W_CUSTOMERS,
    W_GROUP_WORDS,
    W_NAME_WORDS,
    W_NAMES,
    W_PROFILE_WORDS,
    W_SLOTS,
    Arenas,
    arena_ceilings,
    clear_arenas,
    empty_arenas,
    memory_bytes,
    others_rows_here,
    strike_copies,
    strike_groups,
    strike_profiles,
    strike_shard,
    used_of,
)
from charging.cache_columns import (
    NO_IMAGE,
    STALE,
    Customers,
    Slots,
    customers_with_room,
    slots_with_room,
)
from charging.id_index import find_one, numbers_of
from charging.identifier_index import ENTRY_WORDS, WORD_BYTES, Identifiers, with_room
from charging.install_group import DONE, NEEDS_WORDS, GroupTables, install_groups
from charging.install_profile import COUNTERS, MEMBER_WORDS, ProfileTables, install_profiles
from charging.learn_directory import ENTRY_BYTES_MIN, LEARNT_WORDS, learn_directory, read_entries
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
from charging.profile_lists import NAME_WORDS
from charging.recall_rows import recall_rows
from charging.resolve_rows import CacheTables, Notes
from config.calendar_book import CalendarBook
from config.catalogue_indexes import catalogue_indexes
from config.compile_catalogue import CompiledCatalogue
from rating_kernels.group_image import H_CALENDAR, H_PROFILE_AT, SECTIONS
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
        # How often something that was here was dropped: what was resolved before may stand on it.
        self.drops = 0
        self._indexes = catalogue_indexes(catalogue)
        self._looks = 0
        self._former = empty_arenas(0)
        self._take(empty_arenas(rows_max))

    def _take(self, arenas: Arenas) -> None:
        self.slots: Slots = arenas.slots
        self.customers: Customers = arenas.customers
        self.identifiers: Identifiers = arenas.identifiers
        self.words: Ints = arenas.words
        self.words_used = arenas.words_used
        self.profile_arena: Ints = arenas.profiles
        self._profile_words_used = arenas.profiles_used

    def _arenas(self) -> Arenas:
        return Arenas(
            self.slots,
            self.customers,
            self.identifiers,
            self.words,
            self.words_used,
            self.profile_arena,
            self._profile_words_used,
        )

    # What is here ------------------------------------------------------------------------------

    @property
    def groups(self) -> int:
        """Groups that have a slot in either generation, stale ones included."""
        return int(self.slots.used[0] + self._former.slots.used[0])

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
        return memory_bytes(self._arenas()) + memory_bytes(self._former)

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

    def groups_here(self, shard: int, group_ids: Collection[int]) -> set[int]:
        """Those whose image is here, as that shard had it, and not stale."""
        here: set[int] = set()
        for slots in (self.slots, self._former.slots):
            known = numbers_of(slots.table, slots.ids, _ids(group_ids))
            here.update(slots.ids[known[slots.fresh_in[known] == shard]].tolist())
        return here

    def tables(self) -> CacheTables:
        """What identifiers are resolved with; holds until something is installed, grown or collected."""
        return CacheTables(self.identifiers, self.customers, self.slots, self.profile_arena)

    def next_look(self) -> int:
        """A number for the columns `seen`; it and twice a shard's number added to it were never given before."""
        self._looks += 2 * SHARDS_MAX
        return self._looks

    # What comes in -----------------------------------------------------------------------------

    def learn(self, identifiers: Sequence[str], stored: Sequence[bytes | None]) -> None:
        """Take what the directory says of these identifiers, in place of what it said before; None: nothing.

        Raises ValueError on a damaged record.
        """
        names = [one.encode("utf-8", "replace") for one in identifiers]
        counts, rows = _entries(stored)
        text, first = _joined(names)
        words = len(names) * (ENTRY_WORDS + 1) + len(text) // WORD_BYTES + len(rows) * ENTRY_WORDS
        self.identifiers = with_room(self.identifiers, words, len(names))
        self.customers = customers_with_room(self.customers, len(rows))
        learn_directory(text, first, counts, rows, self.identifiers, self.customers)
        nothing = np.zeros_like(counts)
        learn_directory(text, first, nothing, rows[:0], self._former.identifiers, self._former.customers)

    def install(self, shard: int, records: Records) -> None:
        """Take records as the store gave them; None, or a mark, removes what is here of that shard.

        Raises ValueError on damaged ones.
        """
        profiles = {c: r for c, r in records.profiles.items() if r is not None and not is_mark(r)}
        groups = {g: r for g, r in records.groups.items() if r is not None}
        if len(profiles) < len(records.profiles) or len(groups) < len(records.groups):
            gone = records.groups.keys() - groups.keys(), records.profiles.keys() - profiles.keys()
            self.forget_rows(shard, *map(frozenset, gone))
        self.drops += others_rows_here(self._arenas(), shard, _ids(groups), _ids(profiles))
        strike_copies(self._former, _ids(groups), _ids(profiles))
        if profiles:
            self._install_profiles(shard, [in_schema_of_now(one) for one in profiles.values()])
        if groups:
            self._install_groups(shard, groups)

    def _install_profiles(self, shard: int, records: list[bytes]) -> None:
        data, first = _joined(records)
        shapes = np.zeros((len(records), SHAPE_WORDS), np.int64)
        sound = measure_profiles(data, first, shapes)
        if sound == len(records):
            needs = shapes.sum(axis=0)
            self._make_room(_needs_of(len(records), needs.tolist()))
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

    def _make_room(self, needs: Ints) -> None:
        """Room for so much more of each array (W_*)."""
        more = needs.tolist()
        self.slots = slots_with_room(self.slots, more[W_SLOTS])
        self.customers = customers_with_room(self.customers, more[W_CUSTOMERS])
        self.identifiers = with_room(self.identifiers, more[W_NAME_WORDS], more[W_NAMES])
        self.words = _with_room(self.words, int(self.words_used[0]) + more[W_GROUP_WORDS])
        profile_words = int(self._profile_words_used[0]) + more[W_PROFILE_WORDS]
        self.profile_arena = _with_room(self.profile_arena, profile_words)

    def _install_groups(self, shard: int, records: dict[int, bytes]) -> None:
        data, first = _joined(list(records.values()))
        group_ids = np.fromiter(records, np.int64, len(records))
        self.slots = slots_with_room(self.slots, len(records))
        counts, capacities, slots = (np.zeros(n, np.int64) for n in (SECTIONS, SECTIONS, len(records)))
        done, status = 0, NEEDS_WORDS
        while status == NEEDS_WORDS:
            tables = GroupTables(
                self.words,
                self.words_used,
                self.slots,
                self.customers,
                self.calendars.keys,
                counts,
                capacities,
            )
            done, status, needed = install_groups(data, first, group_ids, done, shard, tables, slots)
            self.lengthen_words(needed)
        if status != DONE:
            unpack_group(records[int(group_ids[done])])  # it says what is wrong
            raise AssertionError("a record that is sound alone was not taken")
        self._name_calendars(slots)

    def _name_calendars(self, slots: Ints) -> None:
        """Compile the calendars that the book did not have."""
        at = self.slots.at[slots]
        for image in at[self.words[at + H_CALENDAR] < 0].tolist():
            self.words[image + H_CALENDAR] = self.calendars.index_of(self.words, image)

    def lengthen_words(self, lacking: int) -> None:
        """Room for so many more words behind the images of groups; a kernel asked for it."""
        self.words = _with_room(self.words, int(self.words_used[0]) + lacking)

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
        self.drops += bool(group_ids or profile_ids)
        for arenas in (self._arenas(), self._former):
            if group_ids:
                strike_groups(arenas, shard, _ids(group_ids))
            if profile_ids:
                strike_profiles(arenas, shard, _ids(profile_ids))

    def forget_shard(self, shard: int) -> None:
        """Drop every row of a shard."""
        self.drops += 1
        for arenas in (self._arenas(), self._former):
            strike_shard(arenas, shard)

    def is_full(self) -> bool:
        """Whether it is time to `collect`.

        The generation in use may grow to the ceiling, both together to half as much again; but no generation ends
        before it has half of the ceiling, so that this much of what was used last is always kept.
        """
        used, ceilings = used_of(self._arenas()), arena_ceilings(self.rows_max)
        half = ceilings // 2
        is_over = used + used_of(self._former) > ceilings + half
        return bool(((used > ceilings) | (used > half) & is_over).any())

    def collect(self) -> None:
        """Let what was not used since the last time go; all else comes along when it is used.

        Must not run while a batch stands on slots or offsets: they are given out anew.
        """
        free = self._former
        self._former = self._arenas()
        if len(free.words) < len(self._former.words):
            free = empty_arenas(self.rows_max)
        clear_arenas(free)
        self._take(free)
        self.collections += 1

    def recall(self, text: Bytes, service_at: Ints, service_length: Ints, notes: Notes) -> bool:
        """Take over what these notes lack and the former generation has; whether there was any."""
        needs, note, found = np.zeros(NEEDS, np.int64), 0, 0
        count = int(notes.counts.sum()) if self.collections else 0
        while note < count:
            self._make_room(needs)
            note, more = recall_rows(
                text, service_at, service_length, notes, note, self._former, self._arenas(), needs
            )
            found += more
        return found > 0

    def switch(self, catalogue: CompiledCatalogue) -> None:
        """Go on with another catalogue version. Groups hold ids and stay; images of profiles hold indexes and go.

        Must not run while a batch stands on slots or offsets, as `collect`.
        """
        zone_changed = catalogue.site.time_zone != self.catalogue.site.time_zone
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)
        self._indexes = catalogue_indexes(catalogue)
        for arenas in (self._arenas(), self._former):
            arenas.customers.at[:] = NO_IMAGE
            arenas.customers.room_at[:] = NO_IMAGE
            arenas.profiles_used[0] = 0
            if zone_changed:
                arenas.slots.fresh_in[:] = STALE
            at = arenas.slots.at[: int(arenas.slots.used[0])]
            arenas.words[at[at != NO_IMAGE] + H_PROFILE_AT] = NO_PROFILE
        if zone_changed:
            self.calendars = CalendarBook(catalogue.site.time_zone)


def _ids(ids: Collection[int]) -> Ints:
    return np.fromiter(ids, np.int64, len(ids))


def _entries(stored: Sequence[bytes | None]) -> tuple[Ints, Ints]:
    """How many entries each directory record has, and all of them as rows."""
    records, read = [record or b"" for record in stored], 0
    for _ in range(2):
        data, first = _joined(records)
        counts = np.empty(len(records), np.int64)
        # One more for an entry that is cut off.
        rows = np.empty((len(data) // ENTRY_BYTES_MIN + 1, LEARNT_WORDS), np.int64)
        read, used = read_entries(data, first, counts, rows)
        if read == len(records):
            return counts, rows[:used]
        # In the form before, or damaged, and then this says how.
        records[read:] = [pack_entries(unpack_entries(record)) for record in records[read:]]
    raise ValueError(f"a directory entry with a number that no id or time is: {records[read].hex()}")


def _needs_of(profiles: int, shape: list[int]) -> Ints:
    """What so many profiles, whose shapes add up to this one, need with all that they name (W_*)."""
    needs = np.zeros(NEEDS, np.int64)
    needs[W_PROFILE_WORDS] = shape[Z_WORDS]
    needs[W_SLOTS] = shape[Z_SERVICES] + shape[Z_GROUPS] + shape[Z_MEMBERSHIPS]
    needs[W_CUSTOMERS] = profiles + shape[Z_MEMBERSHIPS]
    needs[W_NAME_WORDS] = shape[Z_NAME_WORDS]
    needs[W_NAMES] = shape[Z_SERVICES]
    return needs


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
