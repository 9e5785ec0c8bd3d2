"""What becomes of a catalogue that changed in the folder of a running daemon."""

import asyncio

import pytest

from charging import catalogue_watch
from charging.backoff import Backoff
from charging.balance_cache import BalanceCache
from charging.catalogue_in_use import CatalogueInUse
from charging.catalogue_watch import CatalogueWatch, folder_state
from charging.metrics import Metrics
from charging.output_records import RecordWriter
from config.load import load_compiled_catalogue
from tests.charging.reload_catalogue import write


class Watched:
    """A folder with version 1, and who looks at it."""

    def __init__(self, folder, check_seconds: int = 0) -> None:
        self.folder = folder
        self.metrics = Metrics()
        self.asked = asyncio.Event()
        write(folder, 1, "0.10")
        state = folder_state(str(folder))
        catalogue = load_compiled_catalogue(folder)
        writer = RecordWriter(catalogue, "usage", "json")
        self.in_use = CatalogueInUse(catalogue, BalanceCache(catalogue, 100), writer, self.asked.set)
        self.watch = CatalogueWatch(
            self.in_use, str(folder), state, check_seconds, self.asked, Backoff(lambda: 0.5), self.metrics
        )

    def look(self, times: int = 2) -> int:
        """The version that is known after so many looks."""

        async def play():
            for _ in range(times):
                await self.watch.look()

        asyncio.run(play())
        return self.in_use.latest.version

    def count(self, result: str) -> float:
        return self.metrics.catalogue_reloads.labels(result)._value.get()


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_a_newer_version_is_offered_once_it_has_come_to_rest(watched):
    assert watched.look() == 1
    write(watched.folder, 2, "0.20")
    assert watched.look(1) == 1
    assert watched.look(1) == 2
    assert (watched.in_use.version, watched.count("loaded")) == (1, 1)
    watched.in_use.switch()
    assert (watched.in_use.version, watched.in_use.offered) == (2, None)


def test_what_is_still_being_written_is_left_alone(watched):
    for price in ("0.21", "0.22", "0.23"):
        write(watched.folder, 2, price)
        assert watched.look(1) == 1
    assert watched.look(1) == 2


@pytest.mark.parametrize(
    ("version", "more", "result"),
    [
        (2, '[[product]]\ncode = "nothing"\nname = "N"\n', "faulty"),
        (2, "version = [", "faulty"),
        (1, "", "refused"),
    ],
    ids=["a product that does nothing", "no TOML", "a version that does not grow"],
)
def test_a_fault_is_told_once_and_the_old_one_kept(watched, version, more, result):
    write(watched.folder, version, "0.20", more)
    assert watched.look(5) == 1
    assert watched.count(result) == 1
    write(watched.folder, 2, "0.20")
    assert watched.look() == 2


def test_what_must_not_change_within_a_deployment_is_refused(watched):
    write(
        watched.folder,
        2,
        "0.20",
        'tax = [{ code = "vat", name = "V", rate = { valid_from = 2016-01-01, percent = 20 } }]',
    )
    assert watched.look() == 2
    write(watched.folder, 3, "0.30")
    assert watched.look() == 2
    assert watched.count("refused") == 1


def test_what_an_open_cycle_is_booked_to_must_go_on_being_known(watched):
    more = 'general_ledger = [{ code = "l", name = "L" }]'
    write(watched.folder, 2, "0.20", more, 'usage", general_ledger = "l')
    assert watched.look() == 1
    assert watched.count("refused") == 1


def test_a_folder_that_is_gone_or_only_touched_changes_nothing(watched):
    write(watched.folder, 1, "0.10")
    assert watched.look() == 1
    (watched.folder / "catalogue.toml").unlink()
    assert watched.look() == 1
    write(watched.folder, 2, "0.10")
    assert watched.look() == 2
    assert (watched.count("faulty"), watched.count("refused")) == (1, 0)


def test_the_store_and_a_signal_make_the_daemon_look_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue_watch, "SETTLE_S", 0.01)

    async def play():
        watched = Watched(tmp_path)
        watching = asyncio.create_task(watched.watch.run())
        write(watched.folder, 2, "0.20")
        await asyncio.sleep(0.1)
        assert watched.in_use.latest.version == 1, "with 0 seconds nobody looks unasked"
        watched.asked.set()
        await _until(lambda: watched.in_use.latest.version == 2)
        watched.in_use.switch()
        # The store wants one that is not there yet: it is looked for until it is.
        watched.in_use.want(3)
        assert watched.in_use.behind
        await asyncio.sleep(0.1)
        write(watched.folder, 3, "0.30")
        await _until(lambda: watched.in_use.latest.version == 3)
        watched.in_use.switch()
        assert not watched.in_use.behind
        watching.cancel()

    asyncio.run(play())


async def _until(true) -> None:
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came")
