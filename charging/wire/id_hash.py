"""Pure. The 64-bit hash of an event's source and id: what the ring of recent events keeps (XXH64, seed 0).

XXH64 as the xxHash specification has it (Cyan4973/xxHash, doc/xxhash_spec.md). Not a secret's hash: who can
send events can make two of his own collide, and would only lose his own.
"""

from typing import Any

import numpy as np

from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes

_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME_3 = np.uint64(0x165667B19E3779F9)
_PRIME_4 = np.uint64(0x85EBCA77C2B2AE63)
_PRIME_5 = np.uint64(0x27D4EB2F165667C5)
_WORD, _STRIPE = 8, 32
# What `seed + prime 1 + prime 2` and its fellows come to with seed 0.
_LANE_1 = np.uint64((0x9E3779B185EBCA87 + 0xC2B2AE3D27D4EB4F) % 2**64)
_LANE_2 = _PRIME_2
_LANE_3 = np.uint64(0)
_LANE_4 = np.uint64(2**64 - 0x9E3779B185EBCA87)


@kernel
def _rotated(word: Any, bits: int) -> Any:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@kernel
def _read(data: Bytes, at: int, count: int) -> Any:
    """So many bytes as a little-endian number."""
    word = np.uint64(0)
    for place in range(count):
        word |= np.uint64(data[at + place]) << np.uint64(8 * place)
    return word


@kernel
def _round(lane: Any, word: Any) -> Any:
    return _rotated(lane + word * _PRIME_2, 31) * _PRIME_1


@kernel
def _merged(hashed: Any, lane: Any) -> Any:
    return (hashed ^ _round(np.uint64(0), lane)) * _PRIME_1 + _PRIME_4


@kernel
def _stripes(data: Bytes, length: int) -> Any:
    """The hash of all whole stripes, four lanes side by side."""
    lane_1, lane_2, lane_3, lane_4 = _LANE_1, _LANE_2, _LANE_3, _LANE_4
    for at in range(0, length - _STRIPE + 1, _STRIPE):
        lane_1 = _round(lane_1, _read(data, at, _WORD))
        lane_2 = _round(lane_2, _read(data, at + 8, _WORD))
        lane_3 = _round(lane_3, _read(data, at + 16, _WORD))
        lane_4 = _round(lane_4, _read(data, at + 24, _WORD))
    hashed = _rotated(lane_1, 1) + _rotated(lane_2, 7) + _rotated(lane_3, 12) + _rotated(lane_4, 18)
    return _merged(_merged(_merged(_merged(hashed, lane_1), lane_2), lane_3), lane_4)


@standing_kernel
def xxh64(data: Bytes, length: int) -> int:
    """The hash of the first `length` bytes, as a signed number."""
    hashed = _PRIME_5
    at = 0
    if length >= _STRIPE:
        hashed = _stripes(data, length)
        at = length // _STRIPE * _STRIPE
    hashed += np.uint64(length)
    while at + _WORD <= length:
        hashed = _rotated(hashed ^ _round(np.uint64(0), _read(data, at, _WORD)), 27) * _PRIME_1 + _PRIME_4
        at += _WORD
    if at + 4 <= length:
        hashed = _rotated(hashed ^ (_read(data, at, 4) * _PRIME_1), 23) * _PRIME_2 + _PRIME_3
        at += 4
    while at < length:
        hashed = _rotated(hashed ^ (np.uint64(data[at]) * _PRIME_5), 11) * _PRIME_1
        at += 1
    hashed = (hashed ^ (hashed >> np.uint64(33))) * _PRIME_2
    hashed = (hashed ^ (hashed >> np.uint64(29))) * _PRIME_3
    return np.int64(hashed ^ (hashed >> np.uint64(32)))  # type: ignore[return-value]  # numba: an int64


def id_hash(source: str, event_id: str) -> int:
    """The hash of source and id as UTF-8 with a zero byte between them, as a signed 64-bit number."""
    data = bytearray(f"{source}\0{event_id}".encode("utf-8", "replace"))
    # Of a bytearray, since kernels hash bytes that they may write: one compiled form for both.
    return int(xxh64(np.frombuffer(data, np.uint8), len(data)))
