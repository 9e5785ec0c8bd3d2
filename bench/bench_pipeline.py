"""Shell. Events a second from the broker to published records, beside what the client alone can do.

Rates of the same run over the same messages: aiokafka's `getmany` alone, `getmany` with msgspec decoding,
and the whole daemon as people run it, with store and broker on the same cores; and the CPU an event costs
each of the three. Medians of several rounds, each with new events. Before them come an event of each customer, so that
all are in the daemon's cache, and a round that is not counted. One daemon charges them all: it is held while a round's events are sent and
read, and finds them as a backlog. Then the rate at which the store alone takes such commits, and how long a daemon
that is started again takes until it has rated an event.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cyclopts

from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed, Servers, Wire
from bench.process_time import cpu_seconds
from bench.results import Recorder, Row, row_of
from bench.scrape import Scrape
from bench.store_alone import store_alone
from config.settings import Charging

# Beyond this a round hangs, and the bench says so instead of waiting.
ROUND_S = 300
PAUSE_S_MIN = 0.02
# The setting's default.
CACHE_ROWS = Charging().cache_rows_max
# A number that no other round has.
WARM_START_ROUND = 1_000
WARM_START_POLL_S = 0.02


class Mix(NamedTuple):
    """One workload."""

    name: str
    exponent: float  # of the Zipf law by which customers differ; 0 = all alike
    wire: Wire = "msgpack"
    call_seconds: int = 0  # 0 = as people call


QUICK = (Mix("pipeline_zipf", 1.1), Mix("pipeline_uniform", 0.0))
ALL = (
    *QUICK,
    Mix("pipeline_json", 1.1, "json"),
    Mix("pipeline_calls_1s", 1.1, call_seconds=1),
    Mix("pipeline_calls_1h", 1.1, call_seconds=3_600),
)


# Figures that are one mix's rate over another's, of the same run.
RATIOS = (
    ("json_over_msgpack", "pipeline_json", "pipeline_zipf"),
    ("calls_1h_over_1s", "pipeline_calls_1h", "pipeline_calls_1s"),
)


class Charged(NamedTuple):
    """One round of the whole pipeline: rate, and CPU in microseconds an event."""

    events_a_second: float
    daemon_us: float
    store_us: float
    broker_us: float
    looks: list[tuple[float, float]]  # (seconds, events charged by then)


def main(*, quick: bool = False, customers: int = 0) -> None:
    """Measure the pipeline.

    Parameters
    ----------
    quick
        Fewer customers, events and rounds, the two main mixes only: under three minutes on two cores.
    customers
        How many; 0 for 20,000 in the quick form, a million otherwise.
    """
    events, rounds = (200_000, 3) if quick else (500_000, 5)
    count = customers or (20_000 if quick else 1_000_000)
    recorder = Recorder("pipeline")
    # All of them are to be in memory, as they are where a daemon is given what it needs.
    more = f"cache_rows_max = {max(count, CACHE_ROWS)}\n"
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            rated = {}
            for number, mix in enumerate(QUICK if quick else ALL):
                deployed = Deployed(directory / mix.name, servers, mix.name, number, mix.wire, more)
                asyncio.run(deployed.deploy(count))
                rated[mix.name] = _measure(deployed, servers, mix, events, rounds, recorder)
            for bench, over, under in RATIOS:
                if over in rated:
                    recorder.add(
                        Row(bench, round(rated[over]), "events/s", round(rated[over] / rated[under], 3))
                    )
    if not quick:
        print(f"kept in {recorder.save()}")


def _measure(
    deployed: Deployed, servers: Servers, mix: Mix, events: int, rounds: int, recorder: Recorder
) -> float:
    """Measure and report one mix; its median rate."""
    rates: dict[str, list[float]] = {"getmany": [], "getmany_decode": []}
    reader_us: list[float] = []
    charged: list[Charged] = []
    with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
        daemon.hold()
        asyncio.run(deployed.send(deployed.everyone()))
        charge_backlog(daemon, servers, deployed.customers, deployed.customers)
        for number in range(rounds + 1):
            start = asyncio.run(deployed.ends())
            daemon.hold()
            asyncio.run(deployed.send(deployed.events(events, number, mix.exponent, mix.call_seconds)))
            alone = asyncio.run(deployed.poll(start, events, decode=False))
            decoding = asyncio.run(deployed.poll(start, events, decode=True))
            one = charge_backlog(daemon, servers, events, deployed.customers + (number + 1) * events)
            if number:
                rates["getmany"].append(alone.events_a_second)
                rates["getmany_decode"].append(decoding.events_a_second)
                reader_us.append(alone.cpu_us)
                charged.append(one)
    rate = _report(deployed, mix, events, rates, reader_us, charged, recorder)
    if mix == QUICK[0]:
        recorder.add(Row("warm_start", round(_warm_start(deployed), 2), "seconds"))
    # Last: it charges what no log holds, and a daemon would stop at that.
    if mix in QUICK:
        store_rate = asyncio.run(store_alone(deployed, deployed.events(events, rounds + 1, mix.exponent)))
        recorder.add(
            Row(f"{mix.name}_store_alone", round(store_rate), "events/s", round(rate / store_rate, 3))
        )
    return rate


def _warm_start(deployed: Deployed) -> float:
    """Seconds from the start of a daemon, its kernels cached, until it has rated an event that waits for it."""
    asyncio.run(deployed.send(deployed.events(1, WARM_START_ROUND, 1.1)))
    daemon = DaemonProcess(deployed.settings_file, deployed.log_file)
    began = time.monotonic()
    with daemon:
        while not daemon.page().events:
            daemon.check()
            if time.monotonic() - began > ROUND_S:
                raise RuntimeError("a daemon that was started again charges nothing")
            time.sleep(WARM_START_POLL_S)
        return time.monotonic() - began


def charge_backlog(daemon: DaemonProcess, servers: Servers, events: int, in_all: int) -> Charged:
    """Let the daemon go on with this round's backlog, until it has charged so many events in all."""
    pids = (daemon.pid, servers.store_pid, servers.broker_pid)
    before = [cpu_seconds(pid) for pid in pids]
    began = time.monotonic()
    daemon.go_on()
    last = Scrape.empty()
    looks = [(0.0, 0.0)]
    pause_s = POLL_S
    while last.events < in_all:
        daemon.check()
        if time.monotonic() - began > ROUND_S:
            raise RuntimeError(f"the daemon hangs at {last.events:,.0f} of {in_all:,} events")
        time.sleep(pause_s)
        last = daemon.page()
        charged = max(0.0, last.events - (in_all - events))
        looks.append((last.at - began, charged))
        # A look costs the daemon some milliseconds: the fewer the better, and the last one soon after the end.
        left_s = (last.at - began) * (events - charged) / max(charged, 1.0)
        pause_s = min(max(left_s / 2, PAUSE_S_MIN), POLL_S * 5)
    after = [cpu_seconds(pid) for pid in pids]
    daemon_us, store_us, broker_us = (
        (late - early) * 1e6 / events for early, late in zip(before, after, strict=True)
    )
    return Charged(events / (last.at - began), daemon_us, store_us, broker_us, looks)


def _report(
    deployed: Deployed,
    mix: Mix,
    events: int,
    rates: dict[str, list[float]],
    reader_us: list[float],
    charged: list[Charged],
    recorder: Recorder,
) -> float:
    getmany = row_of(f"{mix.name}_getmany", rates["getmany"], "events/s", 1.0)
    reader = row_of(f"{mix.name}_getmany_cpu", reader_us, "us/event", 1.0)
    rows = [getmany, reader]
    decoding = row_of(f"{mix.name}_getmany_decode", rates["getmany_decode"], "events/s")
    pipeline = row_of(mix.name, [one.events_a_second for one in charged], "events/s")
    rows += [
        row_of(row.bench, values, row.unit, row.value / getmany.value)
        for row, values in (
            (decoding, rates["getmany_decode"]),
            (pipeline, [one.events_a_second for one in charged]),
        )
    ]
    costs = {
        "daemon_cpu": [one.daemon_us for one in charged],
        "store_cpu": [one.store_us for one in charged],
        "broker_cpu": [one.broker_us for one in charged],
        "all_cpu": [one.daemon_us + one.store_us + one.broker_us for one in charged],
    }
    for name, values in costs.items():
        row = row_of(f"{mix.name}_{name}", values, "us/event")
        rows.append(row_of(row.bench, values, row.unit, row.value / reader.value))
    rows.append(Row(f"{mix.name}_over_time", pipeline.value, pipeline.unit, series=_over_time(charged)))
    print(f"\n{mix.name}: {deployed.customers:,} customers, {events:,} events a round, {mix.wire}")
    for row in rows[:-1]:
        print(
            f"  {row.bench:36} {row.value:>12,.1f} {row.unit:9} ({row.low:,.1f} to {row.high:,.1f})"
            f"  {row.ratio:.2f} of getmany"
        )
    for row in rows:
        recorder.add(row)
    return pipeline.value


def _over_time(charged: list[Charged]) -> list[tuple[float, float]]:
    """(seconds, events a second since the look before), the rounds one after the other."""
    series: list[tuple[float, float]] = []
    began = 0.0
    for one in charged:
        for (before, some), (at, more) in zip(one.looks, one.looks[1:], strict=False):
            series.append((round(began + at, 3), round((more - some) / (at - before))))
        began += one.looks[-1][0]
    return series


if __name__ == "__main__":
    cyclopts.run(main)
