"""Shell. Events a second from the broker to published records, beside what the client alone can do.

Three rates of the same run over the same messages: aiokafka's `getmany` alone, `getmany` with msgspec
decoding, and the whole daemon as people run it, with store and broker on the same cores. Medians of
several rounds, each with new events; every figure is also a JSON line.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cyclopts
import msgspec
from aiokafka import AIOKafkaConsumer

from balance_store.client import StoreClient
from balance_store.deployment import create
from bench.scrape import Scrape, read_page
from bench.workload import SEED, customer_lines, usage_events
from charging.send_usage import send_usage
from charging.servers import start_servers, stop_servers
from charging.topics import create_topics
from charging.usage_event import UsageEvent
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.install_customers import install
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of

INSTALL_AT_ONCE = 2_000
POLL_S = 0.02
# Beyond this a round hangs, and the bench says so instead of waiting.
ROUND_S = 300


def main(*, quick: bool = False) -> None:
    """Measure the pipeline.

    Parameters
    ----------
    quick
        Fewer customers, events and rounds: under three minutes on two cores.
    """
    customers, events, rounds = (5_000, 150_000, 3) if quick else (100_000, 500_000, 5)
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        directory = Path(folder)
        state = start_servers(directory / "servers", parent_pid=os.getpid())
        try:
            for name, exponent in (("pipeline_zipf", 1.1), ("pipeline_uniform", 0.0)):
                bench = _Bench(
                    directory / name, state.kafka_bootstrap, state.store_url, name, exponent == 0.0
                )
                bench.run(customers, events, rounds, exponent)
        finally:
            stop_servers(directory / "servers")


class _Bench:
    """One mix: its own topics, store and customers."""

    def __init__(self, directory: Path, bootstrap: str, store_url: str, name: str, second: bool) -> None:  # noqa: FBT001
        directory.mkdir()
        self._name = name
        self._file = directory / "settings.toml"
        topics = ", ".join(f'{t} = "{name}-{t}"' for t in ("usage", "rated", "notifications", "rejected"))
        self._file.write_text(
            f'[kafka]\nbootstrap = "{bootstrap}"\ngroup_id = "{name}"\ntopics = {{ {topics} }}\n'
            f'session_timeout_ms = 6000\n[store]\nurl = "{store_url}?db={int(second)}"\n'
            '[charging]\nhorizon_hours = 0\nahead_seconds = 0\n[http]\nport = 0\n[log]\nlevel = "info"\n'
        )
        self._log = directory / "daemon.log"
        self._settings: Settings = load_settings(str(self._file), {})

    def run(self, customers: int, events: int, rounds: int, exponent: float) -> None:
        """Measure and print."""
        asyncio.run(self._deploy(customers))
        figures: dict[str, list[float]] = {"getmany": [], "getmany_decode": [], "pipeline": [], "cpu_us": []}
        # The first round compiles, connects and fills the cache; it is not counted.
        for number in range(rounds + 1):
            start = asyncio.run(self._ends())
            asyncio.run(self._send(customers, events, number, exponent))
            alone = asyncio.run(self._poll(start, events, decode=False))
            decoding = asyncio.run(self._poll(start, events, decode=True))
            charged, cpu_us = self._charge(events)
            if number:
                for name, value in zip(figures, (alone, decoding, charged, cpu_us), strict=True):
                    figures[name].append(value)
        self._print(figures, customers, events)

    def _print(self, figures: dict[str, list[float]], customers: int, events: int) -> None:
        middle = {name: statistics.median(values) for name, values in figures.items()}
        spread = {name: (min(values), max(values)) for name, values in figures.items()}
        print(
            f"\n{self._name}: {customers:,} customers, {events:,} events a round, JSON of the sample operator"
        )
        for name, text in (
            ("getmany", "aiokafka getmany alone"),
            ("getmany_decode", "getmany and msgspec decoding"),
            ("pipeline", "charged end to end"),
        ):
            ratio = middle[name] / middle["getmany"]
            low, high = spread[name]
            print(
                f"  {text:30} {middle[name]:>10,.0f} events/s  ({low:,.0f} to {high:,.0f})  {ratio:.2f} of getmany"
            )
        print(f"  {'CPU of the daemon':30} {middle['cpu_us']:>10.1f} us an event")
        rows: list[dict[str, Any]] = [
            {
                "bench": self._name if name == "pipeline" else f"{self._name}_{name}",
                "value": round(middle[name]),
                "unit": "events/s",
                "ratio": round(middle[name] / middle["getmany"], 3),
                "low": round(spread[name][0]),
                "high": round(spread[name][1]),
            }
            for name in ("getmany", "getmany_decode", "pipeline")
        ]
        rows.append(
            {
                "bench": f"{self._name}_cpu",
                "value": round(middle["cpu_us"], 2),
                "unit": "us/event",
                "ratio": None,
            }
        )
        for row in rows:
            print(msgspec.json.encode(row).decode(), flush=True)

    async def _deploy(self, customers: int) -> None:
        await create_topics(self._settings.kafka)
        await create(self._settings.store)
        lines = (msgspec.json.encode(line) for line in customer_lines(customers))
        onboarded, faults = onboard_lines(lines, load_compiled_catalogue(""), self._settings.store.shards)
        assert not faults, faults[:3]
        store = await StoreClient.connect(self._settings.store)
        for some in _batched(onboarded):
            await install(store, [publication_of(one) for one in some])
        await store.close()

    async def _send(self, customers: int, events: int, number: int, exponent: float) -> None:
        lines = (
            msgspec.json.encode(event | {"id": f"r{number}-{event['id']}"})
            for event in usage_events(customers, events, SEED + number, exponent)
        )
        await send_usage(self._settings.kafka, lines, "json", 0)

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            self._settings.kafka.topics.usage,
            bootstrap_servers=self._settings.kafka.bootstrap,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    async def _ends(self) -> dict[Any, int]:
        consumer = self._consumer()
        await consumer.start()
        try:
            ends: dict[Any, int] = await consumer.end_offsets(sorted(consumer.assignment()))
            return ends
        finally:
            await consumer.stop()

    async def _poll(self, start: dict[Any, int], events: int, *, decode: bool) -> float:
        """Events a second of reading this round's messages and doing nothing with them."""
        consumer = self._consumer()
        await consumer.start()
        decoder = msgspec.json.Decoder(UsageEvent)
        try:
            for place, offset in start.items():
                consumer.seek(place, offset)
            seen = 0
            began = time.perf_counter()
            while seen < events:
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    if decode:
                        for record in records:
                            decoder.decode(record.value)
                    seen += len(records)
            return seen / (time.perf_counter() - began)
        finally:
            await consumer.stop()

    def _charge(self, events: int) -> tuple[float, float]:
        """(events a second, daemon CPU in microseconds an event) of a daemon that finds this round's backlog."""
        with self._log.open("wb") as log:
            command = [sys.executable, "-c", "from charging.command_line import main; main()"]
            daemon = subprocess.Popen([*command, "run", "--config", str(self._file)], stdout=log, stderr=log)  # noqa: S603  # ourselves
        try:
            address = self._address(daemon)
            first, last, cpu_first = Scrape.empty(), Scrape.empty(), 0.0
            began = time.monotonic()
            while last.events < events:
                if daemon.poll() is not None or time.monotonic() - began > ROUND_S:
                    raise RuntimeError(f"the daemon ended or hangs:\n{self._log.read_text()[-2000:]}")
                time.sleep(POLL_S)
                last = read_page(address)
                if not first.events and last.events:
                    first, cpu_first = last, _cpu_seconds(daemon.pid)
            counted = last.events - first.events
            cpu_us = (_cpu_seconds(daemon.pid) - cpu_first) * 1e6 / counted
            return counted / (last.at - first.at), cpu_us
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)

    def _address(self, daemon: subprocess.Popen[bytes]) -> str:
        """Where the daemon answers, from its own log."""
        while True:
            for line in self._log.read_text().splitlines():
                if '"event":"charging"' in line:
                    return "http://" + str(msgspec.json.decode(line)["metrics"])
            if daemon.poll() is not None:
                raise RuntimeError(f"the daemon did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(POLL_S)


def _batched(everything: list[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(everything), INSTALL_AT_ONCE):
        yield everything[first : first + INSTALL_AT_ONCE]


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    cyclopts.run(main)
