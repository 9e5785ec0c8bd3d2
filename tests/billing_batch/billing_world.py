"""Shell. A small operator at the end of its month: records in SQL, a store in memory, charged events."""

import asyncio
import datetime
import itertools
from collections import defaultdict

import msgspec
from sqlalchemy import select

from balance_store.model import ModelStore
from balance_store.requests import NO_FLOOR, Claim, Epoch, PartitionClaim
from billing_batch.audit import Comparison
from billing_batch.close_cycles import Billing, RunReport
from billing_batch.read_audit import (
    Rated,
    add_record,
    adjusted_sums,
    bill_comparisons,
    billed_sums,
    fee_sums,
    item_comparisons,
    open_sums,
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
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Billing as BillingSettings
from config.settings import Charging, Sepa, Settings
from customer_care.import_file import Desk, import_lines
from customer_care.publish import publish_waiting
from customer_care.records import open_records, reading
from customer_care.tables import bill_lines, bill_taxes, billing_profiles, bills, customers, invoices
from tests.customer_care.example_lines import file_of, line, mandate, on_plan
from tests.rating_kernels.sample_world import SAMPLE, call, data

SHARDS = 2
TIED_MAX = 4_000
AS_OF = datetime.datetime(2026, 11, 1, 2, 0, tzinfo=datetime.UTC)
AS_OF_US = int(AS_OF.timestamp()) * 1_000_000
MONTH_US = 31 * 86_400_000_000
EPOCH = Epoch(1, 0)
SETTINGS = Settings(
    charging=Charging(horizon_hours=0, ahead_seconds=0),
    billing=BillingSettings(grace_minutes=60, payment_terms_days=14),
    sepa=Sepa("Alpha Mobile GmbH", "AT611904300234573201", "BKAUATWW", "AT61ZZZ01234567890", 2),
)


def parent(number: int) -> dict:
    """A company that pays for others, by direct debit."""
    return on_plan(number, "business", hierarchy={"owns": "CO"}, payment=mandate(number))


def child(number: int) -> dict:
    """Somebody whose bills the company pays."""
    return on_plan(number, "business", hierarchy={"member_of": "CO"})


CUSTOMERS = [
    line(1),
    on_plan(2, "family", payment=mandate(2)),
    parent(3),
    child(4),
    child(5),
    on_plan(6, "prepaid", billing={"payment_type": "prepaid", "currency": "EUR", "day": 1}),
]
# C1: 62 cents; C2: nothing beyond the allowance; C3: 1.00 of data; C4: 2 calls; C6: denied.
USAGE = [
    call(1, "a", 600),
    data(2, "b", 500),
    data(3, "c", 5_200),
    call(4, "d", 61),
    call(4, "e", 61),
    call(6, "f", 60),
]


class BillingWorld:
    """What `care`, `charging` and `billing` do, without servers."""

    def __init__(
        self,
        directory,
        lines=CUSTOMERS,
        settings: Settings = SETTINGS,
        catalogue: CompiledCatalogue = SAMPLE,
        records_url: str = "",
    ) -> None:
        ticks = itertools.count()
        self.settings = settings
        self.catalogue = catalogue
        self.rated: list[dict] = []  # every rated record, as the topic has it
        self.engine = open_records(records_url or f"sqlite:///{directory}/records.sqlite")
        self.store = ModelStore(SHARDS, clock_ms=lambda: next(ticks))
        desk = Desk(catalogue, SHARDS, TIED_MAX, "tester", lambda: AS_OF_US - MONTH_US)
        faults = [
            fault for report in import_lines(file_of(*lines), self.engine, desk) for fault in report.faults
        ]
        assert not faults, faults
        asyncio.run(publish_waiting(self.engine, self.store))
        self._owned: dict[int, Ownership] = {}
        self._offsets = itertools.count()

    def charge(self, *events: dict) -> list[int]:
        """Charge events as a daemon would; their outcomes."""
        return asyncio.run(self._charge(events))

    async def _charge(self, events) -> list[int]:
        if not self._owned:
            for shard in range(SHARDS):
                await self.store.claim(Claim(shard, (PartitionClaim(0, EPOCH),)))
            self._owned = {0: Ownership(0, EPOCH, NO_FLOOR, {})}
        tags = (next(self._offsets).to_bytes(8, "little") for _ in itertools.count())
        charger = BatchCharger(
            ShardSessions(self.store, BalanceCache(self.catalogue, 1_000)),
            decision_limits(self.settings.charging),
            b"daemon",
            lambda: next(tags),
            Metrics(),
        )
        messages = [Message(0, next(self._offsets), 0, msgspec.json.encode(event), ()) for event in events]
        decoded = decode_messages(message_columns(messages), self.catalogue, 1 << 20)
        batch = ChargedBatch(decoded, self._owned, self.catalogue.version)
        await charger.charge(batch, self._owned)
        outputs, _ = batch_outputs(batch, RecordWriter(self.catalogue, "usage", "json"))
        self.rated += [msgspec.json.decode(output.value) for output in outputs if output.topic == "rated"]
        return [event.outcome for _, event in batch.decided()]

    def bill(self, as_of_us: int = AS_OF_US, *, force: bool = False, store=None) -> RunReport:
        """One `billing run`."""
        billing = Billing(self.engine, store or self.store, self.settings, self.catalogue)
        return asyncio.run(billing.run(as_of_us, force=force, progress=lambda *_: None))

    def audit(self) -> list[Comparison]:
        """What `billing audit` compares, except for bank files."""
        rated: dict[str, int] = defaultdict(int)
        seen: set[bytes] = set()
        for record in self.rated:
            add_record(msgspec.convert(record, Rated), seen, rated, self.catalogue)
        with reading(self.engine) as connection:
            open_, begun = asyncio.run(open_sums(connection, self.store, self.catalogue))
            fees = fee_sums(connection, self.catalogue, begun)
            return item_comparisons(
                dict(rated), fees, adjusted_sums(connection, self.catalogue), billed_sums(connection), open_
            ) + bill_comparisons(connection)

    def bills(self, *statuses: str) -> dict[str, list]:
        """(cycle, status, number, net, tax, total, due) of the customers' bills of these statuses."""
        columns = [
            bills.c[n]
            for n in ["cycle_no", "status", "number", "net_minor", "tax_minor", "total_minor", "due_minor"]
        ]
        statement = (
            select(customers.c.code, *columns)
            .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
            .join(customers, billing_profiles.c.customer_id == customers.c.id)
            .where(bills.c.status.in_(statuses))
            .order_by(customers.c.code, bills.c.cycle_no)
        )
        found: dict[str, list] = {}
        with reading(self.engine) as connection:
            for code, *values in connection.execute(statement):
                found.setdefault(code, []).append(tuple(values))
        return found

    def everything(self) -> dict[str, list]:
        """All rows that billing writes, and every balance group: what must not depend on crashes."""
        tables = (bills, bill_lines, bill_taxes, invoices)
        with reading(self.engine) as connection:
            rows = {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in tables
            }
        return rows | {"groups": sorted(self.store.group_records().items())}

    def lines_of(self, code: str) -> list[tuple]:
        """(kind, item, text, net, residue) of the lines of a customer's numbered bills."""
        columns = [bill_lines.c[name] for name in ("kind", "bill_item", "text", "net_minor", "residue_micro")]
        statement = (
            select(*columns)
            .join(bills, bill_lines.c.bill_id == bills.c.id)
            .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
            .join(customers, billing_profiles.c.customer_id == customers.c.id)
            .where(customers.c.code == code, bills.c.number.is_not(None))
            .order_by(bills.c.cycle_no, bill_lines.c.position)
        )
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(statement)]
