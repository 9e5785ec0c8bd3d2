"""Pure. The 64-bit hash of an event's source and id: what the ring of recent events keeps.

Not a secret's hash: who can send events can make two of his own collide, and would only lose his own.
"""

import numpy as np

from charging.wire.text_hash import text_hash
from rating_kernels.kernel import standing_kernel
from rating_kernels.tariff_table import Bytes


@standing_kernel
def xxh64(data: Bytes, length: int) -> int:
    """The hash of the first `length` bytes, as a signed number."""
    return text_hash(data, 0, length)


def id_hash(source: str, event_id: str) -> int:
    """The hash of source and id as UTF-8 with a zero byte between them, as a signed 64-bit number."""
    data = bytearray(f"{source}\0{event_id}".encode("utf-8", "replace"))
    # Of a bytearray, since kernels hash bytes that they may write: one compiled form for both.
    return int(xxh64(np.frombuffer(data, np.uint8), len(data)))
