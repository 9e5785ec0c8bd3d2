"""A line to what charging must know, without any server."""

import datetime

import pytest

from balance_store.requests import DirectoryEntry
from config.civil_time import local_midnight_us
from config.code_ids import code_id, credit_id
from config.load import load_compiled_catalogue
from customer_care.onboarding import Onboarded, onboard_lines
from rating_kernels import group_image as g
from rating_kernels.balances import total_valid
from rating_kernels.group_layout import row_at, section_count
from tests.customer_care.example_lines import file_of, line, member, on_plan, owner

SHARDS = 16
EUR = code_id("resource", "EUR")
DATA = code_id("resource", "data_allowance")


@pytest.fixture(scope="module")
def catalogue():
    return load_compiled_catalogue("")


def vienna(year: int, month: int, day: int) -> int:
    return local_midnight_us(datetime.date(year, month, day), "Europe/Vienna")


def taken(catalogue, *lines) -> list[Onboarded]:
    onboarded, faults = onboard_lines(file_of(*lines), catalogue, SHARDS)
    assert faults == []
    return onboarded


def items(words):
    rows = [row_at(words, 0, g.SECTION_ITEMS, n) for n in range(section_count(words, 0, g.SECTION_ITEMS))]
    return {
        int(words[row + g.I_ITEM_ID]): (int(words[row + g.I_AMOUNT]), int(words[row + g.I_OWED]))
        for row in rows
    }


def test_numbers_and_shards_follow_the_order_of_the_file(catalogue):
    customers = taken(catalogue, line(7), line(5), line(6))
    assert [one.profile.customer_id for one in customers] == [1, 2, 3]
    assert [one.shard for one in customers] == [1, 2, 3]
    assert [one.profile.group_ids for one in customers] == [(1,), (2,), (3,)]


def test_a_first_day_within_a_cycle_makes_a_short_first_cycle_with_prorated_fees_and_whole_allowances(
    catalogue,
):
    (one,) = taken(catalogue, on_plan(1, "family", since="2026-10-11"))
    start, end = vienna(2026, 10, 11), vienna(2026, 11, 1)
    assert (one.group[g.H_CYCLE_START_US], one.group[g.H_CYCLE_END_US]) == (start, end)
    # 29.90 for 21 of 31 days, half up in millionths.
    fee = (29_900_000 * 21 * 2 + 31) // (31 * 2)
    assert list(items(one.group).values()) == [(fee, fee)]
    assert total_valid(one.group, 0, EUR, start) == fee
    assert total_valid(one.group, 0, DATA, start) == -10_000 * 10**6
    assert total_valid(one.group, 0, DATA, end) == 0


def test_a_first_day_on_the_billing_day_is_charged_whole(catalogue):
    (one,) = taken(catalogue, line(1))
    assert list(items(one.group).values()) == [(9_900_000, 9_900_000)]


def test_a_subscription_that_starts_later_in_the_first_cycle_pays_from_its_first_day(catalogue):
    customer = line(1)
    customer["subscriptions"][0]["from"] = "2026-10-31"
    (one,) = taken(catalogue, customer)
    assert list(items(one.group).values()) == [(319_355, 319_355)]  # 9.90 / 31 = 0.31935483...
    assert {service.valid_from_us for service in one.profile.services} == {vienna(2026, 10, 31)}
    assert {row.valid_from_us for row in one.profile.recurring} == {vienna(2026, 10, 31)}


@pytest.mark.parametrize(
    ("billing", "since", "end"),
    [
        ({"interval": "month", "day": 31}, "2026-02-10", (2026, 2, 28)),
        ({"interval": "month", "day": 31}, "2026-02-28", (2026, 3, 31)),
        ({"interval": "week", "day": 3}, "2026-10-01", (2026, 10, 7)),
        ({"interval": "day", "every": 10}, "2026-10-01", (2026, 10, 11)),
        ({"interval": "year", "day": 15}, "2026-10-01", (2027, 9, 15)),
    ],
)
def test_the_first_cycle_ends_on_the_next_billing_day(catalogue, billing, since, end):
    billing = {"payment_type": "postpaid", "currency": "EUR"} | billing
    (one,) = taken(catalogue, line(1, billing=billing, since=since))
    assert one.group[g.H_CYCLE_END_US] == vienna(*end)


def test_credit_is_kept_below_zero_and_as_long_as_it_is_valid(catalogue):
    balances = [
        {"resource": "EUR", "credit": "20.000001"},
        {"resource": "data_allowance", "credit": 5},
        {"resource": "data_allowance", "credit": "1.5", "validity": "2027-01-01"},
    ]
    billing = {"payment_type": "prepaid", "currency": "EUR", "day": 1}
    (one,) = taken(catalogue, on_plan(1, "prepaid", billing=billing, balances=balances))
    assert total_valid(one.group, 0, EUR, g.INFINITE_US - 1) == -20_000_001
    assert total_valid(one.group, 0, DATA, vienna(2026, 10, 1)) == -6_500_000
    assert total_valid(one.group, 0, DATA, vienna(2026, 11, 1)) == -1_500_000
    assert total_valid(one.group, 0, DATA, vienna(2027, 1, 1)) == 0
    assert one.group[g.H_CREDIT_ID] == credit_id("standard", "prepaid")


def test_balances_of_one_validity_and_another_priority_stay_apart(catalogue):
    balances = [{"resource": "data_allowance", "credit": 5, "priority": one} for one in (3, -2, 3)]
    (one,) = taken(catalogue, line(1, balances=balances))
    rows = [row_at(one.group, 0, g.SECTION_BALANCES, n) for n in range(2)]
    kept = [(int(one.group[row + g.B_PRIORITY]), int(one.group[row + g.B_AMOUNT])) for row in rows]
    assert kept == [(3, -10_000_000), (-2, -5_000_000)]


def test_a_service_has_the_products_that_rate_its_type(catalogue):
    (one,) = taken(catalogue, line(1))
    products = {
        service.service_type_id: [c.product_id for c in service.candidates]
        for service in one.profile.services
    }
    assert products == {
        code_id("service_type", "voice"): [code_id("product", "calls")],
        code_id("service_type", "data"): [code_id("product", "data")],
    }


def test_an_identifier_of_two_services_is_one_entry_in_the_directory(catalogue):
    (one,) = taken(catalogue, line(1))
    entry = DirectoryEntry(1, 1, 1, vienna(2026, 10, 1), g.INFINITE_US)
    assert one.directory == (("+436600000001", (entry,)),)


def test_members_live_on_their_owners_shard_and_may_use_the_pool(catalogue):
    first, _, third, fourth = taken(catalogue, owner(1, "A"), line(2), member(3, "A"), owner(4, "B"))
    assert (first.shard, third.shard, fourth.shard) == (1, 1, 4)
    (membership,) = third.profile.memberships
    assert membership.policy_id == code_id("policy", "family_data")
    assert (membership.owner_customer_id, membership.owner_group_id) == (1, 1)
    assert all(service.sharing_ids == (membership.sharing_id,) for service in third.profile.services)
    assert first.profile.memberships == ()


def test_pools_are_used_by_priority_and_a_pool_begins_with_its_owners_subscription(catalogue):
    chooser = on_plan(
        3, "family_member", member_of=[{"group": "A", "priority": 2}, {"group": "B", "priority": 1}]
    )
    both = owner(1, "A")
    both["shares"].append({"group": "B", "policy": "family_data", "subscription": "S1b"})
    both["subscriptions"].append(
        {
            "subscription": "S1b",
            "plan": "family",
            "from": "2026-10-20",
            "services": [{"type": "data", "identifier": "x"}],
        }
    )
    first, second = taken(catalogue, both, chooser)
    assert second.profile.services[0].sharing_ids == (
        first.numbers.sharing_ids[1],
        first.numbers.sharing_ids[0],
    )
    starts = {one.sharing_id: one.valid_from_us for one in second.profile.memberships}
    assert starts == {1: vienna(2026, 10, 1), 2: vienna(2026, 10, 20)}


def test_every_bad_line_is_reported_with_its_number_and_the_others_are_taken(catalogue):
    file = [*file_of(line(1), line(1), line(2, type="")), b"", b"{", *file_of(line(3))]
    onboarded, faults = onboard_lines(file, catalogue, SHARDS)
    assert [one.line.customer for one in onboarded] == ["C1", "C3"]
    assert [str(fault).split(":")[0] for fault in faults] == ["line 2", "line 3", "line 5"]
