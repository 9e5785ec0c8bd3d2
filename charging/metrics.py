"""Shell. Every Prometheus series of the daemon with its labels, in one list."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rating_kernels.outcomes import OUTCOME_NAMES

# From half a millisecond to ten seconds: idle batches at one end, a store that hangs at the other.
LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SIZE_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384)
STAGES = ("poll", "wait", "decode", "load", "decide", "commit", "publish")


class Metrics:
    """The series of one daemon; a registry of its own, so that tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.events = Counter("charging_events", "Events by outcome", ["outcome"], registry=r)
        latency = functools.partial(Histogram, buckets=LATENCY_BUCKETS, registry=r)
        self.stages = latency("charging_stage_seconds", "Time of a batch in a stage", ["stage"])
        self.end_to_end = latency(
            "charging_end_to_end_seconds",
            "From the message's timestamp to its published record, by its batch's oldest message",
        )
        self.arrival = latency(
            "charging_arrival_seconds",
            "From the message's timestamp to its poll, by its batch's oldest message",
        )
        self.batch_events = Histogram(
            "charging_batch_events", "Events of a batch", buckets=SIZE_BUCKETS, registry=r
        )
        self.lag = Gauge(
            "charging_lag_messages", "Messages not yet below the floor", ["partition"], registry=r
        )
        self.commits = Counter("charging_commits", "Commits by how they ended", ["status"], registry=r)
        self.claims = Counter("charging_claims", "Partitions claimed, by why", ["why"], registry=r)
        self.waits = Gauge(
            "charging_waits",
            "1 while work waits: store or broker are away, or another owner still holds our partitions",
            registry=r,
        )
        self.retries = Counter(
            "charging_retries", "What was tried again after a pause, by what failed", ["what"], registry=r
        )
        self.cache_groups = Gauge("charging_cache_groups", "Balance groups in the cache", registry=r)
        self.cache_collections = Gauge(
            "charging_cache_collections", "Times the cache let go of what was not used", registry=r
        )
        self.above_floor = Gauge(
            "charging_decisions_above_floor",
            "Events that the owner before us decided and that are not yet below the floor",
            registry=r,
        )
        self.floor_age = Gauge(
            "charging_floor_age_seconds",
            "Since the floor of a partition rose last",
            ["partition"],
            registry=r,
        )
        self.ring_evictions = Counter(
            "charging_ring_evictions",
            "Events that pushed an id out of a ring before the window had passed",
            registry=r,
        )
        self.catalogue_version = Gauge(
            "charging_catalogue_version", "Version that batches are decided by", registry=r
        )
        self.catalogue_wanted = Gauge(
            "charging_catalogue_wanted",
            "Lowest version that the store accepts, as far as it told; above the version: waiting for a newer one",
            registry=r,
        )
        self.catalogue_reloads = Counter(
            "charging_catalogue_reloads",
            "Changed catalogues found in the folder: loaded, refused or faulty",
            ["result"],
            registry=r,
        )
        # Looking a label up takes longer than noting a time, and a small batch has many stages.
        self._stage_of = {name: self.stages.labels(name) for name in STAGES}
        self.kernel_seconds = Gauge(
            "charging_warm_up_seconds", "Time to compile or load the kernels", registry=r
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one of STAGES of one batch."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stage_of[name].observe(time.perf_counter() - started)

    def count_outcomes(self, counts: dict[int, int]) -> None:
        """Count decided events, by the name of their outcome."""
        for outcome, count in counts.items():
            self.events.labels(OUTCOME_NAMES[outcome].lower()).inc(count)

    @staticmethod
    def show(gauge: Gauge, by_partition: dict[int, float]) -> None:
        """A gauge of the partitions owned: one that another daemon has taken over is its to tell."""
        gauge.clear()
        for partition, value in by_partition.items():
            gauge.labels(str(partition)).set(value)

    def page(self) -> bytes:
        """What Prometheus scrapes."""
        return generate_latest(self.registry)
