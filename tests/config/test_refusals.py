"""Catalogues that would bill what is not money, or count an event twice, are refused with their place."""

import pytest

from config.faults import ConfigError
from tests.config.small_catalogue import BASE, PLAN, compiled_from


def refusal(*texts: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        compiled_from(BASE, *texts)
    ((path, message),) = [(one.path, one.message) for one in caught.value.faults]
    return path, message


@pytest.mark.parametrize(
    ("price", "details", "refused"),
    [
        ('{ counts = "cycle", tiers = [{ amount = 1 }] }', 2, True),
        ("{ free_events = 2, flat = 1 }", 2, True),
        ('{ counts = "cycle", tiers = [{ amount = 1 }] }', 1, False),
        ("{ flat = 1 }", 2, False),
    ],
)
def test_a_price_that_counts_is_named_by_one_detail_of_a_version(price, details, refused):
    detail = '{ resource = "EUR", bill_item = "usage", rule = { price = "p" } }'
    text = f"{PLAN}price = {{ p = {price} }}\ndetail = [{', '.join([detail] * details)}]\n"
    if refused:
        path, message = refusal(text)
        assert path == 'rate_plan["data"].version[0].price.p'
        assert message == "counts what was used, and two details name it"
    else:
        compiled_from(BASE, text)


def test_what_is_not_money_is_on_no_bill():
    detail = '{ resource = "MB", bill_item = "usage", rule = { price = "p" } }'
    path, message = refusal(f"{PLAN}price = {{ p = {{ flat = 1 }} }}\ndetail = {detail}\n")
    assert path == 'rate_plan["data"].version[0].detail[0].bill_item'
    assert message == "books 'MB', and bills hold money only"


def test_a_fee_is_money():
    product = 'product = [{ code = "f", name = "F", fee = 5, fee_resource = "MB", bill_item = "usage" }]'
    assert refusal(product) == ('product["f"].fee_resource', "'MB' is not money, and bills hold money only")
