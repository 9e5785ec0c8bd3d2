"""Shell. The serial replay: every commit that the store took, decided again one after the other by the pure core.

The order is the store's own (`store_log`). What a commit of usage does not tell is how the events of several
partitions lay in the daemon's batch; the workload sees to it that this decides nothing. Each record that the
store was ever given is compared with what the replay makes of the same events and commands, byte by byte.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable

import msgspec

from balance_store.decision_record import unpack_decisions
from balance_store.directory_record import with_customer
from balance_store.group_record import pack_group, unpack_group
from balance_store.mark_record import is_mark
from balance_store.model import ModelStore
from balance_store.profile_record import Profile, unpack_profile
from balance_store.requests import (
    NO_FLOOR,
    Claim,
    Commit,
    CommitStatus,
    Epoch,
    Load,
    PartitionClaim,
    Records,
)
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.metrics import Metrics
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from config.load import load_compiled_catalogue
from config.settings import Settings
from customer_care.apply_command import CommandTools
from customer_care.commands import Answer, command_hash
from customer_care.onboarding import directory_of
from customer_care.recent_commands import recent_commands
from tests.chaos.store_log import Written
from tests.chaos.workload import Order

SHARD = 0
EPOCH = Epoch(1, 0)
Place = tuple[int, int, int]  # partition, offset, index


class Replay:
    """A store in memory that is told what the real one was told, and what it found on the way."""

    def __init__(
        self, settings: Settings, logs: dict[int, dict[int, Message]], orders: Iterable[Order]
    ) -> None:
        catalogue = load_compiled_catalogue(settings.catalogue.directory)
        self._settings = settings
        self._logs = logs
        self._orders = {command_hash(one.command_id): one for one in orders}
        self._tools = CommandTools(catalogue, settings.charging.snapshots_max)
        self._writer = RecordWriter(catalogue, settings.kafka.topics.usage, settings.charging.output_format)
        self._cache = BalanceCache(catalogue, 100_000)
        self.store = ModelStore(1, lambda: 0, reservation_ms=0)
        self._tags = (number.to_bytes(8, "big") for number in itertools.count(1))
        self._charger = BatchCharger(
            ShardSessions(self.store, self._cache),
            decision_limits(settings.charging),
            b"replay",
            lambda: next(self._tags),
            Metrics(),
        )
        self._owned = {p: Ownership(p, EPOCH, NO_FLOOR, {}) for p in logs}
        self._profiles: dict[int, Profile] = {}
        self.decided: Counter[Place] = Counter()
        self.answers: dict[str, Answer] = {}
        self.given: Counter[str] = Counter()
        # (kind, id) -> content of every record that must have been published.
        self.records: dict[tuple[str, str], bytes] = {}
        self.faults: list[str] = []

    def run(self, commits: Iterable[Written]) -> None:
        """All of it."""
        asyncio.run(self._run(commits))

    async def _run(self, commits: Iterable[Written]) -> None:
        await self.store.claim(Claim(SHARD, tuple(PartitionClaim(p, EPOCH) for p in self._logs)))
        for number, written in enumerate(commits):
            if written.decisions:
                await self._charge(written)
            elif written.groups:
                await self._take(written)
            await self._compare(number, written)

    async def _charge(self, written: Written) -> None:
        """Decide the same events; in the replay nothing was decided before."""
        messages = []
        for partition, entry in written.decisions:
            version, events = unpack_decisions(entry)
            assert version == self._cache.catalogue.version, "one catalogue in all of the run"
            places = [(partition, event.offset, event.event_index) for event in events]
            self.decided.update(places)
            messages += [self._logs[partition][offset] for _, offset, _ in places]
        decoded = decode_messages(
            message_columns(messages), self._cache.catalogue, self._settings.charging.message_bytes_max
        )
        batch = ChargedBatch(decoded, self._owned, self._cache.catalogue.version)
        await self._charger.charge(batch, self._owned)
        outputs, _ = batch_outputs(batch, self._writer)
        for one in outputs:
            name = one.topic, msgspec.json.decode(one.value)["id"]
            self.records[name] = one.value

    async def _take(self, written: Written) -> None:
        """Records that came without usage: new customers, a command, or customers who moved as they were."""
        before = await self._groups(written)
        new = {g: record for g, record in written.groups.items() if before[g] is None}
        if new:
            await self._install(new, written.profiles)
        for group_id, record in written.groups.items():
            if group_id not in new and record != before[group_id]:
                await self._command(group_id, before[group_id] or b"", record)

    async def _install(self, groups: dict[int, bytes], profiles: dict[int, bytes]) -> None:
        await self._commit(Records(dict(groups), dict(profiles)))
        for record in profiles.values():
            assert not is_mark(record), "nobody moves before they are there"
            profile = unpack_profile(record)
            (group_id,) = profile.group_ids
            self._profiles[group_id] = profile
            for identifier, entries in directory_of(profile, SHARD):
                (stored,) = await self.store.find_identifiers([identifier])
                after = with_customer(stored, profile.customer_id, entries)
                assert await self.store.swap_identifier(identifier, stored, after)

    async def _command(self, group_id: int, before: bytes, after: bytes) -> None:
        """Do the command that the record remembers and the one before does not, at its time."""
        known = set(recent_commands(unpack_group(before)))
        new = [one for one in recent_commands(unpack_group(after)) if one not in known]
        if len(new) != 1 or new[0].id_hash not in self._orders:
            self.faults.append(f"group {group_id} was changed by {len(new)} commands that nobody gave")
            return
        one = self._orders[new[0].id_hash]
        changed = self._tools.apply(
            one.command, new[0].id_hash, unpack_group(before), self._profiles[group_id], new[0].done_us
        )
        self.given[one.command_id] += 1
        if changed.image is None:
            self.faults.append(f"{one} changed group {group_id}, and would not: {changed.answer}")
            return
        assert isinstance(changed.answer, Answer)
        self.answers[one.command_id] = changed.answer
        await self._commit(Records({group_id: pack_group(changed.image, 0)}, {}))

    async def _commit(self, writes: Records) -> None:
        seen = (await self.store.load(Load(SHARD, None, (), ()))).version
        answer = await self.store.commit(
            Commit(
                shard=SHARD,
                seen=seen,
                tag=next(self._tags),
                caller=b"replay",
                catalogue_version=self._cache.catalogue.version,
                writes=writes,
                read_group_ids=(),
                read_profile_ids=(),
                usage=(),
            )
        )
        assert answer.status is CommitStatus.ACCEPTED

    def groups(self) -> dict[int, bytes]:
        """Every balance group's record, as it must be at the end."""
        return self.store.group_records()

    def groups_of(self, identifiers: set[str]) -> set[int]:
        """Balance groups of whoever has one of these identifiers."""
        return {
            group_id
            for group_id, profile in self._profiles.items()
            if any(service.identifier in identifiers for service in profile.services)
        }

    async def _groups(self, written: Written) -> dict[int, bytes | None]:
        ids = tuple(sorted(written.groups))
        return dict((await self.store.load(Load(SHARD, None, ids, ()))).records.groups)

    async def _compare(self, number: int, written: Written) -> None:
        ours = await self._groups(written)
        for group_id, record in written.groups.items():
            if ours[group_id] != record:
                self.faults.append(f"commit {number}: group {group_id} is not what the replay makes of it")
