"""Shell. Record batches that kernels wrote, handed to aiokafka's producer in place of those that it builds.

`PackedBatch` has the methods of aiokafka's batch builder that its producer calls, so the producer still
numbers the batches and the broker still recognises one that comes twice. Those methods are private to
aiokafka: its version is pinned, all we know of it is in this module, and `seam_holds` proves it at start.
"""

import functools
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from aiokafka.codec import lz4_encode, zstd_encode
from aiokafka.record.util import calc_crc32c

from charging.outputs import Output, Outputs, outputs_of
from charging.wire.lz4_frames import lz4_frame
from charging.wire.record_batches import records_that_fit, write_records
from rating_kernels.tariff_table import Ints

# Kafka protocol, record batch of format 2: base offset, length, leader epoch, magic, CRC | attributes, last
# offset difference, first and last timestamp, producer id, epoch, base sequence, records.
HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH_END = struct.calcsize(">qi")
CRC = struct.Struct(">I")
CRC_AT = struct.calcsize(">qiib")
CHECKED_FROM = CRC_AT + CRC.size
MAGIC = 2
NO_EPOCH = NO_PRODUCER = -1


class Codec(NamedTuple):
    """How records are compressed, and its number in a batch's attributes."""

    number: int
    compress: Callable[[memoryview], bytes]


def _their_lz4(records: memoryview) -> bytes:
    return bytes(lz4_encode(bytes(records)))


def _zstd(records: memoryview, **level: int) -> bytes:
    return bytes(zstd_encode(bytes(records), **level))


# By the names of the setting; as aiokafka has them, and as we use them: its levels cost ten times the time.
THEIRS = {"none": Codec(0, bytes), "lz4": Codec(3, _their_lz4), "zstd": Codec(4, _zstd)}
FASTEST = 1
CODECS = {
    "none": THEIRS["none"],
    "lz4": Codec(3, lz4_frame),
    "zstd": Codec(4, functools.partial(_zstd, level=FASTEST)),
}
# More than the records of the proof take.
PROOF_BYTES = 100_000


class PackedBatch:
    """One record batch, complete but for what the producer knows; what is full takes nothing more."""

    def __init__(self, body: bytes, records: int, timestamp_ms: int, codec_number: int) -> None:
        self._buffer = bytearray(HEADER.size) + body
        self._records = records
        self._timestamp_ms = timestamp_ms
        self._codec_number = codec_number
        self._producer = (NO_PRODUCER, NO_PRODUCER, 0)
        self._built = False

    def append(self, **_record: object) -> None:
        """Full: the producer begins a batch of its own."""

    def close(self) -> None:
        """Nothing: it never was open."""

    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return True

    def size(self) -> int:
        """Bytes on the wire."""
        return len(self._buffer)

    def record_count(self) -> int:
        """How many numbers of the producer's sequence it takes."""
        return self._records

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        """The batch's bytes; the same again for a producer that tries again."""
        if not self._built:
            HEADER.pack_into(
                self._buffer,
                0,
                0,
                len(self._buffer) - LENGTH_END,
                NO_EPOCH,
                MAGIC,
                0,
                self._codec_number,
                self._records - 1,
                self._timestamp_ms,
                self._timestamp_ms,
                *self._producer,
                self._records,
            )
            checksum = calc_crc32c(memoryview(self._buffer)[CHECKED_FROM:])
            CRC.pack_into(self._buffer, CRC_AT, checksum)
            self._built = True
        return self._buffer


def packed_batches(
    outputs: Outputs, rows: Ints, batch_bytes: int, timestamp_ms: int, codec: Codec
) -> Iterator[PackedBatch]:
    """These rows in order, in batches of up to so many bytes before compression.

    Each is compressed as soon as it is written: it is in the processor's cache then, and its memory the next one's.
    """
    first = 0
    while first < len(rows):
        end, size = records_that_fit(outputs.words, rows, first, batch_bytes - HEADER.size)
        records = np.empty(size, np.uint8)
        written = write_records(outputs.words, rows, first, end, outputs.keys, outputs.values, records, 0)
        assert written == size, "records are as long as they were counted"
        yield PackedBatch(codec.compress(records.data), end - first, timestamp_ms, codec.number)
        first = end


def seam_holds(create_batch: Callable[[], Any], compression: str) -> bool:
    """Whether the producer's own builder makes the same bytes of the same records and producer."""
    records = [
        Output("rated", 0, b"+43", b'{"id": "usage/0/1/0"}'),
        Output("rated", 0, b"", b"\0" * 200),
        *(Output("rated", 0, b"repeated", b"and compressed") for _ in range(70)),
    ]
    try:
        theirs = create_batch()
        for record in records:
            theirs.append(timestamp=1_000, key=record.key, value=record.value)
        rows = np.arange(len(records))
        (ours,) = packed_batches(outputs_of(records), rows, PROOF_BYTES, 1_000, THEIRS[compression])
        for builder in (theirs, ours):
            builder._set_producer_state(7, 1, 12_345)
        return bytes(theirs._build()) == bytes(ours._build())
    except (AttributeError, TypeError, AssertionError, ValueError):
        return False


async def abandon(producer: Any) -> None:
    """Close a producer without waiting for what it still has under way, which `stop` does for ever."""
    producer._closed = True
    await producer._sender.close()
    await producer.client.close()
