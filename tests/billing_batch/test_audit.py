"""The audit agrees when all is well, and finds what was changed behind its back."""

import asyncio
from collections import defaultdict

import pytest
from lxml import etree
from sqlalchemy import update

from billing_batch.audit import all_agree
from billing_batch.export_sepa import export_sepa
from billing_batch.read_audit import (
    bill_comparisons,
    billed_sums,
    fee_sums,
    item_comparisons,
    item_name,
    open_sums,
    sepa_comparisons,
)
from customer_care.records import reading, writing
from customer_care.tables import bill_lines, bill_taxes, bills, sepa_files
from tests.billing_batch.billing_world import AS_OF, SETTINGS
from tests.rating_kernels.sample_world import SAMPLE, call

# What the usage of the small operator costs, in millionths: the records of the topic say the same.
RATED = {"calls": 620_000 + 2 * 81_000, "data": 1_000_000}


def comparisons(world, directory):
    rated = {item_name(item, "4000_usage", "vat", "EUR"): amount for item, amount in RATED.items()}
    with reading(world.engine) as connection:
        open_, begun = asyncio.run(open_sums(connection, world.store, SAMPLE))
        fees = fee_sums(connection, SAMPLE, begun)
        found = item_comparisons(rated, fees, {}, billed_sums(connection), open_)
        return found + bill_comparisons(connection) + sepa_comparisons(connection, directory)


@pytest.fixture
def collected(world, tmp_path):
    """Billed and exported."""
    world.bill()
    export_sepa(world.engine, SETTINGS.sepa, AS_OF, tmp_path)
    return world


def test_everything_agrees_before_and_after_billing(world, tmp_path):
    before = comparisons(world, tmp_path)
    assert all_agree(before), before
    world.bill()
    export_sepa(world.engine, SETTINGS.sepa, AS_OF, tmp_path)
    after = comparisons(world, tmp_path)
    assert all_agree(after), after
    assert len(after) > len(before)


def test_charges_that_no_record_tells_of_are_found(collected, tmp_path):
    collected.charge(call(1, "unheard", 600, time="2026-11-03T20:00:00Z"))
    differing = [one for one in comparisons(collected, tmp_path) if not one.agrees]
    assert [(one.what.split()[0], one.left - one.right) for one in differing] == [("calls", -620_000)]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (bill_lines, {"amount_micro": bill_lines.c.amount_micro + 1}),
        (bill_lines, {"net_minor": bill_lines.c.net_minor + 1}),
        (bill_taxes, {"tax_minor": bill_taxes.c.tax_minor + 1}),
        (bills, {"total_minor": bills.c.total_minor + 1}),
        (sepa_files, {"total_minor": sepa_files.c.total_minor + 1}),
    ],
)
def test_a_cent_changed_in_the_records_is_found(collected, tmp_path, table, change):
    with writing(collected.engine) as connection:
        connection.execute(update(table).where(table.c.id == 1).values(**change))
    assert not all_agree(comparisons(collected, tmp_path))


def test_a_cent_changed_in_the_bank_file_is_found(collected, tmp_path):
    (path,) = tmp_path.glob("*.xml")
    document = etree.parse(path)
    document.find(".//{*}InstdAmt").text = "0.01"
    document.write(path)
    assert not all_agree(comparisons(collected, tmp_path))


def test_a_missing_item_counts_as_zero():
    found = item_comparisons({"a": 1}, defaultdict(int), {}, {}, {"b": 2})
    assert [(one.what, one.left, one.right) for one in found] == [("a", 1, 0), ("b", 0, 2)]
