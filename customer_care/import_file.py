"""Shell. `care import`: a file of customers into the records, batch by batch, and on to the store.

Each batch is one transaction with its outbox, so that a crash anywhere leaves whole customers, and
publishing goes on where it stopped (see `publish`). Importing a file again changes nothing.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine, update

from config.compile_catalogue import CompiledCatalogue
from customer_care.customer_lines import CustomerLine, canonical_line, decode_line
from customer_care.customer_rows import (
    address_values,
    contact_values,
    mandate_values,
    new_rows,
    payment_method,
)
from customer_care.known_customers import Changed, KnownCustomers, Refused, tie
from customer_care.onboarding import LineFault, Onboarded, take_line
from customer_care.records import insert_rows, known_customers, save_numbers, writing
from customer_care.sharing_records import ties_of
from customer_care.tables import activity_log, addresses, billing_profiles, customers, mandates

BATCH_LINES = 500


class Desk(NamedTuple):
    """Where customers are taken: catalogue, number of shards, how many may be tied, who does it, by which clock."""

    catalogue: CompiledCatalogue
    shards: int
    tied_max: int
    actor: str
    now_us: Callable[[], int]


class BatchReport(NamedTuple):
    """What became of some lines."""

    new: int
    changed: int
    unchanged: int
    faults: list[LineFault]

    def plus(self, other: "BatchReport") -> "BatchReport":
        """Both together."""
        return BatchReport(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.faults + other.faults,
        )


def import_lines(lines: Iterable[bytes], engine: Engine, desk: Desk) -> Iterator[BatchReport]:
    """Record customers; yields after each batch, when it is durable. Empty lines are skipped."""
    numbered = ((number, text) for number, text in enumerate(lines, 1) if text.strip())
    while batch := list(itertools.islice(numbered, BATCH_LINES)):
        yield _import_batch(batch, engine, desk)


def _import_batch(batch: list[tuple[int, bytes]], engine: Engine, desk: Desk) -> BatchReport:
    decoded = [(number, decode_line(text)) for number, text in batch]
    faults = [LineFault(number, line) for number, line in decoded if isinstance(line, str)]
    good = [(number, line) for number, line in decoded if not isinstance(line, str)]
    with writing(engine) as connection:
        known = known_customers(connection, [line for _, line in good])
        owners = {pool.owner_customer_id for pool in known.sharing_groups.values()}
        for pair in ties_of(connection, owners):
            tie(known.tied, pair)
        known.tied_max = desk.tied_max
        report = _take(connection, good, known, desk)
    return report._replace(faults=sorted(faults + report.faults))


def _take(
    connection: Connection, lines: list[tuple[int, CustomerLine]], known: KnownCustomers, desk: Desk
) -> BatchReport:
    """New customers are written together, then what changed of others: a line may change one just taken."""
    now_us = desk.now_us()
    rows, changes, faults = [], [], []
    unchanged = 0
    for number, line in lines:
        taken = take_line(line, known, desk.catalogue, desk.shards)
        if isinstance(taken, Onboarded):
            rows.append(new_rows(taken, desk.catalogue, now_us, desk.actor))
        elif isinstance(taken, Changed):
            changes.append(taken)
        elif isinstance(taken, Refused):
            faults.append(LineFault(number, taken.reason))
        else:
            unchanged += 1
    insert_rows(connection, rows)
    save_numbers(connection, known.next)
    for change in changes:
        _change_customer(connection, change, now_us, desk.actor)
    return BatchReport(len(rows), len(changes), unchanged, faults)


def _change_customer(connection: Connection, change: Changed, now_us: int, actor: str) -> None:
    """Write what an import may change, and the activity record of it."""
    line = change.after
    where = customers.c.code == line.customer
    query = update(customers).where(where).values(**contact_values(line, now_us)).returning(customers.c.id)
    customer_id = connection.execute(query).scalar_one()
    connection.execute(
        update(addresses).where(addresses.c.customer_id == customer_id).values(**address_values(line))
    )
    if change.before.payment != line.payment:
        _change_payment(connection, customer_id, line, now_us)
    connection.execute(
        activity_log.insert().values(
            customer_id=customer_id,
            at_us=now_us,
            actor=actor,
            action="customer changed",
            before=canonical_line(change.before).decode(),
            after=canonical_line(line).decode(),
        )
    )


def _change_payment(connection: Connection, customer_id: int, line: CustomerLine, now_us: int) -> None:
    """The old mandate ends, a new one begins; bills follow the billing profile's method."""
    connection.execute(
        update(mandates)
        .where((mandates.c.customer_id == customer_id) & (mandates.c.status == "active"))
        .values(status="stopped", valid_to_us=now_us)
    )
    for row in mandate_values(line):
        connection.execute(mandates.insert().values(customer_id=customer_id, valid_from_us=now_us, **row))
    connection.execute(
        update(billing_profiles)
        .where(billing_profiles.c.customer_id == customer_id)
        .values(payment_method=payment_method(line))
    )
