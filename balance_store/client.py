"""Shell. The only module that talks to Redis or Valkey while usage flows.

No call is repeated here or below: a call without an answer raises StoreUnreachableError, and the caller
finds out what happened by claiming again (ARCHITECTURE 5.4).
"""

from balance_store.commit_call import commit_call, read_commit_answer
from balance_store.connection import open_link
from balance_store.directory_record import pack_entries, stored_forms, unpack_entries
from balance_store.functions import CLAIM, SWAP_DIRECTORY
from balance_store.keyspace import (
    bucket_of,
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    profiles_key,
    recent_key,
    settled_key,
    shard_slot,
    slot_of,
)
from balance_store.load_call import load_call, read_load_answer
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
    Version,
)
from balance_store.resp_connection import pack
from balance_store.server_check import check_deployment, check_servers, written_schema
from balance_store.shard_link import Link
from config.settings import Store as StoreSettings


class StoreClient:
    """The Store Protocol over a server or a Cluster."""

    def __init__(self, link: Link, settings: StoreSettings, group_schema: int) -> None:
        self._link = link
        self.shards = settings.shards
        self.group_schema = group_schema
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
            group_schema = await written_schema(link)
        except BaseException:
            link.close()
            raise
        return cls(link, settings, group_schema)

    async def close(self) -> None:
        """Close the connections."""
        self._link.close()

    async def load(self, load: Load) -> LoadAnswer:
        """Read records."""
        call = load_call(load)
        answer = await self._link.read(shard_slot(load.shard), b"".join(call.parts), call.answers)
        return read_load_answer(load, answer)

    async def commit(self, commit: Commit) -> CommitAnswer:
        """Change a shard: all of it, or nothing."""
        call = commit_call(commit)
        answer = await self._link.write(shard_slot(commit.shard), b"".join(call.parts), call.answers)
        # A transaction answers with the answers of its commands, and the first of them decided.
        return read_commit_answer(answer[0] if call.answers > 1 else answer)

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
        return [unpack_entries(record) for record in await self.stored_identifiers(identifiers)]

    async def stored_identifiers(self, identifiers: list[str]) -> list[bytes | None]:
        """The same as it is stored; None = none."""
        by_bucket: dict[int, list[str]] = {}
        for identifier in identifiers:
            by_bucket.setdefault(bucket_of(identifier, self.shards), []).append(identifier)
        commands = []
        for bucket, names in by_bucket.items():
            key = directory_key(bucket)
            commands.append((slot_of(key), pack("HMGET", key, *names)))
        found: dict[str, bytes | None] = {}
        for names, values in zip(by_bucket.values(), await self._link.read_many(commands), strict=True):
            found.update(zip(names, values, strict=True))
        return [found[identifier] for identifier in identifiers]

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        """Replace an identifier's entries if they are still `before`."""
        key = directory_key(bucket_of(identifier, self.shards))
        for stored in stored_forms(before):
            command = pack("FCALL", SWAP_DIRECTORY, 1, key, identifier.encode(), stored, pack_entries(after))
            if await self._link.write(slot_of(key), command):
                return True
        return False


def _keys(shard: int) -> tuple[str, ...]:
    return header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard)


def _epoch(text: bytes) -> Epoch:
    return Epoch(*map(int, text.split()))


def _floor(text: bytes) -> Floor:
    return Floor(*map(int, text.split())) if text else NO_FLOOR
