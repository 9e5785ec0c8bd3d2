"""Random tariffs: every amount the kernels charge is the one that plain fractions give."""

import datetime
import random

import pytest

from config.civil_time import microseconds
from config.code_ids import code_id
from config.settings import Charging
from rating_kernels.outcomes import Outcome
from tests.config.table_pricer import price_event
from tests.rating_kernels.kernel_world import KernelWorld
from tests.rating_kernels.random_tariff import CUSTOMER, random_call, random_tariff

CALLS = 100
# Calls jump to and fro over a year, and nobody bills.
SETTINGS = Charging(horizon_hours=0, ahead_seconds=0, snapshots_max=12)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_tariff_charges_what_fractions_say(seed):
    dice = random.Random(f"tariff/{seed}")
    catalogue = random_tariff(dice)
    world = KernelWorld(catalogue, [CUSTOMER], SETTINGS)
    calls = [random_call(dice, number) for number in range(CALLS)]
    plan = catalogue.plan_index[code_id("rate_plan", "r")]
    for call, decided in zip(calls, world.charge(*calls), strict=True):
        time_us = microseconds(datetime.datetime.fromisoformat(call["time"]))
        fields = [call["fields"]["destination"], call["fields"].get("kind")]
        exact = price_event(catalogue.table, plan, time_us, call["quantity"], fields)
        if exact is None:
            assert decided.outcome == Outcome.NO_RATE, call
        else:
            assert (decided.outcome, sum(impact.amount for impact in decided.impacts)) == (0, exact), call
    charged, owed = world.item_amounts("C1")
    assert charged == owed == world.total("C1", "EUR")


def test_the_twin_is_not_all_refusals():
    dice = random.Random("tariff/0")
    world = KernelWorld(random_tariff(dice), [CUSTOMER], SETTINGS)
    decided = world.charge(*(random_call(dice, number) for number in range(CALLS)))
    assert sum(one.outcome == Outcome.CHARGED and bool(one.impacts) for one in decided) > CALLS // 4
