"""Pure. XXH64 with seed 0 over a stretch of bytes (the algorithm's own description: the xxHash specification).

Its answers may be stored: they are those of any other implementation of XXH64.
"""

import numpy as np

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes

_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME_3 = np.uint64(0x165667B19E3779F9)
_PRIME_4 = np.uint64(0x85EBCA77C2B2AE63)
_PRIME_5 = np.uint64(0x27D4EB2F165667C5)
# The four lanes of a long text begin with sums of the primes, modulo 2**64.
_LANE_1 = np.uint64(0x60EA27EEADC0B5D6)
_LANE_4 = np.uint64(0x61C8864E7A143579)
_STRIPE_BYTES = 32


@kernel
def text_hash(text: Bytes, at: int, length: int) -> int:
    """The 64 bits as a signed number."""
    end = at + length
    if length >= _STRIPE_BYTES:
        one, two, three, four = _LANE_1, _PRIME_2, np.uint64(0), _LANE_4
        while at + _STRIPE_BYTES <= end:
            one = _round(one, _word(text, at))
            two = _round(two, _word(text, at + 8))
            three = _round(three, _word(text, at + 16))
            four = _round(four, _word(text, at + 24))
            at += _STRIPE_BYTES
        bits = _turn(one, 1) + _turn(two, 7) + _turn(three, 12) + _turn(four, 18)
        bits = _merge(_merge(_merge(_merge(bits, one), two), three), four)
    else:
        bits = _PRIME_5
    bits += np.uint64(length)
    while at + 8 <= end:
        bits = _turn(bits ^ _round(np.uint64(0), _word(text, at)), 27) * _PRIME_1 + _PRIME_4
        at += 8
    if at + 4 <= end:
        bits = _turn(bits ^ (_half(text, at) * _PRIME_1), 23) * _PRIME_2 + _PRIME_3
        at += 4
    while at < end:
        bits = _turn(bits ^ (np.uint64(text[at]) * _PRIME_5), 11) * _PRIME_1
        at += 1
    bits = (bits ^ (bits >> np.uint64(33))) * _PRIME_2
    bits = (bits ^ (bits >> np.uint64(29))) * _PRIME_3
    return np.int64(bits ^ (bits >> np.uint64(32)))  # type: ignore[return-value]  # numba: an int64


@kernel
def _turn(bits: np.uint64, by: int) -> np.uint64:
    return (bits << np.uint64(by)) | (bits >> np.uint64(64 - by))


@kernel
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _turn(lane + word * _PRIME_2, 31) * _PRIME_1


@kernel
def _merge(bits: np.uint64, lane: np.uint64) -> np.uint64:
    return (bits ^ _round(np.uint64(0), lane)) * _PRIME_1 + _PRIME_4


@kernel
def _half(text: Bytes, at: int) -> np.uint64:
    """Four bytes, lowest first."""
    return (
        np.uint64(text[at])
        | np.uint64(text[at + 1]) << np.uint64(8)
        | np.uint64(text[at + 2]) << np.uint64(16)
        | np.uint64(text[at + 3]) << np.uint64(24)
    )


@kernel
def _word(text: Bytes, at: int) -> np.uint64:
    """Eight bytes, lowest first."""
    return _half(text, at) | _half(text, at + 4) << np.uint64(32)
