"""What is left of an allowance in the cycles that follow: bounded, used in order, never twice."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_store.group_record import pack_group, unpack_group
from balance_store.requests import Records
from billing_batch.cut_cycle import CutTools
from config.settings import Charging
from rating_kernels.batch_columns import IMPACT_OWED
from rating_kernels.group_image import (
    B_AMOUNT,
    B_GRANTED,
    B_KIND,
    B_RESOURCE_ID,
    B_VALID_TO_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    KIND_CREDIT,
    KIND_ROLLED,
    SECTION_BALANCES,
)
from rating_kernels.outcomes import Outcome
from tests.config.small_catalogue import compiled_from
from tests.rating_kernels.kernel_world import KernelWorld

CATALOGUE = """
site = {{ name = "Test", time_zone = "UTC", currency = "EUR" }}
resource = [
  {{ code = "EUR", name = "Euro", monetary = true, decimals = 2 }},
  {{ code = "MB", name = "Megabytes", consumption_order = "{order}" }},
]
service_type = [{{ code = "data", name = "Data" }}]
bill_item = [{{ code = "usage", name = "Usage" }}]
event_type = [{{ code = "session", name = "S", service_type = "data", unit = "MB", quantity_max = 10000 }}]
product = [
  {{ code = "data", name = "Data", rate_plan = "data" }},
  {{ code = "rolling", name = "R", allowances = [{{ resource = "MB", amount = {amount}, rollover = {rollover} }}] }},
  {{ code = "plain", name = "P", allowances = [{{ resource = "MB", amount = 50 }}] }},
]
bundle = [
  {{ code = "one", name = "One", products = ["data", "rolling"] }},
  {{ code = "two", name = "Two", products = ["data", "rolling", "plain"] }},
]
plan = [
  {{ code = "one", name = "One", bundles = ["one"], payment_types = ["postpaid"] }},
  {{ code = "two", name = "Two", bundles = ["two"], payment_types = ["postpaid"] }},
]
[[rate_plan]]
code = "data"
name = "Data"
service_type = "data"
[[rate_plan.version]]
valid_from = 2026-01-01
price = {{ mb = {{ periods = [{{ per = 1, amount = 1 }}] }} }}
[[rate_plan.version.detail]]
resource = "EUR"
bill_item = "usage"
allowances = [{{ resource = "MB", units = 1, per = 1 }}]
rule = {{ price = "mb" }}
"""
MANY_CYCLES = Charging(horizon_hours=0, ahead_seconds=0, snapshots_max=64)
CUSTOMER = {
    "customer": "C1",
    "since": "2026-01-01",
    "name": {"first": "Ana", "last": "Novak"},
    "address": {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
    "billing": {"payment_type": "postpaid", "currency": "EUR", "day": 1},
}


@functools.cache
def catalogue(amount: int, cycles: int, per_cycle: int | None, total: int | None, order: str):
    bounds = "".join(f", {n} = {v}" for n, v in (("per_cycle", per_cycle), ("total", total)) if v is not None)
    return compiled_from(
        CATALOGUE.format(amount=amount, rollover=f"{{ cycles = {cycles}{bounds} }}", order=order)
    )


def world(amount=100, cycles=1, per_cycle=None, total=None, order="EET", plan="one", since="2026-01-01"):
    services = [{"type": "data", "identifier": "+1"}]
    subscriptions = [{"subscription": "S1", "plan": plan, "services": services}]
    customer = CUSTOMER | {"since": since, "subscriptions": subscriptions}
    return KernelWorld(catalogue(amount, cycles, per_cycle, total, order), [customer], MANY_CYCLES)


def use(one: KernelWorld, cycle: int, quantity: int, name: str = "", day: int = 10) -> int:
    """Use data in a month counted from 1; how much of it had to be paid for."""
    (decided,) = one.charge(
        {
            "id": name or f"{cycle}/{quantity}",
            "source": "gw",
            "type": "session",
            "service": "+1",
            "time": f"{2026 + (cycle - 1) // 12}-{(cycle - 1) % 12 + 1:02}-{day}T12:00:00Z",
            "quantity": quantity,
            "fields": {},
        }
    )
    assert decided.outcome == Outcome.CHARGED
    return sum(impact.amount for impact in decided.impacts if impact.kind == IMPACT_OWED) // 1_000_000


def left(one: KernelWorld, kind: int | None = None) -> list[int]:
    """Units of each sub-balance that the open cycle can use, oldest first."""
    at = one.cache.image_at(one.group_of["C1"])
    end_us = one.cache.words[at + H_CYCLE_END_US]
    data_id = one.catalogue.resources["MB"].id
    rows = one.rows("C1", SECTION_BALANCES)
    return [
        -row[B_AMOUNT]
        for row in rows
        if row[B_RESOURCE_ID] == data_id
        and row[B_VALID_TO_US] >= end_us
        and (kind is None or row[B_KIND] == kind)
        and row[B_AMOUNT]
    ]


@pytest.mark.parametrize(
    ("bounds", "uses", "rolled"),
    [
        # Nothing is used: one cycle's allowance at the most is kept, for one more cycle.
        ({"cycles": 1}, [0, 0, 0, 0, 0], [[], [100], [100], [100], [100]]),
        ({"cycles": 2}, [0, 0, 0, 0, 0], [[], [100], [100, 100], [100, 100], [100, 100]]),
        # What is left rolls; the older units end first and go first.
        ({"cycles": 1}, [70, 20, 130, 0, 0], [[], [30], [100], [70], [100]]),
        ({"cycles": 2}, [70, 0, 120, 0, 0], [[], [30], [30, 100], [100, 10], [10, 100]]),
        # At most 60 of each cycle.
        ({"cycles": 2, "per_cycle": 60}, [0, 90, 0, 100, 0], [[], [60], [60, 10], [10, 60], [60, 10]]),
        # At most 80 in all: what has not ended leaves less room.
        ({"cycles": 3, "per_cycle": 60, "total": 80}, [0, 0, 0, 0, 0], [[], [60], [60, 20], [60, 20], [20, 60]]),
        ({"cycles": 2, "total": 80}, [0, 0, 0, 0, 0], [[], [80], [80], [80], [80]]),
    ],
)  # fmt: skip
def test_five_cycles(bounds, uses, rolled):
    one = world(**bounds)
    for cycle, (quantity, expected) in enumerate(zip(uses, rolled, strict=True), 1):
        assert use(one, cycle, 0, f"start {cycle}") == 0
        assert left(one, KIND_ROLLED) == expected, cycle
        assert left(one, KIND_CREDIT) == [100]
        assert use(one, cycle, quantity) == 0


def test_units_without_rollover_are_gone():
    one = world(plan="two")
    use(one, 2, 0)
    # 150 were left in one sub-balance, and of those 100 were granted with a rollover.
    assert left(one, KIND_ROLLED) == [100]
    assert left(one, KIND_CREDIT) == [150]
    assert use(one, 2, 251) == 1


def test_what_was_used_was_not_the_part_that_rolls():
    one = world(plan="two")
    use(one, 1, 20)
    use(one, 2, 0)
    assert left(one, KIND_ROLLED) == [100]


def test_an_allowance_of_a_short_first_cycle_rolls_too():
    one = world(since="2026-01-20")
    use(one, 1, 30, day=25)
    use(one, 2, 0)
    assert left(one, KIND_ROLLED) == [70]


def test_cycles_that_nobody_began_roll_on_one_by_one():
    apart, at_once = world(cycles=3, per_cycle=40), world(cycles=3, per_cycle=40)
    for cycle in range(1, 7):
        use(apart, cycle, 0)
    use(at_once, 6, 0)
    assert left(apart) == left(at_once) == [40, 40, 40, 100]


def test_the_cut_of_billing_keeps_the_same():
    by_event, by_cut = world(cycles=2, per_cycle=60), world(cycles=2, per_cycle=60)
    for one in (by_event, by_cut):
        use(one, 1, 30)
    image = unpack_group(by_cut.record("C1"))
    (profile,) = by_cut.profiles.values()
    cut = CutTools(by_cut.catalogue, 6).cut(
        image, profile, int(image[H_CYCLE_NO]), int(image[H_CYCLE_END_US])
    )
    use(by_event, 2, 0)
    by_cut.cache.install(0, Records({by_cut.group_of["C1"]: pack_group(cut.image, 0)}, {}))
    assert by_cut.rows("C1", SECTION_BALANCES) == by_event.rows("C1", SECTION_BALANCES)
    assert left(by_cut) == [60, 100]


QUANTITIES = st.integers(0, 130)
BOUNDS = st.fixed_dictionaries(
    {
        "cycles": st.integers(1, 3),
        "per_cycle": st.sampled_from([None, 30, 60]),
        "total": st.sampled_from([None, 50, 80]),
    }
)


class Plain:
    """The same rules with lists: buckets of (last cycle, cycle granted in, units), the soonest to end first."""

    def __init__(self, cycles: int, per_cycle: int | None, total: int | None) -> None:
        self.cycles, self.per_cycle, self.total = cycles, per_cycle or 10**9, total or 10**9
        self.cycle, self.left, self.rolled = 1, 100, []
        self.ended = 0

    def go_to(self, cycle: int) -> None:
        while self.cycle < cycle:
            alive = [bucket for bucket in self.rolled if bucket[0] > self.cycle]
            kept = min(self.left, self.per_cycle, self.total - sum(units for _, _, units in alive))
            self.ended += (
                self.left - kept + sum(units for last, _, units in self.rolled if last == self.cycle)
            )
            self.rolled = [*alive, [self.cycle + self.cycles, self.cycle, kept]] if kept else alive
            self.cycle += 1
            self.left = 100

    def use(self, quantity: int) -> int:
        buckets = sorted([*self.rolled, [self.cycle, self.cycle, self.left]], key=lambda one: one[:2])
        for bucket in buckets:
            taken = min(quantity, bucket[2])
            bucket[2] -= taken
            quantity -= taken
        (self.left,) = [units for _, granted, units in buckets if granted == self.cycle]
        self.rolled = [one for one in buckets if one[1] != self.cycle and one[2]]
        return quantity


@settings(max_examples=60, deadline=None)
@given(BOUNDS, st.lists(st.tuples(st.integers(0, 3), QUANTITIES), min_size=1, max_size=12))
def test_every_history_is_as_with_lists(bounds, steps):
    one, plain = world(**bounds), Plain(**bounds)
    cycle, used = 1, 0
    for number, (pause, quantity) in enumerate(steps):
        cycle += pause
        plain.go_to(cycle)
        paid = use(one, cycle, quantity, f"e{number}")
        assert paid == plain.use(quantity)
        used += quantity - paid
        assert sorted(left(one)) == sorted(u for u in [plain.left, *(b[2] for b in plain.rolled)] if u)
    # Nothing comes from nowhere and nothing is counted twice.
    assert 100 * cycle == used + plain.ended + sum(left(one))


@settings(max_examples=40, deadline=None)
@given(BOUNDS, QUANTITIES, QUANTITIES, QUANTITIES, st.sampled_from(["EET", "EST"]))
def test_a_late_event_leaves_what_it_would_have_left_in_time(bounds, first, second, late, order):
    if order == "EST":
        # An order that takes older units first makes room for those that `total` had cut, had it come in time.
        bounds = bounds | {"total": None}
    in_time, too_late = world(order=order, **bounds), world(order=order, **bounds)
    for one in (in_time, too_late):
        use(one, 1, first, "first")
        use(one, 2, second, "second")
    paid = use(in_time, 2, late, "late")
    for one in (in_time, too_late):
        use(one, 3, 0, "next")
    assert use(too_late, 2, late, "late") == paid
    assert sum(left(too_late)) == sum(left(in_time))


def test_a_roll_moves_what_was_granted_along():
    one = world(cycles=2, per_cycle=60)
    use(one, 1, 30)
    before = sum(row[B_GRANTED] for row in one.rows("C1", SECTION_BALANCES))
    use(one, 2, 0)
    data_id = one.catalogue.resources["MB"].id
    rows = [row for row in one.rows("C1", SECTION_BALANCES) if row[B_RESOURCE_ID] == data_id]
    assert sum(row[B_GRANTED] for row in rows) == before + 100
    assert all(0 <= -row[B_AMOUNT] <= row[B_GRANTED] for row in rows)
