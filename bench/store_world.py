"""Shell. Balance groups in a store, and calls that change them: seeded, made before the clock runs."""

import random
from collections.abc import Callable

import msgspec

from balance_store.commit_call import Call, command_start, commit_call
from balance_store.functions import CLAIM
from balance_store.keyspace import (
    decisions_key,
    directory_key,
    groups_key,
    header_key,
    pack_id,
    profiles_key,
    recent_key,
)
from balance_store.packed_records import record_arguments
from balance_store.requests import Commit, Epoch, Floor, Records, Usage, Version
from bench.store_server import StoreServer
from bench.store_tried import Way
from bench.typical_customer import typical_entry, typical_identifier, typical_profile, typical_record

SEED = 20_261_125
FILL_AT_ONCE = 1_000
# Distinct contents; more would only take longer to make.
CONTENTS = 64
SAMPLES = 1_000
# Ids as long as those of a deployment with millions of customers.
FIRST_TYPICAL = 1_000_000
# Commits whose decisions a floor has not passed yet.
DECISIONS_KEPT = 10


class StoreWorld:
    """`customers` balance groups over `shards`, and the versions that writers have seen."""

    def __init__(self, server: StoreServer, customers: int, shards: int, record_bytes: int) -> None:
        self._server = server
        self._customers = customers
        self._shards = shards
        self._dice = random.Random(SEED)
        self._contents = [self._dice.randbytes(record_bytes) for _ in range(CONTENTS)]
        self._offset = 0
        self._now: dict[int, Version] = {}

    def fill(self) -> None:
        """Write every group once, and claim."""
        client = self._server.client
        for shard in range(self._shards):
            ids = range(shard, self._customers, self._shards)
            for first in range(0, len(ids), FILL_AT_ONCE):
                some = ids[first : first + FILL_AT_ONCE]
                client.hset(
                    groups_key(shard), mapping={pack_id(i): self._contents[i % CONTENTS] for i in some}
                )
        self.claim()

    def claim(self) -> None:
        """Claim the partition that commits name on every shard."""
        for shard in range(self._shards):
            keys = (header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard))
            number, tag, _ = self._server.client.fcall(CLAIM, 5, *keys, decisions_key(shard, 0), 0, 1, 0)
            self._now[shard] = Version(int(number), tag)

    def hsets(self, size: int, calls: int) -> list[Call]:
        """Plain HSETs, each of groups of a random shard."""
        return self.tried(_hset, size, calls)

    def tried(self, make: Way, size: int, calls: int) -> list[Call]:
        """The same in another way."""
        return [make(*self._some(size, 0, 1)) for _ in range(calls)]

    def commits(self, size: int, calls: int, writers: int, decision_bytes: int) -> list[Call]:
        """Commits of writers in turn, each of groups of its own, none of which can be refused.

        A writer knows the version of its own last commit to the shard, so the others' since are checked.
        """
        # Whoever starts has just read the shard.
        seen = {(writer, shard): now for writer in range(writers) for shard, now in self._now.items()}
        made = []
        for turn in range(calls):
            writer = turn % writers
            shard, records = self._some(size, writer, writers)
            tag = self._dice.randbytes(8)
            made.append(
                commit_call(self._commit(shard, seen[writer, shard], tag, writer, records, decision_bytes))
            )
            self._now[shard] = seen[writer, shard] = Version(self._now[shard].number + 1, tag)
        return made

    def _commit(
        self,
        shard: int,
        seen: Version,
        tag: bytes,
        writer: int,
        records: dict[int, bytes],
        decision_bytes: int,
    ) -> Commit:
        size = len(records)
        self._offset += size
        decisions = bytes(decision_bytes * size)
        floor = self._offset - DECISIONS_KEPT * size
        usage = Usage(
            0, Epoch(1, 0), decisions, self._offset if decisions else -1, Floor(floor, floor - 1, 0)
        )
        writes = Records(records, {})
        return Commit(shard, seen, tag, b"writer%d" % writer, 1, writes, (), tuple(records), (usage,))

    def _some(self, size: int, writer: int, writers: int) -> tuple[int, dict[int, bytes]]:
        """A shard, and new records of groups that are this writer's."""
        shard = self._dice.randrange(self._shards)
        mine = range(shard + writer * self._shards, self._customers, self._shards * writers)
        return shard, {i: self._dice.choice(self._contents) for i in sorted(self._dice.sample(mine, size))}

    def fill_typical(self) -> dict[str, float]:
        """Write typical customers in full; mean bytes of each part, memory by the server's own figure."""
        records = [typical_record(FIRST_TYPICAL + n) for n in range(SAMPLES)]
        profiles = [typical_profile(FIRST_TYPICAL + n) for n in range(SAMPLES)]
        sizes: dict[str, float] = {
            "record_bytes": sum(map(len, records)) / SAMPLES,
            "profile_bytes": sum(map(len, profiles)) / SAMPLES,
        }

        def group(number: int) -> tuple[str, bytes | str, bytes]:
            # Contents repeat, fields do not.
            return groups_key(number % self._shards), pack_id(number), records[number % SAMPLES]

        def profile(number: int) -> tuple[str, bytes | str, bytes]:
            return profiles_key(number % self._shards), pack_id(number), profiles[number % SAMPLES]

        def entry(number: int) -> tuple[str, bytes | str, bytes]:
            shard = number % self._shards
            value = msgspec.msgpack.encode((typical_entry(number, shard),))
            return directory_key(shard), typical_identifier(number), value

        for name, part in (("group", group), ("profile", profile), ("directory", entry)):
            sizes[f"{name}_memory"] = self._memory_of(part)
        sizes["customer_memory"] = sum(sizes[f"{part}_memory"] for part in ("group", "profile", "directory"))
        return sizes

    def _memory_of(self, part: Callable[[int], tuple[str, bytes | str, bytes]]) -> float:
        """Memory that one field a customer takes, a customer."""
        before = self._server.memory_bytes()
        for first in range(0, self._customers, FILL_AT_ONCE):
            pipeline = self._server.client.pipeline(transaction=False)
            for number in range(first, min(first + FILL_AT_ONCE, self._customers)):
                pipeline.hset(*part(number))
            pipeline.execute()
        return (self._server.memory_bytes() - before) / self._customers


def _hset(shard: int, records: dict[int, bytes]) -> Call:
    start = command_start(2 + 2 * len(records), "HSET", groups_key(shard))
    return Call([start, record_arguments(records)], 1)
