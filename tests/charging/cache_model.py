"""The cache as dictionaries: what the arrays and kernels of `charging.balance_cache` are held to."""

from typing import NamedTuple

from balance_store.profile_record import Profile
from balance_store.profile_words import identifiers_of
from balance_store.requests import DirectoryEntry
from charging.resolve_events import Missing, ReadNow, Wanted
from rating_kernels.group_image import INFINITE_US


class Answer(NamedTuple):
    """What a row is told."""

    customer_id: int | None
    identifier_no: int
    shard: int | None
    is_incomplete: bool = False


class ModelCache:
    """Which profiles, groups and entries of the directory are here and not stale."""

    def __init__(self) -> None:
        self.directory: dict[str, tuple[DirectoryEntry, ...]] = {}
        self.profiles: dict[int, tuple[Profile, int]] = {}  # with its shard
        self.groups: dict[int, int] = {}  # with its shard
        # Since the last collection; what these stand on, and groups and names that were read.
        self.used: set[int] = set()
        self.groups_read: set[int] = set()
        self.names_read: set[str] = set()
        self._nobody_there = False

    def learn(self, identifier: str, entries: tuple[DirectoryEntry, ...]) -> None:
        self.directory.pop(identifier, None)
        self.names_read.add(identifier)
        if entries:
            self.directory[identifier] = entries

    def install(self, shard: int, groups: dict[int, bool], profiles: dict[int, Profile | None]) -> None:
        self.forget_rows(shard, groups, profiles)
        for customer_id, profile in profiles.items():
            if profile is not None:
                self.profiles[customer_id] = (profile, shard)
                self.used.add(customer_id)
        for group_id, is_there in groups.items():
            if is_there:
                self.groups[group_id] = shard
                self.groups_read.add(group_id)

    def forget_rows(self, shard, group_ids, profile_ids) -> None:
        """What a shard says goes for its own copies only."""
        for group_id in group_ids:
            if self.groups.get(group_id) == shard:
                del self.groups[group_id]
        for customer_id in profile_ids:
            if customer_id in self.profiles and self.profiles[customer_id][1] == shard:
                del self.profiles[customer_id]

    def forget_shard(self, shard: int) -> None:
        self.groups = {g: one for g, one in self.groups.items() if one != shard}
        self.profiles = {c: one for c, one in self.profiles.items() if one[1] != shard}

    def switch(self) -> None:
        self.profiles.clear()

    def collect(self, profiles: set[int], groups: set[int], names: set[str]) -> None:
        """Go on with what the cache says it kept: all that was used or read since the last time, and maybe more."""
        assert self.used & self.profiles.keys() <= profiles
        assert self.groups_read & self.groups.keys() <= groups
        assert self.names_read & self.directory.keys() <= names
        self.profiles = {c: one for c, one in self.profiles.items() if c in profiles}
        self.groups = {g: shard for g, shard in self.groups.items() if g in groups}
        self.directory = {name: e for name, e in self.directory.items() if name in names}
        self.used, self.groups_read, self.names_read = set(), set(), set()

    def missing(self, customer_id: int) -> Missing:
        if customer_id not in self.profiles:
            return Missing(set(), {customer_id})
        profile, shard = self.profiles[customer_id]
        # All of it is in one shard: what came from another is of a time before a move.
        groups = {g for g, one in self.groups.items() if one == shard}
        customers = {c for c, (_, one) in self.profiles.items() if one == shard}
        owners = {m.owner_customer_id for m in profile.memberships}
        return Missing(groups_of(profile) - groups, owners - customers)

    def resolve(
        self, events: list[tuple[str, int]], read: ReadNow, absent: dict[int, Missing]
    ) -> tuple[list[Answer], Wanted]:
        """The answer to each (identifier, time), and what must be read first."""
        wanted = Wanted()
        self._nobody_there = False
        self._incomplete: dict[int, Answer] = {}
        answers = [
            self._resolve(row, name, time_us, read, absent, wanted)
            for row, (name, time_us) in enumerate(events)
        ]
        if self._nobody_there:
            # The directory that named the shard may be older than a move.
            told = zip(events, answers, strict=True)
            wanted.identifiers |= {name for (name, _), one in told if one.shard is None} - read.identifiers
            wanted.afresh = True
        if not wanted:
            for row, answer in self._incomplete.items():
                answers[row] = answer
        return answers, wanted

    def _resolve(
        self,
        row: int,
        name: str,
        time_us: int,
        read: ReadNow,
        absent: dict[int, Missing],
        wanted: Wanted,
    ) -> Answer:
        entry = self._entry(name, time_us)
        if entry is None:
            if name not in read.identifiers:
                wanted.identifiers.add(name)
            return Answer(None, 0, None)
        missing = self.missing(entry.customer_id)
        if missing.group_ids or missing.profile_ids:
            by_directory = entry.customer_id not in self.profiles
            _, shard = self.profiles.get(entry.customer_id, (None, entry.shard))
            profile_ids = missing.profile_ids - absent[shard].profile_ids
            if by_directory:
                profile_ids |= {one for one in missing.profile_ids if (shard, one) not in read.profiles}
                self._nobody_there |= not profile_ids
            group_ids = missing.group_ids - absent[shard].group_ids
            if profile_ids or group_ids:
                of_shard = wanted.records.setdefault(shard, Missing(set(), set()))
                of_shard.group_ids.update(group_ids)
                of_shard.profile_ids.update(profile_ids)
            elif not by_directory:
                self._incomplete[row] = Answer(entry.customer_id, 0, shard, is_incomplete=True)
            return Answer(None, 0, None)
        profile, shard = self.profiles[entry.customer_id]
        self.names_read.add(name)
        self.used |= {entry.customer_id, *(m.owner_customer_id for m in profile.memberships)}
        self.groups_read |= groups_of(profile)
        services = [s for s in profile.services if s.identifier == name]
        from_us = min((s.valid_from_us for s in services), default=0)
        to_us = max((s.valid_to_us for s in services), default=0)
        if not from_us <= time_us < to_us:
            if name not in read.identifiers:
                wanted.identifiers.add(name)
                wanted.afresh = True
            elif (shard, entry.customer_id) not in read.profiles:
                wanted.profiles[entry.customer_id] = shard
                wanted.afresh = True
        if not services:
            return Answer(None, 0, shard)
        return Answer(entry.customer_id, identifiers_of(profile).index(name), shard)

    def _entry(self, name: str, time_us: int) -> DirectoryEntry | None:
        entries = self.directory.get(name, ())
        for entry in entries:
            if entry.valid_from_us <= time_us < (entry.valid_to_us or INFINITE_US):
                return entry
        return entries[-1] if entries else None


def groups_of(profile: Profile) -> set[int]:
    """All groups that a profile stands on."""
    return {*profile.group_ids, *(m.owner_group_id for m in profile.memberships)}
