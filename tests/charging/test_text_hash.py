"""XXH64: the specification's algorithm, kernel against plain Python, and answers that others have published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charging.wire.text_hash import text_hash
from rating_kernels.kernel import standing_kernel

PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
ALL = 2**64 - 1


@standing_kernel
def hashed(text, at, length):
    return text_hash(text, at, length)


def turned(bits: int, by: int) -> int:
    return ((bits << by) | (bits >> (64 - by))) & ALL


def mixed(lane: int, word: int) -> int:
    return turned((lane + word * PRIMES[1]) & ALL, 31) * PRIMES[0] & ALL


def plain(text: bytes) -> int:
    one, two, three, four, five = PRIMES
    rest, bits = text, five
    if len(text) >= 32:
        lanes = [(one + two) & ALL, two, 0, -one & ALL]
        while len(rest) >= 32:
            lanes = [
                mixed(lane, int.from_bytes(rest[8 * n : 8 * n + 8], "little")) for n, lane in enumerate(lanes)
            ]
            rest = rest[32:]
        bits = sum(turned(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & ALL
        for lane in lanes:
            bits = ((bits ^ mixed(0, lane)) * one + four) & ALL
    bits = (bits + len(text)) & ALL
    while len(rest) >= 8:
        bits = (turned(bits ^ mixed(0, int.from_bytes(rest[:8], "little")), 27) * one + four) & ALL
        rest = rest[8:]
    if len(rest) >= 4:
        bits = (turned(bits ^ (int.from_bytes(rest[:4], "little") * one & ALL), 23) * two + three) & ALL
        rest = rest[4:]
    for byte in rest:
        bits = turned(bits ^ (byte * five & ALL), 11) * one & ALL
    bits = (bits ^ (bits >> 33)) * two & ALL
    bits = (bits ^ (bits >> 29)) * three & ALL
    return bits ^ (bits >> 32)


@pytest.mark.parametrize(
    ("text", "published"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_answers_are_those_of_xxh64(text, published):
    assert hashed(np.frombuffer(text, np.uint8), 0, len(text)) & ALL == published


@given(st.binary(max_size=140), st.binary(max_size=9))
def test_kernel_and_plain_python_agree_wherever_the_text_lies(text, before):
    data = np.frombuffer(before + text + b"behind", np.uint8)
    assert hashed(data, len(before), len(text)) & ALL == plain(text)
