"""Shell. A steady load for a long time, with kills and restarts of a daemon and of the store: exact at the end.

One daemon lives all the time, and its memory must not grow; another one is killed, or replaced in order, and the
store is killed, in turn. Ends with 1 where an event is lost or was said two things of, where the money that records
moved is not what balances hold, where `verify` finds anything, or where the memory grew.
"""

import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cyclopts
import msgspec

from balance_store.scan import StoreScan
from bench.daemon_process import POLL_S, DaemonProcess
from bench.deployed import Deployed
from bench.evidence import Evidence, Held, Record, Verdict, in_items
from bench.own_servers import OwnServers
from bench.process_time import memory_mib
from bench.scrape import Scrape
from charging.store_tools import verify_store
from config.load import load_compiled_catalogue

MONEY = "EUR"
PIECE = 100_000
CAPACITY_EVENTS, CAPACITY_ROUNDS = 200_000, 3
SESSION_TIMEOUT_MS = 6_000
# The cache is full of all customers, and allocators have settled, by a fifth of the time.
SETTLED_SHARE = 0.2
GROWTH_MAX = 1.25
CATCH_UP_S = 180


class Soak:
    """Servers, two daemons and what was done to them."""

    def __init__(self, directory: Path, servers: OwnServers, deployed: Deployed) -> None:
        self._directory = directory
        self._servers = servers
        self._deployed = deployed
        self._numbers = itertools.count()
        self.steady = self._start()
        self.other = self._start()
        self._ways = itertools.cycle((self._kill_daemon, self._kill_store, self._replace_daemon))
        self.disturbances = 0

    def _start(self) -> DaemonProcess:
        log_file = self._directory / f"daemon-{next(self._numbers)}.log"
        daemon = DaemonProcess(self._deployed.settings_file, log_file)
        daemon.start()
        return daemon

    def disturb(self) -> str:
        """Do what comes next; says what it was."""
        self.disturbances += 1
        return next(self._ways)()

    def _kill_daemon(self) -> str:
        self.other.kill()
        self.other = self._start()
        return "a daemon killed"

    def _replace_daemon(self) -> str:
        self.other.stop()
        self.other = self._start()
        return "a daemon replaced"

    def _kill_store(self) -> str:
        self._servers.store.kill()
        self._servers.store.start()
        return "the store killed"

    def check(self) -> None:
        """Raises RuntimeError where a daemon ended by itself."""
        self.steady.check()
        self.other.check()

    def stop(self) -> None:
        """Both daemons, in order."""
        self.steady.stop()
        self.other.stop()


def main(
    *, minutes: float = 20.0, share: float = 0.6, customers: int = 20_000, every_s: float = 20.0
) -> None:
    """Run until the minutes are over, then judge.

    Parameters
    ----------
    share
        Of the capacity that both daemons have of a backlog just before.
    every_s
        From one kill or restart to the next.
    """
    with tempfile.TemporaryDirectory(prefix="chargeline-soak-") as folder:
        directory = Path(folder)
        with OwnServers(directory / "servers") as servers:
            deployed = Deployed(
                directory / "soak", servers, "soak", 0, "msgpack", session_timeout_ms=SESSION_TIMEOUT_MS
            )
            asyncio.run(deployed.deploy(customers))
            before = asyncio.run(_items(deployed))
            soak = Soak(directory, servers, deployed)
            try:
                rate = int(_capacity(deployed, soak) * share)
                print(f"{rate:,} events/s for {minutes:g} minutes, {customers:,} customers", flush=True)
                grew = _run(deployed, soak, rate, minutes * 60, every_s)
                evidence = _read_until_all_is_said(deployed)
            finally:
                soak.stop()
            verdict = evidence.verdict(before, asyncio.run(_items(deployed)))
            _, findings = asyncio.run(verify_store(deployed.settings, lambda finding: print(finding)))
    sys.exit(_judge(verdict, findings, soak.disturbances, grew))


def _capacity(deployed: Deployed, soak: Soak) -> float:
    """Events a second that both charge of a backlog, when warm."""
    daemons, capacity = (soak.steady, soak.other), 0.0
    for number in range(CAPACITY_ROUNDS):
        before = sum(daemon.page().events for daemon in daemons)
        for daemon in daemons:
            daemon.hold()
        # Shorter than the session in the group, or both would be thrown out.
        asyncio.run(deployed.send(deployed.events(CAPACITY_EVENTS, number, 1.1)))
        began = time.monotonic()
        for daemon in daemons:
            daemon.go_on()
        while sum(daemon.page().events for daemon in daemons) - before < CAPACITY_EVENTS:
            soak.check()
            time.sleep(POLL_S)
        capacity = CAPACITY_EVENTS / (time.monotonic() - began)
    return capacity


def _events(deployed: Deployed, until: float) -> Iterator[dict[str, Any]]:
    """Made piece by piece until that time: a sender that cannot keep its pace sends less, not longer."""
    pieces = itertools.count(CAPACITY_ROUNDS)
    endless = itertools.chain.from_iterable(deployed.events(PIECE, number, 1.1) for number in pieces)
    return itertools.takewhile(lambda _: time.monotonic() < until, endless)


def _run(deployed: Deployed, soak: Soak, rate: int, seconds: float, every_s: float) -> float:
    """Load and disturb; how much the steady daemon's memory grew, as a factor."""
    began, settled = time.monotonic(), 0.0
    with ThreadPoolExecutor(1) as beside:
        sending: Future[None] = beside.submit(
            lambda: asyncio.run(deployed.send(_events(deployed, began + seconds), rate))
        )
        last = soak.steady.page()
        while not sending.done():
            time.sleep(every_s / 2)
            done = soak.disturb()
            time.sleep(every_s / 2)
            soak.check()
            page = soak.steady.page()
            memory = memory_mib(soak.steady.pid)
            if not settled and time.monotonic() - began >= seconds * SETTLED_SHARE:
                settled = memory
            print(_line(time.monotonic() - began, page, last, memory, done), flush=True)
            last = page
        sending.result()
    end = memory_mib(soak.steady.pid)
    print(
        f"memory of the steady daemon: {settled:.0f} MiB when settled, {end:.0f} MiB at the end", flush=True
    )
    return end / settled


def _line(at_s: float, page: Scrape, last: Scrape, memory: float, done: str) -> str:
    seen = page.since(last)
    rate = seen.events / (page.at - last.at)
    return (
        f"{at_s:7.0f} s  {rate:>9,.0f} events/s by the steady daemon  p50 {seen.quantile_ms(0.5):>6,.0f} ms  "
        f"p99 {seen.quantile_ms(0.99):>7,.0f} ms  lag {page.lag:>9,.0f}  {memory:,.0f} MiB  {done}"
    )


def _read_until_all_is_said(deployed: Deployed) -> Evidence:
    """Every record that was published; waits for those that are not there yet."""
    ends = {place.partition: end for place, end in asyncio.run(deployed.ends()).items()}
    evidence = Evidence(ends, MONEY, msgspec.msgpack.Decoder(Record))
    asyncio.run(_read(deployed, evidence))
    return evidence


async def _read(deployed: Deployed, evidence: Evidence) -> None:
    topics = deployed.settings.kafka.topics
    consumers = [deployed.consumer(topic, "earliest") for topic in (topics.rated, topics.rejected)]
    for consumer in consumers:
        await consumer.start()
    idle_since = time.monotonic()
    try:
        while True:
            polled = [await consumer.getmany(timeout_ms=500) for consumer in consumers]
            for records in itertools.chain.from_iterable(one.values() for one in polled):
                for record in records:
                    evidence.take(record.value)
            now = time.monotonic()
            if any(polled):
                idle_since = now
            elif not evidence.missing or now - idle_since > CATCH_UP_S:
                return
    finally:
        for consumer in consumers:
            await consumer.stop()


async def _items(deployed: Deployed) -> dict[int, Held]:
    """What the items of each group hold."""
    products = load_compiled_catalogue(deployed.settings.catalogue.directory).products
    fee_items = {one.item_id for product in products.values() for one in product.recurring if one.amount > 0}
    found: dict[int, Held] = {}
    async with StoreScan.open(deployed.settings.store) as scan:
        for shard in range(scan.shards):
            async for rows in scan.groups(shard):
                found |= {group_id: in_items(record, fee_items) for group_id, record in rows}
    return found


def _judge(verdict: Verdict, findings: int, disturbances: int, grew: float) -> int:
    """Print the last line; 0 where all is well."""
    is_exact = not (verdict.lost or verdict.with_two_contents or verdict.groups_that_differ or findings)
    print(
        f"soak: {disturbances} kills and restarts, {verdict.events:,} events, {verdict.lost} lost, "
        f"{verdict.with_two_contents} with two contents, {verdict.repeated:,} records repeated, "
        f"{verdict.groups_that_differ} balance groups that differ, {findings} findings of verify, "
        f"memory x{grew:.2f}: {'exact' if is_exact else 'NOT EXACT'}"
    )
    return int(not is_exact or grew > GROWTH_MAX)


if __name__ == "__main__":
    cyclopts.run(main)
