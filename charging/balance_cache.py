"""Pure. Hot balance groups and profiles, in arenas that kernels work on (ARCHITECTURE 5.5).

The cache never decides what is true: a row is used while the store has not named it as changed since it
was loaded. A profile is *ready* when it, the profiles and the groups it depends on (its own and those of
owners whose pools it may use) are all here and none of them is stale. Neither absences nor marks are kept.
"""

from typing import NamedTuple

import numpy as np

from balance_store.group_record import unpack_group
from balance_store.mark_record import is_mark
from balance_store.profile_record import Profile, unpack_profile
from balance_store.profile_words import identifiers_of, profile_words
from balance_store.requests import Changed, DirectoryEntry, Records
from config.calendar_book import CalendarBook
from config.compile_catalogue import CompiledCatalogue
from rating_kernels.group_image import H_CALENDAR, H_CUSTOMER_ID, H_PROFILE_AT, H_TOUCHED, INFINITE_US
from rating_kernels.group_layout import grown, image_words
from rating_kernels.profile_image import NO_PROFILE
from rating_kernels.table_words import table_words
from rating_kernels.tariff_table import Ints

NO_SLOT = -1
FIRST_ARENA_WORDS = 1 << 16
# Words of the arenas for each group that may be here. Images that outgrew their place and profiles that were
# read again leave holes; twice the expected size is time to close them.
GROUP_WORDS = 512
PROFILE_WORDS = 128


class IdentifierSpan(NamedTuple):
    """An identifier within a profile: its number, and the time from its first service to its last."""

    number: int
    from_us: int
    to_us: int


class CachedProfile:
    """A profile in the arena, and what it stands on."""

    __slots__ = ("at", "customer_id", "group_ids", "identifiers", "owner_ids", "profile", "shard", "used_in")

    def __init__(self, profile: Profile, shard: int, at: int) -> None:
        self.profile = profile
        self.customer_id = profile.customer_id
        self.shard = shard
        self.at = at
        self.used_in = 0  # number of the last batch that used it
        self.owner_ids = tuple({m.owner_customer_id for m in profile.memberships})
        owners = tuple({m.owner_group_id for m in profile.memberships})
        self.group_ids = profile.group_ids + owners
        self.identifiers = {
            name: IdentifierSpan(
                number,
                min(s.valid_from_us for s in profile.services if s.identifier == name),
                max(s.valid_to_us for s in profile.services if s.identifier == name),
            )
            for number, name in enumerate(identifiers_of(profile))
        }


class Missing(NamedTuple):
    """What must be loaded from one shard before a customer's events can be decided."""

    group_ids: set[int]
    profile_ids: set[int]


class BalanceCache:
    """Groups by slot, profiles by customer, the directory's answers by identifier."""

    def __init__(self, catalogue: CompiledCatalogue, groups_max: int) -> None:
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)
        self.calendars = CalendarBook(catalogue.site.time_zone)
        self._groups_max = groups_max
        self.directory: dict[str, tuple[DirectoryEntry, ...]] = {}
        self.collections = 0
        self._clear()

    def _clear(self) -> None:
        self.words: Ints = np.zeros(FIRST_ARENA_WORDS, np.int64)
        self._words_used = 0
        self.profile_arena: Ints = np.zeros(FIRST_ARENA_WORDS, np.int64)
        self._profile_words_used = 0
        self.slot_at: Ints = np.full(1024, NO_SLOT, np.int64)
        self.slot_group_id: Ints = np.zeros(1024, np.int64)
        self.slot_shard: Ints = np.zeros(1024, np.int64)
        self._slot_of: dict[int, int] = {}
        self._profiles: dict[int, CachedProfile] = {}
        # Profiles whose images are of another catalogue version; made again when they are used.
        self._outdated: dict[int, CachedProfile] = {}
        # Group -> the shard it was read from. A copy from a shard that the customer left is not theirs.
        self._fresh_groups: dict[int, int] = {}

    # What is here ------------------------------------------------------------------------------

    @property
    def groups(self) -> int:
        """Groups in the cache, stale ones included."""
        return len(self._slot_of)

    def profile(self, customer_id: int) -> CachedProfile | None:
        """The customer's profile if it is here and was not named as changed."""
        return self._profiles.get(customer_id)

    def ready(self, customer_id: int) -> CachedProfile | None:
        """The customer's profile if it and all that it stands on are here."""
        cached = self._up_to_date(customer_id)
        if cached is None or any(self._fresh_groups.get(g) != cached.shard for g in cached.group_ids):
            return None
        if any(not self._lives_at(cached.shard, owner) for owner in cached.owner_ids):
            return None
        return cached

    def missing(self, customer_id: int) -> Missing:
        """What has to be loaded for a customer that is not ready."""
        cached = self._up_to_date(customer_id)
        if cached is None:
            return Missing(set(), {customer_id})
        owners = {owner for owner in cached.owner_ids if not self._lives_at(cached.shard, owner)}
        return Missing({g for g in cached.group_ids if self._fresh_groups.get(g) != cached.shard}, owners)

    def _lives_at(self, shard: int, customer_id: int) -> bool:
        """Whether the customer's profile is here as that shard has it."""
        cached = self._up_to_date(customer_id)
        return cached is not None and cached.shard == shard

    def is_fresh(self, group_id: int) -> bool:
        """Whether the group's image is here and was not named as changed."""
        return group_id in self._fresh_groups

    def image_at(self, group_id: int) -> int:
        """Offset in `words` of a group that is here."""
        return int(self.slot_at[self._slot_of[group_id]])

    def slot_of(self, group_id: int) -> int:
        """The group's slot; a slot is given out before its image is here."""
        slot = self._slot_of.get(group_id)
        if slot is None:
            slot = len(self._slot_of)
            if slot == len(self.slot_at):
                self.slot_at = np.concatenate([self.slot_at, np.full(slot, NO_SLOT, np.int64)])
                self.slot_group_id = np.concatenate([self.slot_group_id, np.zeros(slot, np.int64)])
                self.slot_shard = np.concatenate([self.slot_shard, np.zeros(slot, np.int64)])
            self._slot_of[group_id] = slot
            self.slot_group_id[slot] = group_id
        return slot

    def _up_to_date(self, customer_id: int) -> CachedProfile | None:
        """The profile with an image of the catalogue in use, if it is here."""
        outdated = self._outdated.pop(customer_id, None)
        if outdated is not None:
            self._install_profile(outdated.shard, outdated.profile)
            self._profiles[customer_id].used_in = outdated.used_in
        return self._profiles.get(customer_id)

    # What comes in -----------------------------------------------------------------------------

    def install(self, shard: int, records: Records) -> None:
        """Take records as the store gave them; None, or a mark, removes what is here of that shard."""
        self.forget_rows(shard, frozenset(records.groups), frozenset(records.profiles))
        for record in records.profiles.values():
            if record is not None and not is_mark(record):
                self._install_profile(shard, unpack_profile(record))
        for group_id, record in records.groups.items():
            if record is not None:
                self._install_group(shard, group_id, unpack_group(record))

    def _install_profile(self, shard: int, profile: Profile) -> None:
        words = profile_words(profile, self.catalogue, self.slot_of)
        at = self._profile_words_used
        self.profile_arena = _with_room(self.profile_arena, at + len(words))
        self.profile_arena[at : at + len(words)] = words
        self._profile_words_used = at + len(words)
        self._outdated.pop(profile.customer_id, None)
        self._profiles[profile.customer_id] = CachedProfile(profile, shard, at)
        for group_id in profile.group_ids:
            self.slot_shard[self.slot_of(group_id)] = shard
            if group_id in self._fresh_groups:
                self.words[self.image_at(group_id) + H_PROFILE_AT] = at

    def _install_group(self, shard: int, group_id: int, image: Ints) -> None:
        slot = self.slot_of(group_id)
        at = int(self.slot_at[slot])
        if at == NO_SLOT or image_words(self.words, at) < len(image):
            at = self._take(len(image))
            self.slot_at[slot] = at
        self.words[at : at + len(image)] = image
        self.words[at + H_CALENDAR] = self.calendars.index_of(self.words, at)
        self.words[at + H_TOUCHED] = 0
        owner = self._profiles.get(int(image[H_CUSTOMER_ID]))
        self.words[at + H_PROFILE_AT] = NO_PROFILE if owner is None else owner.at
        self.slot_shard[slot] = shard
        self._fresh_groups[group_id] = shard

    def grow(self, slot: int, section: int) -> None:
        """Lay a group out again with more room in a section; a kernel asked for it."""
        image = grown(self.words, int(self.slot_at[slot]), section)
        at = self._take(len(image))
        self.words[at : at + len(image)] = image
        self.slot_at[slot] = at

    def _take(self, words: int) -> int:
        at = self._words_used
        self.words = _with_room(self.words, at + words)
        self._words_used = at + words
        return at

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
        for group_id in group_ids:
            if self._fresh_groups.get(group_id) == shard:
                del self._fresh_groups[group_id]
        for customer_id in profile_ids:
            for known in (self._profiles, self._outdated):
                cached = known.get(customer_id)
                if cached is not None and cached.shard == shard:
                    del known[customer_id]

    def forget_shard(self, shard: int) -> None:
        """Drop every row of a shard."""
        groups = [group_id for group_id, where in self._fresh_groups.items() if where == shard]
        known = [*self._profiles.values(), *self._outdated.values()]
        profiles = [cached.customer_id for cached in known if cached.shard == shard]
        self.forget_rows(shard, frozenset(groups), frozenset(profiles))

    def is_full(self) -> bool:
        """Whether the ceiling is passed: time to `collect`."""
        return (
            len(self._slot_of) > self._groups_max
            or self._words_used > self._groups_max * GROUP_WORDS
            or self._profile_words_used > self._groups_max * PROFILE_WORDS
        )

    def collect(self) -> None:
        """Keep the half of the profiles that was used last.

        Must not run while a batch stands on slots or offsets: they are given out anew.
        """
        known = [*self._profiles.values(), *self._outdated.values()]
        kept = sorted(known, key=lambda cached: -cached.used_in)
        kept = kept[: max(1, self._groups_max // 2)]
        old_words, old_slot_at, old_slots, old_fresh = (
            self.words,
            self.slot_at,
            self._slot_of,
            self._fresh_groups,
        )
        self._clear()
        self.directory.clear()
        self.collections += 1
        for cached in kept:
            self._install_profile(cached.shard, cached.profile)
            self._profiles[cached.customer_id].used_in = cached.used_in
        for cached in kept:
            for group_id in cached.group_ids:
                if old_fresh.get(group_id) == cached.shard and group_id not in self._fresh_groups:
                    at = int(old_slot_at[old_slots[group_id]])
                    self._install_group(
                        cached.shard, group_id, old_words[at : at + image_words(old_words, at)]
                    )

    def switch(self, catalogue: CompiledCatalogue) -> None:
        """Go on with another catalogue version. Groups hold ids and stay; images of profiles hold indexes.

        Must not run while a batch stands on slots or offsets, as `collect`.
        """
        zone_changed = catalogue.site.time_zone != self.catalogue.site.time_zone
        self.catalogue = catalogue
        self.table = table_words(catalogue.table)
        if zone_changed:
            self.calendars = CalendarBook(catalogue.site.time_zone)
            self._clear()
            return
        self._outdated |= self._profiles
        self._profiles = {}
        self._profile_words_used = 0
        at = self.slot_at[: len(self._slot_of)]
        self.words[at[at != NO_SLOT] + H_PROFILE_AT] = NO_PROFILE


def covers(entry: DirectoryEntry, time_us: int) -> bool:
    """Whether a directory entry speaks of this time."""
    return entry.valid_from_us <= time_us < (entry.valid_to_us or INFINITE_US)


def _with_room(words: Ints, needed: int) -> Ints:
    if needed <= len(words):
        return words
    larger = np.zeros(max(needed, len(words) * 2), np.int64)
    larger[: len(words)] = words
    return larger
