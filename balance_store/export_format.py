"""Pure. A store in a file: frames one after the other, each checked by itself, none of which can go missing unseen.

    "CLEXPORT" version | frames: kind, length, CRC-32, payload

A payload is MessagePack, deflated (zlib). The CRC covers kind, the frame's place in the file and the payload, so
frames that were lost, doubled or put elsewhere are found too. The first frame is the head, the last the end, which
counts what lies between: rows of one shard and one kind each. A head may get new names; readers skip those that they
do not know. What a reader must understand raises the version.
"""

import enum
import struct
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

MAGIC = b"CLEXPORT"
FORMAT_VERSION = 1
START = MAGIC + bytes([FORMAT_VERSION])
_FRAME = struct.Struct(">BII")
FRAME_HEAD_BYTES = _FRAME.size
# A shard's decisions of a large batch are some MB; beyond this a length is damage, not data.
FRAME_BYTES_MAX = 1 << 28
# Records are dense already; more effort takes five times as long and saves a tenth.
_LEVEL = 1


class FrameKind(enum.IntEnum):
    """What a frame holds."""

    HEAD = 1
    ROWS = 2
    END = 3


class RowKind(enum.StrEnum):
    """What rows are."""

    GROUPS = "groups"
    PROFILES = "profiles"
    DIRECTORY = "directory"
    DECISIONS = "decisions"


class Head(msgspec.Struct, frozen=True):
    """What the file is of: a deployment's shards, and what its headers and counters know."""

    shards: int
    catalogue: int  # the highest of what shards accept at the least
    draws: dict[int, int]  # of each partition
    fields: dict[int, dict[bytes, bytes]]  # epochs and floors of each shard, as its header holds them


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """Fields and records of one shard, or of one bucket of the directory; of decisions entries alone, oldest first."""

    kind: RowKind
    place: int  # shard or bucket
    partition: int  # of decisions; elsewhere 0
    rows: list[tuple[bytes, bytes]]


class End(msgspec.Struct, frozen=True):
    """How many rows of each kind there are."""

    counts: dict[RowKind, int]


Frame = Head | Rows | End
_KINDS: dict[type, FrameKind] = {Head: FrameKind.HEAD, Rows: FrameKind.ROWS, End: FrameKind.END}
_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[FrameKind, msgspec.msgpack.Decoder[Any]] = {
    FrameKind.HEAD: msgspec.msgpack.Decoder(Head),
    FrameKind.ROWS: msgspec.msgpack.Decoder(Rows),
    FrameKind.END: msgspec.msgpack.Decoder(End),
}


class FrameHead(NamedTuple):
    """What stands before a payload."""

    kind: int
    length: int
    checksum: int


def pack_frame(frame: Frame, number: int) -> bytes:
    """The frame as the file's `number`-th, counted from 0."""
    kind = _KINDS[type(frame)]
    payload = zlib.compress(_ENCODER.encode(frame), _LEVEL)
    return _FRAME.pack(kind, len(payload), _checksum(kind, number, payload)) + payload


def unpack_head(head: bytes) -> FrameHead:
    """Kind, length and checksum; raises ValueError where no frame can begin so."""
    if len(head) < FRAME_HEAD_BYTES:
        raise ValueError("the file ends in the middle of a frame")
    found = FrameHead(*_FRAME.unpack(head))
    if found.kind not in _DECODERS or found.length > FRAME_BYTES_MAX:
        raise ValueError("no frame begins so")
    return found


def unpack_frame(head: FrameHead, number: int, payload: bytes) -> Frame:
    """The frame; raises ValueError where it is torn or not what was written."""
    if len(payload) < head.length:
        raise ValueError("the file ends in the middle of a frame")
    if _checksum(head.kind, number, payload) != head.checksum:
        raise ValueError("a frame does not match its checksum")
    frame: Frame = _DECODERS[FrameKind(head.kind)].decode(zlib.decompress(payload))
    return frame


def check_start(start: bytes) -> None:
    """Raises ValueError where a file does not begin as an export that this program can read."""
    if start[: len(MAGIC)] != MAGIC or len(start) < len(START):
        raise ValueError("this is no export of a store")
    if start[len(MAGIC)] > FORMAT_VERSION:
        raise ValueError(
            f"this export has format {start[len(MAGIC)]}, this program reads up to {FORMAT_VERSION}: take a newer one"
        )


def _checksum(kind: int, number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack(">BQ", kind, number)))


def counted(frames: Iterable[Rows]) -> dict[RowKind, int]:
    """Rows of each kind."""
    counts = dict.fromkeys(RowKind, 0)
    for frame in frames:
        counts[frame.kind] += len(frame.rows)
    return counts
