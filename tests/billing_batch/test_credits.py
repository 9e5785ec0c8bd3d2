"""What a bill below zero left, or somebody paid too much, is used by the next bills, oldest first."""

import msgspec
import pytest
from sqlalchemy import insert, select

from billing_batch.bill_records import due_bills, invoice_documents, keep_credit, use_credits
from config.civil_time import local_midnight_us
from customer_care.records import reading, writing
from customer_care.tables import billing_credits, bills
from tests.billing_batch.billing_world import AS_OF, AS_OF_US, BillingWorld
from tests.customer_care.example_lines import line

# C1 with nothing used: the basic fee of 9.90 and its tax.
TOTAL = 1188


@pytest.fixture
def alone(tmp_path):
    return BillingWorld(tmp_path, [line(1)])


def give(world, *amounts: int) -> None:
    with writing(world.engine) as connection:
        rows = [
            {"billing_profile_id": 1, "bill_id": 1, "amount_minor": a, "left_minor": a, "created_at_us": 0}
            for a in amounts
        ]
        connection.execute(insert(billing_credits), rows)


def left(world) -> list[int]:
    with reading(world.engine) as connection:
        query = select(billing_credits.c.left_minor).order_by(billing_credits.c.id)
        return list(connection.execute(query).scalars())


@pytest.mark.parametrize(
    ("given", "due", "still_left", "status"),
    [
        ([1000, 100], TOTAL - 1100, [0, 0], "billing"),
        ([1000, 500], 0, [0, 1500 - TOTAL], "closed"),
        ([5000, 500], 0, [5000 - TOTAL, 500], "closed"),
        ([TOTAL], 0, [0], "closed"),
    ],
)
def test_the_oldest_credit_pays_first(alone, given, due, still_left, status):
    give(alone, *given)
    alone.bill()
    ((_, found, _, _, _, total, found_due),) = alone.bills("billing", "closed")["C1"]
    assert (found, total, found_due) == (status, TOTAL, due)
    assert left(alone) == still_left


def test_the_invoice_asks_for_what_credit_did_not_pay(alone):
    give(alone, 188)
    alone.bill()
    with reading(alone.engine) as connection:
        ((_, document),) = invoice_documents(connection)
    invoice = msgspec.json.decode(document)
    assert (invoice["total"], invoice["due_amount"]) == ("11.88", "10.00")


def test_a_bill_below_zero_is_kept_as_credit_and_used(alone):
    with writing(alone.engine) as connection:
        (due,) = due_bills(connection, AS_OF_US)
        keep_credit(connection, due, 700, AS_OF_US)
        assert use_credits(connection, due.billing_profile_id, 300) == 300
        assert use_credits(connection, due.billing_profile_id, 900) == 400
        assert use_credits(connection, due.billing_profile_id, 1) == 0


def test_a_bill_is_due_at_the_end_of_the_fourteenth_day_in_the_sites_zone(alone):
    alone.bill()
    with reading(alone.engine) as connection:
        due_at_us = connection.execute(select(bills.c.due_at_us).where(bills.c.id == 1)).scalar_one()
    sixteenth = AS_OF.date().replace(day=16)
    assert due_at_us == local_midnight_us(sixteenth, "Europe/Vienna")
