"""The 60 calls of tests/cases, charged by the kernels."""

from fractions import Fraction

from config.compile_catalogue import compile_catalogue
from config.settings import Charging
from rating_kernels.outcomes import Outcome
from tests.config.voice_tariff_catalogue import (
    plan_of_subject,
    voice_cases,
    voice_tariff,
    voice_tariff_catalogue,
)
from tests.customer_care.example_lines import line
from tests.rating_kernels.kernel_world import KernelWorld

SINCE = "2014-01-01"


def test_every_call_costs_exactly_what_the_tariff_says(tmp_path):
    catalogue = compile_catalogue(voice_tariff_catalogue(tmp_path))
    cases = voice_cases()
    plans = sorted({plan_of_subject(voice_tariff(), case["subject"]) for case in cases})
    customers = []
    for number, plan in enumerate(plans):
        customer = line(number, since=SINCE)
        customer["subscriptions"][0] |= {
            "plan": plan,
            "services": [{"type": "voice", "identifier": plan}],
        }
        customers.append(customer)
    # The calls are of many years, and nobody bills them.
    world = KernelWorld(
        catalogue, customers, Charging(horizon_hours=0, ahead_seconds=0, snapshots_max=1_000, ring_max=100)
    )
    calls = [
        {
            "id": str(number),
            "source": "cases",
            "type": "call",
            "service": plan_of_subject(voice_tariff(), case["subject"]),
            "time": case["start"],
            "quantity": case["seconds"],
            "fields": {"destination": case["destination"]},
        }
        for number, case in enumerate(cases)
    ]
    decided = world.charge(*calls)
    assert {one.outcome for one in decided} == {Outcome.CHARGED}
    amounts = [Fraction(sum(i.amount for i in one.impacts), 10**6) for one in decided]
    assert amounts == [Fraction(case["exact"]) for case in cases]
