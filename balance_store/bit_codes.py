"""Pure. Whole numbers as codes of just the bits they take, side by side from the lowest bit of each byte.

Codes come in columns. A column's head says what all of its codes need, so that a code has no length of its own:

    0                                   all codes are zero
    1 | width - 1, 6 bits | signed | sparse, where there are two codes or more

`width`: bits of the widest. `signed`: some are negative, so all are zigzag. `sparse`: in front of each code a bit
says whether it is zero; it is set where that is shorter. So a column has one form.
"""

import numpy as np

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

WORD_BITS, BYTE_BITS, HEAD_WIDTH_BITS = 64, 8, 6
# A column of n codes takes no more than n times this.
CODE_BITS_MAX = 74
_HALVES = (32, 16, 8, 4, 2, 1)


@kernel
def bit_length(bits: int) -> int:
    """Bits up to the highest that is set; a negative number has all."""
    if bits < 0:
        return WORD_BITS
    length = 0
    for half in _HALVES:
        if bits >> half != 0:
            bits >>= half
            length += half
    return length + bits


@kernel
def put_bits(out: Ints, bit: int, value: int, width: int) -> int:
    """Write the `width` bits of a value at a bit of an array of words; returns the next bit.

    Words behind are written as they are reached, so the array may hold anything.
    """
    word, shift = bit >> 6, bit & 63
    out[word] = value << shift | (out[word] & ((1 << shift) - 1))
    if shift + width > WORD_BITS:
        # The value's upper bits; a right shift brings the sign along, which is masked away.
        out[word + 1] = value >> (WORD_BITS - shift) & ((1 << shift) - 1)
    return bit + width


@kernel
def get_bits(data: Bytes, bit: int, width: int) -> int:
    """The `width` bits at a bit of the data; zeros behind its end."""
    at, shift = bit >> 3, bit & 7
    value = 0
    for place in range((shift + width + 7) >> 3):
        if at + place < len(data):
            byte: int = np.int64(data[at + place])  # type: ignore[assignment]  # numba: an int64
            if place == 0:
                value = byte >> shift
            else:
                value |= byte << (BYTE_BITS * place - shift)
    return value if width == WORD_BITS else value & ((1 << width) - 1)


@kernel
def zigzag(value: int) -> int:
    """Signed numbers as unsigned ones, small ones first."""
    return (value << 1) ^ (value >> 63)


@kernel
def put_codes(codes: Ints, first: int, count: int, out: Ints, bit: int) -> int:
    """Write a column of `count` codes from `first` on; returns the next bit. No code, no column."""
    if count == 0:
        return bit
    every = every_zigzag = zeros = 0
    for place in range(first, first + count):
        every |= codes[place]
        every_zigzag |= zigzag(codes[place])
        if codes[place] == 0:
            zeros += 1
    if every == 0:
        return put_bits(out, bit, 0, 1)
    signed = 1 if every < 0 else 0
    width = bit_length(every_zigzag if signed else every)
    sparse = 1 if zeros * width > count else 0
    bit = put_bits(out, bit, 1 | (width - 1) << 1 | signed << (HEAD_WIDTH_BITS + 1), HEAD_WIDTH_BITS + 2)
    if count > 1:
        bit = put_bits(out, bit, sparse, 1)
    for place in range(first, first + count):
        code = zigzag(codes[place]) if signed else codes[place]
        if sparse:
            bit = put_bits(out, bit, 1 if code != 0 else 0, 1)
            if code == 0:
                continue
        bit = put_bits(out, bit, code, width)
    return bit


@kernel
def get_codes(data: Bytes, bit: int, words: Ints, first: int, step: int, count: int) -> int:
    """Read a column of `count` codes to words[first], words[first + step]..; the next bit, or -1.

    Refused is what `put_codes` would not have written.
    """
    if count == 0:
        return bit
    signed = sparse = width = 0
    if get_bits(data, bit, 1):
        width = get_bits(data, bit + 1, HEAD_WIDTH_BITS) + 1
        signed = get_bits(data, bit + 1 + HEAD_WIDTH_BITS, 1)
        bit += 1 + HEAD_WIDTH_BITS
        if count > 1:
            sparse = get_bits(data, bit + 1, 1)
            bit += 1
    bit += 1
    every = every_bit = zeros = 0
    for place in range(count):
        code = 0
        if sparse:
            code = get_bits(data, bit, 1)
            bit += 1
        if code or not sparse:
            code = get_bits(data, bit, width)
            bit += width
            if sparse and code == 0:
                return -1
        every_bit |= code
        if signed:
            code = (code >> 1 & ((1 << 63) - 1)) ^ -(code & 1)
        every |= code
        if code == 0:
            zeros += 1
        words[first + place * step] = code
    if bit > BYTE_BITS * len(data) or bit_length(every_bit) != width:
        return -1
    if (every < 0) != (signed == 1) or (zeros * width > count) != (sparse == 1):
        return -1
    return bit
