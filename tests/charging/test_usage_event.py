import pytest
from hypothesis import given
from hypothesis import strategies as st

from charging.usage_event import epoch_us, rfc3339, scaled


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.000001+01:00", 1),
        (1791194400000000, 1791194400000000),
        ("2026-10-05T10:00:00", None),  # no offset: nobody knows where
        ("yesterday", None),
        ("", None),
    ],
)
def test_time_is_an_instant_or_nothing(time, expected):
    assert epoch_us(time) == expected


@given(st.integers(0, 253_370_764_799_999_999))
def test_an_instant_written_is_the_instant_read(time_us):
    assert epoch_us(rfc3339(time_us)) == time_us


@pytest.mark.parametrize(
    ("quantity", "decimals", "expected"),
    [
        (95, 0, 95),
        (12, 3, 12_000),
        ("12.345678", 6, 12_345_678),
        ("12.3", 6, 12_300_000),
        ("-1.5", 1, -15),
        ("1.50", 1, 15),  # a zero more is the same number
        ("0.0000001", 6, None),  # too fine
        (1.5, 3, None),  # a binary float is not what it looks like
        (True, 0, None),
        ("1e3", 0, None),
        ("", 0, None),
        (".5", 1, None),
        ("1.", 1, None),
        ("٣", 0, None),  # digits, but not ours
        ("1" * 30, 0, None),
    ],
)
def test_a_quantity_is_exact_or_refused(quantity, decimals, expected):
    assert scaled(quantity, decimals) == expected
