"""The twelve consumption orders: any group against a plain sort (a peer's examples: test_peer_balances.py)."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rating_kernels import tariff_table
from rating_kernels.consumption_order import NOTHING_LEFT, next_credit
from rating_kernels.group_image import (
    B_AMOUNT,
    B_CREATED_US,
    B_ID,
    B_PRIORITY,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    INFINITE_US,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import append_row, empty_image

ORDERS = [
    "EST",
    "LST",
    "EET",
    "LET",
    "ESTLET",
    "ESTEET",
    "LSTEET",
    "LSTLET",
    "EETEST",
    "EETLST",
    "LETEST",
    "LETLST",
]
RESOURCE = 7
# What each part of an order's name sorts by.
KEYS = {
    "EST": lambda start, end: start,
    "LST": lambda start, end: -start,
    "EET": lambda start, end: end,
    "LET": lambda start, end: -end,
}


def group(balances: list[dict[int, int]]) -> np.ndarray:
    """An image whose balances hold these words; each has something left."""
    words = empty_image({}, (len(balances), 0, 0, 0, 0, 0))
    for number, given_words in enumerate(balances):
        row = append_row(words, 0, SECTION_BALANCES)
        known = {B_ID: number, B_RESOURCE_ID: RESOURCE, B_AMOUNT: -1, B_VALID_TO_US: INFINITE_US}
        for word, value in (known | given_words).items():
            words[row + word] = value
    return words


def burnt(words: np.ndarray, order: int, time_us: int) -> list[int]:
    """Ids of the balances in the order in which they are used up."""
    used = []
    while (row := next_credit(words, 0, RESOURCE, order, time_us)) != NOTHING_LEFT:
        used.append(int(words[row + B_ID]))
        words[row + B_AMOUNT] = 0
    return used


balance_words = st.fixed_dictionaries(
    {
        B_VALID_FROM_US: st.integers(0, 3),
        B_VALID_TO_US: st.sampled_from([5, 6, 7, INFINITE_US]),
        B_PRIORITY: st.integers(0, 1),
        B_CREATED_US: st.integers(0, 1),
    }
)


@settings(deadline=None)  # the first example compiles the kernel
@given(st.lists(balance_words, max_size=8), st.sampled_from(ORDERS), st.integers(0, 6))
def test_any_group_is_used_in_the_order_that_a_plain_sort_gives(balances, name, time_us):
    def key(number):
        one = balances[number]
        parts = [name[:3], name[3:]] if len(name) == 6 else [name]
        span = (one[B_VALID_FROM_US], one[B_VALID_TO_US])
        return (one[B_PRIORITY], *(KEYS[part](*span) for part in parts), one[B_CREATED_US], number)

    valid = [
        number for number, one in enumerate(balances) if one[B_VALID_FROM_US] <= time_us < one[B_VALID_TO_US]
    ]
    assert burnt(group(balances), getattr(tariff_table, name), time_us) == sorted(valid, key=key)


def test_another_resource_and_an_empty_balance_are_never_used():
    words = group([{B_RESOURCE_ID: RESOURCE + 1}, {B_AMOUNT: 0}, {B_AMOUNT: 5}])
    assert next_credit(words, 0, RESOURCE, tariff_table.EST, 0) == NOTHING_LEFT
