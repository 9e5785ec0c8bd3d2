"""Shell. What a rated record costs on its way out: written, packed, published; by processor time, broker included.

First the kernels beside their reference, in both formats. Then the same records to a real broker by both ways
and with each compression: microseconds of our process and of the broker, and bytes on the wire. Processor
time is counted, not the wall's: the machine is shared.
"""

import asyncio
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cyclopts
import msgspec
import numpy as np

from balance_store.decision_record import decided_events
from charging.decoded_batch import (
    CODEC_JSON,
    CODEC_MSGPACK,
    S_CODEC,
    S_ID_AT,
    S_SERVICE_AT,
    SPAN_WORDS,
)
from charging.kafka_sink import BATCH_BYTES, KafkaSink
from charging.output_records import RecordWriter
from charging.outputs import O_KEY_AT, O_PARTITION, O_VALUE_AT, OUTPUT_WORDS, Outputs
from charging.servers import start_servers, stop_servers
from charging.topics import create_topics
from charging.usage_event import UsageEvent
from charging.wire.producer_seam import CODECS, packed_batches
from charging.wire.rated_records import write_rated
from config.code_ids import code_id
from config.load import load_compiled_catalogue
from config.settings import Kafka, Topics
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import IMPACT_OWED
from rating_kernels.batch_words import DecisionWords
from rating_kernels.tariff_table import Bytes, Ints

BATCH = 8_000
ROUNDS = 9
PUBLISHED_BATCHES = 40
SEED = 20_261_001
CUSTOMERS = 1_000_000
PARTITIONS = 8
CODEC_OF = {"json": CODEC_JSON, "msgpack": CODEC_MSGPACK}
CLOCK_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Calls:
    """One batch of decided calls, as decoding and rating leave them, in one format."""

    def __init__(self, form: str) -> None:
        self.catalogue = load_compiled_catalogue("")
        self.writer = RecordWriter(self.catalogue, "usage", form)
        dice = np.random.default_rng(SEED)
        customers = dice.integers(1, CUSTOMERS, BATCH)
        seconds = dice.integers(1, 3_600, BATCH)
        self.usage = [
            UsageEvent(
                f"call-{number:010d}",
                f"msc-{number % 20}",
                "call",
                f"+43660{customers[number]:07d}",
                1_791_194_400_000_000 + number * 999_983,
                int(seconds[number]),
                {"destination": f"+43664{dice.integers(10**7):07d}"},
            )
            for number in range(BATCH)
        ]
        self.text, self.spans = _spans(self.usage, form)
        self.events = np.zeros((BATCH, e.EVENT_WORDS), np.int64)
        self.events[:, e.PARTITION] = np.arange(BATCH) % PARTITIONS
        self.events[:, e.OFFSET] = 10**7 + np.arange(BATCH)
        self.events[:, e.EVENT_TYPE] = self.catalogue.event_types["call"].index
        self.decisions = self._decisions(customers, seconds, dice)

    def _decisions(self, customers: Ints, seconds: Ints, dice: np.random.Generator) -> DecisionWords:
        prices = [n for n, code in self.catalogue.names["price"].items() if code.startswith("voice_standard")]
        item = next(n for n, key in self.catalogue.items.items() if key.bill_item == "calls")
        words = DecisionWords(BATCH, BATCH, 1, 1)
        words.rows[:, [e.CUSTOMER_ID, e.SUBSCRIPTION_ID, e.USER_GROUP_ID]] = customers[:, None]
        words.rows[:, e.PRODUCT_ID] = code_id("product", "calls")
        words.rows[:, e.PRICE_ID] = dice.choice(prices, BATCH)
        words.rows[:, e.DUPLICATE_OF] = -1
        words.rows[:, e.IMPACT_FIRST] = np.arange(BATCH)
        words.rows[:, e.IMPACT_COUNT] = 1
        words.impacts[:] = (IMPACT_OWED, 0, 2, self.catalogue.resources["EUR"].id, item, 0, 0)
        words.impacts[:, e.GROUP_ID] = customers
        words.impacts[:, e.IMPACT_QUANTITY] = seconds
        words.impacts[:, e.AMOUNT] = seconds * 1_500
        words.used[0] = BATCH
        return words

    def by_kernel(self) -> Outputs:
        """Written as the daemon writes them."""
        values, places = write_rated(
            self.events, self.spans, self.text, self.decisions, np.arange(BATCH), 1, self.writer.pieces
        )
        words = np.zeros((BATCH, OUTPUT_WORDS), np.int64)
        words[:, O_PARTITION] = self.events[:, e.PARTITION]
        words[:, O_KEY_AT : O_KEY_AT + 2] = self.spans[:, S_SERVICE_AT : S_SERVICE_AT + 2]
        words[:, O_VALUE_AT : O_VALUE_AT + 2] = places
        return Outputs(words, self.text, values)

    def one_by_one(self) -> list[bytes]:
        """Built as the reference does."""
        decided = decided_events(self.events, self.decisions)
        partitions = self.events[:, e.PARTITION].tolist()
        return [
            self.writer.rated(partition, event, one, 1)
            for partition, event, one in zip(partitions, self.usage, decided, strict=True)
        ]


def _spans(usage: list[UsageEvent], form: str) -> tuple[Bytes, Ints]:
    """The encoded parts one after the other, and where they lie."""
    encode = msgspec.json.encode if form == "json" else msgspec.msgpack.encode
    text = bytearray()
    spans = np.zeros((len(usage), SPAN_WORDS), np.int64)
    spans[:, S_CODEC] = CODEC_OF[form]
    for row, event in enumerate(usage):
        for number, name in enumerate(UsageEvent.__struct_fields__):
            encoded = encode(getattr(event, name))
            spans[row, S_ID_AT + 2 * number : S_ID_AT + 2 * number + 2] = len(text), len(encoded)
            text += encoded
        spans[row, S_SERVICE_AT : S_SERVICE_AT + 2] = len(text), len(event.service)
        text += event.service.encode()
    return np.frombuffer(bytes(text), np.uint8), spans


def main() -> None:
    """Measure the output."""
    # Brokers say for a moment that new topics have no leader.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="chargeline-bench-") as folder:
        state = start_servers(Path(folder), parent_pid=os.getpid())
        try:
            for form in CODEC_OF:
                calls = Calls(form)
                assert [record.value for record in calls.by_kernel()] == calls.one_by_one()
                _kernels(form, calls)
                _publish(form, calls, state.kafka_bootstrap, Path(folder))
        finally:
            stop_servers(Path(folder))


def _kernels(form: str, calls: Calls) -> None:
    outputs = calls.by_kernel()
    rows = np.arange(BATCH)
    written, reference = _spent_us(calls.by_kernel), _spent_us(calls.one_by_one)
    packed = _spent_us(lambda: list(packed_batches(outputs, rows, BATCH_BYTES, 0, CODECS["none"])))
    size = outputs.values.size / BATCH
    _tell(
        f"{form}: a record of {size:.0f} bytes; CPU an event: kernel {written:.2f} us, one by one {reference:.2f} us"
    )
    _tell(f"  packed into record batches: {packed:.2f} us")
    _line(f"output_{form}", written, reference / written, reference=reference, packed=packed, bytes=size)


def _publish(form: str, calls: Calls, bootstrap: str, data_dir: Path) -> None:
    """The same batch again and again by each way in turns, so that the broker is as warm for all of them."""
    outputs = calls.by_kernel()
    ways = [("none", False), *((compression, True) for compression in CODECS)]
    spent = [
        asyncio.run(_rounds(f"{form}-{n}", outputs, bootstrap, data_dir, ways)) for n in range(ROUNDS // 3)
    ]
    for number, (compression, packs) in enumerate(ways):
        ours, brokers = (
            statistics.median(figures) for figures in zip(*(one[number] for one in spent), strict=True)
        )
        name = f"{form}_{compression}_{'packed' if packs else 'appended'}"
        places = outputs.rows_by_place((PARTITIONS, 1, 1)).values()
        batches = (
            batch
            for rows in places
            for batch in packed_batches(outputs, rows, BATCH_BYTES, 0, CODECS[compression])
        )
        size = sum(len(batch._build()) for batch in batches) / BATCH
        _tell(f"  {name:24} ours {ours:5.2f} us, broker {brokers:5.2f} us, {size:4.0f} bytes")
        _line(f"publish_{name}", ours, ours + brokers, broker=brokers, bytes=size)


async def _rounds(
    prefix: str, outputs: Outputs, bootstrap: str, data_dir: Path, ways: list[tuple[str, bool]]
) -> list[tuple[float, float]]:
    """(ours, broker's) microseconds an event of each way."""
    names = {topic: f"{prefix}-{topic}" for topic in ("usage", "rated", "notifications", "rejected")}
    base = Kafka(bootstrap=bootstrap, partitions=PARTITIONS, topics=Topics(**names))
    await create_topics(base)
    spent = []
    for compression, packs in ways:
        sink = KafkaSink(msgspec.structs.replace(base, compression=compression))
        sink.packs = packs
        await sink.start()
        await sink.publish(outputs)
        ours, brokers = time.process_time(), _broker_seconds(data_dir)
        for _ in range(PUBLISHED_BATCHES):
            await sink.publish(outputs)
        seconds = time.process_time() - ours, _broker_seconds(data_dir) - brokers
        spent.append(
            (seconds[0] * 1e6 / BATCH / PUBLISHED_BATCHES, seconds[1] * 1e6 / BATCH / PUBLISHED_BATCHES)
        )
        await sink.stop()
    return spent


def _spent_us(act: Callable[[], object]) -> float:
    """Median microseconds of processor time an event."""
    act()
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        act()
        spent.append(time.process_time() - start)
    return statistics.median(spent) * 1e6 / BATCH


def _broker_seconds(data_dir: Path) -> float:
    """Processor time of the broker that was started on this directory."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"kafka.Kafka" in command and str(data_dir).encode() in command:
                user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
                return (int(user) + int(system)) / CLOCK_TICKS_A_SECOND
        except OSError:
            continue
    raise SystemExit("no broker of this bench is running")


def _tell(text: str) -> None:
    print(text, flush=True)


def _line(bench: str, value: float, ratio: float, **more: float) -> None:
    figures = {"bench": bench, "value": value, "unit": "us an event", "ratio": ratio, **more}
    print(
        json.dumps({name: round(x, 3) if isinstance(x, float) else x for name, x in figures.items()}),
        flush=True,
    )


if __name__ == "__main__":
    cyclopts.run(main)
