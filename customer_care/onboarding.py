"""Pure. A new customer: a checked line, its numbers and the pools it may use, to what charging must know.

`take_line` is the way in: it says what one line means for what is known so far, and keeps count.
`onboard_lines` does it for a whole file without any database.
"""

from collections.abc import Iterable
from typing import NamedTuple

from balance_store.keyspace import shard_of
from balance_store.profile_record import PROFILE_SCHEMA, Membership, Profile, ServiceEntry
from balance_store.requests import DirectoryEntry
from config.civil_time import local_midnight_us
from config.code_ids import code_id
from config.compile_catalogue import CompiledCatalogue
from customer_care.billing_cycle import FirstCycle, first_cycle
from customer_care.customer_lines import CustomerLine, Subscription, decode_line
from customer_care.known_customers import (
    Changed,
    KnownCustomers,
    Numbers,
    Refused,
    SharingGroup,
    Unchanged,
    conflicts,
    give_numbers,
    remember,
    seen_before,
)
from customer_care.opening_image import opening_image
from customer_care.purchases import (
    Purchase,
    PurchasedDiscount,
    candidates_of,
    discount_entries,
    discounts_of,
    purchases_of,
    recurring_of,
)
from rating_kernels.group_image import INFINITE_US
from rating_kernels.tariff_table import Ints


class Onboarded(NamedTuple):
    """A new customer, ready to be recorded and published."""

    line: CustomerLine
    numbers: Numbers
    shard: int
    cycle: FirstCycle
    starts_us: tuple[int, ...]  # of each subscription
    purchases: tuple[tuple[Purchase, ...], ...]  # of each subscription
    discounts: tuple[tuple[PurchasedDiscount, ...], ...]  # of each subscription
    profile: Profile
    group: Ints  # image of the one balance group
    directory: tuple[tuple[str, tuple[DirectoryEntry, ...]], ...]
    catalogue_version: int


class LineFault(NamedTuple):
    """Why a line was not taken."""

    line_number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.reason}"


def onboard_lines(
    lines: Iterable[bytes], catalogue: CompiledCatalogue, shards: int
) -> tuple[list[Onboarded], list[LineFault]]:
    """Customers of a whole file, numbered in its order, and the faults of its other lines."""
    known = KnownCustomers()
    onboarded: list[Onboarded] = []
    faults: list[LineFault] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = decode_line(text)
        if isinstance(line, str):
            faults.append(LineFault(number, line))
            continue
        taken = take_line(line, known, catalogue, shards)
        if isinstance(taken, Onboarded):
            onboarded.append(taken)
        else:
            twice = f"customer {line.customer!r} is there already"
            faults.append(LineFault(number, taken.reason if isinstance(taken, Refused) else twice))
    return onboarded, faults


def take_line(
    line: CustomerLine, known: KnownCustomers, catalogue: CompiledCatalogue, shards: int
) -> Onboarded | Changed | Unchanged | Refused:
    """What a line means; a customer that is taken is known from then on."""
    before = seen_before(line, known, catalogue)
    if before is not None:
        return before
    faults = conflicts(line, known, catalogue)
    if faults:
        return Refused("; ".join(faults))
    pools = [known.sharing_groups[member.group] for member in line.member_of]
    numbers = give_numbers(line, known)
    taken = onboard(line, numbers, pools, catalogue, shards)
    remember(line, numbers, taken.shard, list(taken.starts_us), known)
    return taken


def onboard(
    line: CustomerLine,
    numbers: Numbers,
    pools: list[SharingGroup],
    catalogue: CompiledCatalogue,
    shards: int,
) -> Onboarded:
    """Profile, balance group and directory of a line without faults; `pools` as in its `member_of`."""
    zone = catalogue.site.time_zone
    cycle = first_cycle(line.billing, line.since, zone)
    starts_us = tuple(
        cycle.start_us if one.from_ is None else local_midnight_us(one.from_, zone)
        for one in line.subscriptions
    )
    purchases = tuple(
        purchases_of(one, from_us, catalogue)
        for one, from_us in zip(line.subscriptions, starts_us, strict=True)
    )
    discounts = tuple(
        discounts_of(one, from_us, catalogue)
        for one, from_us in zip(line.subscriptions, starts_us, strict=True)
    )
    everything = tuple(purchase for some in purchases for purchase in some)
    shard = pools[0].shard if pools else shard_of(numbers.customer_id, shards)
    memberships = _memberships(line, pools, cycle.start_us)
    services = tuple(
        service
        for one, number, from_us, bought, off in zip(
            line.subscriptions, numbers.subscription_ids, starts_us, purchases, discounts, strict=True
        )
        for service in _services(one, number, numbers.group_id, from_us, bought, off, memberships, catalogue)
    )
    profile = Profile(
        schema=PROFILE_SCHEMA,
        customer_id=numbers.customer_id,
        services=services,
        memberships=memberships,
        recurring=recurring_of(numbers.group_id, everything, catalogue),
        group_ids=(numbers.group_id,),
    )
    return Onboarded(
        line=line,
        numbers=numbers,
        shard=shard,
        cycle=cycle,
        starts_us=starts_us,
        purchases=purchases,
        discounts=discounts,
        profile=profile,
        group=opening_image(line, numbers.customer_id, numbers.group_id, everything, cycle, catalogue),
        directory=directory_of(profile, shard),
        catalogue_version=catalogue.version,
    )


def directory_of(profile: Profile, shard: int) -> tuple[tuple[str, tuple[DirectoryEntry, ...]], ...]:
    """For each identifier its entries: one a subscription, however many services it has."""
    entries: dict[str, dict[DirectoryEntry, None]] = {}
    for service in profile.services:
        entry = DirectoryEntry(
            shard, profile.customer_id, service.subscription_id, service.valid_from_us, service.valid_to_us
        )
        entries.setdefault(service.identifier, {})[entry] = None
    return tuple((identifier, tuple(some)) for identifier, some in entries.items())


def _memberships(line: CustomerLine, pools: list[SharingGroup], joined_us: int) -> tuple[Membership, ...]:
    """Best first: by priority, then by number, as all were joined at once (DECISIONS 20)."""
    pairs = sorted(zip(line.member_of, pools, strict=True), key=lambda pair: (pair[0].priority, pair[1].id))
    return tuple(
        Membership(
            sharing_id=pool.id,
            policy_id=code_id("policy", pool.policy),
            owner_customer_id=pool.owner_customer_id,
            owner_group_id=pool.owner_group_id,
            valid_from_us=max(joined_us, pool.valid_from_us),
            valid_to_us=pool.valid_to_us,
        )
        for _, pool in pairs
    )


def _services(
    subscription: Subscription,
    subscription_id: int,
    group_id: int,
    from_us: int,
    purchases: tuple[Purchase, ...],
    discounts: tuple[PurchasedDiscount, ...],
    memberships: tuple[Membership, ...],
    catalogue: CompiledCatalogue,
) -> list[ServiceEntry]:
    return [
        ServiceEntry(
            identifier=service.identifier,
            service_type_id=code_id("service_type", service.type),
            valid_from_us=from_us,
            valid_to_us=INFINITE_US,
            subscription_id=subscription_id,
            group_id=group_id,
            candidates=candidates_of(purchases, service.type, catalogue),
            sharing_ids=tuple(membership.sharing_id for membership in memberships),
            discounts=discount_entries(discounts, catalogue),
        )
        for service in subscription.services
    ]
