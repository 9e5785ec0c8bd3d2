"""Pure. A usage event as it travels (DECISIONS 35), and its values as the kernels count them.

    {"id", "source", "type", "service", "time", "quantity", "fields"}

Time is RFC 3339 text or integer epoch microseconds; quantity an integer or decimal text in the event
type's unit. A binary float is refused: what it stands for cannot be known.
"""

import datetime
from typing import Any

import msgspec

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
# Ids and sources longer than this are mistakes, and would come back in every record.
TEXT_MAX = 256


class UsageEvent(msgspec.Struct, gc=False):
    """One event; unknown fields are ignored, because producers upgrade first."""

    id: str
    source: str
    type: str
    service: str
    time: str | int
    quantity: int | str | float = 1
    fields: dict[str, Any] = {}  # msgspec copies an empty default for each event


def epoch_us(time: str | int) -> int | None:
    """Epoch microseconds of an event's time; None where the text is no RFC 3339 instant with an offset."""
    if isinstance(time, int):
        return time
    try:
        moment = datetime.datetime.fromisoformat(time)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - EPOCH) // MICROSECOND


def scaled(quantity: int | str | float, decimals: int) -> int | None:
    """The quantity in 10**-decimals of the unit; None where it is a float, no number, or too fine."""
    if isinstance(quantity, bool | float):
        return None
    if isinstance(quantity, int):
        return quantity * 10**decimals
    sign = -1 if quantity.startswith("-") else 1
    whole, _, fraction = quantity.lstrip("-").partition(".")
    if not whole.isascii() or not whole.isdigit() or len(whole) > 18:
        return None
    if "." in quantity and not (fraction.isascii() and fraction.isdigit()):
        return None
    fraction = fraction.rstrip("0") if len(fraction) > decimals else fraction
    if len(fraction) > decimals:
        return None
    return sign * int(whole + fraction.ljust(decimals, "0"))


def rfc3339(time_us: int) -> str:
    """An instant as people and programs read it, UTC, to the microsecond; a number beyond the calendar as text."""
    try:
        moment = EPOCH + time_us * MICROSECOND
    except OverflowError:
        return str(time_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
