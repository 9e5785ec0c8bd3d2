"""Pure. The store in memory: what the functions on the server are held to, and what runs without a server.

Every rule of lua/chargeline.lua in plain Python. Time is given (`clock_ms`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from balance_store.directory_record import pack_entries
from balance_store.group_record import SCHEMA
from balance_store.requests import (
    NO_FLOOR,
    NO_RECORDS,
    Changed,
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
    CommitStatus,
    DirectoryEntry,
    Epoch,
    Floor,
    Load,
    LoadAnswer,
    PartitionState,
    Records,
    Version,
)

ID_BYTES = 8
UNKNOWN_CHANGE = Changed(unknown=True, group_ids=frozenset(), profile_ids=frozenset())


@dataclass
class _Shard:
    version: Version
    catalogue_version: int = 0
    recent: list[tuple[Version, frozenset[int], frozenset[int]]] = field(default_factory=list)
    recent_bytes: int = 0
    groups: dict[int, bytes] = field(default_factory=dict)
    profiles: dict[int, bytes] = field(default_factory=dict)
    epochs: dict[int, Epoch] = field(default_factory=dict)
    floors: dict[int, Floor] = field(default_factory=dict)
    decisions: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    reservation: tuple[bytes, int, frozenset[int]] | None = None


class ModelStore:
    """The Store Protocol over dictionaries."""

    def __init__(
        self,
        shards: int,
        clock_ms: Callable[[], int],
        reservation_ms: int = 50,
        recent_bytes_max: int = 1 << 20,
    ) -> None:
        self.shards = shards
        self.group_schema = SCHEMA
        self._clock_ms = clock_ms
        self._reservation_ms = reservation_ms
        self._recent_bytes_max = recent_bytes_max
        self._shards = [_Shard(Version(0, bytes(ID_BYTES))) for _ in range(shards)]
        for one in self._shards:
            one.recent.append((one.version, frozenset(), frozenset()))
        self._draws: dict[int, int] = {}
        self._directory: dict[str, tuple[DirectoryEntry, ...]] = {}

    async def load(self, load: Load) -> LoadAnswer:
        """Records as they are, and what changed since the caller looked."""
        shard = self._shards[load.shard]
        records = Records(
            {i: shard.groups.get(i) for i in load.group_ids},
            {i: shard.profiles.get(i) for i in load.profile_ids},
        )
        return LoadAnswer(shard.version, self._changed(shard, load.seen), records)

    async def claim(self, claim: Claim) -> ClaimAnswer:
        """Grant what is claimed with a higher epoch."""
        shard = self._shards[claim.shard]
        states = []
        for partition, epoch in claim.partitions:
            held = shard.epochs.get(partition)
            granted = held is None or epoch > held
            if granted:
                shard.epochs[partition] = epoch
            entries = tuple(entry for _, entry in shard.decisions.get(partition, ())) if granted else ()
            in_force = shard.epochs[partition]
            floor = shard.floors.get(partition, NO_FLOOR)
            states.append(PartitionState(partition, granted, in_force, floor, entries))
        return ClaimAnswer(shard.version, tuple(states))

    async def commit(self, commit: Commit) -> CommitAnswer:
        """All or nothing, by the same guards in the same order as on the server."""
        shard = self._shards[commit.shard]
        changed = self._changed(shard, commit.seen)
        fenced = tuple(u.partition for u in commit.usage if shard.epochs.get(u.partition) != u.epoch)
        if fenced:
            return self._answer(shard, CommitStatus.FENCED, changed, fenced=fenced)
        if commit.catalogue_version < shard.catalogue_version:
            return self._answer(shard, CommitStatus.CATALOGUE_OLD, changed)
        groups = frozenset(commit.writes.groups) | frozenset(commit.read_group_ids)
        profiles = frozenset(commit.writes.profiles) | frozenset(commit.read_profile_ids)
        if changed.unknown and (groups or profiles):
            return self._answer(shard, CommitStatus.UNKNOWN, changed)
        # The caller's own reservation holds until its commit, over or not; another's while its time lasts.
        reserved = self._reservation(shard, commit.caller)
        if reserved is not None and reserved[0] != commit.caller and reserved[2] & groups:
            return self._answer(shard, CommitStatus.RESERVED, changed)
        stale = Records(
            {i: shard.groups.get(i) for i in sorted(changed.group_ids & groups)},
            {i: shard.profiles.get(i) for i in sorted(changed.profile_ids & profiles)},
        )
        if stale.groups or stale.profiles:
            if reserved is None and stale.groups and self._reservation_ms > 0:
                until_ms = self._clock_ms() + self._reservation_ms
                shard.reservation = (commit.caller, until_ms, frozenset(stale.groups))
            return self._answer(shard, CommitStatus.STALE, changed, fresh=stale)
        self._write(shard, commit)
        return self._answer(shard, CommitStatus.ACCEPTED, changed)

    async def draw_epoch(self, partition: int) -> int:
        """The next number of the partition's counter."""
        self._draws[partition] = self._draws.get(partition, 0) + 1
        return self._draws[partition]

    async def settle(self, shard: int) -> None:
        """One server that forgets nothing."""
        assert 0 <= shard < self.shards

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        """Entries of each identifier; empty = none."""
        return [self._directory.get(identifier, ()) for identifier in identifiers]

    async def stored_identifiers(self, identifiers: list[str]) -> list[bytes | None]:
        """As the server stores them."""
        return [pack_entries(entries) or None for entries in await self.find_identifiers(identifiers)]

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        """Replace an identifier's entries if they are still `before`."""
        if self._directory.get(identifier, ()) != before:
            return False
        self._directory[identifier] = after
        return True

    def highest_floor(self, partition: int) -> Floor:
        """The highest floor of a partition on any shard."""
        floors = [one.floors.get(partition, NO_FLOOR) for one in self._shards]
        return max(floors, key=lambda floor: floor.next_offset)

    def group_records(self) -> dict[int, bytes]:
        """Every balance group's record, for comparison."""
        return {group_id: record for one in self._shards for group_id, record in one.groups.items()}

    def _changed(self, shard: _Shard, seen: Version | None) -> Changed:
        if seen == shard.version:
            # Even where the list was trimmed to nothing.
            return Changed(unknown=False, group_ids=frozenset(), profile_ids=frozenset())
        at = next((n for n, entry in enumerate(shard.recent) if entry[0] == seen), None)
        if at is None:
            return UNKNOWN_CHANGE
        since = shard.recent[at + 1 :]
        groups = frozenset(i for _, ids, _ in since for i in ids)
        profiles = frozenset(i for _, _, ids in since for i in ids)
        return Changed(unknown=False, group_ids=groups, profile_ids=profiles)

    def _reservation(self, shard: _Shard, caller: bytes) -> tuple[bytes, int, frozenset[int]] | None:
        """The reservation that counts for a caller: its own, or another's whose time is not over."""
        held = shard.reservation
        if held is None or (held[0] != caller and held[1] <= self._clock_ms()):
            return None
        return held

    def _write(self, shard: _Shard, commit: Commit) -> None:
        for stored, written in (
            (shard.groups, commit.writes.groups),
            (shard.profiles, commit.writes.profiles),
        ):
            for number, record in written.items():
                if record is None:
                    stored.pop(number, None)
                else:
                    stored[number] = record
        for usage in commit.usage:
            entries = shard.decisions.setdefault(usage.partition, [])
            if usage.decisions:
                entries.append((usage.highest_offset, usage.decisions))
            if usage.floor != NO_FLOOR:
                shard.floors[usage.partition] = usage.floor
                while entries and entries[0][0] < usage.floor.next_offset:
                    entries.pop(0)
        if commit.writes.groups or commit.writes.profiles:
            shard.version = Version(shard.version.number + 1, commit.tag)
            shard.recent.append(
                (shard.version, frozenset(commit.writes.groups), frozenset(commit.writes.profiles))
            )
            shard.recent_bytes += ID_BYTES * (len(commit.writes.groups) + len(commit.writes.profiles))
            while shard.recent_bytes > self._recent_bytes_max:
                _, groups, profiles = shard.recent.pop(0)
                shard.recent_bytes -= ID_BYTES * (len(groups) + len(profiles))
        shard.catalogue_version = max(shard.catalogue_version, commit.lowest_catalogue)
        reserved = self._reservation(shard, commit.caller)
        if reserved is None or reserved[0] == commit.caller:
            shard.reservation = None

    def _answer(
        self,
        shard: _Shard,
        status: CommitStatus,
        changed: Changed,
        fresh: Records = NO_RECORDS,
        fenced: tuple[int, ...] = (),
    ) -> CommitAnswer:
        return CommitAnswer(status, shard.version, changed, fresh, fenced, shard.catalogue_version)
