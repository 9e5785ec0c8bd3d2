"""Pure. The customer whose size the store's figures are about: 3 sub-balances, 8 items, 32 recent event ids.

Numbers are as wide as they are in the middle of a month: amounts of some euro in millionths, quantities of
some hours or megabytes, events of a customer some hours and a few hundred thousand messages apart.
"""

import numpy as np

from balance_store.group_record import pack_group
from balance_store.profile_record import (
    PROFILE_SCHEMA,
    Candidate,
    Profile,
    Recurring,
    ServiceEntry,
    pack_profile,
)
from balance_store.requests import DirectoryEntry
from rating_kernels import group_image as g
from rating_kernels.group_layout import append_row, empty_image
from rating_kernels.tariff_table import Ints

DAY_US = 86_400_000_000
MONTH_US = 1_790_805_600_000_000
NEXT_MONTH_US = MONTH_US + 31 * DAY_US
BALANCES, ITEMS, IDS = 3, 8, 32
EVENTS_APART, APART_US = 300_000, 3 * 3_600_000_000
CATALOGUE_IDS = 2**31 - 1


def typical_group(number: int) -> Ints:
    """The image of a customer's balance group, without room to grow."""
    dice = np.random.default_rng(number)
    image = empty_image(
        {
            g.H_GROUP_ID: number,
            g.H_CUSTOMER_ID: number,
            g.H_CYCLE_NO: 7,
            g.H_CYCLE_START_US: MONTH_US,
            g.H_CYCLE_END_US: NEXT_MONTH_US,
            g.H_CALENDAR_KIND: g.CALENDAR_MONTHS,
            g.H_CALENDAR_COUNT: 1,
            g.H_CALENDAR_DAY: 1,
            g.H_CALENDAR_ANCHOR: 20_500,
            g.H_ZONE_ID: _id(dice),
            g.H_CREDIT_ID: _id(dice),
            g.H_NEXT_BALANCE_ID: 12,
            g.H_CLOSED_AT_US: g.INFINITE_US,
        },
        (BALANCES, ITEMS, 2, 0, IDS, 0),
    )
    # What is owed this month, and two allowances of it.
    owed = (1, _id(dice), _up_to(dice, 50_000_000), 0, g.INFINITE_US, MONTH_US, 0, 0, g.KIND_OWED)
    _put(image, g.SECTION_BALANCES, owed)
    for balance in (10, 11):
        granted = 10_000_000_000
        left = -_up_to(dice, granted)
        row = (balance, _id(dice), left, MONTH_US, NEXT_MONTH_US, MONTH_US, 0, granted, g.KIND_CREDIT)
        _put(image, g.SECTION_BALANCES, row)
    for _ in range(ITEMS):
        amount, quantity = _up_to(dice, 5_000_000), _up_to(dice, 100_000)
        _put(image, g.SECTION_ITEMS, (7, _id(dice), amount, amount, quantity, _up_to(dice, 200)))
    for _ in range(2):
        _put(image, g.SECTION_COUNTERS, (7, _id(dice), _up_to(dice, 100_000)))
    for event in range(IDS):
        offset = 100_000_000 + event * EVENTS_APART + _up_to(dice, EVENTS_APART)
        hour = (MONTH_US + 9 * DAY_US + event * APART_US + _up_to(dice, APART_US)) // g.HOUR_US
        known = event >= IDS - g.RING_POSITIONS
        position = 3 << g.POSITION_PARTITION_SHIFT | offset if known else g.FORGOTTEN
        _put(image, g.SECTION_RING, (_up_to(dice, 2**g.ID_HASH_BITS), position, hour))
    return image


def typical_record(number: int) -> bytes:
    """The balance group as stored."""
    return pack_group(typical_group(number), 0)


def typical_profile(number: int) -> bytes:
    """The profile as stored: calls, messages and data of one subscription, an allowance and a fee."""
    dice = np.random.default_rng(number)
    products = [_id(dice) for _ in range(2)]
    services = tuple(
        ServiceEntry(
            typical_identifier(number),
            service,
            MONTH_US,
            g.INFINITE_US,
            number,
            number,
            tuple(Candidate(product, _id(dice), MONTH_US, g.INFINITE_US) for product in products),
            (),
        )
        for service in (_id(dice), _id(dice), _id(dice))
    )
    recurring = (
        Recurring(number, products[0], _id(dice), 0, -10_000_000_000, MONTH_US, g.INFINITE_US),
        Recurring(number, products[0], 1, _id(dice), 20_000_000, MONTH_US, g.INFINITE_US),
    )
    return pack_profile(Profile(PROFILE_SCHEMA, number, services, (), recurring, (number,)))


def typical_identifier(number: int) -> str:
    """A telephone number in the international form."""
    return f"43660{number:07d}"


def typical_entry(number: int, shard: int) -> DirectoryEntry:
    """Where the customer lives."""
    return DirectoryEntry(shard, number, number, MONTH_US, 0)


def _put(image: Ints, section: int, row: tuple[int, ...]) -> None:
    at = append_row(image, 0, section)
    image[at : at + len(row)] = row


def _id(dice: np.random.Generator) -> int:
    return int(dice.integers(1, CATALOGUE_IDS))


def _up_to(dice: np.random.Generator, most: int) -> int:
    return int(dice.integers(1, most))
