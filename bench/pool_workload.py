"""Shell. One sharing group with many members, and what they use of it: the owner's allowance pays for everybody.

Every event moves the one balance, and the members' own records besides (their rings of event ids).
"""

import random
from collections.abc import Iterator
from typing import Any

from customer_care.sample_lines import (
    BASIC,
    FAMILY_MEMBER,
    FAMILY_POLICY,
    MONTH,
    Draw,
    customer_line,
    identifier_of,
)

RESOURCE = "data_allowance"
BYTES_A_MEGABYTE = 1_000_000
MONTH_US = int(MONTH.timestamp()) * 1_000_000


def pool_lines(
    members: int, megabytes: int, policy: str = FAMILY_POLICY, first: int = 0
) -> Iterator[dict[str, Any]]:
    """The owner, who was given so much for ever, and members who have nothing; as `care import` takes them.

    Their numbers are from `first` on.
    """
    for place in range(members + 1):
        plan = FAMILY_MEMBER if place else BASIC
        draw = Draw(first + place, plan, place, "1010", "Wien", False, "Ana", "Novak", 1, 0)  # noqa: FBT003
        line = customer_line(draw)
        if not place:
            (subscription,) = line["subscriptions"]
            group = f"FAMILY-{first}"
            line["shares"] = [
                {"group": group, "policy": policy, "subscription": subscription["subscription"]}
            ]
            line["balances"] = [{"resource": RESOURCE, "credit": str(megabytes), "validity": "infinite"}]
        yield line


def pool_events(members: int, events: int, name: str) -> Iterator[dict[str, Any]]:
    """Sessions of one to nine megabytes by members drawn alike; `name` seeds them and makes their ids their own."""
    rng = random.Random(f"pool/{name}")
    for number in range(events):
        yield {
            "id": f"{name}-{number}",
            "source": "network/data",
            "type": "data_session",
            "service": identifier_of(1 + rng.randrange(members)),
            "time": MONTH_US + 3_600_000_000 + number,
            "quantity": rng.randint(1, 9),
            "fields": {},
        }
