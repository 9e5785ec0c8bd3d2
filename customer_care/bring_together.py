"""Shell. Customers who are tied to each other live in one shard: whoever does not live there yet is moved.

The records say who is tied; the store's profiles know owners only. A profile is told of a tie after all whom it
ties have arrived, so a member's event never looks for an owner at another shard.
"""

import functools

import msgspec

from balance_store.move_customers import Mover
from balance_store.profile_record import Membership, Profile


async def bring_together(mover: Mover, lives: dict[int, int], target: int) -> None:
    """Move customers to the target; `lives` names, for all who are tied, a shard where they live or lived."""
    while True:
        lives = await mover.locate(lives)
        away = sorted(set(lives.values()) - {target})
        if not away:
            return
        for source in away:
            there = frozenset(customer_id for customer_id, shard in lives.items() if shard == source)
            await mover.move(there, source, target)


async def publish_memberships(
    mover: Mover, customer_id: int, shard: int, memberships: tuple[Membership, ...]
) -> None:
    """Let the customer's profile say what pools it may use, best first; owners must be at its shard by now."""
    change = functools.partial(with_memberships, memberships=memberships)
    await mover.change_profile(customer_id, shard, change)


def with_memberships(profile: Profile, memberships: tuple[Membership, ...]) -> Profile:
    """The profile with other memberships; every service of it may use each of their pools."""
    pools = tuple(dict.fromkeys(one.sharing_id for one in memberships))
    services = tuple(msgspec.structs.replace(one, sharing_ids=pools) for one in profile.services)
    return msgspec.structs.replace(profile, services=services, memberships=memberships)
