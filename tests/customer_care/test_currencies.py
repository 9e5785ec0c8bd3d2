"""The smallest units that bills count in."""

import pytest

from customer_care.currencies import minor_digits


@pytest.mark.parametrize(
    ("code", "digits"), [("EUR", 2), ("JPY", 0), ("BHD", 3), ("XAU", None), ("points", None)]
)
def test_a_currency_has_the_digits_of_iso_4217(code, digits):
    assert minor_digits(code) == digits
