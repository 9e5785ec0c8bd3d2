"""Pure. What is known of other customers while lines are taken: codes and numbers in use, groups to join."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from config.compile_catalogue import CompiledCatalogue
from customer_care.check_line import line_faults
from customer_care.customer_lines import (
    CHANGEABLE,
    ByDirectDebit,
    CustomerLine,
    Mandate,
    changed_fields,
)
from rating_kernels.group_image import INFINITE_US


class SharingGroup(NamedTuple):
    """A pool that members can use; valid while the owner's subscription is."""

    id: int
    policy: str
    shard: int
    owner_customer_id: int
    owner_group_id: int
    valid_from_us: int
    valid_to_us: int


class HierarchyGroup(NamedTuple):
    """A billing profile that pays the bills of others, in one currency."""

    id: int
    owner_billing_profile_id: int
    currency: str


class Numbers(NamedTuple):
    """The numbers of a new customer and of what is theirs, in the order of the line."""

    customer_id: int
    billing_profile_id: int
    group_id: int
    subscription_ids: tuple[int, ...]
    sharing_ids: tuple[int, ...]
    pool_ids: tuple[int, ...]  # sharing groups they are members of
    hierarchy_id: int  # of the group they own; 0 = none
    payer_id: int  # hierarchy group whose owner pays their bills; 0 = none


@dataclasses.dataclass
class NextNumbers:
    """The next number of each kind; the names are those of the records' sequences."""

    customer: int = 1
    billing_profile: int = 1
    balance_group: int = 1
    subscription: int = 1
    sharing_group: int = 1
    hierarchy_group: int = 1


@dataclasses.dataclass
class KnownCustomers:
    """All that lines to come may meet. Identifiers and codes map to the customer's code."""

    customers: dict[str, CustomerLine] = dataclasses.field(default_factory=dict)
    subscriptions: dict[str, str] = dataclasses.field(default_factory=dict)
    identifiers: dict[str, str] = dataclasses.field(default_factory=dict)
    mandates: dict[str, str] = dataclasses.field(default_factory=dict)
    sharing_groups: dict[str, SharingGroup] = dataclasses.field(default_factory=dict)
    hierarchy_groups: dict[str, HierarchyGroup] = dataclasses.field(default_factory=dict)
    next: NextNumbers = dataclasses.field(default_factory=NextNumbers)
    # Of each owner and member, all whom sharing groups tie together with them; and how many these may be.
    tied: dict[int, set[int]] = dataclasses.field(default_factory=dict)
    tied_max: int | None = None  # None = any number


class Unchanged(NamedTuple):
    """The customer is there, exactly so."""


class Changed(NamedTuple):
    """The customer is there, and what differs may change."""

    before: CustomerLine
    after: CustomerLine


class Refused(NamedTuple):
    """The line cannot be taken."""

    reason: str


def seen_before(
    line: CustomerLine, known: KnownCustomers, catalogue: CompiledCatalogue
) -> Unchanged | Changed | Refused | None:
    """What the line means for a customer who is there already; None = there is none."""
    before = known.customers.get(line.customer)
    if before is None:
        return None
    changed = changed_fields(before, line)
    if not changed:
        return Unchanged()
    fixed = [name for name in changed if name not in CHANGEABLE]
    if fixed:
        return Refused(
            f"customer {line.customer!r} is there with other {', '.join(fixed)}; "
            f"an import changes only {', '.join(CHANGEABLE)}"
        )
    faults = line_faults(line, catalogue) + _mandate_conflicts(line, before, known)
    if faults:
        return Refused("; ".join(faults))
    known.customers[line.customer] = line
    if isinstance(line.payment, ByDirectDebit):
        known.mandates[line.payment.mandate.id] = line.customer
    return Changed(before, line)


def conflicts(line: CustomerLine, known: KnownCustomers, catalogue: CompiledCatalogue) -> list[str]:
    """Faults of a new customer's line, of itself and with what others have."""
    faults = line_faults(line, catalogue) + _mandate_conflicts(line, None, known)
    for subscription in line.subscriptions:
        if subscription.subscription in known.subscriptions:
            owner = known.subscriptions[subscription.subscription]
            faults.append(f"subscription {subscription.subscription!r} belongs to customer {owner!r}")
    for identifier in dict.fromkeys(s.identifier for one in line.subscriptions for s in one.services):
        if identifier in known.identifiers:
            faults.append(f"identifier {identifier!r} belongs to customer {known.identifiers[identifier]!r}")
    faults += [
        f"sharing group {share.group!r} is there already"
        for share in line.shares
        if share.group in known.sharing_groups
    ]
    return faults + _pool_conflicts(line, known) + _hierarchy_conflicts(line, known)


def give_numbers(line: CustomerLine, known: KnownCustomers) -> Numbers:
    """Take the next numbers for a line that will be taken."""
    count = known.next
    first_subscription, first_sharing = count.subscription, count.sharing_group
    numbers = Numbers(
        customer_id=count.customer,
        billing_profile_id=count.billing_profile,
        group_id=count.balance_group,
        subscription_ids=tuple(range(first_subscription, first_subscription + len(line.subscriptions))),
        sharing_ids=tuple(range(first_sharing, first_sharing + len(line.shares))),
        pool_ids=tuple(known.sharing_groups[member.group].id for member in line.member_of),
        hierarchy_id=count.hierarchy_group if line.hierarchy.owns else 0,
        payer_id=known.hierarchy_groups[line.hierarchy.member_of].id if line.hierarchy.member_of else 0,
    )
    count.customer += 1
    count.billing_profile += 1
    count.balance_group += 1
    count.subscription += len(line.subscriptions)
    count.sharing_group += len(line.shares)
    count.hierarchy_group += 1 if line.hierarchy.owns else 0
    return numbers


def remember(
    line: CustomerLine, numbers: Numbers, shard: int, starts_us: list[int], known: KnownCustomers
) -> None:
    """Let the lines to come see a customer that was taken; `starts_us` of each subscription."""
    known.customers[line.customer] = line
    subscriptions = {
        one.subscription: start for one, start in zip(line.subscriptions, starts_us, strict=True)
    }
    known.subscriptions.update(dict.fromkeys(subscriptions, line.customer))
    for subscription in line.subscriptions:
        known.identifiers.update((service.identifier, line.customer) for service in subscription.services)
    if isinstance(line.payment, ByDirectDebit):
        known.mandates[line.payment.mandate.id] = line.customer
    tie(known.tied, (numbers.customer_id, *_owners(line, known)))
    for share, number in zip(line.shares, numbers.sharing_ids, strict=True):
        known.sharing_groups[share.group] = SharingGroup(
            id=number,
            policy=share.policy,
            shard=shard,
            owner_customer_id=numbers.customer_id,
            owner_group_id=numbers.group_id,
            valid_from_us=subscriptions[share.subscription],
            valid_to_us=INFINITE_US,
        )
    if line.hierarchy.owns:
        known.hierarchy_groups[line.hierarchy.owns] = HierarchyGroup(
            numbers.hierarchy_id, numbers.billing_profile_id, line.billing.currency
        )


def tie(tied: dict[int, set[int]], customer_ids: Iterable[int]) -> None:
    """Let these customers be together, with everybody who is tied to one of them."""
    first, *others = customer_ids
    for other in others:
        few, many = sorted((tied.setdefault(one, {one}) for one in (first, other)), key=len)
        if few is not many:
            many |= few
            tied.update(dict.fromkeys(few, many))


def _owners(line: CustomerLine, known: KnownCustomers) -> set[int]:
    return {known.sharing_groups[member.group].owner_customer_id for member in line.member_of}


def _mandate_conflicts(line: CustomerLine, before: CustomerLine | None, known: KnownCustomers) -> list[str]:
    mandate = _mandate(line)
    if mandate is None or mandate.id not in known.mandates:
        return []
    if before is not None and mandate == _mandate(before):
        return []
    owner = known.mandates[mandate.id]
    if owner != line.customer:
        return [f"mandate {mandate.id!r} belongs to customer {owner!r}"]
    return [f"mandate {mandate.id!r} was given before; another mandate needs another id"]


def _mandate(line: CustomerLine) -> Mandate | None:
    return line.payment.mandate if isinstance(line.payment, ByDirectDebit) else None


def _pool_conflicts(line: CustomerLine, known: KnownCustomers) -> list[str]:
    missing = [member.group for member in line.member_of if member.group not in known.sharing_groups]
    if missing:
        return [
            f"member_of: there is no sharing group {group!r}; its owner must come earlier"
            for group in missing
        ]
    if len({known.sharing_groups[member.group].shard for member in line.member_of}) > 1:
        groups = ", ".join(repr(member.group) for member in line.member_of)
        return [f"member_of: the owners of {groups} live on different shards, and nobody lives on two"]
    tied: set[int] = set().union(*(known.tied.get(owner, {owner}) for owner in _owners(line, known)))
    if known.tied_max is not None and len(tied) >= known.tied_max:
        return [
            f"member_of: {len(tied) + 1} customers would be tied together, and store.tied_customers_max is "
            f"{known.tied_max}"
        ]
    return []


def _hierarchy_conflicts(line: CustomerLine, known: KnownCustomers) -> list[str]:
    faults = []
    owns, member_of = line.hierarchy.owns, line.hierarchy.member_of
    if owns and owns in known.hierarchy_groups:
        faults.append(f"hierarchy group {owns!r} is there already")
    if member_of and member_of not in known.hierarchy_groups:
        faults.append(f"hierarchy: there is no group {member_of!r}; its owner must come earlier")
    elif member_of and known.hierarchy_groups[member_of].currency != line.billing.currency:
        currency = known.hierarchy_groups[member_of].currency
        faults.append(f"hierarchy: {member_of!r} pays in {currency}, the customer in {line.billing.currency}")
    return faults
