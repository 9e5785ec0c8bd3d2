"""Pure. Rating plans of CGRateS as versions of rate plans: bands, rules, prices, one rounding.

A band lasts from its start to midnight. Of several that are in force the one that started last wins, so a
timing ends where the next one of its destination begins, as theirs do.
"""

import collections
from typing import Any, NamedTuple

from config.cgrates_files import Findings, Row
from config.cgrates_prices import PriceBook, Priced, Rounding
from config.cgrates_tariff import ANY, DestinationRate, PlanEntry, Tariff, Timing
from config.cgrates_values import decimal

FIELD = "destination"
_ANY_DAY = 0  # the day of a rule without a band, which no other shares


class _Use(NamedTuple):
    """A destination rate at a timing: one rule."""

    entry: PlanEntry
    item: DestinationRate
    timing: Timing | None
    priced: Priced


def rate_plan_version(
    tariff: Tariff,
    tag: str,
    valid_from: str,
    currency: str,
    book: PriceBook,
    bill_item: str,
    findings: Findings,
) -> dict[str, Any] | None:
    """The version of a rating plan; None if nothing of it could be carried over."""
    uses = _uses(tariff, tag, book, findings)
    rules = _rules(tariff, uses, findings)
    if not rules:
        return None
    named = {rule["price"] for rule in rules}
    prices = {use.priced.name: use.priced.table for use in uses if use.priced.name in named}
    banded = {rule.get("band") for rule in rules}
    timings = {use.entry.timing: use.timing for use in uses if use.timing and use.entry.timing in banded}
    bands = {name: [_window(timing)] for name, timing in timings.items()}
    rounding = _common_rounding(tag, uses, findings)
    return {
        "valid_from": valid_from,
        **({"band": bands} if bands else {}),
        "detail": [
            {
                "resource": currency,
                **({"prefix_field": FIELD} if any("prefix" in rule for rule in rules) else {}),
                "bill_item": bill_item,
                **({"rounding": {"mode": rounding[0], "decimals": rounding[1]}} if rounding else {}),
                "rule": rules,
            }
        ],
        "price": prices,
    }


def _uses(tariff: Tariff, tag: str, book: PriceBook, findings: Findings) -> list[_Use]:
    """What the lines of a rating plan name, as far as a catalogue can say it."""
    uses: list[_Use] = []
    for entry in tariff.rating_plans[tag]:
        timing = None if entry.timing == ANY else _timing(tariff, entry, findings)
        if entry.timing != ANY and timing is None:
            continue
        if entry.destination_rates not in tariff.destination_rates:
            what = f"DestinationRatesTag {entry.destination_rates!r}"
            findings.leave(entry.row, what, "destination rates are named by their tags only")
            continue
        before = len(uses)
        for item in tariff.destination_rates[entry.destination_rates]:
            if item.destination.startswith("*") and item.destination != ANY:
                what = f"DestinationsTag {item.destination!r}"
                findings.leave(item.row, what, f"destinations are named by their tags, or {ANY}")
                continue
            priced = book.price(item)
            if priced is not None:
                uses.append(_Use(entry, item, timing, priced))
        if len(uses) == before:
            reason = f"nothing of {entry.destination_rates!r} could be carried over"
            findings.leave(entry.row, "the line", reason)
    return uses


def _timing(tariff: Tariff, entry: PlanEntry, findings: Findings) -> Timing | None:
    """The timing of a line; None, and the line on the list, if no band can say it."""
    what = f"TimingTag {entry.timing!r}"
    if entry.timing not in tariff.timings:
        findings.leave(entry.row, what, f"the timing is not known; {ANY} is the only one that has no line")
        return None
    first, *others = tariff.timings[entry.timing]
    for other in others:
        findings.leave(other.row, "the line", f"the timing stands in line {first.row.line} too")
    findings.deal_with(first.row)
    if first.unsupported:
        findings.note(first.row, first.unsupported, "bands go by weekday and time of day, from a start")
        reason = f"the timing could not be carried over ({first.row.file}: line {first.row.line})"
        findings.leave(entry.row, what, reason)
        return None
    return first


def _rules(tariff: Tariff, uses: list[_Use], findings: Findings) -> list[dict[str, Any]]:
    """The rules, in the order of the lines. Of two that one event could fit equally well the first stays."""
    scale = max((10 ** _decimals(use.entry) for use in uses), default=1)
    holders: dict[tuple[str, int, int, str], Row] = {}
    rules: list[dict[str, Any]] = []
    for use in uses:
        weight = int(use.entry.weight * scale)
        prefixes: list[str] = []
        for destination in _destinations(tariff, use.item.destination):
            prefix = destination.cell("Prefix")
            findings.deal_with(destination)
            holder = _take(holders, prefix, weight, use)
            if holder is None:
                prefixes.append(prefix)
            else:
                what = f"prefix {prefix!r}" if prefix else f"destination {ANY}"
                reason = "has it for this time and weight"
                line = f"line {holder.line}" if holder != use.entry.row else "the same line"
                findings.note(use.entry.row, f"{what} of {use.item.row.cell('Tag')!r}", f"{line} {reason}")
        findings.deal_with(use.entry.row)
        findings.deal_with(use.item.row)
        if not prefixes:
            continue
        rule: dict[str, Any] = {"price": use.priced.name}
        if prefixes != [""]:
            rule["prefix"] = prefixes
        if use.timing is not None:
            rule["band"] = use.entry.timing
        if weight:
            rule["weight"] = weight
        rules.append(rule)
    return rules


def _decimals(entry: PlanEntry) -> int:
    """Weights of a catalogue are whole: those of a plan are all multiplied alike, which keeps their order."""
    return len(str(decimal(entry.weight)).partition(".")[2])


def _destinations(tariff: Tariff, tag: str) -> list[Row]:
    return [Row("", 0, {"Prefix": ""})] if tag == ANY else tariff.destinations[tag]


def _take(holders: dict[tuple[str, int, int, str], Row], prefix: str, weight: int, use: _Use) -> Row | None:
    """Enter a prefix for the times of a rule; the line that has one of them already, if there is one."""
    days = use.timing.weekdays if use.timing else (_ANY_DAY,)
    start = use.timing.start if use.timing else ""
    keys = [(prefix, weight, day, start) for day in days]
    holder = next((holders[key] for key in keys if key in holders), None)
    if holder is None:
        holders.update(dict.fromkeys(keys, use.entry.row))
    return holder


def _window(timing: Timing) -> dict[str, Any]:
    days = {} if len(timing.weekdays) == 7 else {"weekdays": list(timing.weekdays)}
    return {**days, "from": timing.start}


def _common_rounding(tag: str, uses: list[_Use], findings: Findings) -> Rounding:
    """A detail rounds all its totals alike: as most of its destination rates do."""
    lines = {(use.item.row.file, use.item.row.line): use for use in uses}
    counts = collections.Counter(use.priced.rounding for use in lines.values())
    common = counts.most_common(1)[0][0]
    for use in lines.values():
        if use.priced.rounding != common:
            what = f"rounding {_rounding_text(use.priced.rounding)}"
            reason = f"most of rating plan {tag!r} is {_rounding_text(common)}, and so is all of it now"
            findings.note(use.item.row, what, reason)
    return common


def _rounding_text(rounding: Rounding) -> str:
    return f"{rounding[0]} to {rounding[1]} decimals" if rounding else "only to what money is kept in"
