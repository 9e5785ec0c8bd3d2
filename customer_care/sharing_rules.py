"""Pure. Sharing groups as the records have them, and what may be done to them (DECISIONS 20)."""

import enum
from typing import NamedTuple

from balance_store.profile_record import Membership
from config.code_ids import code_id


class Refusal(enum.Enum):
    """Why a sharing command was not done; nothing was changed. The value is what people read."""

    NO_CUSTOMER = "there is no such customer"
    CUSTOMER_CLOSED = "the customer's account is closed"
    NO_SUBSCRIPTION = "the owner has no such subscription"
    NO_POLICY = "the catalogue has no such sharing policy"
    NO_GROUP = "there is no such sharing group"
    GROUP_EXISTS = "there is such a sharing group already; codes are never given again"
    GROUP_CANCELLED = "the sharing group is cancelled"
    OWN_GROUP = "the owner of a sharing group cannot be its member"
    CYCLE = "the owner, or an owner's owner, is a member of a group of this customer"
    ALREADY_MEMBER = "the customer is a member already"
    NOT_MEMBER = "the customer is no member"
    ENDS_BEFORE_IT_STARTS = "it would end before it starts"
    TOO_MANY_TIED = "more customers would be tied together than store.tied_customers_max allows"
    NOT_PUBLISHED = "the store was not told yet of the customer, or of one tied to them: run `care publish`"


class Pool(NamedTuple):
    """A sharing group, with what it depends on."""

    id: int
    code: str
    policy: str
    status: str
    owner_customer_id: int
    owner_group_id: int
    valid_from_us: int  # of group and owner's subscription, intersected
    valid_to_us: int


def status_at(pool: Pool, now_us: int) -> str:
    """What the group is at an instant: one that is cancelled for a later day, or whose owner leaves then, is active until then."""
    return "closed" if pool.valid_to_us <= now_us else "active"


class Joined(NamedTuple):
    """A membership, past ones included."""

    pool: Pool
    customer_id: int
    priority: int
    joined_at_us: int
    valid_from_us: int
    valid_to_us: int


def may_join(
    pool: Pool,
    customer_id: int,
    at_us: int,
    joined: list[Joined],
    tied: int,
    tied_max: int,
) -> Refusal | None:
    """Whether a customer may become a member; `joined` are all memberships of those who would be tied, `tied` many."""
    if pool.status != "active" or at_us >= pool.valid_to_us:
        return Refusal.GROUP_CANCELLED
    if pool.owner_customer_id == customer_id:
        return Refusal.OWN_GROUP
    of_this = [one for one in joined if one.customer_id == customer_id and one.pool.id == pool.id]
    if any(at_us < one.valid_to_us for one in of_this):
        return Refusal.ALREADY_MEMBER
    if customer_id in owners_above(pool.owner_customer_id, joined, at_us):
        return Refusal.CYCLE
    return Refusal.TOO_MANY_TIED if tied > tied_max else None


def owners_above(customer_id: int, joined: list[Joined], at_us: int) -> set[int]:
    """Owners of the pools that a customer may use from an instant on, their owners, and so on."""
    above: set[int] = set()
    looking = {customer_id}
    while looking:
        looking = {
            one.pool.owner_customer_id
            for one in joined
            if one.customer_id in looking and at_us < min(one.valid_to_us, one.pool.valid_to_us)
        } - above
        above |= looking
    return above


def may_leave(joined: Joined | None, at_us: int) -> Refusal | None:
    """Whether a membership may end at an instant."""
    if joined is None or joined.valid_to_us <= at_us:
        return Refusal.NOT_MEMBER
    return Refusal.ENDS_BEFORE_IT_STARTS if at_us < joined.valid_from_us else None


def may_edit(joined: Joined | None, now_us: int) -> Refusal | None:
    """Whether a membership that has not ended may change."""
    return Refusal.NOT_MEMBER if joined is None or joined.valid_to_us <= now_us else None


def may_cancel(pool: Pool, at_us: int) -> Refusal | None:
    """Whether a group may end at an instant."""
    if pool.status != "active":
        return Refusal.GROUP_CANCELLED
    return Refusal.ENDS_BEFORE_IT_STARTS if at_us < pool.valid_from_us else None


def memberships_of(joined: list[Joined]) -> tuple[Membership, ...]:
    """What the customer's profile says, best first: by priority, then who joined first, then the group's number.

    A membership is valid while it, the group and the owner's subscription are. One that has ended stays: an event
    from before its end may still come.
    """
    ordered = sorted(joined, key=lambda one: (one.priority, one.joined_at_us, one.pool.id))
    memberships = (
        Membership(
            sharing_id=one.pool.id,
            policy_id=code_id("policy", one.pool.policy),
            owner_customer_id=one.pool.owner_customer_id,
            owner_group_id=one.pool.owner_group_id,
            valid_from_us=max(one.valid_from_us, one.pool.valid_from_us),
            valid_to_us=min(one.valid_to_us, one.pool.valid_to_us),
        )
        for one in ordered
    )
    return tuple(one for one in memberships if one.valid_from_us < one.valid_to_us)
