"""Shell. `billing sepa export`: what is due and may be collected, to a file for the bank.

The rows that say "this bill is in a file" and the file's digest are one transaction; the file is made
from them, so it can be written again, byte for byte, when the process died in between.
"""

import datetime
import hashlib
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select

from billing_batch.outbox_file import write_whole
from billing_batch.sepa_collect import (
    SEQUENCE_TYPE,
    Collection,
    Creditor,
    Run,
    collection_fault,
    creditor_faults,
    pain008,
)
from billing_batch.target_days import target_day_after
from config.settings import Sepa
from customer_care.records import reading, writing
from customer_care.tables import (
    billing_profiles,
    bills,
    customers,
    invoices,
    mandates,
    sepa_files,
    sepa_transactions,
)


class CreditorError(Exception):
    """The settings' creditor cannot collect; says what is missing."""


class ExportReport(NamedTuple):
    """What an export did."""

    path: Path | None  # None: nothing was to be collected
    transactions: int
    total_minor: int
    refused: list[str]  # bills that must not be sent, with the reason


def export_sepa(engine: Engine, settings: Sepa, as_of: datetime.datetime, directory: Path) -> ExportReport:
    """Write the file of everything collectable now, and any earlier file that is missing.

    Banking days are counted from the civil day of `as_of` in its own zone: give it in the site's. Raises CreditorError before anything is recorded.
    """
    creditor = Creditor(settings.creditor_name, settings.iban, settings.bic, settings.creditor_id)
    faults = creditor_faults(creditor)
    if faults:
        raise CreditorError("; ".join(faults))
    directory.mkdir(parents=True, exist_ok=True)
    with writing(engine) as connection:
        sound: list[Collection] = []
        refused = _without_mandate(connection)
        for one in _collectable(connection):
            fault = collection_fault(one)
            if fault:
                refused.append(f"bill {one.bill_number}: {fault}")
            else:
                sound.append(one)
        recorded = _record(connection, sound, creditor, settings.lead_days, as_of) if sound else None
    _write_missing(engine, creditor, directory)
    if recorded is None:
        return ExportReport(None, 0, 0, refused)
    total_minor = sum(one.amount_minor for one in sound)
    return ExportReport(directory / f"{recorded}.xml", len(sound), total_minor, refused)


_UNANSWERED = select(sepa_transactions.c.bill_id).where(sepa_transactions.c.status == "open")
# Bills that a bank file may collect, if there is a mandate and nothing else speaks against it.
_DUE = (
    (bills.c.status == "billing")
    & (bills.c.due_minor > 0)
    & (bills.c.currency == "EUR")
    & (billing_profiles.c.payment_method == "direct_debit")
    & bills.c.id.not_in(_UNANSWERED)
)
_ACTIVE_MANDATE = (mandates.c.customer_id == customers.c.id) & (mandates.c.status == "active")
_COLUMNS = (
    bills.c.id,
    bills.c.number,
    mandates.c.id,
    mandates.c.code,
    mandates.c.signed_on,
    (customers.c.first_name + " " + customers.c.last_name).label("debtor"),
    mandates.c.iban,
    mandates.c.bic,
)


def _collectable(connection: Connection) -> list[Collection]:
    """Bills in `billing` with something due, an active mandate, and no unanswered file (DECISIONS 29)."""
    statement = (
        select(*_COLUMNS, bills.c.due_minor, invoices.c.number)
        .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
        .join(customers, billing_profiles.c.customer_id == customers.c.id)
        .join(mandates, _ACTIVE_MANDATE)
        .outerjoin(invoices, invoices.c.bill_id == bills.c.id)
        .where(_DUE)
        .order_by(bills.c.number)
    )
    return [Collection._make(row) for row in connection.execute(statement)]


def _without_mandate(connection: Connection) -> list[str]:
    """Bills that nobody may collect although their customer chose direct debit: somebody must be asked."""
    statement = (
        select(bills.c.number, customers.c.code)
        .join(billing_profiles, bills.c.billing_profile_id == billing_profiles.c.id)
        .join(customers, billing_profiles.c.customer_id == customers.c.id)
        .outerjoin(mandates, _ACTIVE_MANDATE)
        .where(_DUE, mandates.c.id.is_(None))
        .order_by(bills.c.number)
    )
    return [
        f"bill {number}: customer {code!r} has no active mandate"
        for number, code in connection.execute(statement)
    ]


def _record(
    connection: Connection,
    sound: list[Collection],
    creditor: Creditor,
    lead_days: int,
    as_of: datetime.datetime,
) -> str:
    number = connection.execute(select(func.count()).select_from(sepa_files)).scalar_one() + 1
    message_id = f"DD-{as_of:%Y%m%d}-{number:06d}"
    run = Run(message_id, as_of, target_day_after(as_of.date(), lead_days))
    digest = hashlib.sha256("".join(pain008(run, creditor, sound)).encode()).hexdigest()
    file_id = connection.execute(
        insert(sepa_files).values(
            message_id=message_id,
            created_at_us=int(as_of.timestamp()) * 1_000_000,
            collection_date=run.collection_date,
            transactions=len(sound),
            total_minor=sum(one.amount_minor for one in sound),
            sha256=digest,
        )
    ).inserted_primary_key
    assert file_id is not None
    connection.execute(
        insert(sepa_transactions),
        [
            {
                "sepa_file_id": file_id[0],
                "bill_id": one.bill_id,
                "mandate_id": one.mandate_row,
                "end_to_end_id": one.end_to_end_id,
                "sequence_type": SEQUENCE_TYPE,
                "amount_minor": one.amount_minor,
            }
            for one in sound
        ],
    )
    return message_id


def _write_missing(engine: Engine, creditor: Creditor, directory: Path) -> None:
    """Write every recorded file that is not there; its digest proves that it is the one recorded."""
    with reading(engine) as connection:
        for row in connection.execute(select(sepa_files).order_by(sepa_files.c.id)).all():
            path = directory / f"{row.message_id}.xml"
            if path.exists():
                continue
            statement = (
                select(*_COLUMNS, sepa_transactions.c.amount_minor, invoices.c.number)
                .select_from(sepa_transactions)
                .join(bills, sepa_transactions.c.bill_id == bills.c.id)
                .join(mandates, sepa_transactions.c.mandate_id == mandates.c.id)
                .join(customers, mandates.c.customer_id == customers.c.id)
                .outerjoin(invoices, invoices.c.bill_id == bills.c.id)
                .where(sepa_transactions.c.sepa_file_id == row.id)
                .order_by(bills.c.number)
            )
            collections = [Collection._make(one) for one in connection.execute(statement)]
            created = datetime.datetime.fromtimestamp(row.created_at_us // 1_000_000, datetime.UTC)
            text = "".join(pain008(Run(row.message_id, created, row.collection_date), creditor, collections))
            content = text.encode()
            if hashlib.sha256(content).hexdigest() != row.sha256:
                raise CreditorError(
                    f"file {row.message_id} would differ from the one recorded: "
                    "creditor, names or accounts have changed since; write it with the settings of then"
                )
            write_whole(path, content)
