"""Prices as whole numbers: exactly what the written fractions say."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import Catalogue, Site
from config.compilation import Columns, Compilation, Place
from config.compile_prices import (
    NUMERATOR_MAX,
    Quantities,
    add_price,
    check_room,
    common_denominator,
    exact_price,
)
from config.rate_plan import Period, Price
from rating_kernels.group_image import AMOUNT_MAX

amounts = st.decimals(0, 1000, places=6).map(str)
periods = st.builds(
    Period, amount=amounts, per=st.integers(1, 100_000), increment=st.one_of(st.none(), st.integers(1, 3600))
)
prices = st.builds(
    Price, periods=st.lists(periods, min_size=1, max_size=1).map(tuple), connect_fee=amounts, flat=amounts
)


def place() -> Place:
    empty = {name: {} for name in Catalogue.__struct_fields__ if name not in ("version", "site", "broken")}
    catalogue = Catalogue(version=1, site=Site(name="", time_zone="UTC", currency=""), **empty)
    return Place(Compilation(catalogue), "test", "price")


@given(written=st.lists(prices, min_size=1, max_size=4), maximum=st.integers(1, 10**9))
def test_every_price_is_exactly_its_numerator_over_the_details_denominator(written, maximum):
    there, quantities = place(), Quantities(0, maximum)
    exact = [exact_price(price, 6, quantities, there) for price in written]
    denominator = common_denominator(exact)
    columns = Columns()
    for number, price in enumerate(exact):
        add_price(columns, price, number + 1, denominator)
    assert there.compilation.faults == []
    check_room(exact, denominator, 1, quantities, there)
    if there.compilation.faults:
        return
    table = columns.table()
    assert 0 < denominator <= NUMERATOR_MAX
    for number, price in enumerate(written):
        (period,) = price.periods
        step = period.increment or period.per
        unit = Fraction(10**6, 1)
        assert (
            Fraction(int(table.price_connect_num[number]), denominator) == Fraction(price.connect_fee) * unit
        )
        assert Fraction(int(table.price_flat_num[number]), denominator) == Fraction(price.flat) * unit
        increment = Fraction(int(table.period_increment_num[number]), denominator)
        assert increment == Fraction(period.amount) * unit * step / period.per
        # What was promised to the kernels: the largest event fits.
        total = table.price_connect_num[number] + table.price_flat_num[number]
        total = int(total) + -(-maximum // step) * int(table.period_increment_num[number])
        assert total <= NUMERATOR_MAX
        assert total <= AMOUNT_MAX * denominator


def test_a_price_without_periods_still_has_one_that_costs_nothing():
    columns, there = Columns(), place()
    add_price(columns, exact_price(Price(flat=1), 6, Quantities(0, 50), there), 1, 1)
    table = columns.table()
    assert list(table.price_flat_num) == [1_000_000]
    assert (table.period_from[0], table.period_increment[0], table.period_increment_num[0]) == (0, 1, 0)
