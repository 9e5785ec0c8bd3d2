"""Shell. The network elements: `python -m tests.chaos.network SETTINGS LINES RATE SEED` sends usage until TERM.

Ends with 0 once the broker has acknowledged all of it, however often the broker was killed meanwhile.
"""

import asyncio
import itertools
import signal
import sys
import time
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from config.load import load_settings
from config.settings import Kafka
from tests.chaos.workload import events, message, partition_of, senders_of

SLICE_S = 0.1
# Longer than a broker needs to come back.
ACKNOWLEDGED_MS = 120_000


def read_lines(path: str) -> list[dict]:
    """Customers of an NDJSON file."""
    return [msgspec.json.decode(line) for line in Path(path).read_bytes().splitlines()]


async def until_term() -> asyncio.Event:
    """Set when this process is asked to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


async def send(kafka: Kafka, lines: list[dict], rate: int, seed: int) -> None:
    """Slices of usage, each stamped with the time at which it is sent."""
    stop = await until_term()
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap,
        enable_idempotence=True,
        request_timeout_ms=ACKNOWLEDGED_MS,
        linger_ms=10,
    )
    await producer.start()
    usage = events(senders_of(lines), seed)
    waiting: set[asyncio.Future] = set()
    next_us = 0
    try:
        while not stop.is_set():
            for sender, event in itertools.islice(usage, round(rate * SLICE_S)):
                # A microsecond apart, and never back.
                next_us = max(next_us + 1, time.time_ns() // 1_000)
                future = await producer.send(
                    kafka.topics.usage,
                    message(event, next_us),
                    key=sender.key,
                    partition=partition_of(sender.key, kafka.partitions),
                )
                waiting.add(future)
            done = {future for future in waiting if future.done()}
            for future in done:
                future.result()
            waiting -= done
            await asyncio.sleep(SLICE_S)
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


if __name__ == "__main__":
    settings_file, lines_file, rate, seed = sys.argv[1:]
    settings = load_settings(settings_file, {})
    asyncio.run(send(settings.kafka, read_lines(lines_file), int(rate), int(seed)))
