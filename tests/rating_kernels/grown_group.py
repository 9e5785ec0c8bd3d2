"""A group laid out again with more room, as the batch kernel does it."""

import numpy as np

from rating_kernels.batch_columns import LIMITS
from rating_kernels.group_image import SECTIONS
from rating_kernels.grow_group import grow_group
from rating_kernels.workspace import new_workspace

WORK = new_workspace(np.zeros(LIMITS, np.int64))


def grown_group(cache, group_id, section):
    """Give a group of the cache more room in a section."""
    place = cache.slot_of(group_id) * SECTIONS + section
    while lacking := grow_group(cache.words, cache.words_used, cache.slot_at, place, WORK):
        cache.lengthen_words(lacking)
