"""Pure. Written numbers as fractions, and the five ways to round one to whole units."""

from fractions import Fraction

MONEY_DECIMALS = 6
HALF = Fraction(1, 2)


def stored_decimals(resource) -> int:
    return MONEY_DECIMALS if resource.monetary else resource.decimals


def whole(value, decimals: int) -> int:
    """A written number in units of 10**-decimals, of which it is a whole number."""
    scaled = Fraction(value) * 10**decimals
    assert scaled.denominator == 1, value
    return scaled.numerator


def rounded(value: Fraction, mode: str, step: int = 1) -> int:
    """half_up and up go away from zero, down toward it (DECISIONS 2)."""
    steps = value / step
    floor = steps.numerator // steps.denominator
    rest = steps - floor
    if rest == 0 or mode == "floor":
        return floor * step
    if mode in ("up", "down"):
        away = (mode == "up") == (value > 0)
        return (floor + away) * step
    if rest == HALF:
        upward = floor % 2 == 1 if mode == "half_even" else value > 0
        return (floor + upward) * step
    return (floor + (rest > HALF)) * step


def floor_part(value: int, part: int, of: int) -> int:
    return value * part // of


def ceil_div(value: int, by: int) -> int:
    return -(-value // by)
