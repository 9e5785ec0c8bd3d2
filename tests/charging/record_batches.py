"""Record batches as brokers keep them, made by aiokafka's builders."""

import struct

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

HEAD_BYTES, CRC_AT, ATTRIBUTES_AT, LAST_DELTA_AT, MAX_TIMESTAMP_AT = 61, 17, 21, 23, 35
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20


def batch_of(records, *, base=0, codec=NONE, producer_id=-1, transactional=False, deltas=None) -> bytes:
    """A batch in format 2 of (key, value, headers), at these offsets from its base."""
    builder = DefaultRecordBatchBuilder(2, codec, int(transactional), producer_id, 0, 0, 1 << 20)
    for delta, (key, value, headers) in zip(deltas or range(len(records)), records, strict=True):
        builder.append(delta, 1_000 + delta, key, value, headers)
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    return bytes(data)


def changed(batch: bytes, form: str, at: int, value: int) -> bytes:
    """A field of a batch's head set, with the checksum that belongs to it."""
    data = bytearray(batch)
    struct.pack_into(form, data, at, value)
    struct.pack_into(">I", data, CRC_AT, calc_crc32c(bytes(data[ATTRIBUTES_AT:])))
    return bytes(data)


def with_attributes(batch: bytes, bits: int) -> bytes:
    """Attributes set in addition."""
    (now,) = struct.unpack_from(">h", batch, ATTRIBUTES_AT)
    return changed(batch, ">h", ATTRIBUTES_AT, now | bits)


def records_of(batch: bytes) -> bytes:
    """The records of an uncompressed batch."""
    return batch[HEAD_BYTES:]


def control_batch(base: int, producer_id: int, marker: int) -> bytes:
    """The end of a transaction: marker 0 aborts, 1 commits."""
    batch = batch_of(
        [(struct.pack(">hh", 0, marker), b"\0" * 6, [])],
        base=base,
        producer_id=producer_id,
        transactional=True,
    )
    return with_attributes(batch, CONTROL)


def old_batch(records, *, base=0, form=1, codec=NONE) -> bytes:
    """Messages in format 0 or 1 of (key, value)."""
    builder = LegacyRecordBatchBuilder(form, codec, 1 << 20)
    first = 0 if codec and form == 1 else base
    for place, (key, value) in enumerate(records):
        builder.append(first + place, 1_000 + place, key, value)
    data = bytearray(builder.build())
    if codec:
        # The message around compressed ones has the last one's offset, as the broker sets it.
        struct.pack_into(">q", data, 0, base + len(records) - 1)
    return bytes(data)
