"""Pure. Whether a customer's profile, balance groups and directory entries agree, and who is an orphan."""

from collections.abc import Mapping
from typing import NamedTuple

from balance_store.check_group import Booking, group_faults
from balance_store.findings import Fault, Wrong
from balance_store.group_record import unpack_group
from balance_store.keyspace import is_id
from balance_store.mark_record import is_mark
from balance_store.profile_record import Membership, Profile, ServiceEntry, unpack_profile
from balance_store.requests import DirectoryEntry
from rating_kernels.group_image import H_CUSTOMER_ID


class CustomerRecords(NamedTuple):
    """A customer as a shard and the directory hold it. None = there is no such record."""

    shard: int
    customer_id: int
    profile: bytes | None
    groups: Mapping[int, bytes | None]  # those that the profile names
    owners: Mapping[int, bytes | None]  # profiles of owners of pools, from the same shard
    directory: Mapping[str, tuple[DirectoryEntry, ...]]


class Needs(NamedTuple):
    """What must be read beside a profile to judge it."""

    group_ids: tuple[int, ...]
    owner_ids: tuple[int, ...]
    identifiers: tuple[str, ...]


def stored_profile(record: bytes | None) -> Profile | None:
    """The profile in an entry of a shard's profiles, if it is one. The one place that reads such an entry."""
    if record is None:
        return None
    try:
        profile = unpack_profile(record)
    except ValueError:
        return None
    named = [*profile.group_ids, *(m.owner_customer_id for m in profile.memberships)]
    return profile if all(map(is_id, named)) else None


def needs_of(profile: Profile) -> Needs:
    """Each once."""
    return Needs(
        profile.group_ids,
        tuple({m.owner_customer_id for m in profile.memberships}),
        tuple({service.identifier for service in profile.services}),
    )


def customer_faults(records: CustomerRecords, booking: Booking) -> list[Fault]:
    """Everything that is wrong with a customer; nothing for one that is gone, or has moved away."""
    if records.profile is None or is_mark(records.profile):
        return []
    subject = f"customer {records.customer_id}"
    profile = stored_profile(records.profile)
    if profile is None:
        return [Fault(Wrong.PROFILE_DAMAGED, subject, f"{len(records.profile)} bytes are no profile")]
    if profile.customer_id != records.customer_id:
        return [Fault(Wrong.PROFILE_MISPLACED, subject, f"it is the profile of {profile.customer_id}")]
    return [
        *(Fault(Wrong.PROFILE_INCONSISTENT, subject, text) for text in _inside_faults(profile)),
        *(fault for group_id in profile.group_ids for fault in _group_faults(records, group_id, booking)),
        *(fault for m in profile.memberships for fault in _owner_faults(records, m)),
        *(fault for service in profile.services for fault in _identifier_faults(records, service)),
    ]


def _inside_faults(profile: Profile) -> list[str]:
    groups, sharings = set(profile.group_ids), {m.sharing_id for m in profile.memberships}
    faults = [
        f"service {s.identifier} is charged to group {s.group_id}, which it does not list"
        for s in profile.services
        if s.group_id not in groups
    ]
    faults += [
        f"a recurring amount is for group {r.group_id}, which it does not list"
        for r in profile.recurring
        if r.group_id not in groups
    ]
    return faults + [
        f"service {s.identifier} uses sharing group {sharing}, of which it is no member"
        for s in profile.services
        for sharing in s.sharing_ids
        if sharing not in sharings
    ]


def _group_faults(records: CustomerRecords, group_id: int, booking: Booking) -> list[Fault]:
    subject = f"group {group_id}"
    record = records.groups.get(group_id)
    if record is None:
        return [Fault(Wrong.GROUP_MISSING, subject, f"customer {records.customer_id} names it")]
    try:
        words = unpack_group(record)
    except ValueError as error:
        return [Fault(Wrong.GROUP_DAMAGED, subject, str(error))]
    return group_faults(group_id, records.customer_id, words, booking)


def _owner_faults(records: CustomerRecords, membership: Membership) -> list[Fault]:
    subject = f"customer {records.customer_id}"
    owner = stored_profile(records.owners.get(membership.owner_customer_id))
    pool = f"the owner {membership.owner_customer_id} of sharing group {membership.sharing_id}"
    if owner is None:
        return [Fault(Wrong.OWNER_MISSING, subject, f"{pool} is not in this shard")]
    if membership.owner_group_id not in owner.group_ids:
        text = f"{pool} has no group {membership.owner_group_id}"
        return [Fault(Wrong.OWNER_MISSING, subject, text)]
    return []


def _identifier_faults(records: CustomerRecords, service: ServiceEntry) -> list[Fault]:
    entries = records.directory.get(service.identifier, ())
    if any(
        entry.shard == records.shard and entry.customer_id == records.customer_id and _belongs(entry, service)
        for entry in entries
    ):
        return []
    text = f"the directory does not lead {service.identifier} to subscription {service.subscription_id}"
    return [Fault(Wrong.IDENTIFIER_MISSING, f"customer {records.customer_id}", text)]


def _belongs(entry: DirectoryEntry, service: ServiceEntry) -> bool:
    return (
        entry.subscription_id == service.subscription_id
        and entry.valid_from_us < service.valid_to_us
        and service.valid_from_us < entry.valid_to_us
    )


def group_customer(record: bytes) -> int | None:
    """Whose a group's record says it is; None where it is no record."""
    try:
        customer_id = int(unpack_group(record)[H_CUSTOMER_ID])
    except ValueError:
        return None
    return customer_id if is_id(customer_id) else None


def orphan_faults(group_id: int, record: bytes | None, profile: bytes | None) -> list[Fault]:
    """Whether nobody owns a group; `profile` is the one of the customer that the group names, if there is any."""
    if record is None:
        return []
    customer_id, subject = group_customer(record), f"group {group_id}"
    if customer_id is None:
        return [Fault(Wrong.GROUP_DAMAGED, subject, f"{len(record)} bytes are no balance group")]
    owner = stored_profile(profile)
    if owner is None:
        return [Fault(Wrong.GROUP_ORPHANED, subject, f"customer {customer_id} has no profile in this shard")]
    if group_id not in owner.group_ids:
        return [Fault(Wrong.GROUP_ORPHANED, subject, f"customer {customer_id} does not name it")]
    return []


def entry_faults(identifier: str, entry: DirectoryEntry, profile: bytes | None) -> list[Fault]:
    """Whether a directory entry leads nowhere; `profile` is its customer's in the shard that it names.

    Where a mark stands instead, whoever reads it follows the customer.
    """
    if is_mark(profile):
        return []
    subject = f"identifier {identifier}"
    there = stored_profile(profile)
    if there is None:
        text = f"shard {entry.shard} has no profile of customer {entry.customer_id}"
        return [Fault(Wrong.IDENTIFIER_ORPHANED, subject, text)]
    if not any(s.identifier == identifier and _belongs(entry, s) for s in there.services):
        text = f"customer {entry.customer_id} has no such service then"
        return [Fault(Wrong.IDENTIFIER_ORPHANED, subject, text)]
    return []
