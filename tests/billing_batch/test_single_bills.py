"""Two errors that cancel out in every sum are found all the same; so is what is missing."""

import pytest
from sqlalchemy import delete, update

from billing_batch.audit import all_agree
from billing_batch.export_sepa import export_sepa
from customer_care.records import writing
from customer_care.tables import bill_lines, bill_taxes, bills, sepa_transactions
from tests.billing_batch.billing_world import AS_OF, SETTINGS
from tests.billing_batch.test_audit import comparisons
from tests.rating_kernels.sample_world import call


@pytest.fixture
def collected(world, tmp_path):
    world.bill()
    export_sepa(world.engine, SETTINGS.sepa, AS_OF, tmp_path)
    return world


def differing(world, directory) -> list[str]:
    return [one.what for one in comparisons(world, directory) if not one.agrees]


# The rows 1 and 3 of `bills` are October of C1 and of C2.
@pytest.mark.parametrize(
    ("table", "column", "key"),
    [(bills, "total_minor", "id"), (bills, "net_minor", "id"), (bill_taxes, "tax_minor", "bill_id")],
)
def test_a_cent_moved_from_one_bill_to_another_is_found_on_both(collected, tmp_path, table, column, key):
    with writing(collected.engine) as connection:
        for bill_id, cent in ((1, 1), (3, -1)):
            changed = update(table).where(table.c[key] == bill_id)
            connection.execute(changed.values({column: table.c[column] + cent}))
    assert len({what for what in differing(collected, tmp_path) if what.startswith("bill ")}) == 2


def test_a_rest_that_does_not_fit_its_line_is_found(collected, tmp_path):
    with writing(collected.engine) as connection:
        changed = update(bill_lines).where(bill_lines.c.id == 1)
        connection.execute(changed.values(residue_micro=bill_lines.c.residue_micro + 1))
    (what,) = differing(collected, tmp_path)
    assert what.endswith("line 1")


def test_a_cent_moved_between_two_childrens_items_is_found(collected, tmp_path):
    with writing(collected.engine) as connection:
        for text, cent in (("bill % of C4", 1), ("bill % of C5", -1)):
            changed = update(bill_lines).where(bill_lines.c.text.like(text))
            connection.execute(changed.values(net_minor=bill_lines.c.net_minor + cent))
    assert len(differing(collected, tmp_path)) == 2


def test_a_debit_that_is_gone_from_the_records_is_found(collected, tmp_path):
    with writing(collected.engine) as connection:
        connection.execute(delete(sepa_transactions).where(sepa_transactions.c.id == 1))
    assert differing(collected, tmp_path) == ["DD-20261101-000001"]


def test_no_debit_left_is_a_difference_and_no_crash(collected, tmp_path):
    with writing(collected.engine) as connection:
        connection.execute(delete(sepa_transactions))
    assert differing(collected, tmp_path) == ["DD-20261101-000001"]


def test_a_bank_file_that_is_gone_is_a_difference_until_it_is_written_again(collected, tmp_path):
    (path,) = tmp_path.glob("*.xml")
    path.unlink()
    assert differing(collected, tmp_path) == [path.stem]
    export_sepa(collected.engine, SETTINGS.sepa, AS_OF, tmp_path)
    assert differing(collected, tmp_path) == []


def test_an_event_of_the_new_month_before_billing_is_no_difference(world, tmp_path):
    # It begins C1's next cycle, and with it the next fee, while the bill of October is still active.
    world.charge(call(1, "free", 60, "+43800123", time="2026-11-02T20:00:00Z"))
    found = comparisons(world, tmp_path)
    assert all_agree(found), found
    world.bill()
    assert all_agree(comparisons(world, tmp_path))
