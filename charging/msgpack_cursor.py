"""Pure. Reading MessagePack step by step in kernels: what a profile is made of, and skipping what is not known.

Every step takes the offset of a value and gives the offset behind it, or BAD where the bytes end or are of
another kind; a step that starts from BAD is BAD. Formats: the MessagePack specification.
"""

import numpy as np

from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes

BAD = -1


@kernel
def _byte(data: Bytes, at: int) -> int:
    return np.int64(data[at])  # type: ignore[return-value]  # numba: an int64


@standing_kernel
def _unsigned(data: Bytes, at: int, size: int) -> int:
    """Bytes in network order; the caller has seen that they are there."""
    value = 0
    for byte in range(size):
        value = (value << 8) | _byte(data, at + byte)
    return value


@standing_kernel
def get_int(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(a whole number of 64 bits, next offset or BAD)."""
    if not 0 <= at < end:
        return 0, BAD
    head = _byte(data, at)
    if head < 0x80:
        return head, at + 1
    if head >= 0xE0:
        return head - 0x100, at + 1
    if not 0xCC <= head <= 0xD3:
        return 0, BAD
    size = 1 << (head & 3)
    if at + 1 + size > end:
        return 0, BAD
    value = _unsigned(data, at + 1, size)
    if head >= 0xD0:
        shift = 64 - 8 * size
        value = (value << shift) >> shift
    elif value < 0:
        return 0, BAD  # above 2**63 - 1
    return value, at + 1 + size


@standing_kernel
def get_array(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(elements of the array that begins here, offset of the first or BAD)."""
    if not 0 <= at < end:
        return 0, BAD
    head = _byte(data, at)
    if head & 0xF0 == 0x90:
        return head & 0x0F, at + 1
    size = 2 if head == 0xDC else 4
    if not 0xDC <= head <= 0xDD or at + 1 + size > end:
        return 0, BAD
    count = _unsigned(data, at + 1, size)
    # An element takes a byte at least, so a count beyond the bytes is no count.
    return (0, BAD) if count > end - at else (count, at + 1 + size)


@standing_kernel
def get_text(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """(offset of the text's bytes, how many, next offset or BAD)."""
    if not 0 <= at < end:
        return 0, 0, BAD
    head = _byte(data, at)
    size = 0
    if head & 0xE0 == 0xA0:
        length = head & 0x1F
    elif 0xD9 <= head <= 0xDB:
        size = 1 << (head - 0xD9)
        if at + 1 + size > end:
            return 0, 0, BAD
        length = _unsigned(data, at + 1, size)
    else:
        return 0, 0, BAD
    first = at + 1 + size
    return (0, 0, BAD) if first + length > end else (first, length, first + length)


@standing_kernel
def skip_values(data: Bytes, at: int, end: int, count: int) -> int:
    """The offset behind so many values of any kind, or BAD."""
    left = count
    while left > 0:
        if not 0 <= at < end:
            return BAD
        head = _byte(data, at)
        inner, at = _skip_one(data, at, end, head)
        left += inner - 1
    return at


@standing_kernel
def _skip_one(data: Bytes, at: int, end: int, head: int) -> tuple[int, int]:
    """(values inside the one that begins here, offset behind its own bytes or BAD)."""
    inner, size, length = 0, 0, 0  # size: bytes of the length, or of the value itself
    if head < 0x80 or head >= 0xE0 or head in (0xC0, 0xC2, 0xC3):
        pass
    elif head < 0x90:
        inner = 2 * (head & 0x0F)
    elif head < 0xA0:
        inner = head & 0x0F
    elif head < 0xC0:
        length = head & 0x1F
    elif 0xCA <= head <= 0xD3:
        length = (4 if head == 0xCA else 8) if head < 0xCC else 1 << (head & 3)
    elif 0xD4 <= head <= 0xD8:
        length = 1 + (1 << (head - 0xD4))
    elif head == 0xC1:
        return 0, BAD
    else:
        size = _length_bytes(head)
        if at + 1 + size > end:
            return 0, BAD
        value = _unsigned(data, at + 1, size)
        if head >= 0xDC:
            inner = value if head <= 0xDD else 2 * value
        else:
            # An extension has its type before its bytes.
            length = value + (1 if 0xC7 <= head <= 0xC9 else 0)
    behind = at + 1 + size + length
    return (0, BAD) if behind > end or inner > end - at else (inner, behind)


@standing_kernel
def _length_bytes(head: int) -> int:
    """Bytes of the length behind a head: binary, extension, text, array or map."""
    if head >= 0xDC:
        return 2 if head & 1 == 0 else 4
    if head >= 0xD9:
        return 1 << (head - 0xD9)
    return 1 << (head - 0xC4) if head <= 0xC6 else 1 << (head - 0xC7)
