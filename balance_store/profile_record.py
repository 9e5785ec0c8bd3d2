"""Pure. The profile of a customer: what charging must know, compiled from subscriptions; stored as schema 2.

All names are ids (`config.code_ids`), so that a profile outlives catalogue versions. Stored it is a MessagePack
array of the same rows, in which what repeats is written once:

    schema | customer | identifiers | times | services | memberships | recurring | groups | move number

A row names an identifier and a time by its place in those lists (no end is -1), and a subscription, group or
owner by its distance from the customer's id, which is small. Kernels read that form. Schema 1, the rows as they
are, is still read.
"""

import msgspec

from rating_kernels.group_image import INFINITE_US

PROFILE_SCHEMA = 2
FORMER_SCHEMA = 1
NO_END = -1


class Candidate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A product that may rate a service's events."""

    product_id: int
    rate_plan_id: int
    valid_from_us: int
    valid_to_us: int


class DiscountEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A discount that a subscription bought."""

    discount_id: int
    valid_from_us: int
    valid_to_us: int


class ServiceEntry(msgspec.Struct, frozen=True, array_like=True):
    """A service of a subscription, with its candidates best first, its discounts as they come off."""

    identifier: str
    service_type_id: int
    valid_from_us: int
    valid_to_us: int
    subscription_id: int
    group_id: int
    candidates: tuple[Candidate, ...]
    # Groups whose memberships its events may use; the profile lists those best first.
    sharing_ids: tuple[int, ...]
    discounts: tuple[DiscountEntry, ...] = ()


class Membership(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Membership of a sharing group; its validity is that of all it depends on, intersected.

    Who left a group and came back has two of it, and neither holds while the other does.
    """

    sharing_id: int
    policy_id: int
    owner_customer_id: int
    owner_group_id: int
    valid_from_us: int
    valid_to_us: int


class Recurring(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What each cycle of a group starts with: an allowance (amount < 0) or a fee (amount > 0)."""

    group_id: int
    product_id: int
    resource_id: int
    item_id: int
    amount: int
    valid_from_us: int
    valid_to_us: int
    # What is left of an allowance: for how many cycles more, up to how many units of a cycle's and in all.
    rollover_cycles: int = 0
    rolled_a_cycle: int = 0
    rolled_in_all: int = 0


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """One customer."""

    schema: int
    customer_id: int
    services: tuple[ServiceEntry, ...]
    memberships: tuple[Membership, ...]
    recurring: tuple[Recurring, ...]
    group_ids: tuple[int, ...]  # balance groups of the customer, all in the customer's shard
    move_no: int = 0  # of the move that brought the customer to this shard; 0 = none did


class _ServiceRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    identifier: int
    service_type_id: int
    valid_from: int
    valid_to: int
    subscription: int
    group: int
    candidates: tuple[tuple[int, int, int, int], ...]
    sharing_ids: tuple[int, ...]
    discounts: tuple[tuple[int, int, int], ...]


class _MembershipRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    sharing_id: int
    policy_id: int
    owner: int
    owner_group: int
    valid_from: int
    valid_to: int


class _RecurringRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    group: int
    product_id: int
    resource_id: int
    item_id: int
    amount: int
    valid_from: int
    valid_to: int
    rollover_cycles: int
    rolled_a_cycle: int
    rolled_in_all: int


class _Stored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    schema: int
    customer_id: int
    identifiers: tuple[str, ...]
    times_us: tuple[int, ...]
    services: tuple[_ServiceRow, ...]
    memberships: tuple[_MembershipRow, ...]
    recurring: tuple[_RecurringRow, ...]
    groups: tuple[int, ...]
    move_no: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Stored)
_FORMER = msgspec.msgpack.Decoder(Profile)


def pack_profile(profile: Profile) -> bytes:
    """The profile as it is stored."""
    assert profile.schema == PROFILE_SCHEMA
    base = profile.customer_id
    identifiers: dict[str, int] = {}
    places: dict[int, int] = {INFINITE_US: NO_END}

    def place(time_us: int) -> int:
        return places.setdefault(time_us, len(places) - 1)

    services = tuple(
        _ServiceRow(
            identifiers.setdefault(s.identifier, len(identifiers)),
            s.service_type_id,
            place(s.valid_from_us),
            place(s.valid_to_us),
            s.subscription_id - base,
            s.group_id - base,
            tuple(
                (c.product_id, c.rate_plan_id, place(c.valid_from_us), place(c.valid_to_us))
                for c in s.candidates
            ),
            s.sharing_ids,
            tuple((d.discount_id, place(d.valid_from_us), place(d.valid_to_us)) for d in s.discounts),
        )
        for s in profile.services
    )
    memberships = tuple(
        _MembershipRow(
            m.sharing_id,
            m.policy_id,
            m.owner_customer_id - base,
            m.owner_group_id - base,
            place(m.valid_from_us),
            place(m.valid_to_us),
        )
        for m in profile.memberships
    )
    recurring = tuple(
        _RecurringRow(
            r.group_id - base,
            r.product_id,
            r.resource_id,
            r.item_id,
            r.amount,
            place(r.valid_from_us),
            place(r.valid_to_us),
            r.rollover_cycles,
            r.rolled_a_cycle,
            r.rolled_in_all,
        )
        for r in profile.recurring
    )
    times_us = tuple(time_us for time_us, at in places.items() if at != NO_END)
    groups = tuple(group_id - base for group_id in profile.group_ids)
    names = tuple(identifiers)
    return _ENCODER.encode(
        _Stored(
            PROFILE_SCHEMA, base, names, times_us, services, memberships, recurring, groups, profile.move_no
        )
    )


def unpack_profile(record: bytes) -> Profile:
    """The stored profile; raises ValueError where the bytes are no profile of this schema or the one before.

    What it gives has the schema that it would be stored in now.
    """
    # A short array's head is one byte, and the schema is its first number.
    schema = record[1] if len(record) > 1 else 0
    if schema not in (FORMER_SCHEMA, PROFILE_SCHEMA):
        raise ValueError(f"not a profile of schema {FORMER_SCHEMA} or {PROFILE_SCHEMA} but of {schema}")
    try:
        # Its DecodeError is a ValueError.
        if schema == FORMER_SCHEMA:
            return msgspec.structs.replace(_FORMER.decode(record), schema=PROFILE_SCHEMA)
        return _expanded(_DECODER.decode(record))
    except RecursionError as error:
        raise ValueError("not a profile: nested without end") from error
    except IndexError as error:
        raise ValueError("not a profile: a row names what is not listed") from error


def in_schema_of_now(record: bytes) -> bytes:
    """The stored profile as it would be stored now: what kernels read; they see whether it is sound.

    Raises ValueError as `unpack_profile` does, where it is of the schema before.
    """
    return pack_profile(unpack_profile(record)) if record[1:2] == bytes([FORMER_SCHEMA]) else record


def _expanded(stored: _Stored) -> Profile:
    base = stored.customer_id
    # No end is -1, which is the last.
    times = (*stored.times_us, INFINITE_US)
    services = [
        ServiceEntry(
            stored.identifiers[s.identifier],
            s.service_type_id,
            times[s.valid_from],
            times[s.valid_to],
            base + s.subscription,
            base + s.group,
            tuple([Candidate(product, plan, times[f], times[t]) for product, plan, f, t in s.candidates]),
            s.sharing_ids,
            tuple([DiscountEntry(discount, times[f], times[t]) for discount, f, t in s.discounts]),
        )
        for s in stored.services
    ]
    memberships = [
        Membership(
            m.sharing_id,
            m.policy_id,
            base + m.owner,
            base + m.owner_group,
            times[m.valid_from],
            times[m.valid_to],
        )
        for m in stored.memberships
    ]
    recurring = [
        Recurring(
            base + r.group,
            r.product_id,
            r.resource_id,
            r.item_id,
            r.amount,
            times[r.valid_from],
            times[r.valid_to],
            r.rollover_cycles,
            r.rolled_a_cycle,
            r.rolled_in_all,
        )
        for r in stored.recurring
    ]
    groups = tuple([base + group for group in stored.groups])
    rows = tuple(services), tuple(memberships), tuple(recurring)
    return Profile(PROFILE_SCHEMA, base, *rows, groups, stored.move_no)
