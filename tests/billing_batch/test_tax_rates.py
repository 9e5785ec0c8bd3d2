"""The rate in force in a cycle's last instant; what a catalogue cannot name is refused, not guessed."""

import pytest
from msgspec.structs import replace

from billing_batch.bill import build_bill
from billing_batch.bill_parts import UnknownItemError
from billing_batch.cut_cycle import ItemTotal
from tests.billing_batch.billing_world import AS_OF_US
from tests.billing_batch.test_bill import CALLS
from tests.rating_kernels.sample_world import SAMPLE

(RATE,) = SAMPLE.tax_rates["vat"]
TEN_EURO = [ItemTotal(CALLS, 10_000_000, 10_000_000, 1, 1)]


def with_rates(*rates):
    return replace(SAMPLE, tax_rates={**SAMPLE.tax_rates, "vat": rates})


def tax_at(end_us: int) -> int:
    """The tax on ten euro of a cycle that ended then, where 10 % follows 20 % at AS_OF_US."""
    old = replace(RATE, valid_to_us=AS_OF_US)
    new = replace(RATE, valid_from_us=AS_OF_US, percent_micro=10_000_000)
    return build_bill(TEN_EURO, (), with_rates(old, new), 2, end_us).tax_minor


def test_a_rate_that_begins_when_the_cycle_ends_is_the_next_cycles():
    assert tax_at(AS_OF_US) == 200


def test_a_rate_that_begins_in_the_cycle_holds_for_all_of_it():
    assert tax_at(AS_OF_US + 1) == 100


def test_no_rate_at_the_end_of_the_cycle_is_a_fault_and_no_tax_of_zero():
    ended = replace(RATE, valid_to_us=AS_OF_US - 1)
    with pytest.raises(UnknownItemError, match="tax vat has no rate"):
        build_bill(TEN_EURO, (), with_rates(ended), 2, AS_OF_US)


def test_an_item_that_the_catalogue_does_not_know_is_a_fault():
    with pytest.raises(UnknownItemError, match="item 999999 is not in catalogue version"):
        build_bill([ItemTotal(999_999, 1, 1, 1, 1)], (), SAMPLE, 2, AS_OF_US)
