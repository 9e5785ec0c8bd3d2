"""Who pays for whom: a child's whole bill is one item of its owner's, at any depth, month after month."""

from billing_batch.bill_records import invoice_documents
from billing_batch.invoice import from_json
from customer_care.records import reading
from tests.billing_batch.billing_world import AS_OF_US, MONTH_US, BillingWorld
from tests.customer_care.example_lines import on_plan

# The business fee of 19.90 and its tax.
FEE = 2388
TOP = on_plan(1, "business", hierarchy={"owns": "TOP"})
MIDDLE = on_plan(2, "business", hierarchy={"member_of": "TOP", "owns": "MIDDLE"})
BOTTOM = on_plan(3, "business", hierarchy={"member_of": "MIDDLE"})


def totals(world) -> dict[str, list[tuple[int, int]]]:
    """(total, due) of each closed cycle by customer."""
    return {code: [row[-2:] for row in rows] for code, rows in world.bills("billing", "closed").items()}


def test_a_bill_climbs_to_the_top_of_three_levels(tmp_path):
    world = BillingWorld(tmp_path, [TOP, MIDDLE, BOTTOM])
    report = world.bill()
    assert (report.closed, report.moved, report.total_minor) == (3, 2, 3 * FEE)
    assert totals(world) == {"C1": [(3 * FEE, 3 * FEE)], "C2": [(0, 0)], "C3": [(0, 0)]}
    numbers = {code: rows[0][2] for code, rows in world.bills("billing", "closed").items()}
    assert numbers == {"C3": 1, "C2": 2, "C1": 3}
    assert [row[2] for row in world.lines_of("C2")] == ["Monthly fee", "bill 1 of C3", "moved to bill 1"]
    assert [row[2] for row in world.lines_of("C1")] == ["Monthly fee", "bill 2 of C2"]


def test_months_that_nobody_billed_climb_one_by_one(tmp_path):
    world = BillingWorld(tmp_path, [TOP, MIDDLE, BOTTOM])
    world.bill(AS_OF_US + 2 * MONTH_US)
    assert totals(world)["C1"] == [(3 * FEE, 3 * FEE)] * 3
    assert totals(world)["C3"] == [(0, 0)] * 3


def test_invoices_count_up_without_gaps_although_some_bills_have_none(world):
    world.bill()
    world.bill(AS_OF_US + MONTH_US)
    with reading(world.engine) as connection:
        invoices = [from_json(document) for _, document in invoice_documents(connection)]
    assert [one.number for one in invoices] == [1, 2, 3, 4, 5, 6]
    assert {one.customer_code for one in invoices} == {"C1", "C2", "C3"}
    numbers = [row[2] for rows in world.bills("billing", "closed").values() for row in rows]
    assert sorted(numbers) == list(range(1, 13))
