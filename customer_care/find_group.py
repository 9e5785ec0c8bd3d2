"""Shell. The balance group that a person means: by customer, by service identifier, or by number."""

import enum
from typing import Literal

from sqlalchemy import Connection, Select, select

from customer_care.commands import GroupRef
from customer_care.tables import balance_groups, billing_profiles, customers, services, subscriptions

By = Literal["customer", "identifier", "group"]


class NotFound(enum.Enum):
    """Why no group was found; the text says the cure."""

    NOBODY = "no customer, no identifier valid now and no balance group is called so"
    SEVERAL = "it names several balance groups; say which with --by, or name the group by its number"


def find_group(connection: Connection, who: str, by: By | None, now_us: int) -> GroupRef | NotFound:
    """The one balance group that `who` names, as a customer's code, an identifier valid now, or a number."""
    found: set[GroupRef] = set()
    for kind, condition in (
        ("customer", customers.c.code == who),
        ("identifier", balance_groups.c.id.in_(_groups_of(who, now_us))),
        ("group", balance_groups.c.id == int(who) if _is_number(who) else None),
    ):
        if condition is not None and by in (None, kind):
            found |= {GroupRef(*row) for row in connection.execute(_GROUPS.where(condition))}
    if not found:
        return NotFound.NOBODY
    return found.pop() if len(found) == 1 else NotFound.SEVERAL


_GROUPS = (
    select(
        balance_groups.c.id,
        customers.c.id,
        customers.c.code,
        customers.c.shard,
        billing_profiles.c.payment_type,
        balance_groups.c.credit_profile,
    )
    .join(customers, balance_groups.c.customer_id == customers.c.id)
    .join(billing_profiles, balance_groups.c.billing_profile_id == billing_profiles.c.id)
)
NUMBER_DIGITS_MAX = 18


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX


def _groups_of(identifier: str, now_us: int) -> Select[tuple[int]]:
    return (
        select(subscriptions.c.balance_group_id)
        .join(services, services.c.subscription_id == subscriptions.c.id)
        .where(
            services.c.identifier == identifier,
            services.c.valid_from_us <= now_us,
            services.c.valid_to_us > now_us,
        )
    )
