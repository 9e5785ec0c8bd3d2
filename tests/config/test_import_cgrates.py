"""A tariff plan of CGRateS becomes a catalogue: prices, what is listed, what is refused.

cgrates_tariff holds the facts of tests/cases/voice_tariff.json as CSV files in the layout of 0.11.
"""

import datetime
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from config.cgrates_tables import ImportOptions
from config.civil_time import microseconds
from config.code_ids import code_id
from config.faults import ConfigError
from config.import_cgrates import import_tariff_plan
from config.load import load_compiled_catalogue
from tests.config.table_pricer import price_event
from tests.config.voice_tariff_catalogue import plan_of_subject, voice_cases, voice_tariff

ROOT = Path(__file__).parents[2]
TARIFF = Path(__file__).parent / "cgrates_tariff"
CALLS = ImportOptions(categories=("call",))
MONDAY_NOON = "2014-08-04T12:00:00Z"


def edited(tmp_path: Path, **changes: str) -> Path:
    """The tariff with lines added to its files, by file name without .csv."""
    copy = tmp_path / "tariff"
    shutil.copytree(TARIFF, copy)
    for name, lines in changes.items():
        with (copy / f"{name}.csv").open("a") as file:
            file.write(lines.replace(" ", "\n") + "\n")
    return copy


def small(tmp_path: Path, rates: str, more: dict[str, str] | None = None, cap: str = "*up,4,0,") -> Path:
    """A tariff of one rate for every destination."""
    files = {
        "Rates": rates,
        "DestinationRates": f"DR,*any,RT,{cap}",
        "RatingPlans": "RP,DR,*any,10",
        "RatingProfiles": "here,call,*any,2014-01-14T00:00:00Z,RP,",
        **(more or {}),
    }
    folder = tmp_path / "small"
    folder.mkdir()
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text(lines.replace(" ", "\n") + "\n")
    return folder


def imported(folder: Path, out: Path, options: ImportOptions = CALLS):
    report = import_tariff_plan(str(folder), str(out), options)
    return load_compiled_catalogue(out), report.left_out


def left_out_of(folder: Path, tmp_path: Path, options: ImportOptions = CALLS) -> list[str]:
    return import_tariff_plan(str(folder), str(tmp_path / "out"), options).left_out


def faults_of(folder: Path, tmp_path: Path, options: ImportOptions = ImportOptions()) -> list[str]:  # noqa: B008
    with pytest.raises(ConfigError) as caught:
        import_tariff_plan(str(folder), str(tmp_path / "out"), options)
    assert not (tmp_path / "out").exists()
    return [str(fault) for fault in caught.value.faults]


def price(compiled, rate_plan: str, start: str, quantity: int, destination: str) -> Fraction | None:
    plan = compiled.plan_index[code_id("rate_plan", rate_plan)]
    time_us = microseconds(datetime.datetime.fromisoformat(start))
    cost = price_event(compiled.table, plan, time_us, quantity, [destination])
    return None if cost is None else Fraction(cost, 10**6)


def test_all_calls_cost_exactly_what_the_tariff_says(tmp_path):
    compiled, _ = imported(TARIFF, tmp_path / "out")
    cases = voice_cases()
    tariff = voice_tariff()
    prices = [
        price(compiled, plan_of_subject(tariff, c["subject"]), c["start"], c["seconds"], c["destination"])
        for c in cases
    ]
    assert prices == [Fraction(case["exact"]) for case in cases]
    assert len(cases) == 60


def test_a_subject_is_a_rate_plan_a_product_a_bundle_and_a_plan(tmp_path):
    compiled, _ = imported(TARIFF, tmp_path / "out")
    catalogue = compiled.catalogue
    subjects = ["any", "1001", "SPECIAL_1002"]
    for table in (catalogue.rate_plans, catalogue.products, catalogue.bundles, catalogue.plans):
        assert list(table) == subjects
    assert (list(catalogue.service_types), list(catalogue.event_types)) == (["call"], ["call"])
    assert price(compiled, "any", "2014-01-13T23:59:59Z", 60, "1002") is None


def test_what_is_not_carried_over_is_listed_with_its_line(tmp_path):
    _, left_out = imported(TARIFF, tmp_path / "out", ImportOptions())
    no_time = "RateUnit '1': it has no unit of time, and category {0!r} counts 's', say --unit {0}=UNIT"
    assert left_out == [
        "DestinationRates.csv: line 11: the line: its rate 'RT_GENERIC_1' could not be carried over"
        " for category 'data'",
        "DestinationRates.csv: line 11: the line: its rate 'RT_GENERIC_1' could not be carried over"
        " for category 'generic'",
        *(
            f"Destinations.csv: line {n}: the line: nothing that could be carried over names it"
            for n in (6, 7, 8)
        ),
        *(
            f"Rates.csv: line 10: {no_time.format(name)} if it counts something else"
            for name in ("data", "generic")
        ),
        "RatingPlans.csv: line 21: the line: nothing of 'DR_GENERIC' could be carried over",
        *(
            f"RatingProfiles.csv: line {n}: the line: nothing of rating plan 'RP_GENERIC' could be carried over"
            for n in (5, 6)
        ),
    ]


def test_with_several_categories_a_subject_has_a_product_of_each_its_own_or_that_of_any(tmp_path):
    options = ImportOptions(units=("generic=unit", "data=B"))
    compiled, left_out = imported(TARIFF, tmp_path / "out", options)
    assert all(line.startswith("Destinations.csv: ") for line in left_out)
    assert compiled.catalogue.bundles["1001"].products == ("1001.call", "any.generic", "any.data")
    assert compiled.event_types["data"].quantity_unit == "B"
    assert price(compiled, "any.data", MONDAY_NOON, 7, "") == 7


def test_older_layouts_say_the_same(tmp_path):
    imported(TARIFF, tmp_path / "new")
    old = edited(tmp_path)
    profiles = (TARIFF / "RatingProfiles.csv").read_text().splitlines()[1:]
    header = (
        "#Direction,Tenant,Category,Subject,ActivationTime,RatingPlanId,RatesFallbackSubject,CdrStatQueueIds"
    )
    (old / "RatingProfiles.csv").write_text("\n".join([header, *(f"*out,{line}," for line in profiles)]))
    imported(old, tmp_path / "direction")
    (old / "RatingProfiles.csv").write_text("\n".join(f"*out,{line}," for line in profiles))
    imported(old, tmp_path / "no_header")
    oldest = [line.replace(",call,", ",call,*out,", 1) for line in profiles if ",call," in line]
    header = "#Tenant,TOR,Direction,Subject,ActivationTime,DestinationRateTimingTag,RatesFallbackSubject"
    (old / "RatingProfiles.csv").write_text("\n".join([header, *oldest]))
    (old / "RatingPlans.csv").rename(old / "DestinationRateTimings.csv")
    imported(old, tmp_path / "oldest")
    texts = [
        {path.name: path.read_text() for path in (tmp_path / name).iterdir()}
        for name in ("new", "direction", "no_header", "oldest")
    ]
    assert all(text == texts[0] for text in texts)


def test_once_the_rate_said_the_rounding(tmp_path):
    folder = small(
        tmp_path,
        "#Tag,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart,RoundingMethod,RoundingDecimals,Weight"
        " RT,0.02,0.01,60s,1s,0s,*down,2,10",
        {"DestinationRates": "#Tag,DestinationsTag,RatesTag DR,*any,RT"},
    )
    compiled, left_out = imported(folder, tmp_path / "out")
    assert price(compiled, "any", MONDAY_NOON, 119, "1") == Fraction("0.03")
    assert left_out == ["Rates.csv: line 2: Weight '10': a catalogue has nothing of the kind"]


@pytest.mark.parametrize(
    ("method", "seconds", "cost"),
    [("*up,2", 61, "0.02"), ("*middle,2", 89, "0.01"), ("*middle,2", 90, "0.02"), ("*down,1", 599, "0")],
)
def test_rounding_methods(tmp_path, method, seconds, cost):
    compiled, _ = imported(small(tmp_path, "RT,0,0.01,1m,1s,0", cap=f"{method},0,"), tmp_path / "out")
    assert price(compiled, "any", MONDAY_NOON, seconds, "1") == Fraction(cost)


def test_without_a_method_a_total_is_as_fine_as_money(tmp_path):
    compiled, left_out = imported(small(tmp_path, "RT,0,0.01,1m,1s,0", cap=",,,"), tmp_path / "out")
    assert price(compiled, "any", MONDAY_NOON, 1, "1") == Fraction("0.000167")
    assert left_out == []


def test_parts_of_seconds_are_counted(tmp_path):
    compiled, _ = imported(small(tmp_path, "RT,,1e-2,0.5s,250ms,0 RT,,0,0,1m30s,1.5s"), tmp_path / "out")
    assert compiled.event_types["call"].quantity_decimals == 2
    assert price(compiled, "any", MONDAY_NOON, 76, "1") == Fraction("0.02")
    assert price(compiled, "any", MONDAY_NOON, 9000, "1") == Fraction("0.03")


def test_a_rate_plan_has_a_version_for_each_activation_time(tmp_path):
    profiles = "here,call,1,1389657600,RP, here,call,1,,RP2, here,call,1,2015-01-14T01:00:00+01:00,RP2,"
    plans = "RP,DR,*any,10 RP2,DR,*any,10.5 RP2,DR2,*any,-1"
    more = {
        "RatingProfiles": profiles,
        "RatingPlans": plans,
        "DestinationRates": "DR,*any,RT,*up,4,0, DR2,*any,RT2,*up,4,0,",
    }
    folder = small(tmp_path, "RT,0,1,1s,1s,0 RT2,0,2,1s,1s,0", more)
    compiled, _ = imported(folder, tmp_path / "out")
    (plan,) = compiled.catalogue.rate_plans.values()
    assert (plan.name, [version.valid_from for version in plan.version]) == (
        "RP, RP2",
        ["2014-01-14T00:00:00Z", "1970-01-01T00:00:00Z", "2015-01-14T01:00:00+01:00"],
    )
    assert [rule.weight for rule in plan.version[1].detail[0].rule] == [105, -10]


def test_a_heavier_timing_lasts_until_midnight_an_equal_one_until_the_next(tmp_path):
    plans = "RP,DR,MORNING,20 RP,DR2,NOON,10 RP2,DR,MORNING,10 RP2,DR2,NOON,10"
    more = {
        "RatingProfiles": "here,call,a,,RP, here,call,b,,RP2,",
        "RatingPlans": plans,
        "DestinationRates": "DR,*any,RT,*up,4,0, DR2,*any,RT2,*up,4,0,",
        "Timings": "MORNING,*any,1;2;3;4;5;6;7;8;9;10;11;12,*all,*any,06:00:00 NOON,,,,1;2,12:00:00",
    }
    folder = small(tmp_path, "RT,0,1,1s,1s,0 RT2,0,2,1s,1s,0", more)
    compiled, left_out = imported(folder, tmp_path / "out")
    assert left_out == []
    assert [price(compiled, plan, MONDAY_NOON, 1, "1") for plan in ("a", "b")] == [1, 2]
    assert [price(compiled, plan, "2014-08-06T12:00:00Z", 1, "1") for plan in ("a", "b")] == [1, 1]
    assert price(compiled, "a", "2014-08-04T05:00:00Z", 1, "1") is None


UNSUPPORTED = [
    (
        {"RatingProfiles": "cgrates.org,call,1005,2014-01-14T00:00:00Z,RP_RETAIL1,1001;1003"},
        "RatingProfiles.csv: line 7: RatesFallbackSubject '1001;1003': ",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1005,+1h,RP_RETAIL1,"},
        "RatingProfiles.csv: line 7: ActivationTime '+1h': it is counted from the moment of loading",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1001,2014-01-14T01:00:00+01:00,RP_RETAIL1,"},
        "RatingProfiles.csv: line 7: ActivationTime '2014-01-14T01:00:00+01:00': line 3 has the same subject",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,a:b,,RP_RETAIL1, cgrates.org,call,a;b,,RP_RETAIL1,"},
        "RatingProfiles.csv: line 8: subject 'a;b': its code 'a_b' is that of subject 'a:b'",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,a:b,,RP_RETAIL1,"},
        "RatingProfiles.csv: line 7: subject 'a:b' is now 'a_b': ",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1005,,*any,"},
        "RatingProfiles.csv: line 7: RatingPlanTag '*any': ",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1005,,RP_RETAIL1,,QUEUE,more"},
        "RatingProfiles.csv: line 7: 'QUEUE' after the last column: ",
    ),
    (
        {"RatingProfiles": "cgrates.org,sms,*any,,RP_RETAIL1,"},
        "RatingProfiles.csv: line 7: category 'sms': --category is call",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,DR_SPECIAL_1002,*asap,10"},
        "RatingPlans.csv: line 22: TimingTag '*asap': the timing is not known",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,DR_SPECIAL_1002,XMAS,10", "Timings": "XMAS,*any,12,24;25,*any,00:00:00"},
        "Timings.csv: line 6: Months '12', MonthDays '24;25': bands go by weekday",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,DR_SPECIAL_1002,XMAS,10", "Timings": "XMAS,*any,12,24;25,*any,00:00:00"},
        "RatingPlans.csv: line 22: TimingTag 'XMAS': the timing could not be carried over (Timings.csv: line 6)",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,DR_SPECIAL_1002,HALF,10", "Timings": "HALF,,,,,00:00:00;11:59:59"},
        "Timings.csv: line 6: Time '00:00:00;11:59:59': ",
    ),
    (
        {"Timings": "PEAK,2020,*any,*any,*any,00:00:00"},
        "Timings.csv: line 6: the line: the timing stands in line 2 too",
    ),
    (
        {"Timings": "NIGHT,*any,*any,*any,*any,22:00:00"},
        "Timings.csv: line 6: the line: nothing that could be carried over names it",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,*any,*any,10"},
        "RatingPlans.csv: line 22: DestinationRatesTag '*any': ",
    ),
    (
        {"RatingPlans": "RP_RETAIL1,DR_FS_10CNT,PEAK,10"},
        "RatingPlans.csv: line 22: prefix '10' of 'DR_FS_10CNT': line 2 has it for this time and weight",
    ),
    (
        {"DestinationRates": "DR_SPECIAL_1002,DST_1002,RT_10CNT,*up,4,0,"},
        "RatingPlans.csv: line 20: prefix '1002' of 'DR_SPECIAL_1002': the same line has it",
    ),
    (
        {"DestinationRates": "DR_SPECIAL_1002,*other,RT_10CNT,*up,4,0,"},
        "DestinationRates.csv: line 12: DestinationsTag '*other': ",
    ),
    (
        {"DestinationRates": "DR_SPECIAL_1002,DST_1003,RT_10CNT,*nearest,4,0,"},
        "DestinationRates.csv: line 12: RoundingMethod '*nearest': known are *up, *middle, *down",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,*down,2,0,"},
        "DestinationRates.csv: line 12: rounding down to 2 decimals: most of rating plan 'RP_RETAIL1' is up to 4",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,*up,20,0,"},
        "DestinationRates.csv: line 12: RoundingDecimals 20: money is kept in 6 decimals",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,,3,0,"},
        "DestinationRates.csv: line 12: RoundingDecimals 3: there is no RoundingMethod",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,*up,4,5,*other"},
        "DestinationRates.csv: line 12: MaxCostStrategy '*other': known are *free, *disconnect",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,*up,4,5,"},
        "DestinationRates.csv: line 12: MaxCost '5': there is no MaxCostStrategy",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,RT_10CNT,*up,4,0,*free"},
        "DestinationRates.csv: line 12: MaxCostStrategy '*free': there is no MaxCost",
    ),
    (
        {"DestinationRates": "DR_FS_40CNT,DST_1003,*none,*up,4,0,"},
        "DestinationRates.csv: line 12: RatesTag '*none': ",
    ),
    (
        {"Rates": "RT_1CNT,0,1,60s,1s,0s"},
        "Rates.csv: line 11: GroupIntervalStart '0s': line 8 begins there too",
    ),
    (
        {"Rates": "RT_1CNT,0,1,60s,1s,0s"},
        "Rates.csv: line 8: the line: another line of rate 'RT_1CNT' could not be carried over",
    ),
    (
        {"Rates": "RT_1CNT,0,1,60s,1s,90s"},
        "Rates.csv: line 11: GroupIntervalStart '90s': increments of '60s' (line 8) do not end there",
    ),
    (
        {"Rates": "RT_1CNT,7,1,60s,1s,60s"},
        "Rates.csv: line 11: ConnectFee '7': an event pays one, that of line 8",
    ),
    ({"Rates": "RT_1CNT,0,1,60s,0s,60s"}, "Rates.csv: line 11: RateIncrement 0: "),
    ({"Rates": "RT_1CNT,0,1,,1s,60s"}, "Rates.csv: line 11: RateUnit 0: "),
    (
        {"Rates": "RT_1CNT,0,1,60,1s,60s"},
        "Rates.csv: line 11: RateUnit '60': it has no unit of time, and category 'call' counts 's'",
    ),
    ({"Actions": "ACT,*topup"}, "Actions.csv: is not read: "),
]


@pytest.mark.parametrize(("changes", "expected"), UNSUPPORTED, ids=[text for _, text in UNSUPPORTED])
def test_everything_that_is_not_supported_is_listed(tmp_path, changes, expected):
    folder = edited(tmp_path, **changes)
    left_out = left_out_of(folder, tmp_path)
    assert [line for line in left_out if line.startswith(expected)], left_out
    load_compiled_catalogue(tmp_path / "out")


def test_a_rate_that_begins_later_than_the_event_is_none(tmp_path):
    folder = small(tmp_path, "RT,0,1,60s,1s,60s")
    report = import_tariff_plan(str(folder), str(tmp_path / "out"), CALLS)
    assert report.rate_plans == ()
    assert report.left_out[1:2] == [
        "Rates.csv: line 1: GroupIntervalStart '60s': nothing says what the event costs before it"
    ]
    assert not (tmp_path / "out").exists()


def test_what_comes_in_is_not_rated(tmp_path):
    profiles = "*out,here,call,a,,RP, *in,here,call,b,,RP,"
    folder = small(tmp_path, "RT,0,1,1s,1s,0", {"RatingProfiles": profiles})
    assert left_out_of(folder, tmp_path) == [
        "RatingProfiles.csv: line 2: Direction '*in': only what goes out is rated"
    ]


def test_a_rate_plan_that_the_compiler_refuses_is_taken_out_and_listed(tmp_path):
    folder = edited(
        tmp_path,
        Rates="RT_DEAR,0,999999999999,1s,1s,0s",
        DestinationRates="DR_DEAR,*any,RT_DEAR,*up,4,0,",
        RatingPlans="RP_DEAR,DR_DEAR,*any,10",
        RatingProfiles="cgrates.org,call,dear,,RP_DEAR, cgrates.org,sms,*any,,RP_RETAIL1, cgrates.org,sms,dear,,RP_RETAIL1,",
    )
    compiled, left_out = imported(folder, tmp_path / "out", ImportOptions(categories=("call", "sms")))
    start = "RatingProfiles.csv: line 7: subject 'dear': rate_plans.toml: rate_plan[\"dear.call\"]"
    assert [line for line in left_out if line.startswith(start) and "could cost" in line]
    # Whoever had a price of their own is not given that of any instead.
    assert compiled.catalogue.bundles["dear"].products == ("dear.sms",)
    assert compiled.catalogue.bundles["1001"].products == ("1001.call", "any.sms")


def test_of_several_tenants_one_is_chosen(tmp_path):
    folder = edited(tmp_path, RatingProfiles="other.org,call,1005,,RP_RETAIL1,")
    (fault,) = faults_of(folder, tmp_path)
    assert fault.startswith("--tenant: RatingProfiles.csv: there are 2: cgrates.org, other.org; ")
    left_out = left_out_of(folder, tmp_path, CALLS._replace(tenant="cgrates.org"))
    assert "RatingProfiles.csv: line 7: tenant 'other.org': --tenant is 'cgrates.org'" in left_out


FAULTS = [
    ({"Rates": "RT_1CNT,0,x,60s,1s,0s"}, "Rates.csv: line 11: Rate 'x' is not a number; "),
    ({"Rates": "RT_1CNT,0,-1,60s,1s,0s"}, "Rates.csv: line 11: Rate '-1' is negative; "),
    ({"Rates": "RT_1CNT,0,1e-30,60s,1s,0s"}, "Rates.csv: line 11: Rate '1e-30' is too fine; "),
    ({"Rates": "RT_1CNT,0,1,1min,1s,0s"}, "Rates.csv: line 11: RateUnit '1min' is not a duration; "),
    ({"Rates": "RT_1CNT,0,1,1s,-1,0s"}, "Rates.csv: line 11: RateIncrement '-1' is negative; "),
    ({"Rates": "RT_1CNT,0,1"}, "Rates.csv: line 11: has 3 columns; write Tag, ConnectFee, Rate, RateUnit, "),
    ({"Rates": ",0,1,1s,1s,0s"}, "Rates.csv: line 11: Tag is empty; "),
    ({"Rates": '"RT_1CNT,0,1,1s,1s,0s'}, "Rates.csv: line 11: is not CSV: "),
    ({"Destinations": "DST_1002,"}, "Destinations.csv: line 9: Prefix is empty; "),
    ({"Timings": "NIGHT,,,,8,22:00:00"}, "Timings.csv: line 6: WeekDays '8' is no list of numbers; "),
    ({"Timings": "NIGHT,,,,,10pm"}, "Timings.csv: line 6: Time '10pm' is not a time of day; "),
    (
        {"DestinationRates": "DR_X,DST_X,RT_X,*up,x,0,"},
        "DestinationRates.csv: line 12: RoundingDecimals 'x' is not a whole number; ",
    ),
    (
        {"DestinationRates": "DR_X,DST_X,RT_10CNT,*up,4,0,"},
        "DestinationRates.csv: line 12: DestinationsTag 'DST_X' is not in Destinations.csv; ",
    ),
    (
        {"DestinationRates": "DR_X,*any,RT_X,*up,4,0,"},
        "DestinationRates.csv: line 12: RatesTag 'RT_X' is not in Rates.csv; ",
    ),
    (
        {"RatingPlans": "RP_X,DR_X,*any,10"},
        "RatingPlans.csv: line 22: DestinationRatesTag 'DR_X' is not in DestinationRates.csv; ",
    ),
    (
        {"RatingPlans": "RP_X,DR_FS_40CNT,LATE,10"},
        "RatingPlans.csv: line 22: TimingTag 'LATE' is not in Timings.csv; ",
    ),
    (
        {"RatingPlans": "RP_X,DR_FS_40CNT,*any,heavy"},
        "RatingPlans.csv: line 22: Weight 'heavy' is not a number; ",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1005,,RP_X,"},
        "RatingProfiles.csv: line 7: RatingPlanTag 'RP_X' is not in RatingPlans.csv; ",
    ),
    (
        {"RatingProfiles": "cgrates.org,call,1005,2014-01-14,RP_RETAIL1,"},
        "RatingProfiles.csv: line 7: ActivationTime '2014-01-14' is not a time with its offset; ",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), FAULTS, ids=[text for _, text in FAULTS])
def test_wrong_lines_are_refused_with_file_and_line(tmp_path, changes, expected):
    faults = faults_of(edited(tmp_path, **changes), tmp_path)
    assert [fault for fault in faults if fault.startswith(expected)], faults


def test_a_header_without_a_column_is_refused_once(tmp_path):
    folder = edited(tmp_path)
    (folder / "Rates.csv").write_text("#Tag,ConnectFee,Rate,RateUnit\nRT_10CNT,0,1,60s\nRT_20CNT,0,1,60s\n")
    assert faults_of(folder, tmp_path)[0] == (
        "Rates.csv: line 1: the header has no column RateIncrement, GroupIntervalStart;"
        " columns are Tag, ConnectFee, Rate, RateUnit, RateIncrement, GroupIntervalStart,"
        " RoundingMethod, RoundingDecimals, Weight"
    )


def test_a_header_below_other_comments_names_the_columns_in_any_order(tmp_path):
    rates = "#Rate,of,the,house #Rates: #GroupIntervalStart[0],Id[1],Rate[2],RateIncrement[3],RateUnit[4],ConnectFee[5],Owner 0,RT,1,1s,60s,,Eva"
    compiled, left_out = imported(small(tmp_path, rates), tmp_path / "out")
    assert price(compiled, "any", MONDAY_NOON, 60, "1") == 1
    assert left_out == ["Rates.csv: line 4: Owner 'Eva': a catalogue has nothing of the kind"]


def test_files_that_are_missing_or_no_text_are_refused(tmp_path):
    folder = edited(tmp_path)
    (folder / "Rates.csv").unlink()
    assert faults_of(folder, tmp_path) == [f"Rates.csv: {folder}: is missing; add it"]
    (folder / "Rates.csv").write_bytes(b"RT_\xff")
    assert faults_of(folder, tmp_path) == ["Rates.csv: byte 3: is not UTF-8; convert the file"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ImportOptions(tenant="x"), "--tenant: x: no rating profile has it; known are cgrates.org"),
        (
            ImportOptions(categories=("x",)),
            "--category: x: no rating profile has it; known are call, generic",
        ),
        (ImportOptions(units=("x=B",)), "--unit: x: no rating profile has it; known are call, generic, data"),
        (ImportOptions(units=("data",)), "--unit: data: is no unit of a category; write CATEGORY=UNIT"),
        (ImportOptions(time_zone="Mars"), "site.toml: site.time_zone: 'Mars' is no time zone; "),
        (ImportOptions(quantity_max=0), 'services.toml: event_type["call"].quantity_max: 0 is not above 0; '),
    ],
)
def test_options_that_fit_nothing_are_refused(tmp_path, options, expected):
    faults = faults_of(TARIFF, tmp_path, options)
    assert [fault for fault in faults if fault.startswith(expected)], faults


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from charging.command_line import main; main()"
    whole = [sys.executable, "-c", code, "catalog", "import-cgrates", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_the_command_lists_and_writes(tmp_path):
    out = tmp_path / "new" / "catalogue"
    done = command(
        str(TARIFF), str(out), "--category", "call", "--currency", "CHF", "--time-zone", "Europe/Zurich"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == f"{out}: 3 rate plans, {len(lines) - 1} things not carried over"
    site = load_compiled_catalogue(out).site
    assert (site.currency, site.time_zone) == ("CHF", "Europe/Zurich")
    again = command(str(TARIFF), str(out))
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith(f"import-cgrates: {out}: is there, and not an empty folder; ")


def test_the_command_refuses_wrong_files_and_says_when_nothing_is_left(tmp_path):
    wrong = command(str(edited(tmp_path, Rates="RT_1CNT,0,x,60s,1s,0s")), str(tmp_path / "out"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("Rates.csv: line 11: Rate 'x' is not a number; ")
    nothing = command(str(small(tmp_path, "RT,0,1,60,1,0")), str(tmp_path / "out"))
    assert (nothing.returncode, len(nothing.stdout.splitlines())) == (2, 5)
    assert nothing.stderr == "nothing could be carried over, and nothing was written\n"
    missing = command(str(tmp_path / "nowhere"), str(tmp_path / "out"))
    assert (missing.returncode, missing.stderr.partition(";")[0]) == (
        2,
        f"import-cgrates: {tmp_path / 'nowhere'}: is not a folder",
    )
