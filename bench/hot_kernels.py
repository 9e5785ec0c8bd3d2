"""Shell. The hot kernels, one call of a batch each, under pytest-benchmark (`make bench-hot`); not among the tests.

    python -m pytest bench/hot_kernels.py --benchmark-compare      beside the run that was saved last

Wall time, which neighbours on the machine lengthen: the least of many rounds is what a kernel takes.
"""

from typing import Any

import msgspec
import numpy as np
import pytest

from balance_store.decision_record import pack_decisions
from balance_store.packed_records import packed_groups
from bench.bench_kernels import ZIPF, made_batches, per_unit_world
from bench.bench_output import Calls
from bench.bench_wire import MESSAGE_BYTES_MAX
from bench.workload import usage_events
from charging.decide_batch import room_for
from charging.messages import Message, message_columns
from charging.wire.event_names import event_names
from charging.wire.rated_records import write_rated
from charging.wire.read_events import read_events
from config.load import load_compiled_catalogue
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import BATCH_DONE, L_BATCH_NO
from rating_kernels.decide_events import decide_events
from rating_kernels.workspace import new_workspace

EVENTS = 4_096
GROUPS = 20_000
CUSTOMERS = 10_000
Benchmark = Any  # pytest-benchmark's fixture, which has no types


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_read_events(benchmark: Benchmark, form: str) -> None:
    """Messages into columns."""
    encode = msgspec.json.encode if form == "json" else msgspec.msgpack.encode
    headers = (("content-type", f"application/{form}".encode()),)
    messages = message_columns(
        [
            Message(0, number, 0, encode(event), headers)
            for number, event in enumerate(usage_events(CUSTOMERS, EVENTS))
        ]
    )
    names = event_names(tuple(load_compiled_catalogue("").event_types.values()))
    words, _ = benchmark(read_events, messages, names, MESSAGE_BYTES_MAX)
    assert len(words) == EVENTS


def test_decide_events(benchmark: Benchmark) -> None:
    """Events of a Zipf mix, each charged."""
    world = per_unit_world(GROUPS)
    dice = np.random.default_rng(1)
    (batch,) = made_batches(world, ZIPF, EVENTS, 1, 1, dice)
    rows = np.arange(EVENTS, dtype=np.int64)
    out = room_for(EVENTS).grown().grown()
    work, full = new_workspace(world.limits), np.array([len(world.words)])

    def afresh() -> None:
        # What was seen before would be a duplicate.
        batch.events[:, e.ID_HASH] = dice.integers(-(2**63), 2**63 - 1, EVENTS)
        world.limits[L_BATCH_NO] += 1
        out.used[:] = 0

    def decide() -> int:
        call = (world.table, world.calendars, world.limits, batch.events, batch.text, rows, 0)
        return decide_events(*call, world.words, full, world.slot_at, world.profiles, out, work)[1]

    assert benchmark.pedantic(decide, setup=afresh, rounds=50, warmup_rounds=2) == BATCH_DONE


def test_pack_groups(benchmark: Benchmark) -> None:
    """The records of a commit."""
    world = per_unit_world(GROUPS)
    slots = np.random.default_rng(1).choice(world.slot_at, EVENTS // 8, replace=False)
    assert len(benchmark(packed_groups, world.words, np.sort(slots))) == len(slots)


def test_pack_decisions(benchmark: Benchmark) -> None:
    """The decisions of a commit."""
    calls = Calls("msgpack")
    rows = np.arange(len(calls.events), dtype=np.int64)
    assert benchmark(pack_decisions, calls.events, rows, calls.decisions, 1)


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_write_rated(benchmark: Benchmark, form: str) -> None:
    """Records on their way out."""
    calls = Calls(form)
    rows = np.arange(len(calls.events), dtype=np.int64)
    call = (calls.events, calls.spans, calls.text, calls.decisions, rows, 1, calls.writer.pieces)
    values, _ = benchmark(write_rated, *call)
    assert len(values)
