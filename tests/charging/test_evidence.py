"""What a soak is judged by: it sees what is lost, said twice in two ways, or not in the balances."""

import msgspec
import pytest

from balance_store.check_group import rows_of
from balance_store.group_record import unpack_group
from bench.evidence import NOTHING, Evidence, Held, Record, in_items, micros
from rating_kernels.group_image import I_ITEM_ID, SECTION_ITEMS
from tests.simulation.make_world import publications


def record(offset, *, amount="0.21", kind="owed", resource="EUR", group=7, topic_partition="usage/0"):
    impact = {"kind": kind, "group": group, "balance": 2, "resource": resource, "amount": amount}
    tells = {"kind": "discount", "group": group, "resource": "EUR", "amount": "-9"}
    return msgspec.msgpack.encode({"id": f"{topic_partition}/{offset}/0", "impacts": [impact, tells]})


def evidence(ends, *records):
    found = Evidence(ends, "EUR", msgspec.msgpack.Decoder(Record))
    for one in records:
        found.take(one)
    return found


def used(amounts):
    return {group: NOTHING._replace(used=amount) for group, amount in amounts.items()}


@pytest.mark.parametrize(("fees", "is_right"), [(20, True), (10, False), (30, False)])
def test_each_cycle_has_its_fee_once(fees, is_right):
    verdict = evidence({}).verdict({7: Held(0, 10, 1)}, {7: Held(0, fees, 2)})
    assert verdict.groups_that_differ == (not is_right)


def test_all_is_said_once_and_adds_up():
    found = evidence({0: 2}, record(0), record(1, amount="-0.2"))
    assert found.missing == 0
    assert found.verdict(used({7: 5}), used({7: 10_005, 8: 0})) == (2, 0, 0, 0, 0)


def test_what_nobody_said_is_lost():
    assert evidence({0: 2, 1: 1}, record(1)).verdict({}, used({7: 210_000})).lost == 2


def test_a_record_may_come_twice_but_not_with_another_content():
    same = evidence({0: 1}, record(0), record(0))
    assert same.verdict({}, used({7: 210_000})) == (1, 0, 0, 1, 0)
    other = evidence({0: 1}, record(0), record(0, amount="0.22"))
    assert other.verdict({}, used({7: 210_000})).with_two_contents == 1


@pytest.mark.parametrize("after", [{7: 420_000}, {7: 0}, {8: 210_000}, {}], ids=str)
def test_balances_that_took_more_or_less_than_records_say_differ(after):
    assert evidence({0: 1}, record(0)).verdict({}, used(after)).groups_that_differ > 0


def test_other_resources_are_not_money():
    assert evidence({0: 1}, record(0, resource="MB")).verdict({}, used({7: 0})).groups_that_differ == 0


@pytest.mark.parametrize(
    ("text", "amount"), [("0", 0), ("-0.000001", -1), ("12.5", 12_500_000), ("-3", -3_000_000)]
)
def test_decimal_text_is_read_as_millionths(text, amount):
    assert micros(text) == amount


def test_what_is_finer_than_a_millionth_is_refused():
    with pytest.raises(ValueError, match="finer"):
        micros("0.0000001")


def test_the_items_of_a_new_group_hold_the_fee_of_its_month():
    ((_, stored), *_) = publications(0, 2)[0].groups
    items = {row[I_ITEM_ID] for row in rows_of(unpack_group(stored))[SECTION_ITEMS]}
    assert in_items(stored, items) == Held(0, 19_900_000, 1)
    assert in_items(stored, ()) == Held(19_900_000, 0, 1)
