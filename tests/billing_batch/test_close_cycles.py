"""The end of a month: bills, once, whatever crashes, with numbers that have no gap."""

import pytest

from rating_kernels.outcomes import Outcome
from tests.billing_batch.billing_world import AS_OF_US, MONTH_US, USAGE, BillingWorld
from tests.rating_kernels.sample_world import call

HOUR_US = 3_600_000_000
NEXT_MONTH_US = AS_OF_US + 30 * 86_400_000_000


def test_a_month_becomes_bills(world):
    report = world.bill()
    assert (report.closed, report.moved, report.waiting) == (6, 2, 0)
    # net, tax of 20 %, total, due. C3's bill holds its own and two children's bills, their tax included.
    assert {code: rows[0][1:2] + rows[0][3:] for code, rows in world.bills("billing", "closed").items()} == {
        "C1": ("billing", 1052, 210, 1262, 1262),
        "C2": ("billing", 2990, 598, 3588, 3588),
        "C3": ("billing", 2090 + 2407 + 2388, 418, 2508 + 2407 + 2388, 2508 + 2407 + 2388),
        "C4": ("closed", 2006 - 2407, 401, 0, 0),
        "C5": ("closed", 1990 - 2388, 398, 0, 0),
        "C6": ("closed", 0, 0, 0, 0),
    }
    numbers = sorted(rows[0][2] for rows in world.bills("billing", "closed").values())
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_the_prepared_bill_becomes_active_and_the_next_is_prepared(world):
    assert {code: [row[:2] for row in rows] for code, rows in world.bills("active", "inactive").items()}[
        "C1"
    ] == [(1, "active"), (2, "inactive")]
    world.bill()
    assert {code: [row[:2] for row in rows] for code, rows in world.bills("active", "inactive").items()}[
        "C1"
    ] == [(2, "active"), (3, "inactive")]


def test_a_second_run_changes_nothing(world):
    world.bill()
    before = world.everything()
    report = world.bill()
    assert (report.closed, report.total_minor) == (0, 0)
    assert world.everything() == before


def test_a_cycle_waits_for_its_grace_unless_forced(world):
    just_over = AS_OF_US - 2 * HOUR_US  # half past midnight in Vienna would be 23:30; this is 01:00
    report = world.bill(just_over - HOUR_US // 2)
    assert (report.closed, report.waiting) == (0, 6)
    assert world.bills("billing", "closed") == {}
    assert world.bill(just_over - HOUR_US // 2, force=True).closed == 6


def test_nothing_is_due_before_the_cycles_end(world):
    report = world.bill(AS_OF_US - 4 * HOUR_US, force=True)
    assert (report.closed, report.waiting) == (0, 0)


class CrashError(Exception):
    """The process is gone."""


class DyingStore:
    """A store whose user dies at the n-th call, before or after the store has done it."""

    def __init__(self, store, calls_before: int, *, after: bool) -> None:
        self._store = store
        self._left = calls_before
        self._after = after
        self.shards = store.shards
        self.group_schema = store.group_schema

    async def _maybe(self, call, asked):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise CrashError
        answer = await call(asked)
        if self._left == 0:
            raise CrashError
        return answer

    async def load(self, load):
        return await self._maybe(self._store.load, load)

    async def commit(self, commit):
        return await self._maybe(self._store.commit, commit)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_anywhere_and_a_second_run_give_the_same_bills(tmp_path, after):
    calm = BillingWorld(_folder(tmp_path, "calm"))
    calm.charge(*USAGE)
    calm.bill()
    crashes = 0
    for step in range(1, 100):
        world = BillingWorld(_folder(tmp_path, f"crash{step}"))
        world.charge(*USAGE)
        try:
            world.bill(store=DyingStore(world.store, step, after=after))
        except CrashError:
            crashes += 1
            world.bill()
            assert world.everything() == calm.everything(), step
        else:
            break
    assert crashes >= 8
    assert world.everything() == calm.everything()


def _folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_a_late_event_before_billing_is_on_its_months_bill_and_after_it_on_the_next(world):
    november = {"time": "2026-11-02T10:00:00Z"}
    assert world.charge(call(1, "new", 60, **november), call(1, "late", 60)) == [Outcome.CHARGED] * 2
    world.bill()
    assert world.lines_of("C1")[0][:4] == ("item", "calls", "Calls", 62 + 8)
    world.charge(call(1, "too late", 60))
    world.bill(NEXT_MONTH_US)
    calls = [row[3] for row in world.lines_of("C1") if row[1] == "calls"]
    # 8 cents of the evening of October, and 14 of the morning of November, a Monday.
    assert calls == [70, 14 + 8]


def test_months_that_nobody_billed_become_a_bill_each(world):
    report = world.bill(AS_OF_US + 3 * MONTH_US)
    assert report.closed == 4 * 6
    assert [row[0] for row in world.bills("billing", "closed")["C1"]] == [1, 2, 3, 4]
    nets = [row[3] for row in world.bills("billing", "closed")["C1"]]
    assert nets == [1052, 990, 990, 990]
