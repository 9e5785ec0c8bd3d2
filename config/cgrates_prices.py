"""Pure. Rates of CGRateS as prices of a catalogue, in the unit that a category counts.

A price that could only be guessed is none: it is left out, and so is whatever names it.
"""

import itertools
from fractions import Fraction
from typing import Any, NamedTuple

from config.cgrates_files import Findings
from config.cgrates_tariff import DestinationRate, RateSlot, Tariff
from config.cgrates_values import Quantity, decimal
from config.exact_amounts import MONEY_DECIMALS

SECONDS = "s"
# Their *down is toward minus infinity; prices are never below zero, so it is ours.
ROUNDING_MODES = {"*up": "up", "*middle": "half_up", "*down": "down"}
CAPS = {"*free": "free", "*disconnect": "disconnect"}

# Mode and decimals, as a detail has them; None = to the smallest stored unit, as without a method.
Rounding = tuple[str, int] | None


class Priced(NamedTuple):
    """What a destination rate costs, and how it is rounded."""

    name: str
    table: dict[str, Any]
    rounding: Rounding


class PriceBook:
    """The prices of one category, each made once."""

    def __init__(self, tariff: Tariff, category: str, unit: str, findings: Findings) -> None:
        self._tariff, self._findings = tariff, findings
        self._category, self._unit = category, unit
        self._priced: dict[tuple[str, int], Priced | None] = {}
        self._periods: dict[str, dict[str, Any] | None] = {}
        self._names: dict[str, dict[str, Any]] = {}

    def price(self, item: DestinationRate) -> Priced | None:
        """The price of a destination rate; None if it is on the list."""
        key = (item.row.file, item.row.line)
        if key not in self._priced:
            self._priced[key] = self._make(item)
        return self._priced[key]

    def _make(self, item: DestinationRate) -> Priced | None:
        if item.rate not in self._tariff.rates:
            self._findings.leave(item.row, f"RatesTag {item.rate!r}", "rates are named by their tags only")
            return None
        if item.rate not in self._periods:
            self._periods[item.rate] = self._rate(item.rate)
        rate = self._periods[item.rate]
        if rate is None:
            reason = f"its rate {item.rate!r} could not be carried over for category {self._category!r}"
            self._findings.leave(item.row, "the line", reason)
            return None
        for slot in self._tariff.rates[item.rate]:
            self._findings.deal_with(slot.row)
        known, rounding = self._rounding(item)
        if not known or not self._cap_is_known(item):
            return None
        table, name = dict(rate), item.rate
        if item.strategy and item.max_cost:
            table |= {"maximum": decimal(item.max_cost), "cap": CAPS[item.strategy]}
            name = f"{item.rate}_{CAPS[item.strategy]}_{decimal(item.max_cost)}"
        while self._names.setdefault(name, table) != table:
            name += "_"
        return Priced(name, table, rounding)

    def _cap_is_known(self, item: DestinationRate) -> bool:
        if item.strategy and item.strategy not in CAPS:
            reason = f"known are {', '.join(CAPS)}; without its cap the price would be another"
            self._findings.leave(item.row, f"MaxCostStrategy {item.strategy!r}", reason)
            return False
        if item.max_cost and not item.strategy:
            what = f"MaxCost {item.row.cell('MaxCost')!r}"
            self._findings.note(item.row, what, "there is no MaxCostStrategy that says what it does")
        if item.strategy and not item.max_cost:
            what = f"MaxCostStrategy {item.strategy!r}"
            self._findings.note(item.row, what, "there is no MaxCost above 0 at which it would begin")
        return True

    def _rounding(self, item: DestinationRate) -> tuple[bool, Rounding]:
        """Whether the rounding is known, and it. Once each rate had its own: then its first line says it."""
        method, decimals, row = item.rounding, item.decimals, item.row
        if not method and decimals is None:
            slot = self._tariff.rates[item.rate][0]
            row, method, decimals = slot.row, slot.rounding, slot.decimals
        if not method:
            if decimals:
                what = f"RoundingDecimals {decimals}"
                self._findings.note(row, what, "there is no RoundingMethod that says how to round to them")
            return True, None
        if method not in ROUNDING_MODES:
            reason = f"known are {', '.join(ROUNDING_MODES)}"
            self._findings.leave(item.row, f"RoundingMethod {method!r}", reason)
            return False, None
        if (decimals or 0) > MONEY_DECIMALS:
            what, reason = f"RoundingDecimals {decimals}", f"money is kept in {MONEY_DECIMALS} decimals"
            self._findings.note(row, what, f"{reason}, and rounded to these")
        return True, (ROUNDING_MODES[method], min(decimals or 0, MONEY_DECIMALS))

    def _rate(self, tag: str) -> dict[str, Any] | None:
        """Connect fee and periods of a rate; None if a line of it is on the list."""
        slots = sorted(self._tariff.rates[tag], key=lambda slot: slot.start.number)
        checks = [self._counts(slot) for slot in slots]
        if not all(checks) or not self._agree(slots):
            for slot in slots:
                if not self._findings.is_dealt_with(slot.row):
                    reason = f"another line of rate {tag!r} could not be carried over"
                    self._findings.leave(slot.row, "the line", reason)
            return None
        first = slots[0]
        for slot in slots[1:]:
            # Once all lines of a rate repeated its fee.
            if slot.connect_fee not in (0, first.connect_fee):
                what = f"ConnectFee {slot.row.cell('ConnectFee')!r}"
                self._findings.note(slot.row, what, f"an event pays one, that of line {first.row.line}")
        periods = [_period(slot) for slot in slots]
        fee = {"connect_fee": decimal(first.connect_fee)} if first.connect_fee else {}
        return {**fee, "periods": periods}

    def _counts(self, slot: RateSlot) -> bool:
        """Whether the quantities of a line are in the category's unit; 0 is in any."""
        seconds = self._unit == SECONDS
        for column, quantity in (
            ("RateUnit", slot.unit),
            ("RateIncrement", slot.increment),
            ("GroupIntervalStart", slot.start),
        ):
            if quantity.number and quantity.timed != seconds:
                has = "has no unit of time" if seconds else "is a time"
                cure = f", say --unit {self._category}=UNIT if it counts something else" if seconds else ""
                reason = f"it {has}, and category {self._category!r} counts {self._unit!r}{cure}"
                self._findings.leave(slot.row, f"{column} {quantity.text!r}", reason)
                return False
        if not slot.increment.number:
            self._findings.leave(slot.row, "RateIncrement 0", "an increment is more than nothing")
            return False
        if slot.rate and not slot.unit.number:
            self._findings.leave(slot.row, "RateUnit 0", "a price is for more than nothing")
            return False
        return True

    def _agree(self, slots: list[RateSlot]) -> bool:
        """Whether the lines of a rate follow each other; CGRateS, too, refuses those that do not."""
        if slots[0].start.number:
            what = f"GroupIntervalStart {slots[0].start.text!r}"
            self._findings.leave(slots[0].row, what, "nothing says what the event costs before it")
            return False
        for one, other in itertools.pairwise(slots):
            what = f"GroupIntervalStart {other.start.text!r}"
            if one.start.number == other.start.number:
                self._findings.leave(other.row, what, f"line {one.row.line} begins there too")
                return False
            if other.start.number % one.increment.number:
                reason = f"increments of {one.increment.text!r} (line {one.row.line}) do not end there"
                self._findings.leave(other.row, what, reason)
                return False
        return True


def _period(slot: RateSlot) -> dict[str, Any]:
    return {
        "from": decimal(slot.start.number),
        # Nothing for each nothing costs nothing for whatever quantity.
        "per": decimal(_per(slot.unit, slot.increment)),
        "amount": decimal(slot.rate),
        "increment": decimal(slot.increment.number),
    }


def _per(unit: Quantity, increment: Quantity) -> Fraction:
    return unit.number or increment.number
