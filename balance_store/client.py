"""Shell. The only module that talks to Redis or Valkey while usage flows.

No call is repeated here or below: a call without an answer raises StoreUnreachableError, and the caller
finds out what happened by claiming again (ARCHITECTURE 5.4).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from balance_store.connection import connect, durability_faults
from balance_store.deployment import FUNCTIONS_VERSION
from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.keyspace import (
    bucket_of,
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    pack_id,
    profiles_key,
    recent_key,
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
    StoreMismatchError,
    StoreUnreachableError,
    Version,
)
from config.settings import Store as StoreSettings

# About a round trip, a decision and a flush of a busy daemon.
RESERVATION_MS = 50
# Ids that the list of recent commits may hold in each shard: several seconds of a busy one.
RECENT_BYTES_MAX = 1 << 20


class StoreClient:
    """The Store Protocol over one server."""

    def __init__(self, client: Redis, settings: StoreSettings) -> None:
        self._client = client
        self._url = settings.url
        self.shards = settings.shards

    @classmethod
    async def connect(cls, settings: StoreSettings) -> "StoreClient":
        """Connect and check that the deployment is there, whole and durable.

        Raises StoreMismatchError with the cure, StoreUnreachableError where no server answers.
        """
        store = cls(connect(settings), settings)
        try:
            await store._check(settings)
        except BaseException:
            await store.close()
            raise
        return store

    async def _check(self, settings: StoreSettings) -> None:
        try:
            faults = await durability_faults(self._client) if settings.require_durable else []
            version = await self._client.fcall_ro("cl_version", 0)
            pipeline = self._client.pipeline(transaction=False)
            for shard in range(self.shards):
                pipeline.hget(header_key(shard), "shards")
            shards = await pipeline.execute()
        except ResponseError as error:
            raise StoreMismatchError(
                f"the store at {self._url} has no deployment ({error}): run `charging store create`"
            ) from error
        except (RedisError, OSError) as error:
            raise StoreUnreachableError(f"no store answers at {self._url}: {error}") from error
        if version != FUNCTIONS_VERSION:
            faults.append(f"the store has functions version {version.decode()}: run `charging store create`")
        # Shard 0 is made first, so it is there wherever any is.
        if shards[0] is not None and int(shards[0]) != self.shards:
            faults.append(f"the deployment has {int(shards[0])} shards, the settings say {self.shards}")
        elif None in shards:
            missing = shards.count(None)
            faults.append(f"the store lacks {missing} of {self.shards} shards: run `charging store create`")
        if faults:
            raise StoreMismatchError("; ".join(faults))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def load(self, load: Load) -> LoadAnswer:
        """Read records."""
        answer = await self._call(
            lambda: self._client.fcall_ro(
                "cl_load",
                4,
                *_keys(load.shard),
                *_version_arguments(load.seen),
                b"".join(map(pack_id, load.group_ids)),
                b"".join(map(pack_id, load.profile_ids)),
            )
        )
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
        answer = await self._call(lambda: self._client.fcall("cl_commit", len(keys), *keys, *arguments))
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
        answer = await self._call(lambda: self._client.fcall("cl_claim", len(keys), *keys, *arguments))
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
        return int(await self._call(lambda: self._client.incr(draw_key(partition))))

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        """Entries of each identifier, in the order asked; empty = none."""
        by_bucket: dict[int, list[str]] = {}
        for identifier in identifiers:
            by_bucket.setdefault(bucket_of(identifier, self.shards), []).append(identifier)
        pipeline = self._client.pipeline(transaction=False)
        for bucket, names in by_bucket.items():
            pipeline.hmget(directory_key(bucket), names)
        answers = await self._call(pipeline.execute)
        found: dict[str, tuple[DirectoryEntry, ...]] = {}
        for names, values in zip(by_bucket.values(), answers, strict=True):
            for name, value in zip(names, values, strict=True):
                found[name] = () if value is None else unpack_entries(value)
        return [found[identifier] for identifier in identifiers]

    async def set_identifier(self, identifier: str, entries: tuple[DirectoryEntry, ...]) -> None:
        """Replace an identifier's entries."""
        value = pack_entries(entries)
        await self._call(
            lambda: self._client.hset(directory_key(bucket_of(identifier, self.shards)), identifier, value)
        )

    async def _call(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except ResponseError as error:
            if str(error).startswith("NOHEADER"):
                raise StoreMismatchError(f"the store at {self._url} lost a shard: {error}") from error
            raise
        except (RedisError, OSError) as error:
            raise StoreUnreachableError(f"no answer from the store at {self._url}: {error}") from error


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
