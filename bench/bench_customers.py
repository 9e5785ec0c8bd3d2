"""Shell. From ten thousand customers to a million or ten: cost of an event, memory, and how soon a restart rates.

Each size has its own store. A daemon charges rounds of a backlog (Zipf, and uniform beside it), is stopped, and
another is started: the time from its start to its first rated event, cold, and its memory against what the ceiling of
the cache allows.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import cyclopts

from bench.bench_pipeline import Charged, charge_backlog
from bench.daemon_process import DaemonProcess
from bench.deployed import Deployed, Servers
from bench.process_time import memory_mib, peak_memory_mib
from bench.results import Recorder, Row, row_of

FIRST_RATED_POLL_S = 0.02
START_MAX_S = 120
MIXES = (("zipf", 1.1), ("uniform", 0.0))


def main(
    *,
    least: int = 10_000,
    most: int = 1_000_000,
    events: int = 200_000,
    rounds: int = 3,
    cache_rows: int = 200_000,
) -> None:
    """Measure each power of ten.

    Parameters
    ----------
    cache_rows
        `charging.cache_rows_max`: the daemon's ceiling, whatever the number of customers.
    """
    recorder = Recorder("customers")
    base: dict[str, float] = {}
    customers = least
    while customers <= most:
        with (
            tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder,
            Servers(Path(folder) / "servers") as servers,
        ):
            more = f"cache_rows_max = {cache_rows}\n"
            deployed = Deployed(Path(folder) / "customers", servers, "customers", 0, "msgpack", more)
            asyncio.run(deployed.deploy(customers))
            _measure(deployed, servers, events, rounds, base, recorder)
        customers *= 10
    print(f"kept in {recorder.save()}")


def _measure(
    deployed: Deployed,
    servers: Servers,
    events: int,
    rounds: int,
    base: dict[str, float],
    recorder: Recorder,
) -> None:
    name, number = f"customers_{deployed.customers}", 0
    with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
        for mix, exponent in MIXES:
            charged: list[Charged] = []
            for _ in range(rounds + 1):
                daemon.hold()
                asyncio.run(deployed.send(deployed.events(events, number, exponent)))
                number += 1
                charged.append(charge_backlog(daemon, servers, events, number * events))
            costs = [one.daemon_us + one.store_us + one.broker_us for one in charged[1:]]
            cost = statistics.median(costs)
            ratio = cost / base.setdefault(mix, cost)
            recorder.add(row_of(f"{name}_{mix}_cpu", costs, "us/event", ratio))
            rates = [one.events_a_second for one in charged[1:]]
            recorder.add(row_of(f"{name}_{mix}", rates, "events/s"))
        recorder.add(Row(f"{name}_memory", round(memory_mib(daemon.pid)), "MiB"))
        recorder.add(Row(f"{name}_memory_peak", round(peak_memory_mib(daemon.pid)), "MiB"))
    recorder.add(Row(f"{name}_restart", round(_restart_s(deployed, number), 2), "seconds"))


def _restart_s(deployed: Deployed, number: int) -> float:
    """From the start of a process to its first rated event, of a few that wait for it."""
    asyncio.run(deployed.send(deployed.events(1_000, number, 0.0)))
    began = time.monotonic()
    with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
        while not daemon.page().events:
            daemon.check()
            if time.monotonic() - began > START_MAX_S:
                raise RuntimeError("a restarted daemon rates nothing")
            time.sleep(FIRST_RATED_POLL_S)
        return time.monotonic() - began


if __name__ == "__main__":
    cyclopts.run(main)
