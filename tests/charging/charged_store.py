"""Shell. A live store in which the sample's customers have used something, some of it above the floors."""

import asyncio
import itertools
import json

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import NO_FLOOR, Claim, Epoch, PartitionClaim
from bench.workload import customer_lines, usage_events
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from config.load import load_compiled_catalogue
from config.settings import Charging
from config.settings import Store as StoreSettings
from customer_care.install_customers import install
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of

PARTITION = 0
BATCH = 200
CUSTOMERS = 60
EVENTS = 600


def charge_store(settings: StoreSettings, customers: int = CUSTOMERS, events: int = EVENTS) -> None:
    """Make the deployment and its customers and charge events; the last half of the batches stays above the floor."""
    asyncio.run(fill_and_charge(settings, customers, events))


async def fill_and_charge(settings: StoreSettings, customers: int, events: int) -> None:
    catalogue = load_compiled_catalogue("")
    await create(settings)
    lines = [json.dumps(line).encode() for line in customer_lines(customers)]
    onboarded, faults = onboard_lines(lines, catalogue, settings.shards)
    assert not faults
    store = await StoreClient.connect(settings)
    await install(store, [publication_of(one) for one in onboarded])
    epoch = Epoch(await store.draw_epoch(PARTITION), 0)
    for shard in range(settings.shards):
        await store.claim(Claim(shard, (PartitionClaim(PARTITION, epoch),)))
    owned = {PARTITION: Ownership(PARTITION, epoch, NO_FLOOR, {})}
    limits = Charging(horizon_hours=0, ahead_seconds=0)
    tags = (number.to_bytes(8, "big") for number in itertools.count(1))
    charger = BatchCharger(
        ShardSessions(store, BalanceCache(catalogue, limits.cache_rows_max)),
        decision_limits(limits),
        b"test",
        lambda: next(tags),
        Metrics(),
    )
    messages = [
        Message(PARTITION, number, 0, json.dumps(event).encode(), ())
        for number, event in enumerate(usage_events(customers, events))
    ]
    for first in range(0, events, BATCH):
        columns = message_columns(messages[first : first + BATCH])
        decoded = decode_messages(columns, catalogue, limits.message_bytes_max)
        batch = ChargedBatch(decoded, owned, catalogue.version, explained=False)
        await charger.charge(batch, owned)
        if first < events // 2:
            owned[PARTITION].raise_floor(batch.floors()[PARTITION])
    await store.close()
