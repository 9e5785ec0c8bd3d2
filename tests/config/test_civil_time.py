"""Civil time against known days and against an independent implementation."""

import datetime

import numpy as np
import whenever
from hypothesis import given, settings
from hypothesis import strategies as st

from config.civil_time import (
    anchor_days,
    civil_date,
    cycle_at,
    cycle_boundaries,
    instant,
    local_midnight_us,
    microseconds,
    prorated_days,
    zone_offsets,
)
from rating_kernels.group_image import CALENDAR_DAYS, CALENDAR_MONTHS, CALENDAR_WEEKS, CALENDAR_YEARS

ZONES = (
    "Europe/Vienna",
    "America/New_York",
    "Africa/Cairo",
    "America/Havana",
    "Asia/Kathmandu",
    "UTC",
    "Pacific/Apia",
)
DATE = datetime.date
HOUR_US = 3_600_000_000
dates = st.dates(DATE(1990, 1, 1), DATE(2060, 1, 1))


def midnights(kind, count, day, anchor, zone, first, last):
    boundaries = cycle_boundaries(
        kind,
        count,
        day,
        anchor_days(anchor),
        zone,
        local_midnight_us(first, zone),
        local_midnight_us(last, zone),
    )
    return [civil_date(int(boundary), zone).isoformat() for boundary in boundaries]


def test_cairo_starts_its_day_at_one_o_clock_where_midnight_is_skipped():
    start = local_midnight_us(DATE(2026, 4, 24), "Africa/Cairo")
    assert instant(start).isoformat() == "2026-04-23T22:00:00+00:00"
    assert civil_date(start, "Africa/Cairo") == DATE(2026, 4, 24)
    assert civil_date(start - 1, "Africa/Cairo") == DATE(2026, 4, 23)


def test_havana_starts_its_day_at_the_first_of_two_midnights():
    start = local_midnight_us(DATE(2026, 11, 1), "America/Havana")
    assert local_midnight_us(DATE(2026, 11, 2), "America/Havana") - start == 25 * HOUR_US


def test_days_last_23_and_25_hours_when_clocks_change():
    zone = "Europe/Vienna"
    march = cycle_at(CALENDAR_DAYS, 1, 0, 0, zone, local_midnight_us(DATE(2026, 3, 29), zone))
    october = cycle_at(CALENDAR_DAYS, 1, 0, 0, zone, local_midnight_us(DATE(2026, 10, 25), zone))
    assert march[1] - march[0] == 23 * HOUR_US
    assert october[1] - october[0] == 25 * HOUR_US


def test_short_months_end_on_their_last_day_and_do_not_drift():
    assert midnights(
        CALENDAR_MONTHS, 1, 31, DATE(2027, 12, 31), "Europe/Vienna", DATE(2027, 12, 31), DATE(2028, 5, 1)
    ) == [
        "2027-12-31",
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
        "2028-04-30",
        "2028-05-31",
    ]


def test_yearly_cycles_of_29_february_come_back_to_it_in_leap_years():
    assert midnights(CALENDAR_YEARS, 1, 29, DATE(2024, 2, 29), "UTC", DATE(2024, 3, 1), DATE(2028, 1, 1)) == [
        "2024-02-29",
        "2025-02-28",
        "2026-02-28",
        "2027-02-28",
        "2028-02-29",
    ]


def test_every_third_month_keeps_the_phase_of_its_anchor():
    assert midnights(CALENDAR_MONTHS, 3, 1, DATE(2026, 2, 15), "UTC", DATE(2025, 8, 2), DATE(2026, 6, 1)) == [
        "2025-08-01",
        "2025-11-01",
        "2026-02-01",
        "2026-05-01",
        "2026-08-01",
    ]


def test_weeks_start_on_their_iso_weekday():
    # 2026-11-24 is a Tuesday; billing on Fridays, every second week.
    assert midnights(
        CALENDAR_WEEKS, 2, 5, DATE(2026, 11, 24), "UTC", DATE(2026, 11, 24), DATE(2026, 12, 17)
    ) == [
        "2026-11-20",
        "2026-12-04",
        "2026-12-18",
    ]


def test_a_skipped_day_makes_no_empty_cycle():
    # Samoa had no 30 December 2011.
    boundaries = cycle_boundaries(
        CALENDAR_DAYS,
        1,
        0,
        0,
        "Pacific/Apia",
        *(local_midnight_us(DATE(2011, 12, day), "Pacific/Apia") for day in (28, 31)),
    )
    assert [civil_date(int(b), "Pacific/Apia").day for b in boundaries] == [28, 29, 31, 1]


def test_the_first_cycle_counts_the_day_of_purchase_and_divides_by_its_full_period():
    zone = "Europe/Vienna"
    bought = microseconds(datetime.datetime(2026, 10, 17, 15, 30, tzinfo=datetime.UTC))
    start, end = cycle_at(CALENDAR_MONTHS, 1, 1, anchor_days(DATE(2026, 10, 17)), zone, bought)
    assert prorated_days(bought, end, start, end, zone) == (15, 31)
    assert prorated_days(start, end, start, end, zone) == (31, 31)


@given(date=dates, zone=st.sampled_from(ZONES))
def test_local_midnight_agrees_with_an_independent_implementation(date, zone):
    if zone == "Pacific/Apia" and date == DATE(2011, 12, 30):
        return
    noon = whenever.ZonedDateTime(date.year, date.month, date.day, 12, tz=zone)
    assert local_midnight_us(date, zone) == microseconds(noon.start_of("day").to_stdlib())


@given(time_s=st.integers(0, 2_840_000_000), zone=st.sampled_from(ZONES))
def test_the_table_of_offsets_agrees_with_an_independent_implementation(time_s, zone):
    from_us, offset_s = zone_offsets(zone)
    row = int(np.searchsorted(from_us, time_s * 1_000_000, side="right")) - 1
    local = whenever.Instant.from_timestamp(time_s).to_tz(zone)
    assert offset_s[row] == local.to_stdlib().utcoffset() // datetime.timedelta(seconds=1)


def test_offsets_change_at_the_very_second():
    from_us, offset_s = zone_offsets("Europe/Vienna")
    change = microseconds(datetime.datetime(2026, 3, 29, 1, tzinfo=datetime.UTC))
    row = list(from_us).index(change)
    assert (offset_s[row - 1], offset_s[row]) == (3600, 7200)
    assert list(from_us) == sorted(set(from_us))


calendars = st.one_of(
    st.tuples(st.just(CALENDAR_DAYS), st.integers(1, 40), st.just(0)),
    st.tuples(st.just(CALENDAR_WEEKS), st.integers(1, 6), st.integers(1, 7)),
    st.tuples(st.sampled_from([CALENDAR_MONTHS, CALENDAR_YEARS]), st.integers(1, 5), st.integers(1, 31)),
)


@settings(max_examples=200)
@given(calendar=calendars, anchor=dates, date=dates, hour=st.integers(0, 23), zone=st.sampled_from(ZONES))
def test_cycles_tile_time_and_agree_with_their_boundaries(calendar, anchor, date, hour, zone):
    anchor_day = anchor_days(anchor)
    time_us = local_midnight_us(date, zone) + hour * HOUR_US
    start, end = cycle_at(*calendar, anchor_day, zone, time_us)
    assert start <= time_us < end
    assert cycle_at(*calendar, anchor_day, zone, end)[0] == end
    assert cycle_at(*calendar, anchor_day, zone, start - 1)[1] == start
    assert list(cycle_boundaries(*calendar, anchor_day, zone, time_us, end)[:2]) == [start, end]


@given(anchor=dates, months=st.integers(0, 300))
def test_boundaries_of_months_agree_with_an_independent_implementation(anchor, months):
    # An anchor on its own billing day: boundary n is the anchor plus n months, clamped.
    expected = whenever.Date(anchor.year, anchor.month, anchor.day).add(months=months).to_stdlib()
    start, _ = cycle_at(
        CALENDAR_MONTHS, 1, anchor.day, anchor_days(anchor), "UTC", local_midnight_us(expected, "UTC")
    )
    assert civil_date(start, "UTC") == expected
