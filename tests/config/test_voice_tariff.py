"""The 60 calls of tests/cases, priced from our compiled table by plain fractions."""

import datetime
from fractions import Fraction

import pytest

from config.civil_time import microseconds
from config.code_ids import code_id
from config.compile_catalogue import compile_catalogue
from tests.config.table_pricer import price_event
from tests.config.voice_tariff_catalogue import (
    plan_of_subject,
    voice_cases,
    voice_tariff,
    voice_tariff_catalogue,
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return compile_catalogue(voice_tariff_catalogue(tmp_path_factory.mktemp("voice_tariff")))


def priced(compiled, case, destination=None):
    plan = compiled.plan_index[code_id("rate_plan", plan_of_subject(voice_tariff(), case["subject"]))]
    time_us = microseconds(datetime.datetime.fromisoformat(case["start"]))
    return price_event(compiled.table, plan, time_us, case["seconds"], [destination or case["destination"]])


def test_all_calls_cost_exactly_what_the_tariff_says(compiled):
    cases = voice_cases()
    prices = [Fraction(priced(compiled, case), 10**6) for case in cases]
    assert prices == [Fraction(case["exact"]) for case in cases]
    assert len(cases) == 60


def test_a_destination_that_no_prefix_fits_has_no_rate(compiled):
    assert priced(compiled, voice_cases()[0], "2001") is None
    assert priced(compiled, {**voice_cases()[0], "start": "2014-01-13T23:59:59Z"}) is None


def test_every_subject_of_the_tariff_is_a_plan(compiled):
    assert set(compiled.catalogue.plans) == {"any", "1001", "SPECIAL_1002"}
    assert plan_of_subject(voice_tariff(), "SPECIAL_1002") == "SPECIAL_1002"
    assert plan_of_subject(voice_tariff(), "1002") == "any"
