"""Pure. A tariff plan of CGRateS with its values read: by tag, every reference leading somewhere."""

import datetime
from collections.abc import Container
from fractions import Fraction
from typing import NamedTuple, TypeVar

from config import cgrates_values as values
from config.cgrates_files import (
    DESTINATION_RATES,
    DESTINATIONS,
    OLD_RATING_PLANS,
    RATES,
    RATING_PLANS,
    RATING_PROFILES,
    TIMINGS,
    Findings,
    Row,
)

ANY = "*any"
_CALENDAR = (("Months", 12), ("MonthDays", 31))
T = TypeVar("T")


class Timing(NamedTuple):
    """When a rate holds: from a time of day on, on some weekdays."""

    row: Row
    weekdays: tuple[int, ...]
    start: str
    unsupported: str  # what of it no band can say


class RateSlot(NamedTuple):
    """One part of a rate: from a quantity of the event on."""

    row: Row
    connect_fee: Fraction
    rate: Fraction
    unit: values.Quantity
    increment: values.Quantity
    start: values.Quantity
    rounding: str  # only in the oldest layout
    decimals: int | None


class DestinationRate(NamedTuple):
    """A rate for a destination, with its rounding and its cap."""

    row: Row
    destination: str
    rate: str
    rounding: str
    decimals: int | None
    max_cost: Fraction
    strategy: str


class PlanEntry(NamedTuple):
    """Destination rates at a timing."""

    row: Row
    destination_rates: str
    timing: str
    weight: Fraction


class Profile(NamedTuple):
    """A subject's rating plan for a category; `active_from` is None if it counts from the moment of loading."""

    row: Row
    active_from: datetime.datetime | None


class Tariff(NamedTuple):
    """All of it, by tag; `rows` are all lines."""

    rows: list[Row]
    destinations: dict[str, list[Row]]
    timings: dict[str, list[Timing]]
    rates: dict[str, list[RateSlot]]
    destination_rates: dict[str, list[DestinationRate]]
    rating_plans: dict[str, list[PlanEntry]]
    profiles: list[Profile]


def read_tariff(files: dict[str, list[Row]], findings: Findings) -> Tariff:
    """The tariff of the rows of all files; values and references that are wrong are faults."""
    rows = {name: files.get(name, []) for name in _ALL}
    plans = rows[RATING_PLANS] + rows[OLD_RATING_PLANS]
    tariff = Tariff(
        rows=[row for name in _ALL for row in rows[name]],
        destinations=_by_tag(rows[DESTINATIONS], rows[DESTINATIONS]),
        timings=_by_tag(rows[TIMINGS], [_timing(row, findings) for row in rows[TIMINGS]]),
        rates=_by_tag(rows[RATES], [_rate_slot(row, findings) for row in rows[RATES]]),
        destination_rates=_by_tag(
            rows[DESTINATION_RATES], [_destination_rate(row, findings) for row in rows[DESTINATION_RATES]]
        ),
        rating_plans=_by_tag(plans, [_plan_entry(row, findings) for row in plans]),
        profiles=[_profile(row, findings) for row in rows[RATING_PROFILES]],
    )
    for row in tariff.rows:
        if "Tag" in row.cells and not row.cell("Tag"):
            findings.fault(row, "Tag is empty", "give it a tag")
    for row in rows[DESTINATIONS]:
        if not row.cell("Prefix"):
            findings.fault(row, "Prefix is empty", f"write a prefix, or use {ANY} as the destination")
    _check_references(tariff, findings)
    return tariff


_ALL = (
    DESTINATIONS,
    TIMINGS,
    RATES,
    DESTINATION_RATES,
    RATING_PLANS,
    OLD_RATING_PLANS,
    RATING_PROFILES,
)


def _by_tag(rows: list[Row], items: list[T]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = {}
    for row, item in zip(rows, items, strict=True):
        grouped.setdefault(row.cell("Tag"), []).append(item)
    return grouped


def _timing(row: Row, findings: Findings) -> Timing:
    parts = [] if values.is_any(row.cell("Years")) else [f"Years {row.cell('Years')!r}"]
    for column, last in _CALENDAR:
        if len(values.days(row, column, last, findings)) < last:
            parts.append(f"{column} {row.cell(column)!r}")
    time = row.cell("Time")
    # A second time would be the end, of which the documentation does not say whether it is inclusive.
    if ";" in time or time.startswith("*"):
        return Timing(row, (), "", ", ".join([*parts, f"Time {time!r}"]))
    weekdays = values.days(row, "WeekDays", 7, findings)
    return Timing(row, weekdays, values.time_of_day(row, "Time", findings), ", ".join(parts))


def _rate_slot(row: Row, findings: Findings) -> RateSlot:
    fee, rate = (_not_negative(row, column, findings) for column in ("ConnectFee", "Rate"))
    unit, increment, start = (
        values.quantity(row, column, findings)
        for column in ("RateUnit", "RateIncrement", "GroupIntervalStart")
    )
    decimals = values.whole_number(row, "RoundingDecimals", findings)
    return RateSlot(row, fee, rate, unit, increment, start, row.cell("RoundingMethod"), decimals)


def _not_negative(row: Row, column: str, findings: Findings) -> Fraction:
    number = values.amount(row, column, findings)
    if number < 0:
        findings.fault(row, f"{column} {row.cell(column)!r} is negative", "write 0 or more")
    return number


def _destination_rate(row: Row, findings: Findings) -> DestinationRate:
    return DestinationRate(
        row=row,
        destination=row.cell("DestinationsTag"),
        rate=row.cell("RatesTag"),
        rounding=row.cell("RoundingMethod"),
        decimals=values.whole_number(row, "RoundingDecimals", findings),
        max_cost=_not_negative(row, "MaxCost", findings),
        strategy=row.cell("MaxCostStrategy"),
    )


def _plan_entry(row: Row, findings: Findings) -> PlanEntry:
    weight = values.amount(row, "Weight", findings)
    return PlanEntry(row, row.cell("DestinationRatesTag"), row.cell("TimingTag"), weight)


def _profile(row: Row, findings: Findings) -> Profile:
    if row.cell("ActivationTime").startswith(("+", "*")):
        return Profile(row, None)
    return Profile(row, values.instant(row, "ActivationTime", findings))


def _check_references(tariff: Tariff, findings: Findings) -> None:
    """What begins with an asterisk is no tag, but a word of theirs: known or not, it leads nowhere."""
    references: list[tuple[str, str, Container[str]]] = [
        ("DestinationsTag", DESTINATIONS, tariff.destinations),
        ("RatesTag", RATES, tariff.rates),
        ("DestinationRatesTag", DESTINATION_RATES, tariff.destination_rates),
        ("TimingTag", TIMINGS, tariff.timings),
        ("RatingPlanTag", RATING_PLANS, tariff.rating_plans),
    ]
    for row in tariff.rows:
        for column, file, known in references:
            tag = row.cells.get(column)
            if tag is not None and tag not in known and not tag.startswith("*"):
                message = f"{column} {tag!r} is not in {file}"
                findings.fault(row, message, "add it there, or correct it here")
