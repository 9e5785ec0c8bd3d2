"""Shell. From a message sent to its record published: open loop, so that waiting counts.

Events go out when they are due, whatever the daemon or the broker do, and a record that comes late counts from when
its event was due. The load is a share of what the daemon charged of a backlog just before, on the same machine;
sender and reader (`open_loop.py`) are one more process on the same cores. The floor is the same load straight through
the broker: what sender, broker and reader take without a daemon between them. The first seconds of a load are not
counted: a broker that has just started compiles itself, for some ten seconds, on the same cores.
"""

import asyncio
import tempfile
from pathlib import Path

import cyclopts
import numpy as np

from bench.bench_pipeline import charge_backlog
from bench.daemon_process import DaemonProcess
from bench.deployed import Deployed, Servers
from bench.open_loop import TICK_S, Moments, Tick, run_open_loop, usage_ticks
from bench.results import Recorder, Row
from bench.scrape import ARRIVAL, Scrape
from charging.topics import create_topics

SHARES = (0.1, 0.6)
QUANTILES = (50.0, 99.0, 99.9)
# Of the backlog.
ROUNDS, ROUND_EVENTS = 3, 200_000
# Of the daemon, in their order.
STAGES = ("wait", "decode", "load", "decide", "commit", "publish")
# Of the floor, counted and before that.
FLOOR_S, FLOOR_WARM_S = 4.0, 2.0


def main(*, customers: int = 20_000, seconds: float = 10.0, warm_seconds: float = 8.0) -> None:
    """Measure latency.

    Parameters
    ----------
    seconds
        Of each load, counted.
    warm_seconds
        Of each load before that.
    """
    recorder = Recorder("latency")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            deployed = Deployed(directory / "latency", servers, "latency", 0, "json")
            asyncio.run(deployed.deploy(customers))
            floor = Deployed(directory / "floor", servers, "floor", 1, "json")
            asyncio.run(create_topics(floor.settings.kafka))
            with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
                capacity = _capacity(deployed, daemon, servers)
                recorder.add(Row("latency_capacity", round(capacity), "events/s"))
                for number, share in enumerate(SHARES):
                    rate = int(capacity * share)
                    events = deployed.events(int(rate * (warm_seconds + seconds)), number + 10, 1.1)
                    ticks = usage_ticks(events, deployed.settings.kafka.partitions, rate)
                    some = ticks[: round((FLOOR_WARM_S + FLOOR_S) / TICK_S)]
                    usage = floor.settings.kafka.topics.usage
                    alone = asyncio.run(_run(floor, usage, some))
                    before = daemon.page()
                    moments = asyncio.run(_run(deployed, deployed.settings.kafka.topics.rated, ticks))
                    daemon.check()
                    percent = round(share * 100)
                    print(f"{percent} % of capacity, {rate:,} events/s, from when an event was due")
                    _report(f"latency_{percent}_floor", alone, FLOOR_WARM_S, recorder)
                    _report(f"latency_{percent}", moments, warm_seconds, recorder)
                    _report_stages(percent, before, daemon.page(), recorder)
    print(f"kept in {recorder.save()}")


def _capacity(deployed: Deployed, daemon: DaemonProcess, servers: Servers) -> float:
    """Events a second of a backlog; the last of some, since all is cold before."""
    capacity = 0.0
    for number in range(ROUNDS):
        daemon.hold()
        asyncio.run(deployed.send(deployed.events(ROUND_EVENTS, number, 1.1)))
        charged = charge_backlog(daemon, servers, ROUND_EVENTS, (number + 1) * ROUND_EVENTS)
        capacity = charged.events_a_second
    return capacity


async def _run(deployed: Deployed, from_topic: str, ticks: list[Tick]) -> Moments:
    """Send the ticks to the usage topic, and read what comes from there on."""
    kafka = deployed.settings.kafka
    consumer = deployed.consumer(from_topic)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
    finally:
        await consumer.stop()
    starts = {place.partition: end for place, end in ends.items()}
    return await run_open_loop(kafka.bootstrap, kafka.topics.usage, from_topic, starts, ticks)


def _report(name: str, moments: Moments, warm_seconds: float, recorder: Recorder) -> None:
    late_ms = moments.late_ms(warm_seconds)
    # The curve of a plot: how late, and how much is not later.
    shares = (*range(1, 100), 99.5, 99.9, 99.99)
    curve = [(round(float(np.percentile(late_ms, q)), 3), float(q)) for q in shares]
    first = round(warm_seconds / TICK_S)
    parts = {
        "published": late_ms,
        "sent": np.array(moments.sent_late_s[first:]) * 1e3,
        "acknowledged": np.array(moments.acknowledged_late_s[first:]) * 1e3,
    }
    for part, values in parts.items():
        quantiles = np.percentile(values, QUANTILES)
        said = ", ".join(f"p{q:g} {ms:.1f} ms" for q, ms in zip(QUANTILES, quantiles, strict=True))
        print(f"  {name} {part}: {said}")
    for quantile, ms in zip(QUANTILES, np.percentile(late_ms, QUANTILES), strict=True):
        series = curve if quantile == QUANTILES[0] else []
        recorder.add(Row(f"{name}_p{quantile:g}", round(float(ms), 2), "ms", series=series))


def _report_stages(percent: int, before: Scrape, after: Scrape, recorder: Recorder) -> None:
    """Where the time of a batch goes; `arrival` is the age of its oldest message when it was polled."""
    batches = after.batches - before.batches
    events = (after.events - before.events) / batches
    recorder.add(Row(f"latency_{percent}_batch", round(events, 1), "events"))
    for stage in (ARRIVAL, *STAGES):
        spent_ms = (after.stage_s[stage] - before.stage_s[stage]) * 1e3 / batches
        recorder.add(Row(f"latency_{percent}_{stage}", round(spent_ms, 2), "ms/batch"))


if __name__ == "__main__":
    cyclopts.run(main)
