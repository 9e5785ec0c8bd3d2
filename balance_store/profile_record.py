"""Pure. The profile of a customer as stored: what charging must know, compiled from subscriptions.

MessagePack arrays, so a profile is small and a later version may append fields. All names are ids
(`config.code_ids`), so that a profile outlives catalogue versions.
"""

import msgspec

PROFILE_SCHEMA = 1


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
    sharing_ids: tuple[int, ...]  # memberships that its events may use, best first
    discounts: tuple[DiscountEntry, ...] = ()


class Membership(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Membership of a sharing group; its validity is that of all it depends on, intersected."""

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


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Profile)


def pack_profile(profile: Profile) -> bytes:
    """The profile as it is stored."""
    assert profile.schema == PROFILE_SCHEMA
    return _ENCODER.encode(profile)


def unpack_profile(record: bytes) -> Profile:
    """The stored profile; raises ValueError where the bytes are no profile of this schema."""
    try:
        # Its DecodeError is a ValueError.
        profile = _DECODER.decode(record)
    except RecursionError as error:
        raise ValueError("not a profile: nested without end") from error
    if profile.schema != PROFILE_SCHEMA:
        raise ValueError(f"not a profile of schema {PROFILE_SCHEMA} but of {profile.schema}")
    return profile
