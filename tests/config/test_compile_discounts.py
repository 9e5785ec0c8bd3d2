"""Discounts: which items one at billing comes off, and what is refused because no bill could do it."""

import pytest

from config.faults import ConfigError
from tests.config.small_catalogue import BASE, PLAN, compiled_from

TAXES = """
tag = [{ code = "use", name = "Use" }, { code = "fee", name = "Fee" }, { code = "cash", name = "Cash", kind = "resource" }]
tax = [
  { code = "vat", name = "VAT", rate = { valid_from = 2016-01-01, percent = 20 } },
  { code = "at_once", name = "VAT", at = "rating", rate = { valid_from = 2016-01-01, percent = 20 } },
]
product = [
  { code = "use", name = "Use", rate_plan = "data" },
  { code = "monthly", name = "Monthly", fee = 5, bill_item = "usage", charge_tag = "fee", tax = "vat" },
]
"""


def catalogue(detail: str, discount: str):
    """One detail with these fields, booked to the item `usage`, and one discount at billing."""
    written = f'resource = "EUR"\nbill_item = "usage"\nrule = {{ price = "p" }}\n{detail}'
    plan = PLAN + f"price.p.flat = 1\n[[rate_plan.version.detail]]\n{written}"
    return compiled_from(
        BASE, TAXES, plan, f'discount = [{{ code = "d", name = "D", at = "bill", {discount} }}]'
    )


def items_of(detail: str, discount: str) -> set[tuple[str, str]]:
    """(bill item, tax) of the items that the discount comes off."""
    compiled = catalogue(detail, discount)
    return {
        (compiled.items[number].bill_item, compiled.items[number].tax)
        for number in compiled.discounts["d"].item_ids
    }


def refusal(detail: str, discount: str) -> tuple[str, str, str]:
    with pytest.raises(ConfigError) as caught:
        catalogue(detail, discount)
    ((path, message, cure),) = [(one.path, one.message, one.cure) for one in caught.value.faults]
    return path, message, cure


def test_without_tags_it_comes_off_every_item_of_its_resource():
    assert items_of("", discount="percent = 10") == {("usage", ""), ("usage", "vat")}


@pytest.mark.parametrize("tags", ['charge_tags = ["fee"]', 'charge_tags = ["fee"], resource_tags = ["cash"]'])
def test_a_fee_is_found_by_its_charge_tag(tags):
    assert items_of('charge_tag = "use"', discount=f"amount = 1, {tags}") == {("usage", "vat")}


def test_one_of_its_tags_is_enough():
    found = items_of(
        'resource_tag = "cash"', discount='percent = 5, charge_tags = ["use"], resource_tags = ["cash"]'
    )
    assert found == {("usage", "")}


def test_kernels_are_not_given_it():
    compiled = catalogue("", discount="percent = 10")
    assert compiled.discounts["d"].index == -1
    assert compiled.discount_index == {}
    assert len(compiled.table.discount_id) == 0


def test_those_of_events_keep_their_rows_beside_it():
    text = """discount = [
      { code = "a", name = "A", percent = 10 },
      { code = "b", name = "B", percent = 10, at = "bill" },
      { code = "c", name = "C", amount = 1 },
    ]"""
    compiled = compiled_from(
        BASE, TAXES.replace('{ code = "use", name = "Use", rate_plan = "data" },', ""), text
    )
    assert [compiled.discounts[code].index for code in "abc"] == [0, -1, 1]
    assert list(compiled.table.discount_id) == [compiled.discounts[code].id for code in "ac"]
    assert [compiled.discounts[code].on_bill for code in "abc"] == [False, True, False]


def test_an_item_that_is_meant_in_part_is_refused():
    path, message, cure = refusal(
        'charge_tag = "use"\ntax = "vat"', discount='percent = 10, charge_tags = ["use"]'
    )
    assert (path, message) == (
        'discount["d"]',
        "fits a part of what is booked to usage/vat, and a bill cannot tell the parts apart",
    )
    assert cure == "give all of it a tag of the discount, or book the rest to another bill item"


def test_an_item_whose_tax_was_charged_already_is_refused():
    path, message, cure = refusal('tax = "at_once"', discount="percent = 10")
    assert (path, message) == (
        'discount["d"]',
        "comes off usage/at_once, whose tax was charged with each event",
    )
    assert cure == 'set at = "event", or name tags that leave it out'


def test_units_are_on_no_bill():
    path, message, _ = refusal("", discount='percent = 10, resource = "MB"')
    assert (path, message) == ('discount["d"].resource', "'MB' is not money, and bills hold nothing else")


def test_a_fee_whose_tax_comes_with_events_is_refused():
    text = TAXES.replace('charge_tag = "fee", tax = "vat"', 'tax = "at_once"')
    with pytest.raises(ConfigError) as caught:
        compiled_from(
            BASE,
            text,
            PLAN
            + 'price.p.flat = 1\ndetail = { resource = "EUR", bill_item = "usage", rule = { price = "p" } }',
        )
    ((path, message, cure),) = [(one.path, one.message, one.cure) for one in caught.value.faults]
    assert (path, message) == (
        'product["monthly"].tax',
        "'at_once' is charged with each event, and a fee has none",
    )
    assert cure == 'name a tax with at = "bill"'


def test_a_fees_tag_must_be_one():
    with pytest.raises(ConfigError) as caught:
        compiled_from(
            BASE,
            TAXES.replace('charge_tag = "fee"', 'charge_tag = "cash"').replace(
                'rate_plan = "data"', "fee = 1, bill_item = 'usage'"
            ),
        )
    assert [(one.path, one.message) for one in caught.value.faults] == [
        ('product["monthly"].charge_tag', "'cash' is not a charge tag")
    ]
