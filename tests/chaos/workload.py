"""Pure. Who uses what while processes are killed, and what customer care does meanwhile; all by a seed.

Order decides nothing where customers contend: a family sends on one partition, so its order is the log's. The
members of the one pool send on all partitions, but what they take from it is more than is ever used, at one
price. So balances follow from the log alone, except for those that commands change too.
"""

import random
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from bench.pool_workload import RESOURCE, pool_lines
from charging.messages import Message
from customer_care.commands import Command, Grant, TopUp
from customer_care.sample_customers import customer_lines
from customer_care.sample_lines import identifier_of

FIRST_OF_POOL = 1_000
POOL_MEMBERS = 40
POOL_MEGABYTES = 10_000_000
DESTINATIONS = ("+436641234567", "+491711234567", "+12125550100")
NO_EVENT = b"no event"
# One event in so many is sent again at once, is of nobody, or is no event at all.
REPEATED, NOBODYS, BROKEN = 100, 200, 500


class Sender(NamedTuple):
    """A customer as network elements know them."""

    identifier: str
    key: bytes


class Order(NamedTuple):
    """What customer care does, under an id of its own."""

    command_id: str
    customer: str
    command: Command


def lines_of(customers: int, since: str) -> list[dict[str, Any]]:
    """Families, prepaid and single customers, and one pool."""
    lines = [*customer_lines(customers), *pool_lines(POOL_MEMBERS, POOL_MEGABYTES, first=FIRST_OF_POOL)]
    return [line | {"since": since} for line in lines]


def senders_of(lines: list[dict[str, Any]]) -> list[Sender]:
    """Everybody's identifier and message key: who shares a pool with their family has the owner's key."""
    owner_of: dict[str, str] = {}
    senders = []
    for line in lines:
        (identifier,) = {service["identifier"] for service in line["subscriptions"][0]["services"]}
        for share in line.get("shares", ()):
            owner_of[share["group"]] = identifier
        (pool,) = [owner_of[one["group"]] for one in line.get("member_of", ())] or [identifier]
        key = identifier if pool == identifier_of(FIRST_OF_POOL) else pool
        senders.append(Sender(identifier, key.encode()))
    return senders


def partition_of(key: bytes, partitions: int) -> int:
    """Where a key's messages go."""
    return zlib.crc32(key) % partitions


def events(senders: list[Sender], seed: int) -> Iterator[tuple[Sender, dict[str, Any] | None]]:
    """Usage without end and without times; no event: bytes that are none."""
    dice = random.Random(f"chaos/{seed}/usage")
    number = 0
    while True:
        number += 1
        sender = dice.choice(senders)
        if dice.randrange(BROKEN) == 0:
            yield sender, None
            continue
        event = _event(f"e{number}", sender.identifier, dice)
        if dice.randrange(NOBODYS) == 0:
            event["service"] = "+0"
        yield sender, event
        if dice.randrange(REPEATED) == 0:
            yield sender, event


def _event(event_id: str, identifier: str, dice: random.Random) -> dict[str, Any]:
    kind = dice.choices(("call", "message", "data_session"), (35, 15, 50))[0]
    quantity, fields = 1, {"destination": dice.choice(DESTINATIONS)}
    if kind == "call":
        quantity = dice.randint(1, 600)
    elif kind == "data_session":
        quantity, fields = dice.randint(1, 40), {}
    return {
        "id": event_id,
        "source": f"network/{kind}",
        "type": kind,
        "service": identifier,
        "quantity": quantity,
        "fields": fields,
    }


def commanded(lines: list[dict[str, Any]]) -> list[str]:
    """Customers whose balances commands change: the prepaid ones, and the pool's owner, who comes last."""
    prepaid = [line["customer"] for line in lines if line["billing"]["payment_type"] == "prepaid"]
    (owner,) = [line["customer"] for line in lines if line["customer"] == f"C{FIRST_OF_POOL:07d}"]
    return [*prepaid, owner]


def identifiers_of_commanded(lines: list[dict[str, Any]]) -> set[str]:
    """Their telephone numbers."""
    codes = commanded(lines)
    senders = zip(lines, senders_of(lines), strict=True)
    return {sender.identifier for line, sender in senders if line["customer"] in codes}


def events_of_others(logs: dict[int, dict[int, Message]], identifiers: set[str]) -> set[tuple[int, int]]:
    """(partition, offset) of the events of everybody else."""
    return {
        (partition, offset)
        for partition, log in logs.items()
        for offset, one in log.items()
        if one.value == NO_EVENT or msgspec.json.decode(one.value or b"")["service"] not in identifiers
    }


def order(lines: list[dict[str, Any]], desk: str, number: int) -> Order:
    """The n-th order of a desk."""
    dice = random.Random(f"chaos/{desk}/{number}")
    *prepaid, owner = commanded(lines)
    command_id = f"{desk}-{number}"
    if dice.randrange(5) == 0:
        return Order(command_id, owner, Grant(RESOURCE, -dice.randint(1, 50) * 1_000_000, "infinite"))
    return Order(command_id, dice.choice(prepaid), TopUp("EUR", -dice.randint(50, 500) * 10_000))


def message(event: dict[str, Any] | None, time_us: int) -> bytes:
    """An event as it is sent, from now on with its time."""
    return NO_EVENT if event is None else msgspec.json.encode(event | {"time": time_us})
