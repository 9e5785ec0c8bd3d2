"""Shell. Sharing groups as customer care changes them: decided and recorded in one transaction, then published.

A command that is recorded is done, whatever happens to the publishing: its customers wait in the outbox, and
`care publish` goes on. `publish_sharing` is that part.
"""

import functools
import os
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update

from balance_store.move_customers import Mover, MovingStore
from config.code_ids import code_id
from config.compile_catalogue import CompiledCatalogue
from customer_care.bring_together import bring_together, publish_memberships
from customer_care.records import (
    forget_publications,
    next_numbers,
    reading,
    save_numbers,
    writing,
)
from customer_care.sharing_records import (
    all_published,
    find_pool,
    lives_in,
    memberships_among,
    memberships_in,
    note,
    one_at_a_time,
    shards_of,
    the_row,
    tied_to,
    to_be_published,
    whose_sharing_waits,
)
from customer_care.sharing_rules import (
    Joined,
    Pool,
    Refusal,
    may_cancel,
    may_edit,
    may_join,
    may_leave,
    memberships_of,
)
from customer_care.tables import customers, sharing_groups, sharing_memberships, subscriptions

CALLER = b"sharing"
Values = dict[str, int | str]


class SharingDesk(NamedTuple):
    """Where sharing is changed: records, catalogue, how many may be tied together, who does it, by which clock.

    Every command returns None where it is recorded, else why it is not. `at_us` is from when it counts.
    """

    engine: Engine
    catalogue: CompiledCatalogue
    tied_max: int
    actor: str
    now_us: Callable[[], int]

    def create(self, group: str, owner: str, subscription: str, policy: str, at_us: int) -> Refusal | None:
        """A new group: members use what the owner's subscription has, as the policy says."""
        with writing(self.engine) as connection:
            one_at_a_time(connection)
            customer = _customer(connection, owner)
            if isinstance(customer, Refusal):
                return customer
            owned = subscriptions.c.customer_id == customer
            bought = connection.execute(
                select(subscriptions.c.id).where(owned & (subscriptions.c.code == subscription))
            ).scalar_one_or_none()
            if bought is None:
                return Refusal.NO_SUBSCRIPTION
            if not self._has_policy(policy):
                return Refusal.NO_POLICY
            if find_pool(connection, group) is not None:
                return Refusal.GROUP_EXISTS
            numbers = next_numbers(connection)
            values = {
                "id": numbers.sharing_group,
                "code": group,
                "owner_customer_id": customer,
                "subscription_id": bought,
                "policy": policy,
                "valid_from_us": at_us,
            }
            connection.execute(insert(sharing_groups).values(**values))
            numbers.sharing_group += 1
            save_numbers(connection, numbers)
            self._note(connection, "sharing group created", customer, None, values)
        return None

    def edit(self, group: str, policy: str) -> Refusal | None:
        """Another policy for a group, for every event that is charged from now on."""
        with writing(self.engine) as connection:
            pool = self._pool(connection, group)
            if isinstance(pool, Refusal):
                return pool
            if pool.status != "active":
                return Refusal.GROUP_CANCELLED
            if not self._has_policy(policy):
                return Refusal.NO_POLICY
            return self._change_pool(connection, pool, "sharing group edited", {"policy": policy})

    def cancel(self, group: str, at_us: int) -> Refusal | None:
        """End a group for all its members; events from before the end still find it."""
        with writing(self.engine) as connection:
            pool = self._pool(connection, group)
            if isinstance(pool, Refusal):
                return pool
            refusal = may_cancel(pool, at_us)
            if refusal is not None:
                return refusal
            values: Values = {"status": "closed", "valid_to_us": at_us}
            return self._change_pool(connection, pool, "sharing group cancelled", values)

    def join(self, group: str, member: str, priority: int, at_us: int) -> Refusal | None:
        """Make a customer a member; publishing moves them, with all who are tied to them, to the owner's shard."""
        with writing(self.engine) as connection:
            pool, customer = self._pool(connection, group), _customer(connection, member)
            if isinstance(pool, Refusal):
                return pool
            if isinstance(customer, Refusal):
                return customer
            tied = tied_to(connection, {customer, pool.owner_customer_id})
            joined = memberships_among(connection, tied)
            refusal = may_join(pool, customer, at_us, joined, len(tied), self.tied_max)
            if refusal is not None:
                return refusal
            if not all_published(connection, tied):
                return Refusal.NOT_PUBLISHED
            values = {
                "sharing_group_id": pool.id,
                "member_customer_id": customer,
                "priority": priority,
                "joined_at_us": at_us,
                "valid_from_us": at_us,
            }
            connection.execute(insert(sharing_memberships).values(**values))
            to_be_published(connection, {customer})
            self._note(connection, "sharing group joined", customer, None, values)
        return None

    def edit_member(self, group: str, member: str, priority: int) -> Refusal | None:
        """Another priority among the member's groups; the lowest is used first."""
        values: Values = {"priority": priority}
        may = functools.partial(may_edit, now_us=self.now_us())
        return self._change_member(group, member, "sharing membership edited", values, may)

    def leave(self, group: str, member: str, at_us: int) -> Refusal | None:
        """End a membership; nobody moves, and events from before the end still find the pool."""
        values: Values = {"valid_to_us": at_us, "status": "closed"}
        may = functools.partial(may_leave, at_us=at_us)
        return self._change_member(group, member, "sharing group left", values, may)

    def _change_member(
        self,
        group: str,
        member: str,
        action: str,
        values: Values,
        may: Callable[[Joined | None], Refusal | None],
    ) -> Refusal | None:
        with writing(self.engine) as connection:
            pool, customer = self._pool(connection, group), _customer(connection, member)
            if isinstance(pool, Refusal):
                return pool
            if isinstance(customer, Refusal):
                return customer
            # Who came back has several, of which only the last can hold.
            own = [one for one in memberships_in(connection, pool) if one.customer_id == customer]
            before = own[-1] if own else None
            refusal = may(before)
            if refusal is not None:
                return refusal
            if not all_published(connection, frozenset({customer})):
                return Refusal.NOT_PUBLISHED
            assert before is not None, "who is no member is refused"
            connection.execute(update(sharing_memberships).where(the_row(before)).values(**values))
            to_be_published(connection, {customer})
            told = before._asdict() | {"pool": group}
            self._note(connection, action, customer, told, values | {"pool": group})
        return None

    def _change_pool(self, connection: Connection, pool: Pool, action: str, values: Values) -> Refusal | None:
        members = {one.customer_id for one in memberships_in(connection, pool)}
        if not all_published(connection, frozenset(members)):
            return Refusal.NOT_PUBLISHED
        connection.execute(update(sharing_groups).where(sharing_groups.c.id == pool.id).values(**values))
        to_be_published(connection, members)
        self._note(connection, action, pool.owner_customer_id, pool._asdict(), values)
        return None

    def _pool(self, connection: Connection, group: str) -> Pool | Refusal:
        one_at_a_time(connection)
        return find_pool(connection, group) or Refusal.NO_GROUP

    def _has_policy(self, policy: str) -> bool:
        return code_id("policy", policy) in self.catalogue.policy_index

    def _note(
        self, connection: Connection, action: str, customer_id: int, before: object, after: object
    ) -> None:
        note(connection, self.actor, self.now_us(), action, customer_id, before, after)


def read_sharing(engine: Engine, group: str) -> tuple[Pool, list[Joined], dict[int, str]] | Refusal:
    """A group, its memberships, and the codes of all customers in it."""
    with reading(engine) as connection:
        pool = find_pool(connection, group)
        if pool is None:
            return Refusal.NO_GROUP
        joined = memberships_in(connection, pool)
        ids = {pool.owner_customer_id, *(one.customer_id for one in joined)}
        query = select(customers.c.id, customers.c.code).where(customers.c.id.in_(ids))
        return pool, joined, {row.id: row.code for row in connection.execute(query)}


async def publish_sharing(engine: Engine, store: MovingStore) -> int:
    """Tell the store of every membership it has not been told of; the number of customers.

    All who are tied are brought together first, then the profile says so. Raises what the store raises; the
    records follow the store, so a shard that they name is one where the customers lived.
    """
    mover = Mover(store, CALLER, lambda: os.urandom(8))
    published = 0
    while True:
        with writing(engine) as connection:
            one_at_a_time(connection)
            customer_id = whose_sharing_waits(connection)
            if customer_id is None:
                return published
            tied = tied_to(connection, {customer_id})
            joined = memberships_among(connection, frozenset({customer_id}))
            lives = shards_of(connection, tied)
            newest = max(joined, key=lambda one: (one.joined_at_us, one.pool.id), default=None)
            target = lives[customer_id if newest is None else newest.pool.owner_customer_id]
            await bring_together(mover, lives, target)
            await publish_memberships(mover, customer_id, target, memberships_of(joined))
            lives_in(connection, tied, target)
            forget_publications(connection, [customer_id])
        published += 1


def _customer(connection: Connection, code: str) -> int | Refusal:
    query = select(customers.c.id, customers.c.status).where(customers.c.code == code)
    row = connection.execute(query).one_or_none()
    if row is None:
        return Refusal.NO_CUSTOMER
    return Refusal.CUSTOMER_CLOSED if row.status == "closed" else int(row.id)
