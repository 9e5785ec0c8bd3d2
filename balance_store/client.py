"""Shell. The only module that talks to Redis or Valkey while usage flows.

No call is repeated here or below: a call without an answer raises StoreUnreachableError, and the caller
finds out what happened by claiming again (ARCHITECTURE 5.4).
"""

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from balance_store.commit_call import (
    Call,
    commit_call,
    pack_ids,
    read_changed,
    read_commit_answer,
    read_records,
    version_arguments,
)
from balance_store.connection import connect, durability_faults
from balance_store.deployment import FUNCTIONS_VERSION
from balance_store.keyspace import (
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    profiles_key,
    recent_key,
)
from balance_store.requests import (
    NO_FLOOR,
    Claim,
    ClaimAnswer,
    Commit,
    CommitAnswer,
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

_ENTRIES = msgspec.msgpack.Decoder(tuple[DirectoryEntry, ...])


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
                *version_arguments(load.seen),
                pack_ids(load.group_ids),
                pack_ids(load.profile_ids),
            )
        )
        number, tag, unknown, groups, profiles, group_records, profile_records = answer
        return LoadAnswer(
            Version(int(number), tag),
            read_changed(unknown, groups, profiles),
            Records(read_records(group_records), read_records(profile_records)),
        )

    async def commit(self, commit: Commit) -> CommitAnswer:
        """Change a shard: all of it, or nothing."""
        *_, answer = await self._call(lambda: self._exchange(commit_call(commit)))
        # A transaction answers with the answers of its commands, and the first of them decided.
        return read_commit_answer(answer[0] if isinstance(answer[0], list) else answer)

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
            by_bucket.setdefault(self._bucket(identifier), []).append(identifier)
        pipeline = self._client.pipeline(transaction=False)
        for bucket, names in by_bucket.items():
            pipeline.hmget(directory_key(bucket), names)
        answers = await self._call(pipeline.execute)
        found: dict[str, tuple[DirectoryEntry, ...]] = {}
        for names, values in zip(by_bucket.values(), answers, strict=True):
            for name, value in zip(names, values, strict=True):
                found[name] = () if value is None else _ENTRIES.decode(value)
        return [found[identifier] for identifier in identifiers]

    async def set_identifier(self, identifier: str, entries: tuple[DirectoryEntry, ...]) -> None:
        """Replace an identifier's entries."""
        value = msgspec.msgpack.encode(entries)
        await self._call(
            lambda: self._client.hset(directory_key(self._bucket(identifier)), identifier, value)
        )

    def _bucket(self, identifier: str) -> int:
        # Any stable spread will do; the sum of bytes would put neighbours together, CRC does not.
        return zlib.crc32(identifier.encode()) % self.shards

    async def _exchange(self, call: Call) -> list[Any]:
        """Send a call in one piece and read its answers, on one connection that nobody else has meanwhile.

        A connection whose answers were not all read is closed: the next call must not take them for its own.
        """
        pool = self._client.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(call.parts)
            answers = [await _answer(connection) for _ in range(call.answers)]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        for answer in (*answers, *(answers[-1] if isinstance(answers[-1], list) else ())):
            if isinstance(answer, ResponseError):
                raise answer
        return answers

    async def _call(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except ResponseError as error:
            if str(error).startswith(("NOHEADER", "LEFTOPEN")):
                raise StoreMismatchError(f"the store at {self._url} lost a shard: {error}") from error
            raise
        except (RedisError, OSError) as error:
            raise StoreUnreachableError(f"no answer from the store at {self._url}: {error}") from error


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        # A command was refused; the answers of those behind it are still to come.
        return error


def _keys(shard: int) -> tuple[str, ...]:
    return header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard)


def _epoch(text: bytes) -> Epoch:
    return Epoch(*map(int, text.split()))


def _floor(text: bytes) -> Floor:
    return Floor(*map(int, text.split())) if text else NO_FLOOR
