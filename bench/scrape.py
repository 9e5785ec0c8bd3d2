"""Shell. The few series of /metrics that people watch, read as Prometheus would."""

import time
import urllib.request
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

# Never by a proxy: what we ask is on this machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# From the message's timestamp to its poll.
ARRIVAL = "arrival"


@dataclass(frozen=True)
class Scrape:
    """One look at a daemon."""

    at: float
    events: float = 0.0
    lag: float = 0.0  # messages not yet below the floor, all partitions
    outcomes: dict[str, float] = field(default_factory=dict)
    stage_s: dict[str, float] = field(default_factory=dict)  # time spent by all batches
    batches: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()  # (upper bound in seconds, batches up to it)

    @staticmethod
    def empty() -> "Scrape":
        """Before the first look."""
        return Scrape(0.0)

    def since(self, before: "Scrape") -> "Scrape":
        """What came after an earlier look: outcomes and latencies of that time only."""
        outcomes = {name: count - before.outcomes.get(name, 0.0) for name, count in self.outcomes.items()}
        counts = dict(before.buckets)
        buckets = tuple((bound, count - counts.get(bound, 0.0)) for bound, count in self.buckets)
        return Scrape(self.at, self.events - before.events, self.lag, outcomes, buckets=buckets)

    def quantile_ms(self, share: float) -> float:
        """The end-to-end latency that this share of batches stayed below, to the bucket's bound."""
        if not self.buckets or self.buckets[-1][1] == 0:
            return 0.0
        wanted = share * self.buckets[-1][1]
        bound = next(bound for bound, count in self.buckets if count >= wanted)
        return min(bound, self.buckets[-2][0]) * 1_000


def read_page(address: str) -> Scrape:
    """Scrape a daemon; raises OSError where nobody answers."""
    with DIRECT.open(f"{address}/metrics", timeout=5) as page:
        text = page.read().decode()
    outcomes: dict[str, float] = {}
    buckets: list[tuple[float, float]] = []
    stage_s: dict[str, float] = {}
    lag = batches = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "charging_events_total":
                outcomes[sample.labels["outcome"]] = sample.value
            elif sample.name == "charging_lag_messages":
                lag += sample.value
            elif sample.name == "charging_stage_seconds_sum":
                stage_s[sample.labels["stage"]] = sample.value
            elif sample.name == "charging_arrival_seconds_sum":
                stage_s[ARRIVAL] = sample.value
            elif sample.name == "charging_arrival_seconds_count":
                batches = sample.value
            elif sample.name == "charging_end_to_end_seconds_bucket":
                buckets.append((float(sample.labels["le"]), sample.value))
    return Scrape(time.monotonic(), sum(outcomes.values()), lag, outcomes, stage_s, batches, tuple(buckets))
