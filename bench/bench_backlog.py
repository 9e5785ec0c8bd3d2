"""Shell. A backlog: memory while it is charged, how fast it goes, and whether new events are as quick as before.

The daemon charges a trickle, is held while the backlog is sent, finds it, and charges the same trickle again. What
the trickle waits is the daemon's own figure, from a message's timestamp to its batch's published records, to the
bound of a bucket; what the backlog takes of memory is the kernel's.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import cyclopts

from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed, Servers
from bench.process_time import forget_peak, memory_mib, peak_memory_mib
from bench.results import Recorder, Row

# Sent in pieces, so that the sender's memory does not grow with the backlog.
PIECE = 500_000
# Beyond this the daemon hangs, and the bench says so instead of waiting.
STALL_S = 60


def main(
    *, events: int = 2_000_000, customers: int = 100_000, trickle: int = 2_000, seconds: int = 10
) -> None:
    """Measure a backlog.

    Parameters
    ----------
    events
        Of the backlog.
    trickle
        Events a second before and after it, for so many seconds.
    """
    recorder = Recorder("backlog")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        with Servers(directory / "servers") as servers:
            deployed = Deployed(directory / "backlog", servers, "backlog", 0, "msgpack")
            asyncio.run(deployed.deploy(customers))
            with DaemonProcess(deployed.settings_file, deployed.log_file) as daemon:
                _measure(deployed, daemon, events, trickle, trickle * seconds, recorder)
    print(f"kept in {recorder.save()}")


def _measure(
    deployed: Deployed, daemon: DaemonProcess, events: int, rate: int, trickled: int, recorder: Recorder
) -> None:
    # Warm, and every customer in the cache that will ever be: what grows later is the backlog's.
    asyncio.run(deployed.send(deployed.events(PIECE, 0, 0.0)))
    charged = PIECE
    _wait(daemon, charged)
    before_ms = _trickle(deployed, daemon, rate, trickled, 1, charged)
    charged += trickled
    memory = memory_mib(daemon.pid)
    forget_peak(daemon.pid)

    daemon.hold()
    for number, first in enumerate(range(0, events, PIECE)):
        asyncio.run(deployed.send(deployed.events(min(PIECE, events - first), 2 + number, 1.1)))
    began = time.monotonic()
    daemon.go_on()
    charged += events
    took_s = _wait(daemon, charged) - began

    after_ms = _trickle(deployed, daemon, rate, trickled, -1, charged)
    peak = peak_memory_mib(daemon.pid)
    recorder.add(Row("backlog_rate", round(events / took_s), "events/s"))
    recorder.add(Row("backlog_memory_before", round(memory), "MiB"))
    recorder.add(Row("backlog_memory_peak", round(peak), "MiB", round(peak / memory, 3)))
    for quantile, before, after in zip((50, 99), before_ms, after_ms, strict=True):
        recorder.add(Row(f"backlog_latency_before_p{quantile}", before, "ms"))
        recorder.add(Row(f"backlog_latency_after_p{quantile}", after, "ms", round(after / before, 3)))


def _trickle(
    deployed: Deployed, daemon: DaemonProcess, rate: int, events: int, number: int, charged: int
) -> tuple[float, float]:
    """p50 and p99 of the batches of a trickle, in milliseconds."""
    before = daemon.page()
    asyncio.run(deployed.send(deployed.events(events, number, 1.1), rate))
    _wait(daemon, charged + events)
    seen = daemon.page().since(before)
    return seen.quantile_ms(0.5), seen.quantile_ms(0.99)


def _wait(daemon: DaemonProcess, charged: int) -> float:
    """Until so many events are charged in all; when that was seen."""
    last, moved_at = daemon.page(), time.monotonic()
    while last.events < charged:
        daemon.check()
        if time.monotonic() - moved_at > STALL_S:
            raise RuntimeError(f"the daemon hangs at {last.events:,.0f} of {charged:,} events")
        time.sleep(POLL_S)
        page = daemon.page()
        if page.events > last.events:
            moved_at = time.monotonic()
        last = page
    return last.at


if __name__ == "__main__":
    cyclopts.run(main)
