"""Shell. The canonical workload, seeded: the customers and the month of usage behind the demo and every figure.

    python -m bench.workload customers --count 1000 > customers.ndjson
    python -m bench.workload usage --count 1000 --events 200000 > usage.ndjson

The same arguments give the same bytes. Customers are those of `customer_care.sample_customers`. Usage follows
people: few use much (Zipf), nobody calls at four in the morning.
"""

import random
import sys
from collections.abc import Iterator
from typing import Any

import cyclopts
import msgspec

from customer_care.sample_customers import SEED, customer_lines
from customer_care.sample_lines import MONTH, identifier_of

__all__ = ("SEED", "customer_lines", "everyone_once", "identifier_of", "usage_events")

# Relative use of each hour of the day, UTC.
HOURS = (3, 2, 1, 1, 1, 2, 5, 9, 11, 11, 11, 12, 13, 12, 11, 11, 12, 14, 15, 15, 14, 12, 8, 5)
DESTINATIONS = (
    "+436641234567",
    "+436509876543",
    "+4315551234",
    "+491711234567",
    "+38640123456",
    "+12125550100",
    "+43900123456",
)
DESTINATION_WEIGHTS = (40, 25, 12, 10, 7, 5, 1)


def usage_events(
    count: int, events: int, seed: int = SEED, exponent: float = 1.1
) -> Iterator[dict[str, Any]]:
    """`events` of October 2026 in order of time; customers by a Zipf law, the busiest being any of them."""
    rng = random.Random(f"{seed}/usage")
    order = list(range(count))
    rng.shuffle(order)
    total = 0.0
    cumulative = [total := total + 1.0 / (rank + 1) ** exponent for rank in range(count)]
    times = sorted(_moment(rng) for _ in range(events))
    for number, time_us in enumerate(times):
        customer = order[_rank(cumulative, rng.random() * total)]
        yield _event(number, time_us, customer, rng)


def everyone_once(count: int, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """An event of each customer in October 2026, in any order of customers and in order of time."""
    rng = random.Random(f"{seed}/everyone")
    order = list(range(count))
    rng.shuffle(order)
    times = sorted(_moment(rng) for _ in range(count))
    for number, (time_us, customer) in enumerate(zip(times, order, strict=True)):
        yield _event(number, time_us, customer, rng)


def _rank(cumulative: list[float], point: float) -> int:
    low, high = 0, len(cumulative) - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] < point:
            low = middle + 1
        else:
            high = middle
    return low


def _moment(rng: random.Random) -> int:
    day, hour = rng.randrange(31), rng.choices(range(24), HOURS)[0]
    second_us = rng.randrange(3_600_000_000)
    return int(MONTH.timestamp()) * 1_000_000 + (day * 24 + hour) * 3_600_000_000 + second_us


def _event(number: int, time_us: int, customer: int, rng: random.Random) -> dict[str, Any]:
    kind = rng.choices(("call", "message", "data_session"), (35, 15, 50))[0]
    event: dict[str, Any] = {
        "id": f"e{number}",
        "source": f"network/{kind}",
        "type": kind,
        "service": identifier_of(customer),
        "time": time_us,
    }
    if kind == "call":
        event["quantity"] = min(int(rng.expovariate(1 / 150)) + 1, 14_400)
        event["fields"] = {"destination": rng.choices(DESTINATIONS, DESTINATION_WEIGHTS)[0]}
    elif kind == "message":
        event["quantity"] = 1
        event["fields"] = {"destination": rng.choices(DESTINATIONS, DESTINATION_WEIGHTS)[0]}
    else:
        used_bytes = min(int(rng.lognormvariate(16.5, 1.4)) + 1, 2_000_000_000)
        event["quantity"] = f"{used_bytes // 1_000_000}.{used_bytes % 1_000_000:06d}"  # megabytes
    return event


app = cyclopts.App(name="bench.workload", help="Customers and usage, seeded.")


@app.command
def customers(*, count: int = 1_000, seed: int = SEED) -> None:
    """Print customers as NDJSON, for `care import`."""
    for line in customer_lines(count, seed):
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")


@app.command
def usage(*, count: int = 1_000, events: int = 200_000, seed: int = SEED, exponent: float = 1.1) -> None:
    """Print usage events as NDJSON, for `charging send` and `charging rate`; `count` as for customers.

    Parameters
    ----------
    exponent
        Of the Zipf law by which customers differ; 0 makes them all alike.
    """
    for event in usage_events(count, events, seed, exponent):
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")


if __name__ == "__main__":
    app()
