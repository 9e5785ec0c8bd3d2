"""Divisions and products against fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating_kernels.quantities import (
    NUM_MAX,
    OVERFLOW,
    checked_product,
    checked_sum,
    div_ceil,
    mul_div,
    mul_div_wide,
    round_div,
)
from rating_kernels.tariff_table import DOWN, FLOOR, HALF_EVEN, HALF_UP, UP
from tests.config.table_pricer import rounded

whole = st.integers(0, NUM_MAX)
signed = st.integers(-NUM_MAX, NUM_MAX)
modes = st.sampled_from([HALF_UP, HALF_EVEN, UP, DOWN, FLOOR])
small = st.integers(1, 2**31 - 1)


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compiling is not what a deadline of an example is for."""
    for kernel in (checked_product, checked_sum, div_ceil):
        kernel(1, 1)
    round_div(1, 1, FLOOR)
    mul_div(1, 1, 1, FLOOR)
    mul_div_wide(1, 1, 1, FLOOR)


@given(signed, st.integers(1, NUM_MAX), modes)
def test_a_division_rounds_as_its_mode_says(numerator, denominator, mode):
    assert round_div(numerator, denominator, mode) == rounded(Fraction(numerator, denominator), mode, 1)


@given(st.integers(-(10**6), 10**6), st.integers(1, 50).map(lambda half: 2 * half), modes)
def test_halves_round_as_their_mode_says(quotient, denominator, mode):
    numerator = quotient * denominator + denominator // 2
    assert round_div(numerator, denominator, mode) == rounded(Fraction(numerator, denominator), mode, 1)


@given(whole, st.integers(1, NUM_MAX))
def test_a_started_increment_counts_whole(numerator, denominator):
    assert div_ceil(numerator, denominator) == math.ceil(Fraction(numerator, denominator))


@given(whole, whole)
def test_a_product_is_exact_or_says_that_it_is_too_large(left, right):
    assert checked_product(left, right) == (left * right if left * right <= NUM_MAX else OVERFLOW)


@given(whole, whole)
def test_a_sum_is_exact_or_says_that_it_is_too_large(left, right):
    assert checked_sum(left, right) == (left + right if left + right <= NUM_MAX else OVERFLOW)


@given(whole)
def test_a_sum_with_what_was_too_large_is_too_large(left):
    assert checked_sum(left, OVERFLOW) == checked_sum(OVERFLOW, left) == OVERFLOW


@given(st.integers(0, 10**9), st.integers(1, 50).map(lambda odd: 2 * odd - 1), st.integers(1, 8), modes)
def test_a_ratio_that_ends_in_a_half_rounds_as_its_mode_says(value, numerator, power, mode):
    denominator = 2**power
    exact = rounded(Fraction(value * numerator, denominator), mode, 1)
    assert mul_div(value, numerator, denominator, mode) == exact
    if numerator <= denominator:
        assert mul_div_wide(value, numerator, denominator, mode) == exact


@given(st.integers(0, 2**53), st.integers(0, 2**60), st.integers(1, 2**60), modes)
def test_a_part_of_an_amount_is_exact_whatever_its_digits(value, numerator, denominator, mode):
    numerator = min(numerator, denominator)
    exact = rounded(Fraction(value * numerator, denominator), mode, 1)
    assert mul_div_wide(value, numerator, denominator, mode) == exact


@given(whole, st.one_of(st.just(0), small), small, modes)
def test_a_ratio_of_a_quantity_is_exact_although_its_product_is_wide(value, numerator, denominator, mode):
    exact = rounded(Fraction(value * numerator, denominator), mode, 1)
    assert mul_div(value, numerator, denominator, mode) == (exact if exact <= NUM_MAX else OVERFLOW)
