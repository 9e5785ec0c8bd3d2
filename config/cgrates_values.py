"""Pure. The cells of a tariff plan as exact values: amounts, durations, times. Text that is none is a fault."""

import datetime
import re
from fractions import Fraction
from typing import NamedTuple

from config.cgrates_files import Findings, Row

DECIMALS_MAX = 18
ALWAYS = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)  # no event is older
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,2})?")
_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)"
_DURATION = re.compile(f"\\+?(?:{_PART})+")
_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")
_UNIX_SECONDS = re.compile(r"[0-9]{10}")
_ANY = ("", "*any", "*all")


class Quantity(NamedTuple):
    """A duration in seconds, or a number without a unit of time; 0 is both."""

    number: Fraction
    timed: bool
    text: str


def amount(row: Row, column: str, findings: Findings) -> Fraction:
    """A number; an empty cell is 0."""
    text = row.cell(column)
    if text and not _NUMBER.fullmatch(text):
        findings.fault(row, f"{column} {text!r} is not a number", "write digits with a point: 0.10")
        return Fraction(0)
    number = Fraction(text or 0)
    if (number * 10**DECIMALS_MAX).denominator != 1:
        findings.fault(row, f"{column} {text!r} is too fine", f"use at most {DECIMALS_MAX} decimals")
        return Fraction(0)
    return number


def quantity(row: Row, column: str, findings: Findings) -> Quantity:
    """A duration like 60s or 1m30s, or a plain number; an empty cell is 0."""
    text = row.cell(column)
    if not text or _NUMBER.fullmatch(text):
        number, timed = amount(row, column, findings), False
    elif _DURATION.fullmatch(text):
        number = sum((Fraction(n) * _SECONDS[unit] for n, unit in re.findall(_PART, text)), Fraction(0))
        timed = True
    else:
        findings.fault(row, f"{column} {text!r} is not a duration", "write one like 60s, 1m30s or 500ms")
        return Quantity(Fraction(0), timed=False, text=text)
    if number < 0:
        findings.fault(row, f"{column} {text!r} is negative", "write 0 or more")
    return Quantity(number, timed, text)


def whole_number(row: Row, column: str, findings: Findings) -> int | None:
    """A whole number of 0 or more; None if the cell is empty."""
    text = row.cell(column)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text):
        findings.fault(row, f"{column} {text!r} is not a whole number", "write 0, 1, 2, ...")
        return None
    return int(text)


def days(row: Row, column: str, last: int, findings: Findings) -> tuple[int, ...]:
    """Numbers between semicolons, 1 to `last`; any of them if the cell says so."""
    text = row.cell(column)
    if text in _ANY:
        return tuple(range(1, last + 1))
    parts = [part.strip() for part in text.split(";") if part.strip()]
    numbers = sorted({int(part) for part in parts if re.fullmatch(r"[0-9]{1,2}", part)})
    if len(numbers) < len(set(parts)) or not numbers or numbers[0] < 1 or numbers[-1] > last:
        findings.fault(row, f"{column} {text!r} is no list of numbers", f"write *any, or 1 to {last} with ;")
    return tuple(numbers)


def is_any(text: str) -> bool:
    """Whether a cell restricts nothing."""
    return text in _ANY


def time_of_day(row: Row, column: str, findings: Findings) -> str:
    """hh:mm:ss; midnight if the cell is empty."""
    text = row.cell(column) or "00:00:00"
    if not _TIME.fullmatch(text):
        findings.fault(row, f"{column} {text!r} is not a time of day", "write one like 08:00:00")
    return text


def instant(row: Row, column: str, findings: Findings) -> datetime.datetime:
    """A time with its offset, or Unix seconds; an empty cell stands for always."""
    text = row.cell(column)
    if not text:
        return ALWAYS
    try:
        if _UNIX_SECONDS.fullmatch(text):
            return datetime.datetime.fromtimestamp(int(text), datetime.UTC)
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        cure = "write one like 2014-01-14T00:00:00Z, or Unix seconds"
        findings.fault(row, f"{column} {text!r} is not a time with its offset", cure)
        return ALWAYS
    return time


def decimal(number: Fraction) -> str | int:
    """The number as a catalogue has it: whole, or decimal text. It has at most DECIMALS_MAX decimals."""
    if number.denominator == 1:
        return number.numerator
    digits = f"{(abs(number) * 10**DECIMALS_MAX).numerator:0{DECIMALS_MAX + 1}d}"
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[:-DECIMALS_MAX]}.{digits[-DECIMALS_MAX:]}".rstrip("0")
