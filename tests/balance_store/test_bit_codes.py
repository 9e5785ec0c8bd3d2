"""Columns of numbers as bits: they come back, have one form, and take what their head says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_store.bit_codes import CODE_BITS_MAX, bit_length, get_codes, put_codes

numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 300), st.just(0))
columns = st.lists(numbers, min_size=1, max_size=40)


def written(column: list[int], bit: int = 0) -> tuple[np.ndarray, int]:
    """(bytes of the column behind so many ones, the next bit)."""
    out = np.full((bit + CODE_BITS_MAX * len(column)) // 64 + 2, -1, np.int64)
    end = put_codes(np.array(column, np.int64), 0, len(column), out, bit)
    return out.view(np.uint8)[: (end + 7) // 8].copy(), end


@given(columns, st.integers(0, 70))
def test_a_column_comes_back_from_any_bit(column, bit):
    data, end = written(column, bit)
    found = np.zeros(3 * len(column), np.int64)
    assert get_codes(data, bit, found, 1, 3, len(column)) == end
    assert found[1::3].tolist() == column
    assert end - bit <= CODE_BITS_MAX * len(column)


@given(columns, st.data())
def test_what_is_read_is_what_would_be_written(column, data):
    record, _ = written(column)
    place = data.draw(st.integers(0, len(record) - 1))
    record[place] ^= data.draw(st.integers(1, 255))
    found = np.zeros(len(column), np.int64)
    end = get_codes(record, 0, found, 0, 1, len(column))
    if end >= 0:
        again, end_again = written(found.tolist())
        assert end_again == end
        kept = end % 8 or 8
        mask = np.array([255] * ((end - 1) // 8) + [(1 << kept) - 1], np.uint8)
        assert ((again & mask) == (record[: len(mask)] & mask)).all()


@given(columns)
def test_a_column_that_ends_too_early_is_refused(column):
    record, end = written(column)
    found = np.zeros(len(column), np.int64)
    if end > 8:
        assert get_codes(record[: (end - 1) // 8], 0, found, 0, 1, len(column)) == -1


@pytest.mark.parametrize(
    ("column", "bits"),
    [
        ([0] * 32, 1),
        ([5], 8 + 3),
        ([5, 0], 9 + 2 + 3),  # sparse
        ([-1, 1], 9 + 2 * 2),  # zigzag: 1 and 2
        ([0, 0, 0, 2**20], 9 + 4 + 21),
        ([-(2**63)], 8 + 64),
    ],
)
def test_a_column_takes_what_its_widest_number_needs(column, bits):
    assert written(column)[1] == bits


@given(st.integers(0, 2**63 - 1))
def test_bits_of_a_number(number):
    assert bit_length(number) == number.bit_length()
    assert bit_length(~number) == 64
