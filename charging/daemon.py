"""Shell. Build the parts, warm up, run until told to stop; the only file that knows them all."""

import asyncio
import contextlib
import ctypes
import functools
import gc
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog
import uvloop
from aiokafka.errors import KafkaError

from balance_store.client import StoreClient
from balance_store.requests import StoreUnreachableError
from charging.backoff import Backoff
from charging.balance_cache import BalanceCache
from charging.catalogue_in_use import CatalogueInUse
from charging.catalogue_watch import CatalogueWatch, FolderState, folder_state
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.health_server import HealthServer
from charging.kafka_sink import KafkaSink
from charging.kafka_source import KafkaSource
from charging.logging_setup import set_up_logging
from charging.messages import MessageColumns
from charging.metrics import Metrics
from charging.open_part import open_part
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.outputs import Outputs
from charging.ownership import Ownership
from charging.pump import Pump
from charging.shard_sessions import ShardSessions
from charging.waits import Waits
from charging.warm_up import warm_up
from config.compiled_catalogue import CompiledCatalogue
from config.load import load_compiled_catalogue
from config.settings import Settings

log = structlog.get_logger()

Part = TypeVar("Part")

TAG_BYTES = 8
SEED_BITS = 256
CLOSE_S = 5.0
# Parameters of mallopt, and the size of an allocation that is still kept.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 32 * 1024 * 1024


def clock_us() -> int:
    """The wall clock; decides latency metrics and pauses, never a price."""
    return time.time_ns() // 1_000


class Daemon:
    """One charging daemon: the parts, wired."""

    def __init__(self, settings: Settings, catalogue: CompiledCatalogue, loaded_state: FolderState) -> None:
        self._settings = settings
        self._loaded_state = loaded_state
        self._cache = BalanceCache(catalogue, settings.charging.cache_rows_max)
        # Set to look at the catalogue's folder at once.
        self.reload_asked = asyncio.Event()
        self._catalogues = CatalogueInUse(
            catalogue,
            self._cache,
            RecordWriter(catalogue, settings.kafka.topics.usage, settings.charging.output_format),
            self.reload_asked.set,
        )
        self.metrics = Metrics()
        self.health = HealthServer(self.metrics, self.reasons_not_ready)
        self._pump: Pump | None = None
        self._source: KafkaSource | None = None
        self._waits = Waits(self.metrics.waits.set)

    def reasons_not_ready(self) -> list[str]:
        """Why no traffic should be counted on; empty when ready."""
        waits = self._waits.reasons()
        if self._pump is None or self._source is None:
            return waits or ["starting: kernels, store and broker"]
        reasons = [*self._pump.alarms.values(), *self._source.alarms(), *waits]
        if self._catalogues.behind:
            reasons.append(
                f"waiting: the store accepts catalogue {self._catalogues.wanted} or newer, "
                f"this daemon has {self._catalogues.version}"
            )
        return reasons

    async def run(self, stop: asyncio.Event) -> bool:
        """Charge until `stop` is set; False if what was in flight could not be finished in time.

        Raises StoreMismatchError where only a person can cure what is wrong, OSError where the port is taken.
        """
        await self.health.start(self._settings.http.host, self._settings.http.port)
        try:
            started = time.perf_counter()
            warm_up()
            self.metrics.kernel_seconds.set(time.perf_counter() - started)
            return await self._run(stop)
        finally:
            await self.health.stop()

    async def _run(self, stop: asyncio.Event) -> bool:
        settings = self._settings.store
        store = await self._open("store", lambda: StoreClient.connect(settings), StoreUnreachableError, stop)
        if store is None:
            return True
        try:
            kafka = await self._open("broker", self._open_kafka, KafkaError, stop)
            if kafka is None:
                return True
            source, sink = kafka
            try:
                return await self._charge(store, source, sink, stop)
            finally:
                await _in_time(source.stop())
                await _in_time(sink.stop())
        finally:
            await store.close()

    async def _open(
        self, name: str, open_it: Callable[[], Awaitable[Part]], is_away: type[Exception], stop: asyncio.Event
    ) -> Part | None:
        def waits_for(why: str) -> None:
            self._waits.set(name, why)
            if why:
                self.metrics.retries.labels(name).inc()

        return await open_part(name, open_it, is_away, Backoff(random.random), stop, waits_for)

    async def _open_kafka(self) -> tuple[KafkaSource, KafkaSink]:
        """Input and output; new ones for each try, since a client that failed to start is of no use."""
        sink = KafkaSink(self._settings.kafka)
        source = KafkaSource(self._settings.kafka, self._release)
        try:
            await sink.start()
            await source.start()
        except KafkaError:
            await source.stop()
            await sink.stop()
            raise
        return source, sink

    async def _release(self) -> None:
        if self._pump is not None:
            await self._pump.release()

    def _make_pump(self, store: StoreClient, source: KafkaSource, sink: KafkaSink) -> Pump:
        settings = self._settings.charging
        sessions = ShardSessions(store, self._cache)
        charger = BatchCharger(
            sessions,
            decision_limits(settings),
            secrets.token_bytes(TAG_BYTES),
            # Unlike any other, but no secret: a draw from the system for each call would cost more than its tag.
            functools.partial(random.Random(secrets.randbits(SEED_BITS)).randbytes, TAG_BYTES),  # noqa: S311
            self.metrics,
        )
        return Pump(
            source,
            sink,
            sessions,
            charger,
            self._catalogues,
            self._decode,
            self._encode,
            settings,
            clock_us,
            Backoff(random.random),
            self.metrics,
            self._waits,
        )

    async def _charge(
        self, store: StoreClient, source: KafkaSource, sink: KafkaSink, stop: asyncio.Event
    ) -> bool:
        """Charge until `stop`, then finish what is in flight within `drain_seconds`; whether that was done."""
        pump = self._make_pump(store, source, sink)
        self._pump, self._source = pump, source
        _keep_from_collector()
        log.info("charging", metrics=self.health.address, catalogue=self._catalogues.version, pid=os.getpid())
        running = asyncio.create_task(pump.run(), name="pump")
        asked = asyncio.create_task(stop.wait(), name="stop")
        beside = [
            asyncio.create_task(pump.watch_lag(), name="lag"),
            asyncio.create_task(self._catalogue_watch().run(), name="catalogue"),
        ]
        for task in beside:
            task.add_done_callback(_tell_if_failed)
        try:
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                log.info("stopping: finishing what is in flight")
                pump.stop()
                await asyncio.wait({running}, timeout=self._settings.charging.drain_seconds)
            if running.done():
                await running
                log.info("stopped")
                return True
            # Nothing is lost: who has the partitions next reads back what is decided, and publishes it.
            log.error("stopped with work in flight", why=self._waits.reasons())
            return False
        finally:
            tasks: list[asyncio.Task[Any]] = [running, asked, *beside]
            for task in tasks:
                task.cancel()

    def _catalogue_watch(self) -> CatalogueWatch:
        return CatalogueWatch(
            self._catalogues,
            self._settings.catalogue.directory,
            self._loaded_state,
            self._settings.charging.catalogue_check_seconds,
            self.reload_asked,
            Backoff(random.random),
            self.metrics,
        )

    def _decode(self, messages: MessageColumns, owned: dict[int, Ownership]) -> ChargedBatch:
        catalogue = self._catalogues.catalogue
        decoded = decode_messages(messages, catalogue, self._settings.charging.message_bytes_max)
        return ChargedBatch(decoded, owned, catalogue.version)

    def _encode(self, batch: ChargedBatch) -> Outputs:
        outputs, counts = batch_outputs(batch, self._catalogues.writer)
        self.metrics.count_outcomes(counts)
        self.metrics.ring_evictions.inc(batch.ring_evictions())
        return outputs


def _tell_if_failed(task: asyncio.Task[None]) -> None:
    """Charging goes on without what runs beside it, but not in silence."""
    if not task.cancelled() and task.exception() is not None:
        log.error("ended", task=task.get_name(), error=repr(task.exception()))


async def _in_time(close: Coroutine[Any, Any, None]) -> None:
    """Close what may wait for a broker that is away, as long as a person would wait."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(close, CLOSE_S)


async def _run(settings: Settings, catalogue: CompiledCatalogue, loaded_state: FolderState) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    daemon = Daemon(settings, catalogue, loaded_state)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_asked.set)
    return await daemon.run(stop)


def _keep_memory() -> None:
    """Keep the memory of a batch for the next one: given back, the kernel clears each page of it again.

    `mallopt` of glibc (man 3 mallopt); another C library goes on as it is.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def _keep_from_collector() -> None:
    """What is here by now stays until the end: a full collection that looks at it again holds up all for 80 ms."""
    gc.collect()
    gc.freeze()


def run_daemon(settings: Settings) -> None:
    """`charging run`: charge until TERM or INT, then drain and leave the group; HUP asks for a newer catalogue.

    Ends with 1 where the drain took longer than it may.
    """
    set_up_logging(settings.log)
    _keep_memory()
    # Looked at first: what is written while we read is seen as a change.
    loaded_state = folder_state(settings.catalogue.directory)
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    if not uvloop.run(_run(settings, catalogue, loaded_state)):
        sys.exit(1)
