"""docs/SCALING.md has the plan that its command computes from the figures of the other pages."""

import math

import pytest

from bench.scaling import DOCS, measured, read_costs, table, with_table
from bench.scaling_model import BATCH_EVENTS_MAX, BUSY_MAX, Costs, batch_ms, fitted, plan

COSTS = Costs(daemon_us=6.0, broker_us=1.0, call_us=200.0, group_us=1.0, customer_bytes=1_000)


def test_the_page_has_the_table_of_today():
    page = (DOCS / "SCALING.md").read_text()
    assert with_table(page, table(read_costs())) == page, "run `python -m bench.scaling --write`"


def test_a_page_without_the_figure_is_refused():
    with pytest.raises(ValueError, match="no figure"):
        measured("| CPU of the daemon | gone |", "")


def test_a_line_through_two_sizes_of_a_call_gives_both_back():
    call_us, group_us = fitted((10, 19.5), (600, 1.56))
    assert call_us / 10 + group_us == pytest.approx(19.5)
    assert call_us / 600 + group_us == pytest.approx(1.56)


@pytest.mark.parametrize("events", [1_000, 100_000, 777_777, 3_000_000])
def test_no_server_is_busier_than_it_may_be(events):
    one = plan(events, 1_000_000, COSTS)
    batches = 1_000 / one.batch_ms
    calls = one.daemons * one.shards / one.masters * batches
    assert events * COSTS.daemon_us / one.daemons <= BUSY_MAX * 1e6 + 1
    assert calls * COSTS.call_us + events / one.masters * COSTS.group_us <= BUSY_MAX * 1e6 * 1.001
    assert events / one.daemons / batches <= BATCH_EVENTS_MAX / 2
    assert one.at_times > 1


def test_customers_alone_ask_for_masters():
    assert plan(1_000, 100_000_000, COSTS).masters > plan(1_000, 1_000_000, COSTS).masters == 1


def test_more_daemons_or_shards_make_batches_longer_and_masters_make_them_shorter():
    base = batch_ms(300_000, 4, 2, 64, COSTS)
    assert batch_ms(300_000, 8, 2, 64, COSTS) > base
    assert batch_ms(300_000, 4, 2, 128, COSTS) > base
    assert batch_ms(300_000, 4, 4, 64, COSTS) < base


def test_a_store_that_is_too_small_for_the_groups_alone_never_gets_ready():
    assert math.isinf(batch_ms(1_000_000, 4, 1, 64, COSTS))
    with pytest.raises(ValueError, match="beyond"):
        plan(10**9, 1, COSTS)
