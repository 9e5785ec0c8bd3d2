"""Commands between events: what was denied is charged after a top-up, and what was adjusted is on the bill."""

import asyncio

import pytest

from billing_batch.audit import all_agree
from customer_care.apply_command import CommandTools
from customer_care.commands import Adjust, Answer, Booking, Close, Create, TopUp
from customer_care.find_group import find_group
from customer_care.records import reading
from customer_care.run_command import BalanceDesk, run_command
from rating_kernels.outcomes import Outcome
from tests.billing_batch.billing_world import BillingWorld
from tests.customer_care.command_world import at
from tests.rating_kernels.sample_world import SAMPLE, call

EURO = 1_000_000
TOOLS = CommandTools(SAMPLE, 6)
CALLS = Booking("calls")


@pytest.fixture
def idle(tmp_path):
    """The small operator before any usage."""
    return BillingWorld(tmp_path)


def do(world, who, command, command_id, day="2026-10-05"):
    with reading(world.engine) as connection:
        group = find_group(connection, who, "customer", at(day))
    desk = BalanceDesk(world.engine, world.store, TOOLS, "ana")
    answer = asyncio.run(run_command(desk, group, command, command_id, at(day)))
    assert isinstance(answer, Answer), answer
    return answer


def test_a_top_up_lifts_a_denial(idle):
    assert idle.charge(call(6, "first", 60)) == [Outcome.DENIED_LIMIT]
    do(idle, "C6", TopUp("EUR", -5 * EURO), "top")
    assert idle.charge(call(6, "second", 60)) == [Outcome.CHARGED]
    answer = do(idle, "C6", TopUp("EUR", -5 * EURO), "more")
    assert -5 * EURO < answer.before < 0


def test_a_closed_account_takes_no_event_from_then_on(idle):
    do(idle, "C1", Close(), "close", "2026-10-05")
    assert idle.charge(call(1, "late", 60), call(1, "before", 60, time="2026-10-05T11:00:00Z")) == [
        Outcome.ACCOUNT_CLOSED,
        Outcome.CHARGED,
    ]


def test_adjustments_are_on_the_bill_and_the_audit_knows_them(world):
    """C1 called for 62 cents: 12 are given back, 1.00 is charged by hand; credit beyond what is owed pays the fee."""
    do(world, "C1", Adjust("EUR", -120_000, booking=CALLS), "back")
    do(world, "C1", Create("EUR", EURO, booking=CALLS), "by hand")
    do(world, "C1", TopUp("EUR", -3 * EURO), "paid")
    do(world, "C1", Adjust("EUR", 2 * EURO, booking=CALLS), "more calls")
    do(world, "C6", Adjust("EUR", -4 * EURO, booking=CALLS), "goodwill")
    assert all_agree(world.audit()), world.audit()
    world.bill()
    assert all_agree(world.audit()), world.audit()
    assert ("item", "calls", "Calls", 350, 0) in world.lines_of("C1")
    assert ("credit", "", "Paid from credit", -200, 0) in world.lines_of("C1")
    assert ("item", "calls", "Calls", -400, 0) in world.lines_of("C6")


@pytest.mark.parametrize("day", ["2026-10-05", "2026-11-20"])
def test_a_closed_account_owes_no_fee_of_a_later_cycle_and_the_audit_agrees(world, day):
    do(world, "C1", Close(), "close", day)
    after = "2027-01-05"
    for who in ("C1", "C2"):
        do(world, who, Adjust("EUR", EURO, booking=CALLS), f"begins {who}'s next cycles", after)
    assert all_agree(world.audit()), [one for one in world.audit() if not one.agrees]


def test_an_audit_without_the_record_of_an_adjustment_finds_it(world, monkeypatch):
    monkeypatch.setattr("customer_care.run_command.record_command", lambda *_: None)
    do(world, "C1", Adjust("EUR", -120_000, booking=CALLS), "back")
    differing = [one for one in world.audit() if not one.agrees]
    assert [(one.what.split()[0], one.left - one.right) for one in differing] == [("calls", 120_000)]
