"""Pure. Whole cache lines: what is laid out in them, in arrays that begin with one, lies in no more than it must."""

import numpy as np

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints

LINE_WORDS = 8
_WORD_BYTES = 8


@kernel
def whole_lines(words: int) -> int:
    """So many words or the next number that fills lines."""
    return -(-words // LINE_WORDS) * LINE_WORDS


def zeroed_lines(length: int) -> Ints:
    """So many words, all 0, of which the first begins a line."""
    room = np.zeros(length + LINE_WORDS - 1, np.int64)
    skipped = -(room.ctypes.data // _WORD_BYTES) % LINE_WORDS
    return room[skipped : skipped + length]
