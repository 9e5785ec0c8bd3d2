"""Pure. All records of a charged batch, in order of its events.

Rated records are written by a kernel; what it does not take, notifications and rejected records are built one
by one by `output_records` and put between them.
"""

import numpy as np

from charging.charged_batch import ChargedBatch
from charging.decoded_batch import CODEC_OBJECT, S_CODEC, S_SERVICE_AT, S_SERVICE_LENGTH
from charging.output_records import RecordWriter
from charging.outputs import (
    NOTIFICATIONS,
    O_KEY_AT,
    O_KEY_LENGTH,
    O_PARTITION,
    O_TOPIC,
    O_VALUE_AT,
    O_VALUE_LENGTH,
    OUTPUT_WORDS,
    RATED,
    REJECTED,
    Outputs,
)
from charging.wire.plain_values import REFUSED
from charging.wire.rated_records import R_AT, R_LENGTH, write_rated
from rating_kernels.batch_words import NOTICE_COUNT, PARTITION, TIME_US
from rating_kernels.outcomes import REJECTED_FROM
from rating_kernels.tariff_table import Bytes, Ints


def batch_outputs(batch: ChargedBatch, writer: RecordWriter) -> tuple[Outputs, dict[int, int]]:
    """(records, how many events had each outcome)."""
    outcomes = batch.outcomes()
    rows = np.flatnonzero(_is_plain(batch, outcomes))
    values, places = write_rated(
        batch.events,
        batch.decoded.spans,
        batch.decoded.text,
        batch.decisions,
        rows,
        batch.catalogue_version,
        writer.pieces,
    )
    written = places[:, R_LENGTH] != REFUSED
    rows, places = rows[written], places[written]
    one_by_one = np.delete(np.arange(len(batch), dtype=np.int64), rows)
    records = [
        (row, topic, value) for row in one_by_one.tolist() for topic, value in _records_of(batch, row, writer)
    ]
    counts = np.bincount(outcomes)
    return (
        _merged(batch, rows, places, values, records),
        {outcome: int(counts[outcome]) for outcome in np.flatnonzero(counts).tolist()},
    )


def _is_plain(batch: ChargedBatch, outcomes: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows that a kernel read and that have nothing but a rated record, by the batch's own catalogue."""
    plain = batch.decoded.spans[:, S_CODEC] != CODEC_OBJECT
    plain &= (outcomes < REJECTED_FROM) & (batch.decisions.rows[:, NOTICE_COUNT] == 0)
    plain[list(batch.decided_before)] = False
    return plain


def _records_of(batch: ChargedBatch, row: int, writer: RecordWriter) -> list[tuple[int, bytes]]:
    """(topic, value) of what one event causes."""
    catalogue_version, decided = batch.decision(row)
    partition = int(batch.events[row, PARTITION])
    decoded = batch.decoded
    event = decoded.event(row)
    if decided.outcome >= REJECTED_FROM or event is None:
        message = decoded.message(row)
        detail = decoded.details.get(row, "")
        return [(REJECTED, writer.rejected(message, decoded.parts.get(row), decided, detail))]
    time_us = int(batch.events[row, TIME_US])
    return [
        (RATED, writer.rated(partition, event, decided, catalogue_version)),
        *(
            (NOTIFICATIONS, writer.notification(partition, decided, notice, number, time_us))
            for number, notice in enumerate(decided.notices)
        ),
    ]


def _merged(
    batch: ChargedBatch,
    rows: Ints,
    places: Ints,
    values: Bytes,
    records: list[tuple[int, int, bytes]],
) -> Outputs:
    """What the kernel wrote and what was built, in order of the rows."""
    lengths = np.array([len(value) for _, _, value in records], np.int64)
    built_rows = np.array([row for row, _, _ in records], np.int64)
    all_rows = np.concatenate([rows, built_rows])
    words = np.empty((len(all_rows), OUTPUT_WORDS), np.int64)
    words[: len(rows), O_TOPIC] = RATED
    words[len(rows) :, O_TOPIC] = [topic for _, topic, _ in records]
    words[:, O_PARTITION] = batch.events[all_rows, PARTITION]
    words[:, O_KEY_AT] = batch.decoded.spans[all_rows, S_SERVICE_AT]
    words[:, O_KEY_LENGTH] = batch.decoded.spans[all_rows, S_SERVICE_LENGTH]
    words[: len(rows), O_VALUE_AT] = places[:, R_AT]
    words[: len(rows), O_VALUE_LENGTH] = places[:, R_LENGTH]
    words[len(rows) :, O_VALUE_AT] = len(values) + np.cumsum(lengths) - lengths
    words[len(rows) :, O_VALUE_LENGTH] = lengths
    if records:
        values = _extended(values, b"".join(value for _, _, value in records))
        words = words[np.argsort(all_rows, kind="stable")]
    return Outputs(words, batch.decoded.text, values)


def _extended(values: Bytes, built: bytes) -> Bytes:
    """What was built behind what the kernel wrote: in its array, if there is room left."""
    length = len(values)
    room = values.base
    if not isinstance(room, np.ndarray) or len(room) - length < len(built):
        room = np.concatenate([values, np.empty(len(built), np.uint8)])
    room[length : length + len(built)] = np.frombuffer(built, np.uint8)
    return room[: length + len(built)]
