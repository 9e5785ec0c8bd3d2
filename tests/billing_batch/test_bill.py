"""One bill: minor units, what is left below them, tax on the sum, prepaid money taken off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_batch.bill import balanced, build_bill, child_line
from billing_batch.bill_parts import KIND_CREDIT, KIND_ITEM, to_minor
from billing_batch.billing_order import HierarchyCycleError, billing_levels
from billing_batch.cut_cycle import ItemTotal
from tests.billing_batch.billing_world import AS_OF_US
from tests.rating_kernels.sample_world import SAMPLE

BOOKED = ("4000_usage", "vat", "EUR")
ITEMS = {
    key.bill_item: item_id
    for item_id, key in SAMPLE.items.items()
    if (key.general_ledger, key.tax, key.resource) == BOOKED
}
CALLS, MESSAGES = ITEMS["calls"], ITEMS["messages"]


def bill(*totals: ItemTotal, children=()):
    return build_bill(list(totals), tuple(children), SAMPLE, 2, AS_OF_US)


def test_each_line_is_rounded_once_and_shows_what_is_left():
    made = bill(ItemTotal(CALLS, 1_234_567, 1_234_567, 10, 1), ItemTotal(MESSAGES, 5_000, 5_000, 1, 1))
    assert [(line.bill_item, line.net_minor, line.residue_micro) for line in made.lines] == [
        ("calls", 123, 4_567),
        ("messages", 1, -5_000),
    ]
    assert (made.net_minor, made.tax_minor, made.total_minor) == (124, 25, 149)


def test_tax_is_computed_once_on_the_sum_of_its_lines():
    # 20 % of 3 + 3 cents is 1.2, of each alone 0.6: rounded one by one it would be 2.
    made = bill(ItemTotal(CALLS, 30_000, 30_000, 1, 1), ItemTotal(MESSAGES, 30_000, 30_000, 1, 1))
    assert [(tax.base_minor, tax.tax_minor) for tax in made.taxes] == [(6, 1)]


def test_what_credit_covered_is_taken_off_so_that_what_is_owed_stays():
    made = bill(ItemTotal(CALLS, 100_000, 40_000, 1, 1), ItemTotal(MESSAGES, 7_000, 0, 1, 1))
    assert [(line.kind, line.net_minor) for line in made.lines] == [
        (KIND_ITEM, 10),
        (KIND_ITEM, 1),
        (KIND_CREDIT, -7),
    ]
    assert made.net_minor == 4


money = st.integers(0, 10**12)


@given(st.lists(st.tuples(money, st.integers(0, 100)), max_size=2), st.lists(st.integers(-(10**9), 10**9)))
def test_a_bill_adds_up(amounts, child_totals):
    totals = [
        ItemTotal(item, amount, amount * percent // 100, 1, 1)
        for item, (amount, percent) in zip((CALLS, MESSAGES), amounts, strict=False)
    ]
    children = [child_line(n, n, "C", total) for n, total in enumerate(child_totals, 1)]
    made = bill(*totals, children=children)
    assert made.net_minor == sum(line.net_minor for line in made.lines)
    assert made.total_minor == made.net_minor + made.tax_minor
    owed, _ = to_minor(sum(total.owed for total in totals), 2)
    if any(total.owed != total.amount for total in totals):
        assert made.net_minor - sum(child_totals) == owed
    closed = balanced(made, 99)
    assert closed.total_minor == 0 == sum(line.net_minor for line in closed.lines) + closed.tax_minor


@given(st.integers(-(10**15), 10**15), st.integers(0, 3))
def test_minor_units_and_what_is_left_are_the_amount(amount_micro, digits):
    minor, left = to_minor(amount_micro, digits)
    unit = 10 ** (6 - digits)
    assert minor * unit + left == amount_micro
    assert 2 * abs(left) <= unit


def test_children_come_before_owners_at_any_depth():
    assert billing_levels([1, 2, 3, 4], {2: 1, 3: 2}) == [[3, 4], [2], [1]]
    # An owner in between that is not due does not stop what is above it.
    assert billing_levels([1, 3], {2: 1, 3: 2}) == [[3], [1]]


def test_a_circle_of_payers_is_refused():
    with pytest.raises(HierarchyCycleError, match="circle"):
        billing_levels([1, 2], {1: 2, 2: 1})
