"""Pure. The sample's customers as the store's rows, by the million: each from a prototype with its numbers put in.

A prototype is onboarded like any customer, with numbers that occur nowhere else; its records are cut where those
numbers stand; of a balance group they are words of its image. What comes out is byte for byte what onboarding and
publishing the same customers would give.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from balance_store.bulk_rows import StoreRow, group_row, identifier_row, profile_row
from balance_store.directory_record import pack_entries
from balance_store.group_record import pack_group, unpack_group
from balance_store.keyspace import shard_of
from balance_store.requests import DirectoryEntry
from config.compiled_catalogue import CompiledCatalogue
from customer_care.billing_cycle import first_cycle
from customer_care.customer_lines import decode_line
from customer_care.known_customers import Numbers, SharingGroup
from customer_care.onboarding import onboard
from customer_care.publication import publication_of
from customer_care.sample_lines import (
    FAMILY,
    FAMILY_MEMBER,
    FAMILY_POLICY,
    Draw,
    customer_line,
    identifier_of,
)
from rating_kernels.group_image import H_CUSTOMER_ID, H_GROUP_ID, INFINITE_US
from rating_kernels.tariff_table import Ints

# Numbers of prototypes: longer than any that is put in their place, and found nowhere else in a record.
CUSTOMER = 3_141_592_653_589
SHARING = 2_718_281_828_459
ROWS_A_CUSTOMER = 3

_pack = msgspec.msgpack.Encoder().encode


class Prototype(NamedTuple):
    """A kind of customer: its records in pieces, and when its service begins."""

    profile_head: bytes
    profile_middle: bytes
    profile_tail: tuple[bytes, ...]  # two pieces around the number of the pool where there is one
    group: Ints  # its image
    valid_from_us: int


def store_rows(draws: Iterable[Draw], catalogue: CompiledCatalogue, shards: int) -> Iterator[StoreRow]:
    """Profile, balance group and directory entry of each customer, numbered as they come."""
    prototypes: dict[tuple[str, int, int], Prototype] = {}
    pools = 0
    owner_id = 0
    for draw in draws:
        kind = (draw.plan, draw.place if draw.plan == FAMILY_MEMBER else 0, draw.credit)
        prototype = prototypes.get(kind)
        if prototype is None:
            prototype = prototypes[kind] = _prototype(draw, catalogue)
        customer_id = draw.number + 1
        if draw.plan != FAMILY_MEMBER:
            owner_id = customer_id
            pools += draw.plan == FAMILY
        shard = shard_of(owner_id, shards)
        identifier = identifier_of(draw.number)
        prototype.group[[H_GROUP_ID, H_CUSTOMER_ID]] = customer_id
        yield group_row(shard, customer_id, pack_group(prototype.group, 0))
        yield profile_row(
            shard,
            customer_id,
            prototype.profile_head
            + _pack(customer_id)
            + prototype.profile_middle
            + _pack(identifier)
            + _pack(pools).join(prototype.profile_tail),
        )
        entry = DirectoryEntry(shard, customer_id, customer_id, prototype.valid_from_us, INFINITE_US)
        yield identifier_row(identifier, shards, pack_entries((entry,)))


def _prototype(draw: Draw, catalogue: CompiledCatalogue) -> Prototype:
    line = decode_line(msgspec.json.encode(customer_line(draw)))
    assert not isinstance(line, str), line
    owner_id = CUSTOMER - draw.place
    start_us = first_cycle(line.billing, line.since, catalogue.site.time_zone).start_us
    pools = [
        SharingGroup(SHARING, FAMILY_POLICY, 0, owner_id, owner_id, start_us, INFINITE_US)
        for _ in line.member_of
    ]
    numbers = Numbers(CUSTOMER, 1, CUSTOMER, (CUSTOMER,), tuple(SHARING for _ in line.shares), (), 0, 0)
    taken = onboard(line, numbers, pools, catalogue, 1)
    published = publication_of(taken)
    profile_head, rest = _cut(published.profile, _pack(CUSTOMER))
    middle, tail = _cut(rest, _pack(identifier_of(draw.number)))
    ((_, group),) = published.groups
    parts = tuple(tail.split(_pack(SHARING)))
    ((_, (entry,)),) = taken.directory
    return Prototype(profile_head, middle, parts, unpack_group(group), entry.valid_from_us)


def _cut(record: bytes, mark: bytes) -> tuple[bytes, bytes]:
    """The record before and after the one place where a mark stands."""
    before, *after = record.split(mark)
    assert len(after) == 1, "a prototype's numbers occur once"
    return before, after[0]
