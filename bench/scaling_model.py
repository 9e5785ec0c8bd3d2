"""Pure. What a load needs on more than one machine, from costs measured on one.

CPU scales with events; the store does not only. A daemon sends one call to every shard and batch, so its calls grow
with daemons and shards and shrink with the time that a batch collects events. The model finds the shortest batch at
which no server works more than its share of the time, and names what would be full first if the load grew.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

# No server should be busier than this: waiting grows with 1 / (1 - busy).
BUSY_MAX = 0.6
# Of the daemon: what a batch may hold at most, and how long an unfilled one waits.
BATCH_EVENTS_MAX = 16_000
LINGER_MS = 5.0
# A message waits half a batch for its own, which is decided, committed and published while the next ones go by.
LATENCY_IN_BATCHES = 2.5
SHARDS_MIN, SHARDS_A_MASTER = 64, 2
PARTITIONS_A_DAEMON = 2
# A master's memory, half of it free for the copy on write while it rewrites its file.
MASTER_GIB = 32
REPLICATION = 3
MASTERS_MAX = 256


class Costs(NamedTuple):
    """Measured costs: CPU of one core in microseconds, memory in bytes."""

    daemon_us: float  # an event
    broker_us: float  # an event, one copy
    call_us: float  # of the store: a commit, whatever it holds
    group_us: float  # of the store: each balance group in it
    customer_bytes: float  # of the store: an active customer


class Plan(NamedTuple):
    """What to run; each daemon and each master takes one core, a broker's core is one core's worth of brokers."""

    daemons: int
    partitions: int
    masters: int
    shards: int
    broker_cores: int
    batch_ms: float
    latency_ms: float
    master_gib: float
    breaks_first: str
    at_times: float  # the load at which that is full, as a multiple of the planned one


def fitted(small: tuple[int, float], large: tuple[int, float]) -> tuple[float, float]:
    """(call, group) in microseconds from the cost a group at two sizes of a call."""
    (few, few_us), (many, many_us) = small, large
    call_us = (few_us - many_us) / (1 / few - 1 / many)
    return call_us, many_us - call_us / many


def batch_ms(events_a_second: float, daemons: int, masters: int, shards: int, costs: Costs) -> float:
    """The shortest batch that leaves the store below BUSY_MAX; infinite where none does."""
    free = BUSY_MAX - events_a_second * costs.group_us / masters / 1e6
    if free <= 0:
        return math.inf
    calls_ms = daemons * (shards / masters) * costs.call_us / 1e3
    return max(LINGER_MS, calls_ms / free)


def plan(events_a_second: int, customers: int, costs: Costs) -> Plan:
    """The smallest deployment for a load. Raises ValueError where no number of masters is enough."""
    daemons = math.ceil(events_a_second * costs.daemon_us / 1e6 / BUSY_MAX)
    gib = customers * costs.customer_bytes / 2**30
    for masters in range(max(1, math.ceil(gib / (MASTER_GIB / 2))), MASTERS_MAX):
        shards = max(SHARDS_MIN, 2 ** math.ceil(math.log2(masters * SHARDS_A_MASTER)))
        wait_ms = batch_ms(events_a_second, daemons, masters, shards, costs)
        if events_a_second / daemons * wait_ms / 1e3 <= BATCH_EVENTS_MAX / 2:
            break
    else:
        raise ValueError(f"{events_a_second} events/s are beyond {MASTERS_MAX} masters")
    broker_cores = math.ceil(events_a_second * costs.broker_us * REPLICATION / 1e6 / BUSY_MAX)
    full = _full_at(events_a_second, daemons, masters, shards, broker_cores, costs)
    first = min(full, key=lambda part: full[part])
    return Plan(
        daemons,
        daemons * PARTITIONS_A_DAEMON,
        masters,
        shards,
        broker_cores,
        wait_ms,
        LATENCY_IN_BATCHES * wait_ms,
        gib / masters,
        first,
        full[first],
    )


def _full_at(
    events_a_second: int,
    daemons: int,
    masters: int,
    shards: int,
    broker_cores: int,
    costs: Costs,
) -> Mapping[str, float]:
    """The multiple of the load at which each part is busy all the time, with batches as large as they may be."""
    rate = events_a_second / 1e6
    group_us = costs.group_us + costs.call_us * shards / BATCH_EVENTS_MAX
    return {
        "daemons": daemons / (rate * costs.daemon_us),
        "store": masters / (rate * group_us),
        "brokers": broker_cores / (rate * costs.broker_us * REPLICATION),
    }
