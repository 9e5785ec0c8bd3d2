"""Shell. The rate at which the store alone takes the commits of a round: no broker, no reading, no publishing.

Another owner takes the partitions over where the daemon left them and decides a round in batches as the daemon would.
Only the time counts in which commits are at the store: from the last of a batch's calls sent to its last answer.
"""

import time
import zlib
from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from balance_store.client import StoreClient
from balance_store.cluster_map import Endpoint
from balance_store.connection import open_link
from balance_store.server_check import written_schema
from balance_store.shard_link import Link
from bench.deployed import Deployed
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from charging.take_over import take_over
from config.load import load_compiled_catalogue

TAG_BYTES = 8


class TimedLink:
    """Passes calls on, and adds up how long the server had writes to do."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._under_way = 0
        self._sent_at = 0.0
        self.spent_s = 0.0

    async def write(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        """Calls sent together count from the last of them: making their bytes is our own work."""
        self._under_way += 1
        self._sent_at = time.perf_counter()
        try:
            return await self._link.write(slot, commands, answers)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self.spent_s += time.perf_counter() - self._sent_at

    async def read(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        return await self._link.read(slot, commands, answers)

    async def read_many(self, commands: list[tuple[int, bytes]]) -> list[Any]:
        return await self._link.read_many(commands)

    async def on_masters(self, command: bytes) -> dict[Endpoint, Any]:
        return await self._link.on_masters(command)

    async def on_replicas(self, command: bytes) -> dict[Endpoint, Any]:
        return await self._link.on_replicas(command)

    def close(self) -> None:
        self._link.close()


async def store_alone(deployed: Deployed, events: Iterable[dict[str, Any]]) -> float:
    """Events a second; the first batch, which loads most customers, does not count."""
    settings = deployed.settings
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    link = TimedLink(await open_link(settings.store))
    store = StoreClient(link, settings.store, await written_schema(link))
    sessions = ShardSessions(store, BalanceCache(catalogue, settings.charging.cache_rows_max))
    numbers = iter(range(1 << 62))
    charger = BatchCharger(
        sessions,
        decision_limits(settings.charging),
        b"alone",
        lambda: next(numbers).to_bytes(TAG_BYTES, "big"),
        Metrics(),
    )
    counted, spent_s = 0, 0.0
    try:
        owners = await take_over(sessions, range(settings.kafka.partitions), {}, frozenset())
        owned = {one.partition: one for one in owners}
        encode = msgspec.json.encode if deployed.wire == "json" else msgspec.msgpack.encode
        offsets = {partition: max(one.floor.next_offset, 0) for partition, one in owned.items()}
        waiting = iter(events)
        while some := list(islice(waiting, settings.charging.batch_events_max)):
            messages = [_message(event, offsets, encode(event)) for event in some]
            decoded = decode_messages(
                message_columns(messages), catalogue, settings.charging.message_bytes_max
            )
            before_s, known = link.spent_s, sessions.cache.groups
            await _charge(charger, ChargedBatch(decoded, owned, catalogue.version), owned)
            if known:
                counted, spent_s = counted + len(some), spent_s + link.spent_s - before_s
    finally:
        await store.close()
    return counted / spent_s


async def _charge(charger: BatchCharger, batch: ChargedBatch, owned: dict[int, Ownership]) -> None:
    await charger.charge(batch, owned)
    for partition, floor in batch.floors().items():
        owned[partition].raise_floor(floor)


def _message(event: dict[str, Any], offsets: dict[int, int], value: bytes) -> Message:
    """As if a network element had sent it: a customer's events are in one partition."""
    partition = zlib.crc32(event["service"].encode()) % len(offsets)
    offset = offsets[partition]
    offsets[partition] = offset + 1
    kind = b"application/json" if value.startswith(b"{") else b"application/msgpack"
    return Message(partition, offset, 0, value, (("content-type", kind),))
