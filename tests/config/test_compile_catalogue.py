"""From tables to columns: what the kernels will read, and every fault."""

import numpy as np
import pytest

from config.code_ids import code_id, credit_id, item_id
from config.compiled_catalogue import CompiledCatalogue
from config.describe_catalogue import describe
from config.load import SAMPLE_DIRECTORY, load_compiled_catalogue
from rating_kernels import tariff_table as t
from rating_kernels.group_image import AMOUNT_MAX, INFINITE_US
from tests.config.small_catalogue import BASE, PLAN, compiled_from
from tests.config.table_pricer import price_event

MONDAY_NOON_US = 1_767_610_800_000_000  # 2026-01-05T11:00:00Z, 12:00 in Vienna


@pytest.fixture(scope="module")
def sample() -> CompiledCatalogue:
    return load_compiled_catalogue("")


def test_offsets_close_and_every_column_of_a_table_has_the_same_length(sample):
    table = sample.table
    for name, column in zip(table._fields, table, strict=True):
        assert column.dtype == (np.uint8 if name == "text" else np.int64)
        if name.endswith("_first"):
            assert column[0] == 0
            assert (np.diff(column) >= 0).all()
    for prefix in (
        "resource",
        "version",
        "allowance",
        "condition",
        "price",
        "period",
        "limit",
        "threshold",
        "edge",
    ):
        rows = [
            name for name in table._fields if name.startswith(f"{prefix}_") and not name.endswith("_first")
        ]
        assert len({len(getattr(table, name)) for name in rows}) == 1, rows
    for first, rows in (
        ("plan_version_first", "plan_id"),
        ("version_detail_first", "version_zone"),
        ("detail_allowance_first", "detail_root"),
        ("node_rule_first", "node_edge_first"),
        ("rule_condition_first", "rule_price"),
        ("price_period_first", "price_id"),
        ("credit_limit_first", "credit_id"),
        ("limit_threshold_first", "limit_floor"),
        ("policy_tag_first", "policy_id"),
    ):
        assert len(getattr(table, first)) == len(getattr(table, rows)) + (rows != "node_edge_first"), first
    assert table.detail_break_first[-1] == len(table.break_second)
    assert table.node_edge_first[-1] == len(table.edge_byte) == len(table.edge_node)


def test_ids_lead_to_rows_and_back(sample):
    number = code_id("rate_plan", "voice_standard")
    assert sample.table.plan_id[sample.plan_index[number]] == number
    assert sample.names["rate_plan"][number] == "voice_standard"
    assert sample.names["price"][code_id("price", "voice_standard/premium")] == "voice_standard/premium"
    key = sample.items[item_id("calls", "4000_usage", "vat", "EUR")]
    assert (key.bill_item, key.general_ledger, key.tax, key.resource) == ("calls", "4000_usage", "vat", "EUR")
    assert list(sample.table.credit_id) == sorted(sample.table.credit_id)
    assert credit_id("standard", "prepaid") in sample.table.credit_id
    assert sample.names["credit"][credit_id("standard", "pay_now")] == "standard/pay_now"


def test_products_know_what_they_rate_and_what_each_cycle_brings(sample):
    assert sample.products["data"].rate_plan_index == sample.plan_index[code_id("rate_plan", "data_standard")]
    assert sample.products["data"].service_type == "data"
    fee, allowance = sample.products["family_fee"].recurring
    assert (fee.amount, fee.prorate) == (29_900_000, True)
    assert sample.items[fee.item_id].bill_item == "monthly_fee"
    assert (allowance.amount, allowance.item_id, allowance.prorate) == (-10_000_000_000, 0, False)


def test_the_sample_prices_calls_as_its_comments_say(sample):
    plan = sample.plan_index[code_id("rate_plan", "voice_standard")]

    def call(destination, seconds, hours=0):
        return price_event(sample.table, plan, MONDAY_NOON_US + hours * 3_600_000_000, seconds, [destination])

    assert call("+436601234567", 10) == 20_000 + 120_000
    assert call("+436601234567", 61) == 20_000 + 122_000
    assert call("+436601234567", 61, hours=9) == 20_000 + 61_000
    # Ten seconds before the evening: the first minute keeps the price of its start.
    assert call("+436601234567", 120, hours=7 - 10 / 3600) == 20_000 + 120_000 + 60_000
    assert call("+4930123", 60) == 30_000 + 180_000
    assert call("+15551234", 61) == 50_000 + 1_350_000
    assert call("+43900123", 60 * 60) == 60_000_000
    assert call("+43800123", 600) == 0


def test_compiling_again_gives_the_same_columns(sample):
    again = load_compiled_catalogue(SAMPLE_DIRECTORY)
    assert all((one == other).all() for one, other in zip(sample.table, again.table, strict=True))
    assert again.names == sample.names


def test_the_sample_can_be_read_as_a_page(sample):
    page = describe(sample)
    assert "family_fee: Family, monthly fee with 10 GB, 29.90 EUR a cycle" in page
    rule = "destination +43..., band peak: national_peak = 0.02 EUR to connect, 0.12 EUR per 60 s in steps of 60 s"
    assert rule in page
    assert "vat: Value added tax (S, on the bill): 20 % from 2016-01-01" in page
    assert all(code in page for code in sample.catalogue.plans)


def test_a_price_of_thirds_is_whole_in_its_denominator():
    compiled = compiled_from(
        BASE,
        PLAN
        + """
        price = { thirds = { connect_fee = "0.0000005", periods = [{ amount = "0.000001", per = 3, increment = "0.001" }] } }
        detail = { resource = "EUR", bill_item = "usage", rule = { price = "thirds" } }
        """,
    )
    table = compiled.table
    assert table.detail_denominator[0] == 3000
    assert (table.price_connect_num[0], table.period_increment_num[0]) == (1500, 1)


def test_conditions_lists_ranges_and_weights_become_rules():
    compiled = compiled_from(
        BASE,
        PLAN
        + """
        price = { a = { flat = 1 }, b = { flat = 2 }, c = { flat = 3 } }
        [[rate_plan.version.detail]]
        resource = "EUR"
        bill_item = "usage"
        rule = [
          { price = "a" },
          { price = "b", weight = 5, match = { zone = ["x", "é"], level = 3 } },
          { price = "c", weight = 9, within = { level = { from = 10, to = 20 } } },
        ]
        """,
    )
    table = compiled.table
    assert list(table.rule_weight) == [9, 5, 5, 0]
    assert bytes(table.text) == "xé".encode()
    assert list(table.condition_kind) == [
        t.MATCH_RANGE,
        t.MATCH_TEXT,
        t.MATCH_NUMBER,
        t.MATCH_TEXT,
        t.MATCH_NUMBER,
    ]
    price = [
        price_event(table, 0, MONDAY_NOON_US, 1, fields)
        for fields in (["x", 3], ["é", 3], ["x", 10], ["x", 20])
    ]
    assert price == [2_000_000, 2_000_000, 3_000_000, 1_000_000]
    assert [(f.name, f.slot) for f in compiled.event_types["session"].fields] == [
        ("zone", 0),
        ("note", -1),
        ("level", 1),
    ]


def test_longer_prefixes_win_and_shorter_ones_take_what_no_rule_of_theirs_fits():
    compiled = compiled_from(
        BASE,
        PLAN
        + """
        price = { a = { flat = 1 }, b = { flat = 2 }, c = { flat = 3 } }
        band = { night = [{ from = "22:00", to = "06:00" }] }
        [[rate_plan.version.detail]]
        resource = "EUR"
        bill_item = "usage"
        prefix_field = "zone"
        rule = [
          { price = "a", prefix = "" },
          { price = "b", prefix = ["4", "49"] },
          { price = "c", prefix = "491", band = "night", weight = -1 },
        ]
        """,
    )

    def price(zone, hours=0):
        return price_event(compiled.table, 0, MONDAY_NOON_US + hours * 3_600_000_000, 1, [zone, 0])

    assert [
        price("5"),
        price("43"),
        price("491"),
        price("491", 10),
        price("491", 17.9),
        price("491", 18),
    ] == [
        1_000_000,
        2_000_000,
        2_000_000,
        3_000_000,
        3_000_000,
        2_000_000,
    ]


@pytest.mark.parametrize(
    ("rules", "known"),
    [
        ('rule = [{ price = "a" }]', True),
        ('rule = [{ price = "a", weight = 3 }]', True),
        ('rule = [{ price = "a", match = { zone = "X" } }]', False),
        ('rule = [{ price = "a", band = "night" }]', False),
        ('prefix_field = "zone"\nrule = [{ price = "a" }]', True),
        ('prefix_field = "zone"\nrule = [{ price = "a", prefix = "43" }]', False),
        ('prefix_field = "zone"\nrule = [{ price = "a" }, { price = "a", prefix = "43" }]', False),
    ],
)
def test_a_price_that_no_event_can_change_is_known_before(rules, known):
    compiled = compiled_from(
        BASE,
        PLAN
        + f"""
        price = {{ first = {{ flat = 1 }}, a = {{ flat = 2 }} }}
        band = {{ night = [{{ from = "22:00", to = "06:00" }}] }}
        [[rate_plan.version.detail]]
        resource = "EUR"
        bill_item = "usage"
        rule = [{{ price = "first", band = "night" }}]
        [[rate_plan.version.detail]]
        resource = "EUR"
        bill_item = "usage"
        {rules}
        """,
    )
    assert list(compiled.table.detail_price) == [-1, 1 if known else -1]


def test_versions_are_in_the_order_of_time_whatever_the_order_of_writing():
    later = (
        PLAN
        + 'price = { a = { flat = 1 } }\ndetail = { resource = "EUR", bill_item = "usage", rule = { price = "a" } }\n'
    )
    earlier = later.partition("[[rate_plan.version]]")[2].replace("2026-01-01", "2025-07-01")
    compiled = compiled_from(BASE, later + "[[rate_plan.version]]" + earlier)
    # Local midnights of Vienna: summer and winter.
    assert list(compiled.table.version_valid_from_us) == [1_751_320_800_000_000, 1_767_222_000_000_000]


def test_rounding_comes_from_the_detail_or_else_from_the_resource():
    compiled = compiled_from(
        BASE,
        PLAN
        + """
        price = { a = { flat = 1 } }
        detail = [
          { resource = "EUR", bill_item = "usage", rounding = { mode = "up", decimals = 4 }, rule = { price = "a" } },
          { resource = "MB", rule = { price = "a" }, allowances = [{ resource = "MB", units = 3, per = 2 }] },
        ]
        """,
    )
    table = compiled.table
    assert list(table.detail_rounding) == [t.UP, t.DOWN]
    assert list(table.detail_step) == [100, 1]
    assert (table.detail_item_id[1], table.allowance_num[0], table.allowance_den[0]) == (0, 3, 2)
    assert list(table.resource_order) == [t.EST, t.LETEST]


def test_limits_floors_thresholds_and_breaches():
    compiled = compiled_from(
        BASE,
        """
        [[credit_profile]]
        code = "c"
        name = "C"
        limit = [
          { payment_type = "prepaid", resource = "EUR", floor = -2, limit = 0, thresholds = ["-5", "90%"] },
          { payment_type = "postpaid", resource = "EUR", floor = "-1.5" },
          { payment_type = "postpaid", resource = "MB", limit = 10, on_breach = "up_to_limit" },
          { payment_type = "prepaid", resource = "MB", limit = 10, thresholds = ["90%"] },
        ]
        """,
    )
    table = compiled.table
    row = list(table.credit_id).index(credit_id("c", "prepaid"))
    limit = table.credit_limit_first[row]
    assert (table.limit_amount[limit], table.limit_breach[limit]) == (0, t.BREACH_DENY)
    first = table.limit_threshold_first[limit]
    # A percent of money is an amount by now; the floor of free units moves with what is granted.
    assert list(table.threshold_kind[first : first + 3]) == [t.THRESHOLD_AMOUNT] * 2 + [t.THRESHOLD_PERCENT]
    assert list(table.threshold_value[first : first + 3]) == [-5_000_000, -200_000, 90]
    row = list(table.credit_id).index(credit_id("c", "postpaid"))
    limit = table.credit_limit_first[row]
    assert list(table.limit_floor[limit : limit + 2]) == [-1_500_000, 0]
    assert list(table.limit_amount[limit : limit + 2]) == [AMOUNT_MAX, 10_000]
    assert list(table.limit_breach[limit : limit + 2]) == [t.BREACH_ALLOW, t.BREACH_UP_TO_LIMIT]


def test_a_policy_that_names_nothing_covers_everything_and_caps_are_in_stored_units():
    compiled = compiled_from(
        BASE,
        """
        tag = [{ code = "usage", name = "Usage" }]
        sharing_policy = [
          { code = "all", name = "All" },
          { code = "mb", name = "Megabytes", resources = ["MB"], charge_tags = ["usage"], cap_per_member = "1.5", percent = 50,
            strategy = "member_first", when_exhausted = "deny" },
        ]
        """.replace("\n            ", " "),
    )
    table = compiled.table
    assert list(table.policy_service_types) == [1, 1]
    assert list(table.policy_resources) == [3, 2]
    assert list(table.policy_cap_member) == [-1, 1500]
    assert list(table.policy_cap_group) == [-1, -1]
    assert (table.policy_percent[1], table.policy_strategy[1], table.policy_exhausted[1]) == (50, 1, 1)
    assert list(table.policy_tag_id) == [code_id("tag", "usage")]


def test_tax_rates_last_until_the_next_begins():
    compiled = compiled_from(
        BASE,
        """
        [[tax]]
        code = "vat"
        name = "VAT"
        rate = [{ valid_from = 2026-01-01, percent = "19.5" }, { valid_from = 2020-01-01, valid_to = 2021-01-01, percent = 16 }]
        """,
    )
    old, new = compiled.tax_rates["vat"]
    assert (old.percent_micro, old.valid_from_us, old.valid_to_us) == (
        16_000_000,
        1_577_833_200_000_000,
        1_609_455_600_000_000,
    )
    assert (new.percent_micro, new.valid_to_us) == (19_500_000, INFINITE_US)
