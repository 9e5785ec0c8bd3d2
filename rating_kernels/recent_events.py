"""Pure. The ring of recent event ids in the using customer's group: the same event twice is found here.

Ids are 64-bit hashes of (source, id). With 32 ids in a ring the chance that a new event meets one of them
by accident is 32 / 2**64: one in 5.8e17 events.
"""

from rating_kernels.group_image import (
    H_RING_NEXT,
    R_ID_HASH,
    R_MESSAGE_TIME_US,
    R_POSITION,
    RING_WORDS,
    SECTION_RING,
)
from rating_kernels.group_layout import append_row, row_at, section_count
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints


@kernel
def find_recent(words: Ints, at: int, id_hash: int) -> int:
    """Position at which the id was decided first, or -1."""
    row = row_at(words, at, SECTION_RING, 0)
    for _ in range(section_count(words, at, SECTION_RING)):
        if words[row + R_ID_HASH] == id_hash:
            return words[row + R_POSITION]
        row += RING_WORDS
    return -1


@kernel
def remember(
    words: Ints, at: int, id_hash: int, position: int, message_time_us: int, ring_max: int, window_us: int
) -> bool:
    """Put an id into the ring, over the oldest once it is full; whether that one was younger than the window.

    A ring that was larger under other settings keeps its length. There is room (the batch kernel checks).
    """
    if ring_max == 0:
        return False
    rows = section_count(words, at, SECTION_RING)
    evicted_young = False
    if rows < ring_max:
        row = append_row(words, at, SECTION_RING)
    else:
        place = words[at + H_RING_NEXT] % rows
        row = row_at(words, at, SECTION_RING, place)
        evicted_young = message_time_us - words[row + R_MESSAGE_TIME_US] < window_us
        words[at + H_RING_NEXT] = (place + 1) % rows
    words[row + R_ID_HASH] = id_hash
    words[row + R_POSITION] = position
    words[row + R_MESSAGE_TIME_US] = message_time_us
    return evicted_young
