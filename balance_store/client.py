"""Shell. The only module that talks to Redis or Valkey while usage flows.

No call is repeated here or below: a call without an answer raises StoreUnreachableError, and the caller
finds out what happened by claiming again (ARCHITECTURE 5.4).
"""

import zlib

import msgspec

from balance_store.connection import open_link
from balance_store.functions import CLAIM, COMMIT, LOAD
from balance_store.keyspace import (
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    pack_id,
    profiles_key,
    recent_key,
    settled_key,
    shard_slot,
    slot_of,
    unpack_ids,
)
from balance_store.requests import (
    NO_FLOOR,
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
from balance_store.resp_connection import pack
from balance_store.server_check import check_deployment, check_servers
from balance_store.shard_link import Link
from config.settings import Store as StoreSettings

# About a round trip, a decision and a flush of a busy daemon.
RESERVATION_MS = 50
# Ids that the list of recent commits may hold in each shard: several seconds of a busy one.
RECENT_BYTES_MAX = 1 << 20

_ENTRIES = msgspec.msgpack.Decoder(tuple[DirectoryEntry, ...])


class StoreClient:
    """The Store Protocol over a server or a Cluster."""

    def __init__(self, link: Link, settings: StoreSettings) -> None:
        self._link = link
        self.shards = settings.shards
        self._acknowledges = settings.replicas_acknowledged > 0

    @classmethod
    async def connect(cls, settings: StoreSettings) -> "StoreClient":
        """Connect and check that the deployment is there, whole and durable.

        Raises StoreMismatchError with the cure, StoreUnreachableError where no server answers or one that
        answers cannot serve just now.
        """
        link = await open_link(settings)
        try:
            await check_servers(link, settings)
            await check_deployment(link, settings.shards)
        except BaseException:
            link.close()
            raise
        return cls(link, settings)

    async def close(self) -> None:
        """Close the connections."""
        self._link.close()

    async def load(self, load: Load) -> LoadAnswer:
        """Read records."""
        command = pack(
            "FCALL_RO",
            LOAD,
            4,
            *_keys(load.shard),
            *_version_arguments(load.seen),
            b"".join(map(pack_id, load.group_ids)),
            b"".join(map(pack_id, load.profile_ids)),
        )
        answer = await self._link.read(shard_slot(load.shard), command)
        number, tag, unknown, groups, profiles, group_records, profile_records = answer
        return LoadAnswer(
            Version(int(number), tag),
            _changed(unknown, groups, profiles),
            Records(_records(group_records), _records(profile_records)),
        )

    async def commit(self, commit: Commit) -> CommitAnswer:
        """Change a shard: all of it, or nothing."""
        arguments = commit_arguments(commit)
        keys = (*_keys(commit.shard), *(decisions_key(commit.shard, u.partition) for u in commit.usage))
        command = pack("FCALL", COMMIT, len(keys), *keys, *arguments)
        answer = await self._link.write(shard_slot(commit.shard), command)
        status, number, tag, unknown, groups, profiles, fenced, catalogue, fresh_groups, fresh_profiles = (
            answer
        )
        return CommitAnswer(
            CommitStatus(status),
            Version(int(number), tag),
            _changed(unknown, groups, profiles),
            Records(_records(fresh_groups), _records(fresh_profiles)),
            tuple(int(partition) for partition in fenced.split(b",") if partition),
            int(catalogue),
        )

    async def claim(self, claim: Claim) -> ClaimAnswer:
        """Take partitions over."""
        keys = (*_keys(claim.shard), *(decisions_key(claim.shard, p.partition) for p in claim.partitions))
        arguments = [str(number) for p in claim.partitions for number in (p.partition, *p.epoch)]
        command = pack("FCALL", CLAIM, len(keys), *keys, *arguments)
        answer = await self._link.write(shard_slot(claim.shard), command)
        number, tag, *states = answer
        return ClaimAnswer(
            Version(int(number), tag),
            tuple(
                PartitionState(p.partition, bool(granted), _epoch(epoch), _floor(floor), tuple(entries))
                for p, (granted, epoch, floor, entries) in zip(claim.partitions, states, strict=True)
            ),
        )

    async def draw_epoch(self, partition: int) -> int:
        """The next number of the partition's counter."""
        key = draw_key(partition)
        return int(await self._link.write(slot_of(key), pack("INCR", key)))

    async def settle(self, shard: int) -> None:
        """Return when as many replicas as asked for have all that this shard has answered so far.

        A load may show what is not acknowledged yet. An acknowledged write after it says that by now it is.
        """
        if self._acknowledges:
            await self._link.write(shard_slot(shard), pack("INCR", settled_key(shard)))

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        """Entries of each identifier, in the order asked; empty = none."""
        by_bucket: dict[int, list[str]] = {}
        for identifier in identifiers:
            by_bucket.setdefault(self._bucket(identifier), []).append(identifier)
        commands = []
        for bucket, names in by_bucket.items():
            key = directory_key(bucket)
            commands.append((slot_of(key), pack("HMGET", key, *names)))
        answers = await self._link.read_many(commands)
        found: dict[str, tuple[DirectoryEntry, ...]] = {}
        for names, values in zip(by_bucket.values(), answers, strict=True):
            for name, value in zip(names, values, strict=True):
                found[name] = () if value is None else _ENTRIES.decode(value)
        return [found[identifier] for identifier in identifiers]

    async def set_identifier(self, identifier: str, entries: tuple[DirectoryEntry, ...]) -> None:
        """Replace an identifier's entries."""
        key = directory_key(self._bucket(identifier))
        command = pack("HSET", key, identifier, msgspec.msgpack.encode(entries))
        await self._link.write(slot_of(key), command)

    def _bucket(self, identifier: str) -> int:
        # Any stable spread will do; the sum of bytes would put neighbours together, CRC does not.
        return zlib.crc32(identifier.encode()) % self.shards


def commit_arguments(commit: Commit) -> list[bytes | str | int]:
    """ARGV of `cl_commit`, in the order that its header gives."""
    written_groups = {i: record for i, record in commit.writes.groups.items() if record is not None}
    written_profiles = {i: record for i, record in commit.writes.profiles.items() if record is not None}
    arguments: list[bytes | str | int] = [
        *_version_arguments(commit.seen),
        commit.tag,
        commit.caller,
        commit.catalogue_version,
        b"".join(map(pack_id, written_groups)),
        b"".join(pack_id(i) for i, record in commit.writes.groups.items() if record is None),
        b"".join(map(pack_id, commit.read_group_ids)),
        b"".join(map(pack_id, written_profiles)),
        b"".join(pack_id(i) for i, record in commit.writes.profiles.items() if record is None),
        b"".join(map(pack_id, commit.read_profile_ids)),
        RESERVATION_MS,
        RECENT_BYTES_MAX,
        len(commit.usage),
        commit.lowest_catalogue,
    ]
    for usage in commit.usage:
        floor = "" if usage.floor == NO_FLOOR else " ".join(map(str, usage.floor))
        arguments += [
            usage.partition,
            usage.epoch.draw,
            usage.epoch.attempt,
            usage.decisions,
            usage.highest_offset,
            floor,
        ]
    for written in (written_groups, written_profiles):
        for number, record in written.items():
            arguments += [pack_id(number), record]
    return arguments


def _keys(shard: int) -> tuple[str, ...]:
    return header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard)


def _version_arguments(seen: Version | None) -> tuple[str | bytes, str | bytes]:
    return ("", "") if seen is None else (str(seen.number), seen.tag)


def _changed(unknown: int, groups: bytes, profiles: bytes) -> Changed:
    return Changed(bool(unknown), unpack_ids(groups), unpack_ids(profiles))


def _records(pairs: list[bytes | None]) -> dict[int, bytes | None]:
    ids = (number for number in pairs[::2] if number is not None)
    return {int.from_bytes(number, "big"): record for number, record in zip(ids, pairs[1::2], strict=True)}


def _epoch(text: bytes) -> Epoch:
    return Epoch(*map(int, text.split()))


def _floor(text: bytes) -> Floor:
    return Floor(*map(int, text.split())) if text else NO_FLOOR
