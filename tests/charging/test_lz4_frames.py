"""Frames of LZ4 that we write, read back by the library that everybody uses."""

import random

import pytest
from aiokafka.codec import lz4_decode

from charging.wire.lz4_frames import BLOCK_BYTES, END, HEAD, lz4_frame

LENGTHS = (
    0,
    1,
    12,
    13,
    BLOCK_BYTES - 1,
    BLOCK_BYTES,
    BLOCK_BYTES + 1,
    5 * BLOCK_BYTES,
    5 * BLOCK_BYTES + 7,
)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_is_read_back_whatever_it_holds(length: int) -> None:
    dice = random.Random(length)
    noise = dice.randbytes(length)
    phrases = b"".join(dice.choice((b"outcome", b"customer", b"43664", b"\0\1")) for _ in range(length))
    for payload in (noise, phrases[:length], bytes(length)):
        assert lz4_decode(bytes(lz4_frame(memoryview(payload)))) == payload


def test_what_cannot_be_compressed_takes_little_more() -> None:
    payload = random.Random(1).randbytes(3 * BLOCK_BYTES)
    assert len(lz4_frame(payload)) == len(HEAD) + 3 * (4 + BLOCK_BYTES) + len(END)


def test_blocks_do_not_lean_on_each_other() -> None:
    """The broker reads no others: the same bytes twice are the same block twice."""
    block = random.Random(2).randbytes(BLOCK_BYTES // 2) * 2
    once, twice = lz4_frame(block), lz4_frame(block * 2)
    one = once[len(HEAD) : -len(END)]
    assert twice == HEAD + one + one + END
