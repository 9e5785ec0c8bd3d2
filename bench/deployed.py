"""Shell. One deployment to measure: its own topics, its own database of the store, customers, and usage sent to it."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer

from balance_store.client import StoreClient
from balance_store.deployment import create
from bench.process_time import children_of
from bench.workload import SEED, everyone_once, usage_events
from charging.send_usage import send_usage
from charging.server_plan import ServerState
from charging.servers import start_servers, stop_servers
from charging.store_tools import load_synthetic_store
from charging.topics import create_topics
from charging.usage_event import UsageEvent
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings, Store
from customer_care.install_customers import install
from customer_care.onboarding import Onboarded, onboard_lines
from customer_care.publication import publication_of

Wire = Literal["json", "msgpack"]
FETCH_BYTES = 4 * 1024 * 1024


class Addresses(Protocol):
    """Whatever knows where broker and store answer."""

    state: ServerState


class Servers:
    """Broker and store on this machine for as long as the block lasts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> "Servers":
        self.state: ServerState = start_servers(self._directory, parent_pid=os.getpid())
        self.pids = children_of(self.state.supervisor_pid)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        stop_servers(self._directory)

    @property
    def store_pid(self) -> int:
        """The store's process."""
        return self.pids["valkey-server"]

    @property
    def broker_pid(self) -> int:
        """The broker's process."""
        return next(pid for name, pid in self.pids.items() if name != "valkey-server")


class Polled(NamedTuple):
    """What it costs to read messages and do nothing with them."""

    events_a_second: float
    cpu_us: float  # of the reader, an event


def _database(url: str, number: int) -> str:
    """One of a server's databases; a Cluster has only one, and a single deployment."""
    return f"{url}?db={number}" if url.startswith("unix://") else url


class Deployed:
    """A deployment by a name of its own; several may be on the same servers."""

    def __init__(
        self,
        directory: Path,
        servers: Addresses,
        name: str,
        number: int,
        wire: Wire,
        more: str = "",
        session_timeout_ms: int = 45_000,
        shards: int = Store().shards,
    ) -> None:
        directory.mkdir()
        self.name = name
        self.wire = wire
        self.settings_file = directory / "settings.toml"
        self.log_file = directory / "daemon.log"
        topics = ", ".join(f'{t} = "{name}-{t}"' for t in ("usage", "rated", "notifications", "rejected"))
        self.settings_file.write_text(
            f'[kafka]\nbootstrap = "{servers.state.kafka_bootstrap}"\ngroup_id = "{name}"\n'
            f"topics = {{ {topics} }}\nsession_timeout_ms = {session_timeout_ms}\n"
            f'[store]\nurl = "{_database(servers.state.store_url, number)}"\nshards = {shards}\n'
            f'[charging]\nhorizon_hours = 0\nahead_seconds = 0\noutput_format = "{wire}"\n{more}'
            '[http]\nport = 0\n[log]\nlevel = "info"\n'
        )
        self.settings: Settings = load_settings(str(self.settings_file), {})
        self.customers = 0

    async def deploy(self, customers: int) -> None:
        """Topics, store and customers."""
        self.customers = customers
        await create_topics(self.settings.kafka)
        await load_synthetic_store(self.settings, customers, SEED, None)

    async def deploy_lines(self, lines: Iterable[dict[str, Any]]) -> list[Onboarded]:
        """Topics, store and customers of one's own."""
        catalogue = load_compiled_catalogue(self.settings.catalogue.directory)
        encoded = map(msgspec.json.encode, lines)
        onboarded, faults = onboard_lines(encoded, catalogue, self.settings.store.shards)
        assert not faults, faults
        self.customers = len(onboarded)
        await create_topics(self.settings.kafka)
        await create(self.settings.store)
        store = await StoreClient.connect(self.settings.store)
        try:
            await install(store, [publication_of(one) for one in onboarded])
        finally:
            await store.close()
        return onboarded

    def events(
        self, events: int, number: int, exponent: float, call_seconds: int = 0
    ) -> Iterator[dict[str, Any]]:
        """A round's events, with ids of their own; calls all of one length where `call_seconds` says so."""
        for event in usage_events(self.customers, events, SEED + number, exponent):
            own = event | {"id": f"r{number}-{event['id']}"}
            if call_seconds and own["type"] == "call":
                own["quantity"] = call_seconds
            yield own

    def everyone(self) -> Iterator[dict[str, Any]]:
        """An event of each customer: after them a daemon has them all in its cache."""
        return (event | {"id": f"all-{event['id']}"} for event in everyone_once(self.customers, SEED))

    async def send(self, events: Iterable[dict[str, Any]], rate: int = 0) -> None:
        """Put events on the usage topic, so many a second, or as fast as the broker takes them."""
        await send_usage(self.settings.kafka, map(msgspec.json.encode, events), self.wire, rate)

    def consumer(self, topic: str, start: Literal["earliest", "latest"] = "latest") -> Any:
        """A reader of one topic that is no member of a group."""
        return AIOKafkaConsumer(
            topic,
            bootstrap_servers=self.settings.kafka.bootstrap,
            max_partition_fetch_bytes=FETCH_BYTES,
            auto_offset_reset=start,
        )

    async def ends(self) -> dict[Any, int]:
        """Where the usage topic's partitions end now."""
        consumer = self.consumer(self.settings.kafka.topics.usage)
        await consumer.start()
        try:
            ends: dict[Any, int] = await consumer.end_offsets(sorted(consumer.assignment()))
            return ends
        finally:
            await consumer.stop()

    async def poll(self, start: dict[Any, int], events: int, *, decode: bool) -> Polled:
        """Read the usage topic from there with aiokafka's `getmany` and do nothing with it, or decode it."""
        consumer = self.consumer(self.settings.kafka.topics.usage)
        await consumer.start()
        kind = msgspec.json if self.wire == "json" else msgspec.msgpack
        decoder = kind.Decoder(UsageEvent)
        try:
            for place, offset in start.items():
                consumer.seek(place, offset)
            seen = 0
            began, cpu_began = time.perf_counter(), time.process_time()
            while seen < events:
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    if decode:
                        for record in records:
                            decoder.decode(record.value)
                    seen += len(records)
            took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
            return Polled(seen / took, cpu * 1e6 / seen)
        finally:
            await consumer.stop()
