"""Shell. What an event costs against the number of customers, the size of a batch and the length of a call, and
events a second of one to four daemons: a backlog each, found by daemons as people run them.

On a machine of few cores several daemons show what a group costs, not how it scales: they share the cores with each
other, with the broker and with the store. The first round of each is not counted, since it loads the customers.
"""

import asyncio
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cyclopts

from bench.bench_pipeline import CACHE_ROWS, ROUND_S
from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed, Servers
from bench.results import Recorder, Row

ZIPF = 1.1
CUSTOMERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
# What a daemon keeps in memory at most, where there are more customers than that.
ROWS_MAX = 1_000_000
BATCHES = (250, 1_000, 8_000, 32_000)
CALL_SECONDS = (1, 60, 600, 3_600)
DAEMONS = (1, 2, 3, 4)
# Of sweeps that do not vary them.
USUAL_CUSTOMERS = 20_000
ROUNDS = 3


class Case(NamedTuple):
    """One point of a plot."""

    name: str
    customers: int = USUAL_CUSTOMERS
    settings: str = ""
    call_seconds: int = 0
    daemons: int = 1


class Cost(NamedTuple):
    """Medians of the rounds of a case."""

    events_a_second: float
    daemon_us: float  # CPU an event, all daemons together


def main(*, events: int = 200_000, customers_max: int = 1_000_000) -> None:
    """Measure the four.

    Parameters
    ----------
    events
        Of each round.
    customers_max
        Leave out more customers than that: a million take a minute or two to load, ten million a quarter of an hour
        and 4 GB.
    """
    recorder = Recorder("scale")
    with (
        tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder,
        Servers(Path(folder) / "servers") as servers,
    ):
        bench = _Bench(Path(folder), servers, events)
        counts = [count for count in CUSTOMERS if count <= customers_max]
        rows = f"cache_rows_max = {max(CACHE_ROWS, min(customers_max, ROWS_MAX))}\n"
        by_customers = {n: bench.cost(Case("customers", customers=n, settings=rows)) for n in counts}
        _report("cost_by_customers", {n: cost.daemon_us for n, cost in by_customers.items()}, recorder)
        by_batch = {
            n: bench.cost(Case("batch", settings=f"batch_events_max = {n}\n")).daemon_us for n in BATCHES
        }
        _report("cost_by_batch", by_batch, recorder)
        by_length = {n: bench.cost(Case("call", call_seconds=n)).daemon_us for n in CALL_SECONDS}
        _report("cost_by_call_seconds", by_length, recorder)
        by_daemons = {n: bench.cost(Case("daemons", daemons=n)).events_a_second for n in DAEMONS}
        _report("rate_by_daemons", by_daemons, recorder, unit="events/s")
    print(f"kept in {recorder.save()}")


class _Bench:
    """Cases on the same servers, each a deployment of its own."""

    def __init__(self, directory: Path, servers: Servers, events: int) -> None:
        self._directory = directory
        self._servers = servers
        self._events = events
        self._number = 0

    def cost(self, case: Case) -> Cost:
        """Measure a case."""
        name = f"{case.name}-{self._number}"
        deployed = Deployed(
            self._directory / name, self._servers, name, self._number, "msgpack", case.settings
        )
        self._number += 1
        asyncio.run(deployed.deploy(case.customers))
        rates, costs = [], []
        with contextlib.ExitStack() as stack:
            daemons = [
                stack.enter_context(
                    DaemonProcess(deployed.settings_file, deployed.log_file.with_suffix(f".{n}"))
                )
                for n in range(case.daemons)
            ]
            charged = self._round(deployed, daemons, case, 0, 0.0)[2]
            for number in range(1, ROUNDS + 1):
                rate, cost_us, charged = self._round(deployed, daemons, case, number, charged)
                rates.append(rate)
                costs.append(cost_us)
        return Cost(statistics.median(rates), statistics.median(costs))

    def _round(
        self, deployed: Deployed, daemons: list[DaemonProcess], case: Case, number: int, charged: float
    ) -> tuple[float, float, float]:
        """(events a second, CPU of the daemons an event, events charged in all)."""
        wanted = charged + self._events
        if number:
            for one in daemons:
                one.hold()
        # Nobody is held in the first round: the group finds its members, and each its partitions.
        asyncio.run(deployed.send(deployed.events(self._events, number, ZIPF, case.call_seconds)))
        before = sum(one.cpu_seconds() for one in daemons)
        began = time.monotonic()
        for one in daemons:
            one.go_on()
        while charged < wanted:
            if time.monotonic() - began > ROUND_S:
                raise RuntimeError(f"the daemons hang at {charged:,.0f} of {wanted:,.0f} events")
            time.sleep(POLL_S)
            for one in daemons:
                one.check()
            charged = sum(one.page().events for one in daemons)
        took = time.monotonic() - began
        cpu = sum(one.cpu_seconds() for one in daemons) - before
        return self._events / took, cpu * 1e6 / self._events, charged


def _report(bench: str, points: dict[int, float], recorder: Recorder, unit: str = "us/event") -> None:
    """A row for each point, over the first one, and one that holds them all for the plot."""
    first = next(iter(points.values()))
    for at, value in points.items():
        recorder.add(Row(f"{bench}_{at}", round(value, 3), unit, round(value / first, 3)))
    series = [(float(at), round(value, 3)) for at, value in points.items()]
    recorder.add(Row(bench, round(first, 3), unit, series=series))


if __name__ == "__main__":
    cyclopts.run(main)
