"""Shell. The same backlog charged on one store and on a Cluster of three masters: what a Cluster costs.

All servers are on the same cores, so three masters cannot be faster than one here; the ratio is overhead, not scale.
Rounds on both alternate within one run, the first of each is not counted.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cyclopts

from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed
from bench.own_servers import OwnBroker, OwnCluster, OwnServer, OwnStore
from bench.process_time import cpu_seconds
from bench.results import Recorder, row_of
from charging.server_plan import KAFKA, ServerState

MASTERS = 3
SHARDS = 64
ROUND_S = 300


class Way:
    """One deployment with its store's servers, and what its rounds came to."""

    def __init__(self, folder: Path, name: str, broker: OwnBroker, url: str, servers: Sequence[OwnServer]):
        self._servers = servers
        self.state = ServerState(0, 0, broker.bootstrap, url, KAFKA, ready=True)
        self.deployed = Deployed(folder / name, self, name, 0, "msgpack", shards=SHARDS)
        self.daemon = DaemonProcess(self.deployed.settings_file, self.deployed.log_file)
        self.charged = 0
        self.rates: list[float] = []
        self.store_us: list[float] = []

    def round(self, events: int, number: int) -> None:
        """Charge a backlog and keep the figures."""
        self.daemon.hold()
        asyncio.run(self.deployed.send(self.deployed.events(events, number, 1.1)))
        before, began = self._store_cpu_s(), time.monotonic()
        self.charged += events
        self.daemon.go_on()
        while self.daemon.page().events < self.charged:
            self.daemon.check()
            if time.monotonic() - began > ROUND_S:
                raise RuntimeError(f"the daemon hangs before {self.charged:,} events")
            time.sleep(POLL_S)
        if number:
            self.rates.append(events / (time.monotonic() - began))
            self.store_us.append((self._store_cpu_s() - before) * 1e6 / events)

    def _store_cpu_s(self) -> float:
        return sum(cpu_seconds(server.pid) for server in self._servers)


def main(*, customers: int = 20_000, events: int = 200_000, rounds: int = 3) -> None:
    """Measure both."""
    recorder = Recorder("cluster")
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        broker = OwnBroker(folder / "kafka")
        store = OwnStore(folder / "one-store")
        cluster = OwnCluster(folder / "masters", MASTERS)
        for part in (broker, store, cluster):
            stack.enter_context(part)
        ways = [
            Way(folder, "one", broker, store.url, [store]),
            Way(folder, "three", broker, cluster.url, cluster.masters),
        ]
        for way in ways:
            asyncio.run(way.deployed.deploy(customers))
            stack.enter_context(way.daemon)
        for number in range(rounds + 1):
            for way in ways:
                way.round(events, number)
    one, three = ways
    for name, unit, single, masters in (
        ("", "events/s", one.rates, three.rates),
        ("_cpu", "us/event", one.store_us, three.store_us),
    ):
        base = row_of(f"cluster_one_server{name}", single, unit, 1.0)
        row = row_of(f"cluster_three_masters{name}", masters, unit)
        recorder.add(base)
        recorder.add(row_of(row.bench, masters, unit, row.value / base.value))
    print(f"kept in {recorder.save()}; overhead on the same cores, not scale")


if __name__ == "__main__":
    cyclopts.run(main)
