"""Shell. What tables have in common: columns, the metadata that holds them, and that one may only grow."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    event,
)
from sqlalchemy.types import TypeEngine

from rating_kernels.group_image import INFINITE_US

# SQLite counts up only in a column declared INTEGER.
ROW_ID: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id() -> Column[int]:
    """The number of a row, given by the database."""
    return Column("id", ROW_ID, primary_key=True, autoincrement=True)


def numbered() -> Column[int]:
    """The number of a row that the store knows too, taken from `sequences` before the row is written."""
    return Column("id", ROW_ID, primary_key=True, autoincrement=False)


def row_of(table: str, name: str = "", *, nullable: bool = False) -> Column[int]:
    """A reference by number to a row of another table."""
    singular = f"{table.removesuffix('s')}_id"
    return Column(name or singular, ROW_ID, ForeignKey(f"{table}.id"), nullable=nullable, index=True)


def code(name: str = "code") -> Column[str]:
    """A code of the catalogue or of the operator."""
    return Column(name, String(200), nullable=False)


def integer(name: str, default: int | None = None) -> Column[int]:
    """An integer column; new rows need not name it where it has a default."""
    return Column(name, BigInteger, nullable=False, default=default)


def status(*allowed: str) -> tuple[Column[str], CheckConstraint]:
    """A status column: its first value is what a new row gets."""
    values = ", ".join(f"'{value}'" for value in allowed)
    return (
        Column("status", String(20), nullable=False, default=allowed[0]),
        CheckConstraint(f"status IN ({values})", name="status"),
    )


def validity() -> tuple[Column[int], Column[int]]:
    """Half-open; without an end unless told."""
    return integer("valid_from_us"), integer("valid_to_us", INFINITE_US)


def append_only(table: Table) -> None:
    """Let the database itself refuse changes and deletions of the table's rows."""
    name = table.name
    why = f"the {name.replace('_', ' ')} is append only"
    refuse = (
        f"CREATE FUNCTION {name}_refuse() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ BEGIN RAISE EXCEPTION '{why}'; END $$"
    )
    statements = [("postgresql", refuse)]
    for what in ("update", "delete"):
        trigger = f"CREATE TRIGGER {name}_no_{what} BEFORE {what.upper()} ON {name} "
        statements += [
            ("sqlite", f"{trigger} BEGIN SELECT RAISE(ABORT, '{why}'); END"),
            ("postgresql", f"{trigger} FOR EACH ROW EXECUTE FUNCTION {name}_refuse()"),
        ]
    for dialect, statement in statements:
        created = DDL(statement).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", created)
