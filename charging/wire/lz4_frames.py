"""Pure. Bytes as a frame of LZ4 (its frame format, 1.6): blocks of 64 KiB, each on its own, no checksum but the head's.

That is what Kafka's own clients write. The library's frames have blocks of 4 MiB: those take a fifth longer to make, as
its short tables do not reach so far, and whoever reads them sets aside as much.
"""

import struct

import numpy as np
from cramjam import lz4

BLOCK_BYTES = 64 * 1024
# The magic number; version 1 with independent blocks; blocks of 64 KiB; the second byte of XXH32 over these two.
HEAD = bytes.fromhex("04224d18604082")
BLOCK_LENGTH = struct.Struct("<I")
END = bytes(BLOCK_LENGTH.size)
# In a block's length: it would be longer if it were compressed, and is as it was.
AS_IT_WAS = 1 << 31


def lz4_frame(payload: bytes | memoryview) -> bytes:
    """The frame of a payload, compressed at the fastest level."""
    source = memoryview(payload)
    blocks = -(-len(source) // BLOCK_BYTES)
    bound = lz4.compress_block_bound(source[:BLOCK_BYTES])
    frame = np.empty(len(HEAD) + blocks * (BLOCK_LENGTH.size + bound) + len(END), np.uint8).data
    frame[: len(HEAD)] = HEAD
    at = len(HEAD)
    for first in range(0, len(source), BLOCK_BYTES):
        block = source[first : first + BLOCK_BYTES]
        data_at = at + BLOCK_LENGTH.size
        length = lz4.compress_block_into(block, frame[data_at:], store_size=False)
        if length < len(block):
            BLOCK_LENGTH.pack_into(frame, at, length)
        else:
            length = len(block)
            BLOCK_LENGTH.pack_into(frame, at, length | AS_IT_WAS)
            frame[data_at : data_at + length] = block
        at = data_at + length
    frame[at : at + len(END)] = END
    return bytes(frame[: at + len(END)])
