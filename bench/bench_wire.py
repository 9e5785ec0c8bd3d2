"""Shell. What the way in costs an event: polling both ways, cutting, and reading both codecs, by CPU time.

A real broker with one partition; each figure is the best of some rounds over the same log. Beside the kernels
stand aiokafka's messages and msgspec's objects. Every figure is also a JSON line.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import cyclopts
import msgspec
import numpy as np
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from bench.workload import usage_events
from charging import kafka_source
from charging.decode_events import decode_messages, with_objects
from charging.kafka_source import KafkaSource
from charging.messages import Message, message_columns
from charging.servers import start_servers, stop_servers
from charging.topics import create_topics
from charging.warm_up import warm_up
from charging.wire.cut_records import EACH_ITS_OWN, cut_records
from charging.wire.event_names import event_names
from charging.wire.read_events import read_events
from charging.wire.whole_batches import HEAD_BYTES
from config.load import load_compiled_catalogue
from config.settings import Kafka
from rating_kernels.tariff_table import Bytes

CUSTOMERS = 10_000
BATCH_EVENTS = 8_192
# What producers put into a batch by default.
BATCH_BYTES = 16_384
LINGER_MS = 20
MESSAGE_BYTES_MAX = 1 << 20
TIMESTAMP_MS = 1_791_194_400_000
Headers = tuple[tuple[str, bytes], ...]
MSGPACK: Headers = (("content-type", b"application/msgpack"),)


def main(*, events: int = 200_000, rounds: int = 5) -> None:
    """Measure the way in.

    Parameters
    ----------
    events
        Messages in the log, one event each.
    rounds
        The best of so many is told.
    """
    warm_up()
    usage = list(usage_events(CUSTOMERS, events, exponent=0.6))
    packed = [msgspec.msgpack.encode(event) for event in usage]
    _measure_decode("json", [msgspec.json.encode(event) for event in usage], (), rounds)
    _measure_decode("msgpack", packed, MSGPACK, rounds)
    _measure_cut(packed, rounds)
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        state = start_servers(Path(folder), parent_pid=os.getpid())
        try:
            uvloop.run(_measure_poll(state.kafka_bootstrap, packed, rounds))
        finally:
            stop_servers(Path(folder))


def _best_us(work: Callable[[], Any], count: int, rounds: int) -> float:
    """CPU microseconds an event, of the best round."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds) / count * 1e6


def _tell(bench: str, value: float, ordinary: float) -> None:
    """`ratio`: how many times the ordinary way."""
    print(f"{bench:24} {value:8.3f} us an event")
    line = {"bench": bench, "value": round(value, 3), "unit": "us/event", "ratio": round(ordinary / value, 1)}
    print(msgspec.json.encode(line).decode(), flush=True)


def _measure_decode(name: str, values: list[bytes], headers: Headers, rounds: int) -> None:
    catalogue = load_compiled_catalogue("")
    names = event_names(tuple(catalogue.event_types.values()))
    messages = [Message(0, place, TIMESTAMP_MS, value, headers) for place, value in enumerate(values)]
    batches = [
        message_columns(messages[at : at + BATCH_EVENTS]) for at in range(0, len(messages), BATCH_EVENTS)
    ]

    def by_kernel() -> None:
        for batch in batches:
            decode_messages(batch, catalogue, MESSAGE_BYTES_MAX)

    first = batches[0]
    words, spans = read_events(first, names, MESSAGE_BYTES_MAX)

    def by_msgspec() -> None:
        with_objects(first, catalogue, MESSAGE_BYTES_MAX, words, spans, list(range(len(first))))

    msgspec_us = _best_us(by_msgspec, len(first), rounds)
    _tell(f"wire_decode_{name}_msgspec", msgspec_us, msgspec_us)
    _tell(f"wire_decode_{name}", _best_us(by_kernel, len(messages), rounds), msgspec_us)


def _measure_cut(values: list[bytes], rounds: int) -> None:
    """Beside aiokafka's own compiled reading of a batch nothing is told: `wire_poll` compares the whole."""
    batches: list[tuple[Bytes, int]] = []
    builder, held = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES), 0
    for value in values:
        while builder.append(held, TIMESTAMP_MS, b"+436600000000", value, list(MSGPACK)) is None:
            batches.append((np.frombuffer(bytes(builder.build()), np.uint8), held))
            builder, held = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES), 0
        held += 1

    def cut() -> None:
        for data, count in batches:
            words = cut_records(
                data, HEAD_BYTES, len(data), [0, 0, count - 1, TIMESTAMP_MS, EACH_ITS_OWN, 0, count]
            )
            assert not isinstance(words, str), words

    cut_us = _best_us(cut, sum(count for _, count in batches), rounds)
    _tell("wire_cut", cut_us, cut_us)


async def _measure_poll(bootstrap: str, values: list[bytes], rounds: int) -> None:
    kafka = Kafka(bootstrap=bootstrap, group_id="wire", partitions=1)
    await create_topics(kafka)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=LINGER_MS)
    await producer.start()
    for value in values:
        await producer.send(
            kafka.topics.usage, value, key=b"+436600000000", headers=list(MSGPACK), partition=0
        )
    await producer.stop()
    with mock.patch.object(kafka_source, "seam_fault", return_value="to compare"):
        one_by_one_us = await _poll_us(kafka, len(values), rounds)
    _tell("wire_poll_one_by_one", one_by_one_us, one_by_one_us)
    _tell("wire_poll", await _poll_us(kafka, len(values), rounds), one_by_one_us)


async def _poll_us(kafka: Kafka, count: int, rounds: int) -> float:
    """CPU of the client for all of the log, sockets and checksums included."""

    async def release() -> None:
        return None

    source = KafkaSource(kafka, release)
    await source.start()
    seconds = []
    try:
        while not source.assigned():
            await source.poll(BATCH_EVENTS, LINGER_MS)
        for _ in range(rounds):
            source.start_at(0, 0)
            started = time.process_time()
            polled = 0
            while polled < count:
                polled += len(await source.poll(BATCH_EVENTS, LINGER_MS))
            seconds.append(time.process_time() - started)
            source.hold(0)
    finally:
        await source.stop()
    return min(seconds) / count * 1e6


if __name__ == "__main__":
    cyclopts.run(main)
