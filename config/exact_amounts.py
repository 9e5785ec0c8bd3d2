"""Pure. Decimal text into exact numbers; nothing here ever passes a float."""

import re
from fractions import Fraction

from config.compilation import Place
from config.rate_plan import Decimal
from rating_kernels.group_image import AMOUNT_MAX

MONEY_DECIMALS = 6
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def exact(value: Decimal, place: Place) -> Fraction:
    """The number; 0 and a fault if the text is none."""
    text = str(value)
    if not _DECIMAL.fullmatch(text):
        place.fault(f"{text!r} is not a decimal number", 'write digits with a point: "0.10"')
        return Fraction(0)
    return Fraction(text)


def not_negative(value: Decimal, place: Place) -> Fraction:
    """The number, which must be 0 or more."""
    number = exact(value, place)
    if number < 0:
        place.fault(f"{value} is negative", "write 0 or more")
    return max(number, Fraction(0))


def positive(value: Decimal, place: Place) -> Fraction:
    """The number, which must be above 0; 1 and a fault if it is not."""
    if not _DECIMAL.fullmatch(str(value)):
        exact(value, place)
        return Fraction(1)
    number = Fraction(value)
    if number <= 0:
        place.fault(f"{value} is not above 0", "write a positive number")
        return Fraction(1)
    return number


def whole(number: Fraction, decimals: int, place: Place) -> int:
    """The number in units of 10**-decimals, which must come out whole and within the largest amount."""
    scaled = number * 10**decimals
    if scaled.denominator != 1:
        place.fault(
            f"has more than {decimals} decimals", "use fewer decimals, or a resource or unit with more"
        )
        return 0
    if abs(scaled.numerator) > AMOUNT_MAX:
        place.fault(f"is larger than {AMOUNT_MAX} * 10**-{decimals}", "make it smaller")
        return 0
    return scaled.numerator
