"""Shell. `billing audit`: gathers the sums that `audit` compares, each from its own source."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from lxml import etree
from sqlalchemy import Connection, func, select

from balance_store.group_record import unpack_group
from balance_store.requests import Load, Store
from billing_batch.audit import Comparison, ItemSums, compare_items
from billing_batch.bill_parts import AT_RATING, KIND_BALANCING, KIND_CHILD, KIND_ITEM, KINDS_OFF
from billing_batch.cut_cycle import all_items
from billing_batch.single_bills import (
    differing_bills,
    differing_lines,
    differing_moves,
    differing_taxes,
)
from charging.kafka_security import security_arguments
from charging.output_records import CHANGES_BALANCE, IMPACT_NAMES
from config.civil_time import cycle_at
from config.compiled_catalogue import CompiledCatalogue, ItemKey
from config.settings import Kafka
from customer_care.activity_records import booked_amounts
from customer_care.billing_cycle import FirstCycle
from customer_care.opening_image import FIRST_CYCLE_NO, first_fee
from customer_care.tables import (
    balance_groups,
    bill_lines,
    bill_taxes,
    billing_profiles,
    bills,
    customers,
    purchased_products,
    sepa_files,
    sepa_transactions,
    subscriptions,
)
from rating_kernels.batch_columns import IMPACT_TAX
from rating_kernels.group_image import H_CYCLE_NO, INFINITE_US

Sums = dict[str, int]
LOAD_GROUPS = 500
CHARGES = frozenset(IMPACT_NAMES[kind] for kind in CHANGES_BALANCE)
TAX = IMPACT_NAMES[IMPACT_TAX]
POLL_MS = 500


class _Impact(msgspec.Struct):
    kind: str
    resource: str
    amount: str
    bill_item: str = ""
    general_ledger: str = ""
    tax: str = ""


class Rated(msgspec.Struct):
    """What the audit reads of a rated record."""

    id: str
    impacts: list[_Impact] = []


_DECODE: dict[str, Callable[[bytes], Rated]] = {
    "json": msgspec.json.Decoder(Rated).decode,
    "msgpack": msgspec.msgpack.Decoder(Rated).decode,
}


def item_name(bill_item: str, general_ledger: str, tax: str, resource: str) -> str:
    """How an item is called in the table."""
    return f"{bill_item} ({general_ledger}, {tax or 'untaxed'}, {resource})"


def tax_name(tax: str, resource: str) -> str:
    """How the sum of a tax that is charged with the events is called in the table."""
    return f"tax {tax} ({resource}), charged with events"


def _key_name(key: ItemKey) -> str:
    if key.is_tax:
        return tax_name(key.tax, key.resource)
    return item_name(key.bill_item, key.general_ledger, key.tax, key.resource)


async def rated_sums(settings: Kafka, catalogue: CompiledCatalogue, output_format: str) -> tuple[int, Sums]:
    """(records, sum by item in stored units) of the topic `rated`, each record once by its id."""
    decode = _DECODE[output_format]
    topic = settings.topics.rated
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.bootstrap, **security_arguments(settings.security)
    )
    await consumer.start()
    try:
        places: list[TopicPartition] = sorted(consumer.assignment())
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        seen: set[bytes] = set()
        sums: Sums = defaultdict(int)
        left = {place for place in places if ends[place] > 0}
        while left:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    add_record(decode(record.value), seen, sums, catalogue)
            left = {place for place in left if await consumer.position(place) < ends[place]}
        return len(seen), dict(sums)
    finally:
        await consumer.stop()


def add_record(rated: Rated, seen: set[bytes], sums: Sums, catalogue: CompiledCatalogue) -> None:
    """Add one rated record to the sums, if it is not one that was seen before."""
    # Eight bytes an id instead of the text: a month of records must fit in memory.
    name = hashlib.blake2b(rated.id.encode(), digest_size=8).digest()
    if name in seen:
        return
    seen.add(name)
    for impact in rated.impacts:
        if impact.bill_item:
            decimals = catalogue.resources[impact.resource].stored_decimals
            amount = int(Decimal(impact.amount).scaleb(decimals))
            item = item_name(impact.bill_item, impact.general_ledger, impact.tax, impact.resource)
            if impact.kind in CHARGES:
                sums[item] += amount
            elif impact.kind == TAX:
                # Balances move by the gross amount; what of it is tax is no part of the item.
                sums[item] -= amount
                sums[tax_name(impact.tax, impact.resource)] += amount


async def open_sums(
    connection: Connection, store: Store, catalogue: CompiledCatalogue
) -> tuple[Sums, dict[int, int]]:
    """(items of cycles that are not billed yet, the cycle that each group is in), from the store."""
    by_shard: dict[int, list[int]] = defaultdict(list)
    statement = select(customers.c.shard, balance_groups.c.id).join(
        customers, balance_groups.c.customer_id == customers.c.id
    )
    for shard, group_id in connection.execute(statement):
        by_shard[shard].append(group_id)
    sums: Sums = defaultdict(int)
    begun: dict[int, int] = {}
    for shard, groups in by_shard.items():
        for first in range(0, len(groups), LOAD_GROUPS):
            loaded = await store.load(Load(shard, None, tuple(groups[first : first + LOAD_GROUPS]), ()))
            for group_id, record in loaded.records.groups.items():
                if record is not None:
                    image = unpack_group(record)
                    begun[group_id] = int(image[H_CYCLE_NO])
                    for total in all_items(image):
                        sums[_key_name(catalogue.items[total.item_id])] += total.amount
    return dict(sums), begun


def billed_sums(connection: Connection) -> Sums:
    """Items on bills, and taxes that were charged with events, in millionths."""
    statement = (
        select(
            bill_lines.c.bill_item,
            bill_lines.c.general_ledger,
            bill_lines.c.tax,
            bills.c.currency,
            func.sum(bill_lines.c.amount_micro),
        )
        .join(bills, bill_lines.c.bill_id == bills.c.id)
        .where(bill_lines.c.kind == KIND_ITEM)
        .group_by(bill_lines.c.bill_item, bill_lines.c.general_ledger, bill_lines.c.tax, bills.c.currency)
    )
    sums = {item_name(*key): int(amount) for *key, amount in connection.execute(statement).all()}
    taxes = (
        select(bill_taxes.c.tax, bills.c.currency, func.sum(bill_taxes.c.amount_micro))
        .join(bills, bill_taxes.c.bill_id == bills.c.id)
        .where(bill_taxes.c.at == AT_RATING)
        .group_by(bill_taxes.c.tax, bills.c.currency)
    )
    return sums | {
        tax_name(tax, currency): int(amount) for tax, currency, amount in connection.execute(taxes).all()
    }


def fee_sums(connection: Connection, catalogue: CompiledCatalogue, begun: dict[int, int]) -> Sums:
    """Fees of every cycle begun so far, computed again from what was bought: they have no rated events.

    `begun` says which cycle a group is in. Bills do not know: an event may have begun the next cycle
    before the last one is billed.
    """
    statement = (
        select(
            purchased_products.c.product,
            purchased_products.c.valid_from_us,
            balance_groups.c.id,
            balance_groups.c.valid_to_us,
            bills.c.period_start_us,
            bills.c.period_end_us,
            billing_profiles.c.interval_kind,
            billing_profiles.c.interval_count,
            billing_profiles.c.billing_day,
            billing_profiles.c.anchor_days,
        )
        .join(subscriptions, purchased_products.c.subscription_id == subscriptions.c.id)
        .join(balance_groups, subscriptions.c.balance_group_id == balance_groups.c.id)
        .join(billing_profiles, balance_groups.c.billing_profile_id == billing_profiles.c.id)
        .join(bills, bills.c.billing_profile_id == billing_profiles.c.id)
        .where(bills.c.cycle_no == FIRST_CYCLE_NO)
    )
    zone = catalogue.site.time_zone
    sums: Sums = defaultdict(int)
    for product, from_us, group, closed_us, start_us, end_us, *rhythm in connection.execute(statement):
        kind, every, day, anchor = rhythm
        calendar = (kind, every, day, anchor, zone)
        cycles = _cycles_with_fees(begun.get(group, FIRST_CYCLE_NO), end_us, closed_us, calendar)
        for row in catalogue.products[product].recurring:
            if row.amount <= 0:
                continue
            full_start_us, _ = cycle_at(*calendar, start_us)
            first = first_fee(row, from_us, FirstCycle(start_us, end_us, full_start_us), zone)
            sums[_key_name(catalogue.items[row.item_id])] += first + (cycles - FIRST_CYCLE_NO) * row.amount
    return dict(sums)


def _cycles_with_fees(
    begun: int, first_end_us: int, closed_us: int, calendar: tuple[int, int, int, int, str]
) -> int:
    """How many of the cycles begun so far began before their group was closed; the first always did."""
    if closed_us == INFINITE_US:
        return begun
    cycles, next_us = FIRST_CYCLE_NO, first_end_us
    while cycles < begun and next_us < closed_us:
        cycles += 1
        next_us = cycle_at(*calendar, next_us)[1]
    return cycles


def adjusted_sums(connection: Connection, catalogue: CompiledCatalogue) -> Sums:
    """Items that commands of customer care were booked to, from the activity log."""
    amounts = booked_amounts(connection)
    return {_key_name(catalogue.items[item_id]): amount for item_id, amount in amounts.items()}


def item_comparisons(rated: Sums, fees: Sums, adjusted: Sums, billed: Sums, open_: Sums) -> list[Comparison]:
    """Every item that is known on any side."""
    sides = (rated, fees, adjusted, billed, open_)
    names = {name for side in sides for name in side}
    items = {name: ItemSums(*(side.get(name, 0) for side in sides)) for name in names}
    return compare_items(items, "millionths")


def bill_comparisons(connection: Connection) -> list[Comparison]:
    """Lines and taxes against totals, children against their owners' items: all together, and each that differs."""

    def total(column: Any, *conditions: Any) -> int:
        statement = select(func.coalesce(func.sum(column), 0)).select_from(
            bill_lines.join(bills, bill_lines.c.bill_id == bills.c.id)
        )
        return int(connection.execute(statement.where(bills.c.number.is_not(None), *conditions)).scalar_one())

    numbered = bills.c.number.is_not(None)
    net, tax, totals = connection.execute(
        select(
            func.coalesce(func.sum(bills.c.net_minor), 0),
            func.coalesce(func.sum(bills.c.tax_minor), 0),
            func.coalesce(func.sum(bills.c.total_minor), 0),
        ).where(numbered)
    ).one()
    taxes = connection.execute(select(func.coalesce(func.sum(bill_taxes.c.tax_minor), 0))).scalar_one()
    items = total(bill_lines.c.net_minor, bill_lines.c.kind.in_((KIND_ITEM, *KINDS_OFF, KIND_CHILD)))
    balancing = total(bill_lines.c.net_minor, bill_lines.c.kind == KIND_BALANCING)
    children = connection.execute(
        select(func.coalesce(func.sum(bill_lines.c.net_minor), 0)).where(bill_lines.c.kind == KIND_CHILD)
    ).scalar_one()
    return [
        Comparison("all bills", "lines", items + balancing, "net", int(net), "minor units"),
        Comparison("all bills", "tax lines", int(taxes), "tax", int(tax), "minor units"),
        Comparison("all bills", "net and tax", int(net) + int(tax), "totals", int(totals), "minor units"),
        Comparison("hierarchy", "moved from children", -balancing, "on owners", int(children), "minor units"),
        *differing_bills(connection),
        *differing_lines(connection),
        *differing_taxes(connection),
        *differing_moves(connection),
    ]


def sepa_comparisons(connection: Connection, directory: Path) -> list[Comparison]:
    """What bills owed against what the files in a folder collect, by their own control sums."""
    found = []
    statement = select(sepa_files.c.id, sepa_files.c.message_id, sepa_files.c.total_minor)
    for file_id, message_id, total_minor in connection.execute(statement).all():
        collected, owed = connection.execute(
            select(
                func.coalesce(func.sum(sepa_transactions.c.amount_minor), 0),
                func.coalesce(func.sum(bills.c.due_minor), 0),
            )
            .join(bills, sepa_transactions.c.bill_id == bills.c.id)
            .where(sepa_transactions.c.sepa_file_id == file_id)
        ).one()
        found.append(
            Comparison(message_id, "bills due", int(owed), "transactions", int(collected), "minor units")
        )
        recorded = int(total_minor)
        found.append(
            Comparison(message_id, "transactions", int(collected), "recorded", recorded, "minor units")
        )
        path = directory / f"{message_id}.xml"
        # A file that is gone cannot be vouched for; the next export writes it again.
        name, control = ("file", _control_sum(path)) if path.exists() else ("no file", 0)
        found.append(Comparison(message_id, "recorded", recorded, name, control, "minor units"))
    return found


def _control_sum(path: Path) -> int:
    """The sum of the amounts in a bank file, in cents."""
    amounts = etree.iterparse(path, tag="{*}InstdAmt", resolve_entities=False, no_network=True)
    return sum(int(Decimal(element.text or "0").scaleb(2)) for _, element in amounts)
