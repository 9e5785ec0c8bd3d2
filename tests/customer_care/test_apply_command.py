"""What care does to balances, in the words of the business: who, what, when, the outcome, the balance after.

C1 is prepaid with nothing; C2 pays later, 9.90 a month; C3 pays later, 19.90 with 5,000 MB. All since 1 October 2026.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from customer_care.change_balances import BALANCES_MAX, booked_item
from customer_care.commands import (
    Adjust,
    Answer,
    Booking,
    Close,
    Create,
    Expire,
    Grant,
    Refusal,
    SetCreditProfile,
    TopUp,
    command_hash,
    is_command_id,
)
from customer_care.recent_commands import COMMANDS_KEPT, recent_commands
from rating_kernels.group_image import AMOUNT_MAX, H_CYCLE_NO
from tests.customer_care.command_world import CALLS, CommandWorld, at, units
from tests.rating_kernels.sample_world import SAMPLE

MB = "data_allowance"
DONE = "done"


def euro(text):
    return units("EUR", text)


def mb(text):
    return units(MB, text)


def top_up(amount, **more):
    return TopUp("EUR", euro(amount), **more)


def adjust(amount, booking=CALLS, **more):
    return Adjust("EUR", euro(amount), booking=booking, **more)


NEVER = Booking("calls", "9999_nothing")

# name, who, [(what, when)], outcome of the last, balance of `resource` on the day of the last
SCENARIOS = [
    ("prepaid money is topped up", "C1", [(top_up("-20"), "2026-10-05")], DONE, "EUR", "-20"),
    (
        "prepaid money does not end with the cycle",
        "C1",
        [(top_up("-20"), "2026-10-05"), (top_up("-5"), "2026-11-05")],
        DONE,
        "EUR",
        "-25",
    ),
    (
        "a bonus of this cycle ends with it",
        "C1",
        [(top_up("-20", validity="cycle"), "2026-10-05"), (top_up("-5"), "2026-11-05")],
        DONE,
        "EUR",
        "-5",
    ),
    (
        "a bonus ends on its day",
        "C1",
        [(top_up("-20", validity=at("2026-10-10")), "2026-10-05"), (top_up("-5"), "2026-10-10")],
        DONE,
        "EUR",
        "-5",
    ),
    (
        "a day that is over gives nothing",
        "C1",
        [(top_up("-20", validity=at("2026-10-05")), "2026-10-05")],
        Refusal.VALIDITY_OVER,
        "EUR",
        "0",
    ),
    ("a top-up is credit", "C1", [(top_up("20"), "2026-10-05")], Refusal.WRONG_SIGN, "EUR", "0"),
    ("nothing is no top-up", "C1", [(top_up("0"), "2026-10-05")], Refusal.WRONG_SIGN, "EUR", "0"),
    ("what is unknown", "C1", [(TopUp("GOLD", -1), "2026-10-05")], Refusal.UNKNOWN_RESOURCE, "EUR", "0"),
    (
        "a priority beyond the bounds",
        "C1",
        [(top_up("-1", priority=1001), "2026-10-05")],
        Refusal.PRIORITY_OUT_OF_RANGE,
        "EUR",
        "0",
    ),
    (
        "more than can be kept",
        "C1",
        [(TopUp("EUR", -AMOUNT_MAX), "2026-10-05"), (top_up("-1"), "2026-10-05")],
        Refusal.AMOUNT_OUT_OF_RANGE,
        "EUR",
        "-9007199254.740991",
    ),
    (
        "more than can be kept, in two balances",
        "C1",
        [(TopUp("EUR", -AMOUNT_MAX), "2026-10-05"), (top_up("-1", priority=1), "2026-10-05")],
        Refusal.AMOUNT_OUT_OF_RANGE,
        "EUR",
        "-9007199254.740991",
    ),
    ("free data joins the month's", "C3", [(Grant(MB, mb("-1000")), "2026-10-05")], DONE, MB, "-6000"),
    (
        "free data ends with its cycle, and the next has its own",
        "C3",
        [(Grant(MB, mb("-1000")), "2026-10-05"), (top_up("-5"), "2026-11-05")],
        DONE,
        MB,
        "-5000",
    ),
    (
        "free data without end stays",
        "C3",
        [(Grant(MB, mb("-1000"), "infinite"), "2026-10-05"), (top_up("-5"), "2026-11-05")],
        DONE,
        MB,
        "-6000",
    ),
    (
        "a charge by hand is owed, whatever credit there is",
        "C1",
        [
            (top_up("-20"), "2026-10-05"),
            (Create("EUR", euro("3"), booking=CALLS), "2026-10-05"),
            (Expire(1), "2026-10-06"),
        ],
        DONE,
        "EUR",
        "3",
    ),
    (
        "a charge of money is on a bill",
        "C1",
        [(Create("EUR", euro("3")), "2026-10-05")],
        Refusal.BOOKING_MISSING,
        "EUR",
        "0",
    ),
    ("a charge of units needs no bill", "C3", [(Create(MB, mb("1000")), "2026-10-05")], DONE, MB, "-4000"),
    (
        "a charge is of this cycle",
        "C1",
        [(Create("EUR", euro("3"), "infinite", booking=CALLS), "2026-10-05")],
        Refusal.DEBIT_NEEDS_CYCLE,
        "EUR",
        "0",
    ),
    ("a balance of nothing", "C1", [(Create("EUR", 0), "2026-10-05")], Refusal.WRONG_SIGN, "EUR", "0"),
    ("goodwill", "C2", [(adjust("-4"), "2026-10-05")], DONE, "EUR", "5.9"),
    (
        "goodwill beyond what is owed becomes credit",
        "C2",
        [(adjust("-12"), "2026-10-05")],
        DONE,
        "EUR",
        "-2.1",
    ),
    (
        "a correction upward takes credit first",
        "C1",
        [(top_up("-5"), "2026-10-05"), (adjust("7"), "2026-10-05")],
        DONE,
        "EUR",
        "2",
    ),
    (
        "a wrong top-up is taken back from its balance",
        "C1",
        [(top_up("-50"), "2026-10-05"), (adjust("45", None, balance_id=1), "2026-10-05")],
        DONE,
        "EUR",
        "-5",
    ),
    (
        "a balance does not pass 0",
        "C1",
        [(top_up("-5"), "2026-10-05"), (adjust("6", None, balance_id=1), "2026-10-05")],
        Refusal.BALANCE_TOO_SMALL,
        "EUR",
        "-5",
    ),
    (
        "nor does what is owed",
        "C2",
        [(adjust("-10", balance_id=1), "2026-10-05")],
        Refusal.BALANCE_TOO_SMALL,
        "EUR",
        "9.9",
    ),
    (
        "what is owed is on a bill",
        "C2",
        [(adjust("-1", None, balance_id=1), "2026-10-05")],
        Refusal.BOOKING_MISSING,
        "EUR",
        "9.9",
    ),
    (
        "an adjustment of nothing named",
        "C2",
        [(adjust("-1", None), "2026-10-05")],
        Refusal.ADJUSTS_NOTHING,
        "EUR",
        "9.9",
    ),
    ("an adjustment of 0", "C2", [(adjust("0"), "2026-10-05")], Refusal.WRONG_SIGN, "EUR", "9.9"),
    (
        "a ledger that the item is not booked to",
        "C2",
        [(adjust("-1", NEVER), "2026-10-05")],
        Refusal.BOOKING_UNKNOWN,
        "EUR",
        "9.9",
    ),
    (
        "a balance that is not there",
        "C2",
        [(adjust("-1", balance_id=9), "2026-10-05")],
        Refusal.UNKNOWN_BALANCE,
        "EUR",
        "9.9",
    ),
    (
        "a balance of something else",
        "C2",
        [(Adjust(MB, -1, balance_id=1), "2026-10-05")],
        Refusal.OTHER_RESOURCE,
        "EUR",
        "9.9",
    ),
    (
        "a balance that ended",
        "C1",
        [
            (top_up("-5"), "2026-10-05"),
            (Expire(1), "2026-10-06"),
            (adjust("-1", None, balance_id=1), "2026-10-06"),
        ],
        Refusal.BALANCE_ENDED,
        "EUR",
        "0",
    ),
    (
        "what expires is gone",
        "C1",
        [(top_up("-5"), "2026-10-05"), (top_up("-2"), "2026-10-06"), (Expire(1), "2026-10-07")],
        DONE,
        "EUR",
        "0",
    ),
    ("what is owed stays", "C2", [(Expire(1), "2026-10-05")], Refusal.BALANCE_IS_OWED, "EUR", "9.9"),
    ("nothing there to expire", "C1", [(Expire(1), "2026-10-05")], Refusal.UNKNOWN_BALANCE, "EUR", "0"),
    (
        "what expired cannot again",
        "C1",
        [(top_up("-5"), "2026-10-05"), (Expire(1), "2026-10-06"), (Expire(1), "2026-10-07")],
        Refusal.BALANCE_ENDED,
        "EUR",
        "0",
    ),
    (
        "a profile that is not there",
        "C2",
        [(SetCreditProfile("gold", "postpaid"), "2026-10-05")],
        Refusal.UNKNOWN_CREDIT_PROFILE,
        "EUR",
        "9.9",
    ),
    (
        "a closed group takes nothing new",
        "C1",
        [(Close(), "2026-10-05"), (top_up("-5"), "2026-10-05")],
        Refusal.GROUP_CLOSED,
        "EUR",
        "0",
    ),
    (
        "but it can be put right",
        "C2",
        [(Close(), "2026-10-05"), (adjust("-9.9"), "2026-10-06")],
        DONE,
        "EUR",
        "0",
    ),
    (
        "and its next cycle owes and grants nothing",
        "C3",
        [(Close(), "2026-10-05"), (adjust("1"), "2026-11-05")],
        DONE,
        "EUR",
        "1",
    ),
    (
        "groups that nobody bills stop",
        "C2",
        [(top_up("-1"), "2027-06-05")],
        Refusal.SNAPSHOTS_FULL,
        "EUR",
        "0",
    ),
]


@pytest.mark.parametrize(
    ("who", "steps", "outcome", "resource", "after"),
    [row[1:] for row in SCENARIOS],
    ids=[row[0] for row in SCENARIOS],
)
def test_scenarios(who, steps, outcome, resource, after):
    world = CommandWorld()
    answers = [world.do(who, command, day, f"#{n}") for n, (command, day) in enumerate(steps)]
    assert all(isinstance(answer, Answer) for answer in answers[:-1]), answers
    assert (DONE if isinstance(answers[-1], Answer) else answers[-1]) == outcome
    assert world.shown(who, resource, steps[-1][1]) == after


def test_every_refusal_of_a_group_has_a_scenario():
    # These need more than a row: see the tests below, of the shell and of a catalogue with such taxes.
    elsewhere = {
        Refusal.BOOKING_AMBIGUOUS,
        Refusal.BOOKING_TAXED_BY_EVENT,
        Refusal.TOO_MANY_BALANCES,
        Refusal.BAD_COMMAND_ID,
        Refusal.COMMAND_ID_USED,
    }
    assert {row[3] for row in SCENARIOS} - {DONE} == set(Refusal) - elsewhere


@pytest.mark.parametrize(
    ("who", "steps", "item"),
    [
        # Usage that credit covers is on the bill, and taken off again: only `owed` is to be paid.
        ("C1", [top_up("-5"), adjust("7")], (euro("7"), euro("2"), 0)),
        ("C1", [adjust("7"), adjust("-10")], (euro("-3"), 0, 0)),
        ("C1", [top_up("-5"), adjust("2", balance_id=1)], (euro("2"), 0, 0)),
        ("C2", [adjust("-1", balance_id=1)], (euro("-1"), euro("-1"), 0)),
        ("C2", [Create("EUR", euro("3"), booking=CALLS)], (euro("3"), euro("3"), 0)),
    ],
)
def test_what_is_booked_to_the_bill(who, steps, item):
    world = CommandWorld()
    for number, command in enumerate(steps):
        assert isinstance(world.do(who, command, "2026-10-05", f"#{number}"), Answer)
    assert world.items(who)["calls"] == item


def test_credit_alike_is_one_balance_and_a_created_one_stays_apart():
    world = CommandWorld()
    ids = [
        world.do("C1", command, day, day).balance_id
        for command, day in (
            (top_up("-5"), "2026-10-05"),
            (top_up("-5"), "2026-10-06"),
            (Grant("EUR", euro("-1")), "2026-10-07"),
            (top_up("-5", priority=1), "2026-10-08"),
            (top_up("-5", validity="cycle"), "2026-10-09"),
            (Create("EUR", euro("-5")), "2026-10-10"),
        )
    ]
    assert ids == [1, 1, 1, 2, 3, 4]


def test_thresholds_are_told_in_both_directions_once():
    world = CommandWorld()

    def told(command, number):
        answer = world.do("C1", command, "2026-10-05", f"#{number}")
        return [(one.direction, one.threshold, one.reason) for one in answer.notices]

    assert told(top_up("-3"), 0) == [("down", euro("-1"), "balance")]
    assert told(top_up("-2"), 1) == []  # -5 is still at the threshold
    assert told(top_up("-0.01"), 2) == [("down", euro("-5"), "balance")]
    assert told(top_up("-20"), 3) == []
    assert told(adjust("24.01"), 4) == [("up", euro("-5"), "balance"), ("up", euro("-1"), "balance")]


def test_a_percent_of_free_units_moves_with_a_grant():
    """4,100 of 5,000 MB used has reached 80 %; 1,000 more and 4,100 of 6,000 has not; what moves alone is not told."""
    world = CommandWorld()
    used = world.do("C3", Adjust(MB, mb("4100"), balance_id=2), "2026-10-05", "used")
    assert [(one.direction, one.threshold) for one in used.notices] == [("up", mb("-1000"))]
    more = world.do("C3", Grant(MB, mb("-1000")), "2026-10-05", "more")
    assert [(one.direction, one.threshold) for one in more.notices] == [("down", mb("-1200"))]
    assert world.do("C3", Grant(MB, mb("-1000")), "2026-10-05", "again").notices == ()


def test_another_credit_profile_tells_of_what_it_changes():
    world = CommandWorld()
    world.do("C2", adjust("50"), "2026-10-05", "#1")
    gone = world.do("C2", SetCreditProfile("", "postpaid"), "2026-10-05", "#2")
    assert [(one.direction, one.threshold, one.reason) for one in gone.notices] == [
        ("down", euro("50"), "reset"),
    ]
    back = world.do("C2", SetCreditProfile("standard", "postpaid"), "2026-10-05", "#3")
    assert [(one.direction, one.before, one.after) for one in back.notices] == [
        ("up", euro("59.9"), euro("59.9"))
    ]
    assert world.do("C2", SetCreditProfile("standard", "postpaid"), "2026-10-05", "#4").notices == ()


def test_a_group_rotates_first_and_keeps_both_even_where_the_clock_is_behind():
    world = CommandWorld()
    answer = world.do("C2", adjust("1"), "2026-11-05", "#1")
    assert world.images["C2"][H_CYCLE_NO] == 2
    assert (answer.before, answer.after) == (euro("9.9"), euro("10.9"))
    behind = world.do("C2", top_up("-1"), "2026-10-05", "#2")
    assert behind.done_us > at("2026-10-05")
    assert behind.after == euro("9.9")


@pytest.mark.parametrize(
    "command",
    [
        top_up("-5"),
        Create("EUR", euro("3"), booking=CALLS),
        adjust("-12"),
        SetCreditProfile("", "x"),
        Close(),
    ],
)
def test_a_repeat_gives_the_first_answer_and_changes_nothing(command):
    world = CommandWorld()
    first = world.do("C2", command, "2026-10-05", "one")
    image = world.images["C2"].tobytes()
    again = world.do("C2", command, "2026-11-20", "one")
    assert again.repeated
    assert (again.done_us, again.before, again.after, again.balance_id, again.item_id) == (
        first.done_us,
        first.before,
        first.after,
        first.balance_id,
        first.item_id,
    )
    assert world.images["C2"].tobytes() == image


@pytest.mark.parametrize("other", [top_up("-6"), Grant("EUR", euro("-5")), Close(), TopUp("GOLD", -1)])
def test_an_id_is_for_one_command(other):
    world = CommandWorld()
    world.do("C1", top_up("-5"), "2026-10-05", "one")
    assert world.do("C1", other, "2026-10-05", "one") is Refusal.COMMAND_ID_USED


def test_the_newest_commands_are_remembered_in_their_order():
    world = CommandWorld()
    for number in range(COMMANDS_KEPT + 3):
        world.do("C1", top_up("-1"), "2026-10-05", f"#{number}")
    assert [one.id_hash for one in recent_commands(world.images["C1"])] == [
        command_hash(f"#{number}") for number in range(3, COMMANDS_KEPT + 3)
    ]


def test_commands_of_long_ago_are_forgotten():
    world = CommandWorld()
    for number, day in enumerate(("2026-10-02", "2026-10-05", "2026-11-02", "2026-11-04")):
        world.do("C1", top_up("-1"), day, f"#{number}")
    assert [one.id_hash for one in recent_commands(world.images["C1"])] == [
        command_hash(f"#{number}") for number in (1, 2, 3)
    ]


def test_a_group_has_no_more_balances_than_an_event_can_look_at():
    world = CommandWorld()
    for number in range(BALANCES_MAX):
        assert isinstance(world.do("C1", Create("EUR", -1), "2026-10-05", f"#{number}"), Answer)
    assert world.do("C1", Create("EUR", -1), "2026-10-05", "last") is Refusal.TOO_MANY_BALANCES
    assert isinstance(world.do("C1", TopUp("EUR", -1), "2026-10-05", "one that is there"), Answer)


def test_an_item_must_be_the_only_one_and_taxed_on_the_bill():
    (number, key) = next((n, k) for n, k in SAMPLE.items.items() if k.bill_item == "calls")
    other = structs.replace(key, general_ledger="4001_other")
    several = structs.replace(SAMPLE, items=SAMPLE.items | {number + 1: other})
    assert booked_item(several, CALLS, "EUR") is Refusal.BOOKING_AMBIGUOUS
    assert booked_item(several, Booking("calls", "4001_other"), "EUR") == number + 1
    with_events = structs.replace(SAMPLE, rating_taxes=(key.tax,))
    assert booked_item(with_events, CALLS, "EUR") is Refusal.BOOKING_TAXED_BY_EVENT


@pytest.mark.parametrize(("text", "fits"), [("a", True), ("x" * 100, True), ("x" * 101, False)])
def test_how_long_an_id_may_be(text, fits):
    assert is_command_id(text) is fits


@pytest.mark.parametrize("text", ["", " a", "a ", "a\n", "a\tb"])
def test_what_is_no_id(text):
    assert not is_command_id(text)


AMOUNTS = st.integers(-40 * 10**6, 40 * 10**6)
COMMANDS = st.one_of(
    st.builds(TopUp, st.just("EUR"), AMOUNTS, st.sampled_from([None, "cycle", at("2026-10-20")])),
    st.builds(Create, st.just("EUR"), AMOUNTS, booking=st.just(CALLS)),
    st.builds(
        Adjust, st.just("EUR"), AMOUNTS, st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, CALLS])
    ),
    st.builds(Expire, st.integers(1, 3)),
)


@given(st.lists(COMMANDS, max_size=12), st.sampled_from(["C1", "C2"]))
def test_money_is_conserved(commands, who):
    """Totals move by the amounts; what is owed is what the items say; credits stay below 0, debts above."""
    world = CommandWorld()
    total = world.total(who, "EUR", "2026-10-05")
    for number, command in enumerate(commands):
        answer = world.do(who, command, "2026-10-05", f"#{number}")
        if isinstance(answer, Answer):
            assert answer.before == total
            if not isinstance(command, Expire):
                assert answer.after - answer.before == command.amount
                assert sum(one.after - one.before for one in answer.changes) == command.amount
            total = answer.after
        assert world.total(who, "EUR", "2026-10-05") == total
    assert world.owed(who, "EUR") == sum(owed for _, owed, _ in world.items(who).values()) >= 0


@given(st.integers(-(10**9), -2), st.integers(1, 10**9), st.data())
def test_an_amount_in_two_parts_is_the_amount(credit, debit, data):
    """A top-up and a correction, whole or in two parts, leave the same balances and items."""
    first = data.draw(st.integers(credit + 1, -1))
    whole, parts = CommandWorld(), CommandWorld()
    whole.do("C1", TopUp("EUR", credit), "2026-10-05", "a")
    for number, amount in enumerate((first, credit - first)):
        parts.do("C1", TopUp("EUR", amount), "2026-10-05", f"a{number}")
    whole.do("C1", Adjust("EUR", debit, booking=CALLS), "2026-10-06", "b")
    second = data.draw(st.integers(0, debit))
    for number, amount in enumerate((second, debit - second)):
        parts.do("C1", Adjust("EUR", amount, booking=CALLS), "2026-10-06", f"b{number}")
    assert parts.balances("C1") == whole.balances("C1")
    assert parts.items("C1") == whole.items("C1")
