"""Shell. Statements about sharing groups: who owns, who is a member, who is tied to whom, who is to be published."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from customer_care.records import SHARING_CHANGED
from customer_care.sharing_rules import Joined, Pool
from customer_care.tables import (
    activity_log,
    customers,
    outbox,
    schema_version,
    sharing_groups,
    sharing_memberships,
    subscriptions,
)


def one_at_a_time(connection: Connection) -> None:
    """Wait for whoever else changes or publishes ties: which customers belong together must stand still."""
    connection.execute(select(schema_version).with_for_update())


def find_pool(connection: Connection, code: str) -> Pool | None:
    """The sharing group of a code."""
    row = connection.execute(_POOLS.where(sharing_groups.c.code == code)).one_or_none()
    return None if row is None else _pool(row)


def tied_to(connection: Connection, customer_ids: set[int]) -> frozenset[int]:
    """These customers and all who are tied to one of them by a sharing group, now or in the past."""
    return frozenset(customer_ids).union(*ties_of(connection, customer_ids))


def ties_of(connection: Connection, customer_ids: set[int]) -> set[tuple[int, int]]:
    """(owner, member) of every membership, past ones included, by which somebody is tied to these customers."""
    owner, member = sharing_groups.c.owner_customer_id, sharing_memberships.c.member_customer_id
    query = select(owner, member).join_from(sharing_memberships, sharing_groups)
    ties: set[tuple[int, int]] = set()
    seen, looking = set(customer_ids), set(customer_ids)
    while looking:
        rows = connection.execute(query.where(or_(owner.in_(looking), member.in_(looking))))
        found = {(int(row[0]), int(row[1])) for row in rows}
        ties |= found
        looking = {one for pair in found for one in pair} - seen
        seen |= looking
    return ties


def memberships_among(connection: Connection, customer_ids: frozenset[int]) -> list[Joined]:
    """All memberships of these customers, past ones included."""
    query = _JOINED.where(sharing_memberships.c.member_customer_id.in_(customer_ids))
    return [_joined(row) for row in connection.execute(query)]


def memberships_in(connection: Connection, pool: Pool) -> list[Joined]:
    """All memberships of a group, past ones included, in the order of joining."""
    query = _JOINED.where(sharing_groups.c.id == pool.id).order_by(sharing_memberships.c.id)
    return [_joined(row) for row in connection.execute(query)]


def the_row(joined: Joined) -> ColumnElement[bool]:
    """Where a membership that has not ended stands; those of a member and group never overlap."""
    table = sharing_memberships.c
    return (
        (table.sharing_group_id == joined.pool.id)
        & (table.member_customer_id == joined.customer_id)
        & (table.valid_from_us == joined.valid_from_us)
        & (table.valid_to_us == joined.valid_to_us)
    )


def shards_of(connection: Connection, customer_ids: frozenset[int]) -> dict[int, int]:
    """Where customers live, as far as the records know."""
    query = select(customers.c.id, customers.c.shard).where(customers.c.id.in_(customer_ids))
    return {row.id: row.shard for row in connection.execute(query)}


def lives_in(connection: Connection, customer_ids: frozenset[int], shard: int) -> None:
    """Note where customers live by now."""
    connection.execute(update(customers).where(customers.c.id.in_(customer_ids)).values(shard=shard))


def all_published(connection: Connection, customer_ids: frozenset[int]) -> bool:
    """Whether the store knows all of these customers, if not their newest memberships."""
    new = select(outbox.c.customer_id).where(
        outbox.c.customer_id.in_(customer_ids) & (outbox.c.publication != SHARING_CHANGED)
    )
    return connection.execute(new).first() is None


def to_be_published(connection: Connection, customer_ids: set[int]) -> None:
    """Put customers into the outbox: the store is to be told of their memberships."""
    shards = shards_of(connection, frozenset(customer_ids))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for customer_id, shard in sorted(shards.items()):
        row = dialect.insert(outbox).values(customer_id=customer_id, shard=shard, publication=SHARING_CHANGED)
        connection.execute(row.on_conflict_do_nothing())


def whose_sharing_waits(connection: Connection) -> int | None:
    """A customer whose memberships the store is to be told of; None = nobody."""
    query = (
        select(outbox.c.customer_id)
        .where(outbox.c.publication == SHARING_CHANGED)
        .order_by(outbox.c.customer_id)
    )
    return connection.execute(query.limit(1).with_for_update()).scalar_one_or_none()


def note(
    connection: Connection, actor: str, now_us: int, action: str, customer_id: int, before: Any, after: Any
) -> None:
    """An activity record (DECISIONS 34)."""
    connection.execute(
        insert(activity_log).values(
            at_us=now_us,
            actor=actor,
            action=action,
            customer_id=customer_id,
            before="" if before is None else msgspec.json.encode(before).decode(),
            after="" if after is None else msgspec.json.encode(after).decode(),
        )
    )


_COLUMNS = (
    sharing_groups.c.id.label("pool_id"),
    sharing_groups.c.code,
    sharing_groups.c.policy,
    sharing_groups.c.status,
    sharing_groups.c.owner_customer_id,
    sharing_groups.c.valid_from_us.label("pool_from_us"),
    sharing_groups.c.valid_to_us.label("pool_to_us"),
    subscriptions.c.balance_group_id,
    subscriptions.c.valid_from_us.label("owner_from_us"),
    subscriptions.c.valid_to_us.label("owner_to_us"),
)
_POOLS: Select[Any] = select(*_COLUMNS).join_from(sharing_groups, subscriptions)
_JOINED: Select[Any] = (
    select(
        *_COLUMNS,
        sharing_memberships.c.member_customer_id,
        sharing_memberships.c.priority,
        sharing_memberships.c.joined_at_us,
        sharing_memberships.c.valid_from_us,
        sharing_memberships.c.valid_to_us,
    )
    .join_from(sharing_memberships, sharing_groups)
    .join(subscriptions, subscriptions.c.id == sharing_groups.c.subscription_id)
)


def _pool(row: Row[Any]) -> Pool:
    return Pool(
        id=row.pool_id,
        code=row.code,
        policy=row.policy,
        status=row.status,
        owner_customer_id=row.owner_customer_id,
        owner_group_id=row.balance_group_id,
        valid_from_us=max(row.pool_from_us, row.owner_from_us),
        valid_to_us=min(row.pool_to_us, row.owner_to_us),
    )


def _joined(row: Row[Any]) -> Joined:
    return Joined(
        pool=_pool(row),
        customer_id=row.member_customer_id,
        priority=row.priority,
        joined_at_us=row.joined_at_us,
        valid_from_us=row.valid_from_us,
        valid_to_us=row.valid_to_us,
    )
