"""Pure. Divisions that name their rounding, and products that cannot wrap.

int64 wraps in silence inside a kernel, so every product of a quantity and a price is checked against
NUM_MAX before it is made, and every amount against AMOUNT_MAX.
"""

from rating_kernels.group_image import AMOUNT_MAX, QUANTITY_MAX
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.tariff_table import DOWN, FLOOR, HALF_EVEN, HALF_UP, UP

# Prices are summed in 1/denominator of a stored unit. Half of int64, so that one addition of two checked
# terms cannot wrap, nor doubling a remainder to compare it with the divisor.
NUM_MAX = 2**62 - 1
OVERFLOW = -1  # no price is negative, so this is no price
SMALL = 2**31

assert NUM_MAX + NUM_MAX < 2**63
assert AMOUNT_MAX < NUM_MAX
assert QUANTITY_MAX < NUM_MAX
assert SMALL * SMALL <= NUM_MAX + 1
assert HALF_UP == 0


@kernel
def round_div(numerator: int, denominator: int, mode: int) -> int:
    """numerator / denominator to a whole number; half_up, up go away from zero, down toward it."""
    if denominator == 1:
        return numerator
    quotient = numerator // denominator
    return round_rest(quotient, numerator - quotient * denominator, denominator, mode)


@kernel
def round_rest(floor: int, rest: int, denominator: int, mode: int) -> int:
    """floor + rest / denominator to a whole number: a tie goes by the whole of it, not by the rest alone."""
    if rest == 0 or mode == FLOOR:
        return floor
    if mode == DOWN:
        return floor if floor >= 0 else floor + 1
    if mode == UP:
        return floor + 1 if floor >= 0 else floor
    if 2 * rest != denominator:
        return floor + 1 if 2 * rest > denominator else floor
    if mode == HALF_EVEN:
        return floor + (floor & 1)
    return floor + 1 if floor >= 0 else floor


@kernel
def div_ceil(numerator: int, denominator: int) -> int:
    """Round up: a started increment is charged whole."""
    if denominator == 1:
        return numerator
    return -((-numerator) // denominator)


@kernel
def mul_div_wide(value: int, numerator: int, denominator: int, mode: int) -> int:
    """value * numerator / denominator, rounded once, whatever their digits: bit by bit where 64 bits are too few.

    Holds for 0 <= value, 0 <= numerator <= denominator < 2**61: the result is no larger than value.
    """
    if value < SMALL and numerator < SMALL:
        return round_div(value * numerator, denominator, mode)
    return _mul_div_by_bits(value, numerator, denominator, mode)


@rare_kernel
def _mul_div_by_bits(value: int, numerator: int, denominator: int, mode: int) -> int:
    whole, rest = value // denominator, value % denominator
    quotient, remainder = 0, 0
    for bit in range(61, -1, -1):
        quotient *= 2
        remainder *= 2
        if remainder >= denominator:
            remainder -= denominator
            quotient += 1
        if (numerator >> bit) & 1:
            quotient += whole
            remainder += rest
            if remainder >= denominator:
                remainder -= denominator
                quotient += 1
    return round_rest(quotient, remainder, denominator, mode)


@kernel
def checked_product(left: int, right: int) -> int:
    """left * right for factors >= 0; OVERFLOW where it would pass NUM_MAX."""
    # Dividing costs more than all the rest of a price, and nearly all factors are small.
    if left < SMALL and right < SMALL:
        return left * right
    return _large_product(left, right)


@rare_kernel
def _large_product(left: int, right: int) -> int:
    if left == 0 or right == 0:
        return 0
    if left > NUM_MAX // right:
        return OVERFLOW
    return left * right


@kernel
def checked_sum(left: int, right: int) -> int:
    """left + right for terms >= 0; OVERFLOW where it would pass NUM_MAX, or one of them did."""
    # Two terms are below 2**63 together, so the sum may be made before it is judged.
    total = left + right
    return OVERFLOW if (left | right) < 0 or total > NUM_MAX else total


@kernel
def mul_div(value: int, numerator: int, denominator: int, mode: int) -> int:
    """value * numerator / denominator, rounded once; exact although the product may need 128 bits.

    Holds for value >= 0, 0 <= numerator, 1 <= denominator, both below 2**31; OVERFLOW if the result
    would pass NUM_MAX.
    """
    if numerator == denominator:
        return value
    whole = value // denominator
    rest = value - whole * denominator
    product = checked_product(whole, numerator)
    if product < 0:
        return OVERFLOW
    more = rest * numerator // denominator
    floor = checked_sum(product, more)
    if floor < 0:
        return OVERFLOW
    return checked_sum(round_rest(floor, rest * numerator - more * denominator, denominator, mode), 0)
