"""What becomes of an event, in the words of the business: outcome, who paid, what is left."""

import pytest

from config.code_ids import code_id
from config.settings import Charging
from rating_kernels.batch_columns import FLAG_CAPPED, FLAG_SHARED
from rating_kernels.group_image import RING_POSITIONS
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.sample_world import CENT, EURO, GIGABYTE, call, data, sample_world

MB = GIGABYTE // 1000
FEE = {1: 990 * CENT, 2: 2990 * CENT, 3: 0, 4: 0, 5: 1990 * CENT}


@pytest.mark.parametrize(
    ("seconds", "destination", "time", "cents"),
    [
        # 60/1 national at 0.06 a minute with 0.02 to connect.
        (1, "+4366412345", "2026-10-05T20:00:00Z", "8"),
        (60, "+4366412345", "2026-10-05T20:00:00Z", "8"),
        (61, "+4366412345", "2026-10-05T20:00:00Z", "8.1"),
        (600, "+4366412345", "2026-10-05T20:00:00Z", "62"),
        # A Monday at 10 in Vienna is peak; 18:59 is, 19:00 is not; a call over 19:00 changes its price there.
        (60, "+4366412345", "2026-10-05T08:00:00Z", "14"),
        (120, "+4366412345", "2026-10-05T16:59:00Z", "20"),
        # The evening of a Saturday is never peak.
        (60, "+4366412345", "2026-10-03T10:00:00Z", "8"),
        # Longest prefix; the world; nothing to pay; the cap of a premium call; nothing spoken.
        (60, "+4930123", "2026-10-05T20:00:00Z", "21"),
        (31, "+1212", "2026-10-05T20:00:00Z", "95"),
        (3600, "+43800123", "2026-10-05T20:00:00Z", "0"),
        (3600, "+43900123", "2026-10-05T20:00:00Z", "6000"),
        (0, "+4366412345", "2026-10-05T20:00:00Z", "2"),
    ],
)
def test_a_call_costs_what_the_tariff_says(seconds, destination, time, cents):
    world = sample_world()
    (decided,) = world.charge(call(1, "a", seconds, destination, time=time))
    amount = round(float(cents) * CENT)
    assert decided.outcome == Outcome.CHARGED
    assert sum(impact.amount for impact in decided.impacts) == amount
    assert world.total("C1", "EUR") == FEE[1] + amount
    assert bool(decided.flags & FLAG_CAPPED) == (cents == "6000")


@pytest.mark.parametrize(
    ("who", "megabytes", "own_left", "family_left", "cents"),
    [
        # What the owner uses is the family's; what is beyond costs half a cent a MB in steps of 10 kB.
        (2, 4_000, 6_000, 6_000, 0),
        (2, 12_000, 0, 0, 1_000),
        # A member uses the owner's; what the pool does not cover the member pays.
        (3, 4_000, 0, 6_000, 0),
        (3, 10_000, 0, 0, 0),
        (3, 10_001, 0, 0, "0.5"),
        # Nobody else's business.
        (5, 5_001, 0, 10_000, "0.5"),
        (1, 1, 0, 10_000, "0.5"),
    ],
)
def test_data_uses_allowances_first_the_pool_for_its_members(who, megabytes, own_left, family_left, cents):
    world = sample_world()
    (decided,) = world.charge(data(who, "a", megabytes))
    assert decided.outcome == Outcome.CHARGED
    assert world.total(f"C{who}", "data_allowance") == -own_left * MB
    assert world.total("C2", "data_allowance") == -family_left * MB
    assert world.total(f"C{who}", "EUR") == FEE[who] + round(float(cents) * CENT)
    assert bool(decided.flags & FLAG_SHARED) == (who == 3)


def test_a_denied_event_leaves_nothing_but_its_id():
    world = sample_world()
    before = world.without_ring("C4")
    denied, again = world.charge(call(4, "a", 60), call(4, "a", 60))
    assert denied.outcome == Outcome.DENIED_LIMIT
    assert denied.impacts == () == denied.notices
    assert world.without_ring("C4") == before
    assert (again.outcome, again.duplicate_of) == (Outcome.DUPLICATE, 0)


def test_the_same_id_again_is_a_duplicate_of_the_first_also_in_a_later_batch():
    world = sample_world()
    world.charge(call(1, "z", 60))
    first, second = world.charge(call(1, "a", 60), call(1, "a", 90))
    before = world.record("C1")
    (third,) = world.charge(call(1, "a", 60))
    assert [first.outcome, second.outcome, third.outcome] == [
        Outcome.CHARGED,
        Outcome.DUPLICATE,
        Outcome.DUPLICATE,
    ]
    assert (second.duplicate_of, third.duplicate_of) == (1, 1)
    assert world.record("C1") == before


def test_a_duplicate_of_one_before_the_last_eight_does_not_name_it():
    world = sample_world()
    world.charge(*(call(1, f"n{number}", 60) for number in range(RING_POSITIONS + 1)))
    before = world.record("C1")
    older, newer = world.charge(call(1, "n0", 60), call(1, "n1", 60))
    assert (older.outcome, older.duplicate_of) == (Outcome.DUPLICATE, -1)
    assert (newer.outcome, newer.duplicate_of) == (Outcome.DUPLICATE, 1)
    assert world.record("C1") == before


def test_an_id_is_of_its_source_and_forgotten_once_the_ring_is_full():
    world = sample_world(Charging(horizon_hours=0, ahead_seconds=0, ring_max=4))
    (other_source,) = world.charge(call(1, "a", 60, source="msc2"))
    assert other_source.outcome == Outcome.CHARGED
    assert world.charge(call(1, "a", 60))[0].outcome == Outcome.CHARGED
    world.charge(*(call(1, f"n{number}", 60) for number in range(3)))
    assert world.charge(call(1, "a", 60))[0].outcome == Outcome.DUPLICATE
    world.charge(call(1, "n9", 60))
    assert world.charge(call(1, "a", 60))[0].outcome == Outcome.CHARGED


def test_thresholds_fire_once_for_each_crossing():
    world = sample_world()
    crossing, beyond = world.charge(data(5, "a", 4_100), data(5, "b", 1))
    allowance = code_id("resource", "data_allowance")
    notices = [(n.resource_id, n.direction, n.threshold, n.before, n.after) for n in crossing.notices]
    assert notices == [(allowance, 1, -1_000 * MB, -5_000 * MB, -900 * MB)]
    assert beyond.notices == ()
    (both,) = world.charge(data(5, "c", 20_000))
    assert [n.threshold for n in both.notices] == [0, 50 * EURO, 100 * EURO]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (call(9, "a", 60), Outcome.UNKNOWN_IDENTIFIER),
        (call(1, "a", 60, type="fax"), Outcome.UNKNOWN_EVENT_TYPE),
        (call(1, "a", 604_801), Outcome.QUANTITY_OUT_OF_RANGE),
        # The identifier is known, but had no service then; and messages are no service of the line.
        (call(1, "a", 60, time="2026-09-30T21:59:59Z"), Outcome.NO_SERVICE),
        (call(1, "a", 1, type="message"), Outcome.NO_SERVICE),
    ],
)
def test_what_cannot_be_charged_is_rejected_with_its_reason_and_changes_nothing(event, outcome):
    world = sample_world()
    before = world.records()
    (decided,) = world.charge(event)
    assert (decided.outcome, decided.impacts) == (outcome, ())
    assert world.records() == before


def test_too_old_and_in_the_future_are_judged_by_the_messages_time():
    world = sample_world(Charging(horizon_hours=1, ahead_seconds=60))
    # Messages of these tests are stamped 1970-01-01.
    (decided,) = world.charge(call(1, "a", 60))
    assert decided.outcome == Outcome.IN_FUTURE


@pytest.mark.parametrize("count", [1, 3, 40])
def test_groups_and_output_grow_where_an_event_needs_more_room(count):
    world = sample_world()
    decided = world.charge(*(data(2, f"a{number}", 1_000) for number in range(count)))
    assert [one.outcome for one in decided] == [Outcome.CHARGED] * count
    paid = max(0, count - 10) * 500 * CENT
    assert world.total("C2", "EUR") == FEE[2] + paid
