"""Pure. Numbers as zigzag varints in a byte array: small ones short, signed ones too."""

import numpy as np

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes

# A varint of 64 bits takes at most ten bytes.
VARINT_BYTES_MAX = 10
PAST_END = -1


@kernel
def put_varint(out: Bytes, at: int, value: int) -> int:
    """Write a number; returns the next offset."""
    bits = np.uint64((value << 1) ^ (value >> 63))
    while bits >= np.uint64(128):
        out[at] = np.uint8(bits & np.uint64(127)) | np.uint8(128)
        bits >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(bits)
    return at + 1


@kernel
def get_varint(data: Bytes, at: int) -> tuple[int, int]:
    """(number, next offset); the offset is PAST_END where the bytes end or are not as `put_varint` writes.

    A number has one form, so bytes that were read without complaint are those of what was read.
    """
    bits = np.uint64(0)
    for shift in range(VARINT_BYTES_MAX):
        if at >= len(data):
            return 0, PAST_END
        byte = np.uint64(data[at])
        at += 1
        bits |= (byte & np.uint64(127)) << np.uint64(7 * shift)
        if byte < np.uint64(128):
            if (byte == np.uint64(0) and shift > 0) or (
                shift == VARINT_BYTES_MAX - 1 and byte > np.uint64(1)
            ):
                # Zeros on top, or more than 64 bits.
                return 0, PAST_END
            half = np.int64(bits >> np.uint64(1))
            return half ^ -np.int64(bits & np.uint64(1)), at  # type: ignore[return-value]  # numba: an int64
    return 0, PAST_END
