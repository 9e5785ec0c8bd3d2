"""Shell. The records in SQL: opening them, and the statements of this package.

One writer at a time in SQLite (WAL, so readers never wait); row locks in PostgreSQL. A transaction is
durable when `writing` returns.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Select,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from config.masked_url import masked_url
from customer_care.customer_lines import ByDirectDebit, CustomerLine, decode_line
from customer_care.customer_rows import Rows
from customer_care.known_customers import HierarchyGroup, KnownCustomers, NextNumbers, SharingGroup
from customer_care.migrations import migrate
from customer_care.table_columns import metadata
from customer_care.tables import (
    SCHEMA_VERSION,
    billing_profiles,
    customers,
    hierarchy_groups,
    mandates,
    outbox,
    schema_version,
    sequences,
    services,
    sharing_groups,
    subscriptions,
)

# The site under which numbers are counted that are the same everywhere.
EVERY_SITE = ""
SQLITE_BUSY_SECONDS = 30
# PostgreSQL's name for the lock of who makes the tables: any number that no other program takes.
MAKING_TABLES = 1_129_531_205
# In the place of a publication: the store knows the customer, but not the memberships that the records have.
SHARING_CHANGED = b""


class RecordsError(Exception):
    """The database cannot be opened or is of another version; says the cure."""


def open_records(url: str) -> Engine:
    """The database of a URL, with its tables made if it has none; raises RecordsError."""
    try:
        place = make_url(url)
        engine = _engine(place)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise RecordsError(f"records.url {masked_url(url)!r}: {_cure(error)}") from error
    try:
        with writing(engine) as connection:
            _prepare_tables(connection)
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        raise RecordsError(f"records at {masked_url(url)}: {reason}") from error
    return engine


def _cure(error: Exception) -> str:
    """What to do about a URL that gives no engine."""
    if isinstance(error, ImportError) and error.name == "psycopg":
        return "PostgreSQL needs psycopg: install the extra `postgres` (pip install '.[postgres]' in the checkout)"
    # Python's words for a port that is no number would show what stands in its place: parts of a password.
    reason = "" if type(error) is ValueError else f"{error}; "
    return f"{reason}write sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


def _engine(place: URL) -> Engine:
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    if place.get_backend_name() != "sqlite":
        # Transactions are few and long: a connection for each costs little, and none is left behind.
        return create_engine(place, poolclass=NullPool)
    engine = create_engine(place, connect_args={"timeout": SQLITE_BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the records."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Its own default shows each statement what was committed meanwhile.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all of it, or nothing if the body raises."""
    with engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            yield connection


def known_customers(connection: Connection, lines: list[CustomerLine]) -> KnownCustomers:
    """What these lines may meet; takes the numbers' sequences until the transaction ends."""
    known = KnownCustomers(next=next_numbers(connection))
    codes = [line.customer for line in lines]
    for row in connection.execute(
        select(customers.c.code, customers.c.line).where(customers.c.code.in_(codes))
    ):
        before = decode_line(row.line)
        assert not isinstance(before, str), f"recorded line of {row.code}: {before}"
        known.customers[row.code] = before
    owned = select(subscriptions.c.code, customers.c.code).join_from(subscriptions, customers)
    wanted = [one.subscription for line in lines for one in line.subscriptions]
    known.subscriptions = _pairs(connection, owned.where(subscriptions.c.code.in_(wanted)))
    held = select(services.c.identifier, customers.c.code).join_from(services, subscriptions).join(customers)
    wanted = [s.identifier for line in lines for one in line.subscriptions for s in one.services]
    known.identifiers = _pairs(connection, held.where(services.c.identifier.in_(wanted)))
    given = select(mandates.c.code, customers.c.code).join_from(mandates, customers)
    wanted = [line.payment.mandate.id for line in lines if isinstance(line.payment, ByDirectDebit)]
    known.mandates = _pairs(connection, given.where(mandates.c.code.in_(wanted)))
    known.sharing_groups = _sharing_groups(connection, lines)
    known.hierarchy_groups = _hierarchy_groups(connection, lines)
    return known


def save_numbers(connection: Connection, numbers: NextNumbers) -> None:
    """Where the next transaction goes on counting."""
    for name, value in dataclasses.asdict(numbers).items():
        where = (sequences.c.site == EVERY_SITE) & (sequences.c.name == name)
        connection.execute(update(sequences).where(where).values(next=value))


def insert_rows(connection: Connection, batch: list[Rows]) -> None:
    """Write the rows of many customers, table by table."""
    for name in batch[0] if batch else ():
        rows = [row for rows in batch for row in rows[name]]
        if rows:
            connection.execute(insert(metadata.tables[name]), rows)


def waiting_publications(connection: Connection, limit: int) -> list[tuple[int, bytes]]:
    """Customers the store has not been told of, with the shards they belong to; locked until the transaction ends."""
    query = (
        select(outbox.c.publication, customers.c.shard)
        .join_from(outbox, customers)
        .where(outbox.c.publication != SHARING_CHANGED)
        .order_by(outbox.c.customer_id)
        .limit(limit)
    )
    rows = connection.execute(query.with_for_update(of=outbox))
    return [(row.shard, row.publication) for row in rows]


def waiting_count(connection: Connection) -> int:
    """How many customers the store has not been told of."""
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()


def forget_publications(connection: Connection, customer_ids: list[int]) -> None:
    """The store has them."""
    connection.execute(outbox.delete().where(outbox.c.customer_id.in_(customer_ids)))


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Transactions are begun by `_begin_sqlite`, not by the driver's own rules.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: taking it later, after a read, can fail without waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_tables(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Of several programs that open new records one makes the tables.
        connection.execute(select(func.pg_advisory_xact_lock(MAKING_TABLES)))
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        connection.execute(insert(schema_version), {"version": SCHEMA_VERSION})
        names = dataclasses.asdict(NextNumbers())
        rows = [{"site": EVERY_SITE, "name": name, "next": value} for name, value in names.items()]
        connection.execute(insert(sequences), rows)
    # Locked: of several programs that open the records one migrates them.
    found = connection.execute(select(schema_version.c.version).with_for_update()).scalar_one()
    if migrate(connection, found) != SCHEMA_VERSION:
        raise RecordsError(
            f"the records have schema version {found}, this program needs {SCHEMA_VERSION}; use the version of "
            "the program that made them"
        )


def next_numbers(connection: Connection) -> NextNumbers:
    """Where this transaction counts on; taken until it ends."""
    query = select(sequences.c.name, sequences.c.next).where(sequences.c.site == EVERY_SITE)
    return NextNumbers(**{row.name: row.next for row in connection.execute(query.with_for_update())})


def _pairs(connection: Connection, query: Select[Any]) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _sharing_groups(connection: Connection, lines: list[CustomerLine]) -> dict[str, SharingGroup]:
    codes = {member.group for line in lines for member in line.member_of}
    codes |= {share.group for line in lines for share in line.shares}
    query = (
        select(
            sharing_groups,
            customers.c.shard,
            subscriptions.c.balance_group_id,
            subscriptions.c.valid_from_us.label("owner_from_us"),
            subscriptions.c.valid_to_us.label("owner_to_us"),
        )
        .join_from(sharing_groups, subscriptions)
        .join(customers, customers.c.id == sharing_groups.c.owner_customer_id)
        .where(sharing_groups.c.code.in_(codes))
    )
    return {
        row.code: SharingGroup(
            id=row.id,
            policy=row.policy,
            shard=row.shard,
            owner_customer_id=row.owner_customer_id,
            owner_group_id=row.balance_group_id,
            valid_from_us=max(row.valid_from_us, row.owner_from_us),
            valid_to_us=min(row.valid_to_us, row.owner_to_us),
        )
        for row in connection.execute(query)
    }


def _hierarchy_groups(connection: Connection, lines: list[CustomerLine]) -> dict[str, HierarchyGroup]:
    codes = {code for line in lines for code in (line.hierarchy.owns, line.hierarchy.member_of)}
    query = (
        select(
            hierarchy_groups.c.code,
            hierarchy_groups.c.id,
            hierarchy_groups.c.owner_billing_profile_id,
            billing_profiles.c.currency,
        )
        .join_from(hierarchy_groups, billing_profiles)
        .where(hierarchy_groups.c.code.in_(codes))
    )
    return {row[0]: HierarchyGroup(*row[1:]) for row in connection.execute(query)}
