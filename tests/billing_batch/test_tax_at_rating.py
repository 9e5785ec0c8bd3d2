"""Tax that was charged with the events: added up on the bill, never computed again, found by the audit."""

import importlib.resources

import msgspec
import pytest
from sqlalchemy import event, select, update

from balance_store.group_record import unpack_group
from billing_batch.audit import all_agree
from billing_batch.bill_records import invoice_documents
from billing_batch.cut_cycle import all_items
from billing_batch.invoice import as_html, from_json
from config.catalogue import Discount, TaxRate
from customer_care.records import reading, writing
from customer_care.tables import bill_taxes, bills
from rating_kernels.group_image import B_AMOUNT, SECTION_BALANCES
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.outcomes import Outcome
from tests.billing_batch.billing_world import USAGE, BillingWorld
from tests.billing_batch.taxed_catalogue import taxed_catalogue
from tests.billing_batch.test_close_cycles import CrashError, DyingStore
from tests.customer_care.example_lines import line, on_plan
from tests.rating_kernels.sample_world import call

AT_ONCE = taxed_catalogue(calls_tax="vat_at_once")


def taxes(world) -> list[tuple]:
    """Tax, where, base, tax, rest, all that was charged and what is owed of it, of the numbered bills."""
    names = ("tax", "at", "base_minor", "tax_minor", "residue_micro", "amount_micro", "owed_micro")
    statement = (
        select(*(bill_taxes.c[name] for name in names))
        .join(bills, bill_taxes.c.bill_id == bills.c.id)
        .order_by(bills.c.number, bill_taxes.c.tax)
    )
    with reading(world.engine) as connection:
        return [tuple(row) for row in connection.execute(statement)]


def prepaid(number: int, euro: str) -> dict:
    billing = {"payment_type": "prepaid", "currency": "EUR", "day": 1}
    return on_plan(number, "prepaid", billing=billing, balances=[{"resource": "EUR", "credit": euro}])


def test_tax_of_events_stands_beside_tax_of_the_bill_and_neither_is_charged_twice(tmp_path):
    world = BillingWorld(tmp_path, [line(1)], catalogue=AT_ONCE)
    world.charge(call(1, "a", 600))
    assert world.rated[0]["amounts"] == {"EUR": "0.744"}
    assert all_agree(world.audit()), world.audit()
    world.bill()
    # 20 % of 9.90 computed here, 12.4 cents on 62 charged with the call.
    assert taxes(world) == [
        ("vat", "bill", 990, 198, 0, 0, 0),
        ("vat_at_once", "rating", 62, 12, 4_000, 124_000, 124_000),
    ]
    assert world.bills("billing")["C1"][0][3:] == (1052, 210, 1262, 1262)
    assert all_agree(world.audit()), world.audit()


def test_what_came_off_an_event_bears_no_tax_and_is_no_difference(tmp_path):
    tenth = Discount("tenth", "A tenth off", percent=10, charge_tags=("voice",))
    world = BillingWorld(tmp_path, [line(1)], catalogue=taxed_catalogue(tenth, calls_tax="vat_at_once"))
    world.charge(call(1, "a", 600))
    assert {one["kind"]: one["amount"] for one in world.rated[0]["impacts"]} == {
        "discount": "-0.062",
        "owed": "0.6696",
        "tax": "0.1116",
    }
    world.bill()
    assert taxes(world)[1] == ("vat_at_once", "rating", 56, 11, 1_600, 111_600, 111_600)
    assert all_agree(world.audit()), world.audit()


def test_taxes_of_many_events_are_converted_once(tmp_path):
    world = BillingWorld(tmp_path, [line(1)], catalogue=AT_ONCE)
    # 8.1 cents each, and 1.62 of tax: cents of each alone would be 4, their sum is 3.24.
    world.charge(call(1, "a", 61), call(1, "b", 61))
    world.bill()
    assert taxes(world)[1] == ("vat_at_once", "rating", 16, 3, 2_400, 32_400, 32_400)


def test_a_prepaid_customer_has_paid_net_and_tax_and_owes_nothing(tmp_path):
    world = BillingWorld(tmp_path, [prepaid(6, "10")], catalogue=AT_ONCE)
    assert world.charge(call(6, "a", 600)) == [Outcome.CHARGED]
    world.bill()
    assert [row[3] for row in world.lines_of("C6")] == [62, -62]
    assert taxes(world) == [("vat_at_once", "rating", 0, 0, 0, 124_000, 0)]
    assert world.bills("closed")["C6"][0][3:] == (0, 0, 0, 0)
    assert all_agree(world.audit()), world.audit()


def test_credit_that_covers_a_part_covers_its_part_of_the_tax(tmp_path):
    # Half of the call with its tax.
    goodwill = [{"resource": "EUR", "credit": "0.372"}]
    world = BillingWorld(tmp_path, [line(1, balances=goodwill)], catalogue=AT_ONCE)
    world.charge(call(1, "a", 600))
    world.bill()
    assert [(row[0], row[3]) for row in world.lines_of("C1")] == [
        ("item", 62),
        ("item", 990),
        ("credit", -31),
    ]
    assert taxes(world) == [
        ("vat", "bill", 990, 198, 0, 0, 0),
        ("vat_at_once", "rating", 31, 6, 2_000, 124_000, 62_000),
    ]
    assert all_agree(world.audit()), world.audit()


def test_what_bills_ask_for_is_what_balances_owe_whatever_credit_covered(tmp_path):
    covered = ["0.000001", "0.0333", "0.123457", "0.2", "0.743999", "0.744", "0.9"]
    lines = [line(n, balances=[{"resource": "EUR", "credit": text}]) for n, text in enumerate(covered, 1)]
    world = BillingWorld(tmp_path, lines, catalogue=AT_ONCE)
    for number in range(1, len(lines) + 1):
        world.charge(call(number, "a", 600), call(number, "b", 61 + number))
    images = [unpack_group(record) for record in world.store.group_records().values()]
    for image in images:
        owed = sum(int(image[row + B_AMOUNT]) for row in rows_of(image) if image[row + B_AMOUNT] > 0)
        assert owed == sum(total.owed for total in all_items(image))
    assert len(images) == len(covered)
    world.bill()
    assert all_agree(world.audit()), world.audit()


def rows_of(image) -> list[int]:
    """Where the group's balances are."""
    count = section_count(image, 0, SECTION_BALANCES)
    return [row_at(image, 0, SECTION_BALANCES, number) for number in range(count)]


@pytest.mark.parametrize("column", ["amount_micro", "owed_micro", "residue_micro", "tax_minor"])
def test_the_audit_finds_the_smallest_change_of_such_a_tax(tmp_path, column):
    world = BillingWorld(tmp_path, [line(1)], catalogue=AT_ONCE)
    world.charge(call(1, "a", 600))
    world.bill()
    with writing(world.engine) as connection:
        changed = update(bill_taxes).where(bill_taxes.c.at == "rating")
        connection.execute(changed.values({column: bill_taxes.c[column] + 1}))
    assert not all_agree(world.audit())


def test_the_audit_finds_tax_that_no_record_tells_of(tmp_path):
    world = BillingWorld(tmp_path, [line(1)], catalogue=AT_ONCE)
    world.charge(call(1, "a", 600))
    world.bill()
    world.rated[0]["impacts"] = [one for one in world.rated[0]["impacts"] if one["kind"] != "tax"]
    differing = {one.what: one.left - one.right for one in world.audit() if not one.agrees}
    assert differing == {
        "calls (4000_usage, vat_at_once, EUR)": 124_000,
        "tax vat_at_once (EUR), charged with events": -124_000,
    }


def document_of(world) -> bytes:
    with reading(world.engine) as connection:
        ((_, document),) = invoice_documents(connection)
    return document


def test_an_invoice_says_how_its_tax_came_about(tmp_path):
    world = BillingWorld(tmp_path, [line(1)], catalogue=AT_ONCE)
    world.charge(call(1, "a", 600))
    world.bill()
    document = document_of(world)
    assert msgspec.json.decode(document)["taxes"] == [
        {"name": "Value added tax", "percent": "20", "base": "9.90", "tax": "1.98"},
        {
            "name": "Value added tax",
            "percent": "20",
            "base": "0.62",
            "tax": "0.12",
            "at": "rating",
            "residue": "0.004000",
        },
    ]
    template = (importlib.resources.files("billing_batch") / "templates" / "invoice.html").read_text()
    page = as_html(from_json(document), template).decode()
    assert "Value added tax, 20 % of 9.90<" in page
    assert "Value added tax, charged with each event on 0.62 at 20 %<" in page


def test_no_rate_is_shown_for_events_of_two_rates(tmp_path):
    rates = (TaxRate(percent="10", valid_from="2016-01-01"), TaxRate(percent="20", valid_from="2026-10-15"))
    world = BillingWorld(tmp_path, [line(1)], catalogue=taxed_catalogue(calls_tax="vat_at_once", rates=rates))
    world.charge(call(1, "old", 600), call(1, "new", 600, time="2026-10-19T20:00:00Z"))
    world.bill()
    assert taxes(world)[1][2:] == (124, 19, -4_000, 186_000, 186_000)
    assert from_json(document_of(world)).taxes[1].percent == ""
    assert all_agree(world.audit()), world.audit()


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_changes_nothing_of_such_taxes(tmp_path, after):
    calm = charged(tmp_path, "calm")
    calm.bill()
    for step in range(1, 100):
        world = charged(tmp_path, f"crash{step}")
        try:
            world.bill(store=DyingStore(world.store, step, after=after))
        except CrashError:
            world.bill()
            assert world.everything() == calm.everything(), step
        else:
            break
    assert step > 8
    assert all_agree(world.audit()), world.audit()


def test_a_crash_at_a_commit_changes_nothing_of_such_taxes(tmp_path):
    calm = charged(tmp_path, "calm")
    calm.bill()
    world = charged(tmp_path, "crash")

    def die(_):
        raise CrashError

    event.listen(world.engine, "commit", die)
    with pytest.raises(CrashError):
        world.bill()
    event.remove(world.engine, "commit", die)
    world.bill()
    assert world.everything() == calm.everything()


def charged(directory, name) -> BillingWorld:
    folder = directory / name
    folder.mkdir()
    world = BillingWorld(folder, catalogue=AT_ONCE)
    world.charge(*USAGE)
    return world
