"""Shell. Record batches from aiokafka's consumer, whole: the one module that touches what is private to aiokafka.

The seam is the iterator over a partition's fetched records (`PartitionRecords` in aiokafka.consumer.fetcher).
Ours hands on columns of many messages where aiokafka's hands on an object a message; groups, positions, aborted
transactions and control batches stay with aiokafka. `seam_fault` proves at start that the seam is as we know it.
"""

import inspect
import struct
import types
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import aiokafka.conn as conn
import aiokafka.consumer.fetcher as fetcher
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatch
from cramjam import DecompressionError

from charging.messages import M_OFFSET, Message, MessageColumns, joined, message_columns
from charging.wire.cut_records import EACH_ITS_OWN, cut_records

# Formats 0 to 2 begin alike: offset, length of what follows, and, at the same place, the format's number.
LENGTH = struct.Struct(">i")
LENGTH_AT, AFTER_LENGTH, FORMAT_AT = 8, 12, 16
# From the offset to the value's length in format 0; the head of a batch in format 2, whose end is its count.
BATCH_BYTES_MIN, HEAD_BYTES, COUNT_AT = 26, 61, 57
FORMAT_OF_BATCHES = 2
_DECODERS: dict[int, Callable[[bytes], bytes]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
# aiokafka stops its socket at twice this and starts it again when some was taken: at its own 64 KiB, for each piece that
# comes of an answer.
READER_BYTES = 4 * 1024 * 1024
# What decompressors and aiokafka's readers raise on bytes that are not what they say; the last two come from its
# reader of old formats.
_MALFORMED = (
    CorruptRecordException,
    UnsupportedCodecError,
    DecompressionError,
    zlib.error,
    struct.error,
    ValueError,
    IndexError,
    OSError,
    EOFError,
    SystemError,
    AssertionError,
)


class Wanted:
    """What a poll has room for, and what could not be read: `refused` is partition -> why."""

    def __init__(self, on_refusal: Callable[[int, str], None]) -> None:
        self.messages = 0
        self.refused: dict[int, str] = {}
        self._on_refusal = on_refusal

    def refuse(self, partition: int, why: str) -> None:
        """A batch is corrupt: nothing behind it is delivered before it can be read."""
        self.refused[partition] = why
        self._on_refusal(partition, why)


class _Batch(NamedTuple):
    columns: MessageColumns
    next_offset: int


class _FetchedRecords:
    """The bytes of a partition in a fetch answer: as much as the fetcher asks of aiokafka's MemoryRecords."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""
        self.array = np.frombuffer(self.data or b"\0", np.uint8)

    def has_next(self) -> bool:
        """Whether a batch came whole; the last one of an answer may be cut off."""
        return batch_end(self.data, 0) is not None

    def size_in_bytes(self) -> int:
        return len(self.data)


def batch_end(data: bytes, at: int) -> int | None:
    """Where the batch at a place ends; None where it is not there whole."""
    if len(data) - at < BATCH_BYTES_MIN:
        return None
    end = at + AFTER_LENGTH + int(LENGTH.unpack_from(data, at + LENGTH_AT)[0])
    return end if end <= len(data) else None


class WholeBatches(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """A partition's fetched records as lists of columns, each list with at most as many messages as are wanted."""

    def __init__(self, wanted: Wanted, tp: TopicPartition, records: _FetchedRecords, *rest: Any) -> None:
        self._wanted = wanted
        self._at = 0
        super().__init__(tp, records, *rest)

    def _unpack_records(self) -> Iterator[list[MessageColumns]]:
        """Each list is one "record" to aiokafka, which takes our position when it is handed on."""
        pieces: list[MessageColumns] = []
        while (batch := self._next_batch()) is not None:
            if isinstance(batch, str):
                self._wanted.refuse(self._tp.partition, f"record batch {self._offset_at()}: {batch}")
                break
            self._wanted.refused.pop(self._tp.partition, None)
            words, data = batch.columns.words, batch.columns.data
            while len(words):
                assert self._wanted.messages > 0, "a poll wants something"
                taken, words = words[: self._wanted.messages], words[self._wanted.messages :]
                self._wanted.messages -= len(taken)
                pieces.append(MessageColumns(taken, data))
                self.next_fetch_offset = int(taken[-1, M_OFFSET]) + 1
                if self._wanted.messages == 0:
                    yield pieces
                    pieces = []
            # Of a compacted batch the last offsets may be gone; it must not be fetched again for them.
            self._pass(batch.next_offset)
        if pieces:
            yield pieces

    def _pass(self, next_offset: int) -> None:
        """Go on behind a batch; never back, whatever a batch says of itself."""
        self.next_fetch_offset = max(self.next_fetch_offset, next_offset)

    def _offset_at(self) -> str:
        """For people: where the batch is that was looked at last."""
        return f"of partition {self._tp.partition} at or after offset {self.next_fetch_offset}"

    def _next_batch(self) -> _Batch | str | None:
        """The next batch with messages, what is wrong with it, or None at the end of what was fetched."""
        data = self._records.data
        while (end := batch_end(data, self._at)) is not None:
            at = self._at
            is_old = data[at + FORMAT_AT] < FORMAT_OF_BATCHES
            if end - at < (BATCH_BYTES_MIN if is_old else HEAD_BYTES):
                return "it is shorter than its own head"
            if data[at + FORMAT_AT] > FORMAT_OF_BATCHES:
                return f"its format {data[at + FORMAT_AT]} is not known"
            self._at = end
            whole = memoryview(data)[at:end]
            try:
                batch = LegacyRecordBatch(whole, whole[FORMAT_AT]) if is_old else DefaultRecordBatch(whole)
                if self._check_crcs and not batch.validate_crc():
                    return "its checksum is wrong"
                if not self._is_passed_over(batch):
                    return self._old_messages(batch) if is_old else self._messages(batch, at, end)
            except _MALFORMED as error:
                return str(error) or type(error).__name__
            self._pass(batch.next_offset)
        return None

    def _is_passed_over(self, batch: Any) -> bool:
        """Whether the batch is a control batch, or of a transaction that was aborted, as aiokafka has it."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)

    def _messages(self, batch: Any, at: int, end: int) -> _Batch | str:
        """Over the fetched bytes themselves, if they are not compressed."""
        (count,) = LENGTH.unpack_from(self._records.data, at + COUNT_AT)
        codec = batch.compression_type
        data, at = self._records.array, at + HEAD_BYTES
        if codec:
            if codec not in _DECODERS:
                return f"its compression {codec} is not known"
            plain = _DECODERS[codec](self._records.data[at:end])
            data, at, end = np.frombuffer(plain or b"\0", np.uint8), 0, len(plain)
        words = cut_records(
            data,
            at,
            end,
            [
                self._tp.partition,
                batch.base_offset,
                batch.last_offset_delta,
                batch.first_timestamp,
                batch.max_timestamp if batch.timestamp_type else EACH_ITS_OWN,
                self.next_fetch_offset,
                count,
            ],
        )
        if isinstance(words, str):
            return words
        return _Batch(MessageColumns(words, data), batch.next_offset)

    def _old_messages(self, batch: Any) -> _Batch:
        """Of formats 0 and 1, which no producer of today writes: message by message."""
        messages = [
            Message(self._tp.partition, record.offset, record.timestamp or 0, record.value, ())
            for record in batch
            if record.offset >= self.next_fetch_offset
        ]
        return _Batch(message_columns(messages), batch.next_offset)


def read_answers_at_once() -> None:
    """Let connections that are made from now on read on until an answer is whole."""
    if hasattr(conn, "READER_LIMIT"):
        conn.READER_LIMIT = READER_BYTES


def take_whole_batches(consumer: AIOKafkaConsumer, wanted: Wanted) -> None:
    """Let a started consumer hand on lists of columns: `getmany` gives one list for each "record" asked for.

    What fetched an answer finds our classes where it looks for aiokafka's; other consumers are left alone.
    """
    theirs = fetcher.Fetcher._proc_fetch_request
    names = vars(fetcher) | {
        "MemoryRecords": _FetchedRecords,
        "PartitionRecords": lambda *arguments: WholeBatches(wanted, *arguments),
    }
    ours = types.FunctionType(theirs.__code__, names, theirs.__name__, theirs.__defaults__)
    consumer._fetcher._proc_fetch_request = types.MethodType(ours, consumer._fetcher)


def seam_fault() -> str:
    """What keeps us from the seam; empty where aiokafka is as this module knows it."""
    parameters = list(inspect.signature(PartitionRecords).parameters)
    expected = [
        "tp",
        "records",
        "aborted_transactions",
        "fetch_offset",
        "key_deserializer",
        "value_deserializer",
        "check_crcs",
        "isolation_level",
    ]
    if parameters != expected:
        return f"PartitionRecords takes {parameters}"
    code = fetcher.Fetcher._proc_fetch_request.__code__
    if code.co_freevars or not {"MemoryRecords", "PartitionRecords"} <= set(code.co_names):
        return "the fetcher makes its records elsewhere"
    return _reading_fault()


def _reading_fault() -> str:
    """Whether both ways read the same of a batch."""
    tp = TopicPartition("seam", 0)
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000)
    for offset, value, headers in ((0, b"one", [("name", b"value")]), (1, None, []), (2, b"", [])):
        builder.append(offset, 1_000 + offset, b"key", value, headers)
    data = bytes(builder.build())
    rest: tuple[Any, ...] = ([], 0, None, None, True, READ_UNCOMMITTED)
    theirs = [
        Message(0, record.offset, record.timestamp, record.value, tuple(record.headers))
        for record in PartitionRecords(tp, fetcher.MemoryRecords(data), *rest)
    ]
    wanted = Wanted(lambda _partition, _why: None)
    wanted.messages = len(theirs) + 1
    columns = joined(
        [piece for pieces in WholeBatches(wanted, tp, _FetchedRecords(data), *rest) for piece in pieces]
    )
    ours = [columns.message(place) for place in range(len(columns))]
    return "" if ours == theirs else f"a batch is read as {ours}, by aiokafka as {theirs}"
