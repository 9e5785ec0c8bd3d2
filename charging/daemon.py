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
import time

import structlog
import uvloop

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
from charging.open_store import open_store
from charging.output_batch import batch_outputs
from charging.output_records import RecordWriter
from charging.outputs import Outputs
from charging.ownership import Ownership
from charging.pump import Pump
from charging.shard_sessions import ShardSessions
from charging.warm_up import warm_up
from config.compiled_catalogue import CompiledCatalogue
from config.load import load_compiled_catalogue
from config.settings import Settings

log = structlog.get_logger()

TAG_BYTES = 8
SEED_BITS = 256
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
        self._store_away = ""

    def reasons_not_ready(self) -> list[str]:
        """Why no traffic should be counted on; empty when ready."""
        if self._pump is None or self._source is None:
            return [self._store_away or "starting: kernels, store and broker"]
        reasons = [*self._pump.alarms.values(), *self._source.alarms()]
        if self._pump.claims_fail and not self._catalogues.behind:
            reasons.append(f"waiting: {self._pump.claims_fail}")
        if self._catalogues.behind:
            reasons.append(
                f"waiting: the store accepts catalogue {self._catalogues.wanted} or newer, "
                f"this daemon has {self._catalogues.version}"
            )
        return reasons

    def _waits_for_store(self, why: str) -> None:
        self._store_away = why and f"waiting: {why}"
        self.metrics.waits.set(bool(why))

    async def run(self, stop: asyncio.Event) -> None:
        """Charge until `stop` is set. Raises StoreMismatchError, KafkaError or OSError where a part is missing."""
        settings = self._settings
        await self.health.start(settings.http.host, settings.http.port)
        started = time.perf_counter()
        warm_up()
        self.metrics.kernel_seconds.set(time.perf_counter() - started)
        store = await open_store(settings.store, Backoff(random.random), stop, self._waits_for_store)
        if store is None:
            await self.health.stop()
            return
        sessions = ShardSessions(store, self._cache)
        charger = BatchCharger(
            sessions,
            decision_limits(settings.charging),
            secrets.token_bytes(TAG_BYTES),
            # Unlike any other, but no secret: a draw from the system for each call would cost more than its tag.
            functools.partial(random.Random(secrets.randbits(SEED_BITS)).randbytes, TAG_BYTES),  # noqa: S311
            self.metrics,
        )
        sink = KafkaSink(settings.kafka)

        async def release() -> None:
            await pump.release()

        source = KafkaSource(settings.kafka, release)
        pump = Pump(
            source,
            sink,
            sessions,
            charger,
            self._catalogues,
            self._decode,
            self._encode,
            settings.charging,
            clock_us,
            Backoff(random.random),
            self.metrics,
        )
        await sink.start()
        await source.start()
        self._pump, self._source = pump, source
        _keep_from_collector()
        log.info("charging", metrics=self.health.address, catalogue=self._catalogues.version, pid=os.getpid())
        beside = [
            asyncio.create_task(self._stop_on(stop, pump), name="stopper"),
            asyncio.create_task(pump.watch_lag(), name="lag"),
            asyncio.create_task(self._catalogue_watch().run(), name="catalogue"),
        ]
        for task in beside:
            task.add_done_callback(_tell_if_failed)
        try:
            await pump.run()
        finally:
            for task in beside:
                task.cancel()
            await source.stop()
            await sink.stop()
            await store.close()
            await self.health.stop()
        log.info("stopped")

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

    async def _stop_on(self, stop: asyncio.Event, pump: Pump) -> None:
        await stop.wait()
        log.info("stopping: finishing what is in flight")
        pump.stop()

    def _decode(self, messages: MessageColumns, owned: dict[int, Ownership]) -> ChargedBatch:
        catalogue = self._catalogues.catalogue
        decoded = decode_messages(messages, catalogue, self._settings.charging.message_bytes_max)
        return ChargedBatch(decoded, owned, catalogue.version)

    def _encode(self, batch: ChargedBatch) -> Outputs:
        outputs, counts = batch_outputs(batch, self._catalogues.writer)
        self.metrics.count_outcomes(counts)
        return outputs


def _tell_if_failed(task: asyncio.Task[None]) -> None:
    """Charging goes on without what runs beside it, but not in silence."""
    if not task.cancelled() and task.exception() is not None:
        log.error("ended", task=task.get_name(), error=repr(task.exception()))


async def _run(settings: Settings, catalogue: CompiledCatalogue, loaded_state: FolderState) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    daemon = Daemon(settings, catalogue, loaded_state)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_asked.set)
    await daemon.run(stop)


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
    """`charging run`: charge until TERM or INT, then drain and leave the group; HUP asks for a newer catalogue."""
    set_up_logging(settings.log)
    _keep_memory()
    # Looked at first: what is written while we read is seen as a change.
    loaded_state = folder_state(settings.catalogue.directory)
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    uvloop.run(_run(settings, catalogue, loaded_state))
