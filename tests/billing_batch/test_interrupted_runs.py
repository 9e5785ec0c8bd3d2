"""Runs that die in the database, and two at the same time: the bills are those of an undisturbed run."""

import asyncio

import pytest
from sqlalchemy import event

from billing_batch.close_cycles import Billing
from tests.billing_batch.billing_world import AS_OF_US, USAGE, BillingWorld
from tests.rating_kernels.sample_world import SAMPLE


class CrashError(Exception):
    """The process is gone."""


def charged(directory, name) -> BillingWorld:
    folder = directory / name
    folder.mkdir()
    world = BillingWorld(folder)
    world.charge(*USAGE)
    return world


@pytest.mark.parametrize("what", ["before_cursor_execute", "commit"])
def test_a_crash_at_any_statement_and_a_second_run_give_the_same_bills(tmp_path, what):
    calm = charged(tmp_path, "calm")
    calm.bill()
    crashes = 0
    while True:
        world = charged(tmp_path, f"crash{crashes}")
        left = [crashes]

        def die(*_, left=left):
            if left[0] == 0:
                raise CrashError
            left[0] -= 1

        event.listen(world.engine, what, die)
        try:
            world.bill()
        except CrashError:
            crashes += 1
            event.remove(world.engine, what, die)
            world.bill()
            assert world.everything() == calm.everything(), crashes
            world.engine.dispose()
        else:
            break
    assert crashes > {"before_cursor_execute": 60, "commit": 5}[what]


class PoliteStore:
    """A store that lets the other run go first, each time."""

    def __init__(self, store) -> None:
        self._store = store
        self.shards = store.shards
        self.group_schema = store.group_schema
        self.commits = 0

    async def load(self, load):
        await asyncio.sleep(0)
        return await self._store.load(load)

    async def commit(self, commit):
        await asyncio.sleep(0)
        self.commits += 1
        return await self._store.commit(commit)

    async def settle(self, shard):
        await self._store.settle(shard)


def test_two_runs_at_the_same_time_make_each_bill_once(tmp_path):
    calm, world = charged(tmp_path, "calm"), charged(tmp_path, "both")
    calm.bill()
    stores = [PoliteStore(world.store), PoliteStore(world.store)]
    runs = [Billing(world.engine, store, world.settings, SAMPLE) for store in stores]

    async def both():
        return await asyncio.gather(
            *(run.run(AS_OF_US, force=False, progress=lambda *_: None) for run in runs)
        )

    reports = asyncio.run(both())
    assert sum(report.closed for report in reports) == 6
    assert all(store.commits for store in stores)
    assert world.everything() == calm.everything()
