"""Shell. Brings the tables of an older program to this one's; statements that SQLite and PostgreSQL both take."""

from sqlalchemy import Connection, update

from customer_care.tables import schema_version

# From a version to the next.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    # The id of a command on balances, so that it is recorded once.
    2: (
        "ALTER TABLE activity_log ADD COLUMN command_id VARCHAR(200)",
        "CREATE UNIQUE INDEX uq_activity_log_command_id ON activity_log (command_id)",
    ),
}


def migrate(connection: Connection, version: int) -> int:
    """Go on from a version as far as is known, in the transaction of the connection; the version reached."""
    reached = version
    while reached in MIGRATIONS:
        for statement in MIGRATIONS[reached]:
            connection.exec_driver_sql(statement)
        reached += 1
    if reached != version:
        connection.execute(update(schema_version).values(version=reached))
    return reached
