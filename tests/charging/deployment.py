"""Shell. A deployment for a live test: topics, store, customers, and daemons as real processes."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.partitioner import murmur2

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.requests import Load
from charging.topics import create_topics
from config.load import load_compiled_catalogue, load_settings
from customer_care.install_customers import install
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of

WAIT_S = 120
SEND_BATCH_BYTES = 500_000
SLICES_A_SECOND, SLICE_MAX = 50, 5_000


def _slices(messages, size: int):
    """Lists of so many."""
    rest = iter(messages)
    while some := list(itertools.islice(rest, size)):
        yield some


class Deployment:
    """Everything one test needs, under names of its own."""

    def __init__(
        self,
        directory: Path,
        servers,
        store_url: str,
        prefix: str,
        catalogue: str = "",
        partitions: int = 4,
        catalogue_check_seconds: int = 0,
        session_timeout_ms: int = 6_000,
    ):
        self.file = directory / "settings.toml"
        self.log = directory / "daemon.log"
        self.file.write_text(
            f"""
[kafka]
bootstrap = "{servers.kafka_bootstrap}"
group_id = "{prefix}charging"
partitions = {partitions}
retention_hours = 87600
session_timeout_ms = {session_timeout_ms}
topics = {{ usage = "{prefix}usage", rated = "{prefix}rated", notifications = "{prefix}notifications", rejected = "{prefix}rejected" }}
[store]
url = "{store_url}"
shards = 4
[charging]
horizon_hours = 0
ahead_seconds = 0
batch_events_max = 2000
sweep_seconds = 1
catalogue_check_seconds = {catalogue_check_seconds}
[catalogue]
directory = "{catalogue}"
[http]
port = 0
"""
        )
        self.settings = load_settings(str(self.file), {})
        self.catalogue = load_compiled_catalogue(catalogue)
        self.partitions = partitions
        self.customers = []
        self._starts = 0

    def create(self, customer_lines) -> None:
        """Make topics and store, and put customers into the store."""
        self.customers, faults = onboard_lines(customer_lines, self.catalogue, self.settings.store.shards)
        assert not faults, faults
        asyncio.run(self._create())

    async def _create(self) -> None:
        await create_topics(self.settings.kafka)
        await create(self.settings.store)
        store = await StoreClient.connect(self.settings.store)
        await install(store, [publication_of(one) for one in self.customers])
        await store.close()

    def start_daemon(self, own_log: Path | None = None) -> subprocess.Popen[bytes]:
        """A daemon as people run it; all write to one log, unless one is given its own."""
        self._starts += own_log is None
        with (own_log or self.log).open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from charging.command_line import main; main()",
                    "run",
                    "--config",
                    str(self.file),
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def wait_until_charging(self) -> None:
        """Until the daemon that was started last has claimed every partition."""
        deadline = time.monotonic() + WAIT_S
        while self._claims_of_last() < self.settings.kafka.partitions:
            assert time.monotonic() < deadline, self.log_tail()
            time.sleep(0.02)

    def _claims_of_last(self) -> int:
        lives = self.log.read_text().split('"event":"charging"')[1:]
        return lives[-1].count('"event":"partition claimed"') if len(lives) == self._starts else 0

    def stop_daemon(self, daemon: subprocess.Popen[bytes]) -> int:
        daemon.send_signal(signal.SIGTERM)
        return daemon.wait(WAIT_S)

    def send(self, messages, rate: int = 0) -> None:
        """(key, value, headers, timestamp in ms) of each message, keyed to partitions as network elements do.

        So many a second, or as fast as the broker takes them.
        """
        asyncio.run(self._send(messages, rate))

    async def _send(self, messages, rate: int) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap, max_batch_size=SEND_BATCH_BYTES
        )
        await producer.start()
        try:
            waiting, began, sent = [], time.monotonic(), 0
            for some in _slices(messages, max(rate // SLICES_A_SECOND, 1) if rate else SLICE_MAX):
                if rate:
                    await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
                waiting += await self._send_some(producer, some)
                sent += len(some)
            await asyncio.gather(*waiting)
        finally:
            await producer.stop()

    def add_partitions(self, partitions: int) -> None:
        """The usage topic has this many from here on, and messages go to all of them."""
        asyncio.run(self._add_partitions(partitions))
        self.partitions = partitions

    async def _add_partitions(self, partitions: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({self.settings.kafka.topics.usage: NewPartitions(partitions)})
        finally:
            await admin.close()

    def claims(self) -> int:
        """Partitions that daemons have claimed so far, each as often as it was."""
        return self.log.read_text().count('"event":"partition claimed"') if self.log.exists() else 0

    def wait_for_claims(self, count: int) -> None:
        """Until daemons have claimed partitions so many times."""
        deadline = time.monotonic() + WAIT_S
        while self.claims() < count:
            assert time.monotonic() < deadline, self.log_tail()
            time.sleep(0.02)

    async def _send_some(self, producer: AIOKafkaProducer, messages: list) -> list[asyncio.Future]:
        """Whole batches, since a call for each message is what limits a sender."""
        open_batches, waiting = {}, []
        for key, value, headers, timestamp_ms in messages:
            partition = (murmur2(key) & 0x7FFFFFFF) % self.partitions
            record = {"key": key, "value": value, "headers": headers, "timestamp": timestamp_ms}
            batch = open_batches.setdefault(partition, producer.create_batch())
            if batch.append(**record) is None:
                waiting.append(await self._send_batch(producer, batch, partition))
                batch = open_batches[partition] = producer.create_batch()
                assert batch.append(**record) is not None, "a message fits a batch"
        return waiting + [await self._send_batch(producer, batch, p) for p, batch in open_batches.items()]

    async def _send_batch(self, producer: AIOKafkaProducer, batch, partition: int) -> asyncio.Future:
        return await producer.send_batch(batch, self.settings.kafka.topics.usage, partition=partition)

    def read(self, topic: str, count: int) -> list[dict]:
        """At least `count` different records of an output topic, by id, in the order they came."""
        return asyncio.run(self._read(getattr(self.settings.kafka.topics, topic), count))

    async def _read(self, topic: str, count: int) -> list[dict]:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self.settings.kafka.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: dict[str, bytes] = {}
        deadline = time.monotonic() + WAIT_S
        try:
            await consumer.seek_to_beginning()
            while len(found) < count:
                assert time.monotonic() < deadline, f"{len(found)} of {count} records:\n{self.log_tail()}"
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        name = msgspec.json.decode(record.value)["id"]
                        before = found.setdefault(name, record.value)
                        assert before == record.value, f"{name} was published with two contents"
        finally:
            await consumer.stop()
        return [msgspec.json.decode(value) for value in found.values()]

    def groups(self) -> dict[int, bytes]:
        """Every balance group's record."""
        return asyncio.run(self._groups())

    async def _groups(self) -> dict[int, bytes]:
        store = await StoreClient.connect(self.settings.store)
        found = {}
        try:
            for one in self.customers:
                group_id = one.numbers.group_id
                answer = await store.load(Load(one.shard, None, (group_id,), ()))
                found[group_id] = answer.records.groups[group_id]
        finally:
            await store.close()
        return found

    def wait_for_log(self, text: str) -> None:
        """Until a daemon has logged this."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"never logged {text}:\n{self.log_tail()}"
            time.sleep(0.05)

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-20:])
