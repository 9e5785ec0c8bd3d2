"""Shell. Brings the tables of an older program to this one's; statements that SQLite and PostgreSQL both take."""

from sqlalchemy import Connection, Table, update

from customer_care.tables import schema_version, sharing_memberships

# From a version to the next; a table is made as it is now.
MIGRATIONS: dict[int, tuple[str | Table, ...]] = {
    # The id of a command on balances, so that it is recorded once.
    2: (
        "ALTER TABLE activity_log ADD COLUMN command_id VARCHAR(200)",
        "CREATE UNIQUE INDEX uq_activity_log_command_id ON activity_log (command_id)",
    ),
    # Who left a sharing group may come back. SQLite drops a constraint only with its table.
    3: (
        "CREATE TABLE sharing_memberships_before AS SELECT * FROM sharing_memberships",
        "DROP TABLE sharing_memberships",
        sharing_memberships,
        "INSERT INTO sharing_memberships (sharing_group_id, member_customer_id, priority, joined_at_us, status, "
        "valid_from_us, valid_to_us) SELECT sharing_group_id, member_customer_id, priority, joined_at_us, status, "
        "valid_from_us, valid_to_us FROM sharing_memberships_before ORDER BY id",
        "DROP TABLE sharing_memberships_before",
    ),
}


def migrate(connection: Connection, version: int) -> int:
    """Go on from a version as far as is known, in the transaction of the connection; the version reached."""
    reached = version
    while reached in MIGRATIONS:
        for step in MIGRATIONS[reached]:
            if isinstance(step, Table):
                step.create(connection)
            else:
                connection.exec_driver_sql(step)
        reached += 1
    if reached != version:
        connection.execute(update(schema_version).values(version=reached))
    return reached
