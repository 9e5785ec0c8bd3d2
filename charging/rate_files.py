"""Shell. `charging rate`: the same core with no server at all, for people who want to test a tariff.

Customers and usage come from files, the store is its in-memory twin, and everything else is what the
daemon runs: decode, resolve, decide, commit, records.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from balance_store.model import ModelStore
from balance_store.requests import NO_FLOOR, Claim, Epoch, PartitionClaim
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.explain_decision import explain_batch
from charging.explain_names import Names, people_of
from charging.explain_text import explanation_text
from charging.explanation import Explanation
from charging.messages import Message, message_columns
from charging.metrics import Metrics
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Charging, Kafka, Settings
from customer_care.install_customers import install
from customer_care.onboarding import Onboarded
from customer_care.publication import publication_of

# One shard and one partition: a file has one order.
SHARDS = 1
PARTITION = 0
EPOCH = Epoch(1, 0)
CALLER = b"rate"
LINES_A_BATCH = 1_000


class Explained(NamedTuple):
    """How decisions are explained: all of them or those of one event's id, for people or for programs."""

    event_id: str | None = None
    as_json: bool = False

    def wants(self, explanation: Explanation) -> bool:
        """Whether it was asked for."""
        event = explanation.event
        return self.event_id is None or (event is not None and event.id == self.event_id)

    def text(self, explanation: Explanation, catalogue: CompiledCatalogue) -> str:
        """One line of JSON, or a receipt with a line of space after it."""
        if self.as_json:
            return msgspec.json.encode(explanation).decode()
        return explanation_text(explanation, catalogue.catalogue) + "\n"


async def rate_usage(
    catalogue: CompiledCatalogue,
    customers: list[Onboarded],
    lines: Iterable[bytes],
    output: BinaryIO,
    *,
    notifications: bool,
    explained: Explained | None = None,
) -> None:
    """Write the record of every line to `output`, in order; bad lines come out as rejected records.

    If explained, why it was decided so comes in place of the record.
    """
    # A file has no message timestamps to be late against.
    settings = Settings(charging=Charging(horizon_hours=0, ahead_seconds=0), kafka=Kafka(partitions=1))
    ticks = itertools.count()
    store = ModelStore(SHARDS, clock_ms=lambda: next(ticks))
    await install(store, [publication_of(customer) for customer in customers])
    await store.claim(Claim(0, (PartitionClaim(PARTITION, EPOCH),)))
    owned = {PARTITION: Ownership(PARTITION, EPOCH, NO_FLOOR, {})}
    metrics = Metrics()
    sessions = ShardSessions(store, BalanceCache(catalogue, settings.charging.cache_rows_max))
    tags = (number.to_bytes(8, "big") for number in itertools.count(1))
    charger = BatchCharger(sessions, decision_limits(settings.charging), CALLER, lambda: next(tags), metrics)
    writer = RecordWriter(catalogue, settings.kafka.topics.usage, "json")
    names = Names(catalogue, people_of(customers))
    for messages in _batches(lines):
        decoded = decode_messages(message_columns(messages), catalogue, settings.charging.message_bytes_max)
        batch = ChargedBatch(decoded, owned, catalogue.version, explained=explained is not None)
        await charger.charge(batch, owned)
        if explained is not None:
            for explanation in explain_batch(batch, settings.kafka.topics.usage, names):
                if explained.wants(explanation):
                    output.write(explained.text(explanation, catalogue).encode() + b"\n")
        else:
            records, _ = batch_outputs(batch, writer)
            for record in records:
                if record.topic != "notifications" or notifications:
                    output.write(record.value + b"\n")
        owned[PARTITION].raise_floor(batch.floors()[PARTITION])
    output.flush()


def _batches(lines: Iterable[bytes]) -> Iterator[list[Message]]:
    """Non-empty lines as messages whose offset is the line's number, counted from 1."""
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    messages = (Message(PARTITION, number, 0, line, ()) for number, line in numbered if line)
    while batch := list(itertools.islice(messages, LINES_A_BATCH)):
        yield batch
