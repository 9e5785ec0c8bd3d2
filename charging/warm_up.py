"""Pure. Every compiled function of the daemon, made ready before the first poll."""

import numpy as np

import rating_kernels.warm_up
from balance_store.decision_record import pack_decisions
from balance_store.group_record import pack_group, unpack_group
from balance_store.packed_records import packed_groups
from rating_kernels.batch_words import EVENT_WORDS, DecisionWords
from rating_kernels.group_layout import empty_image, grown


def warm_up() -> None:
    """Run each kernel once on the production types."""
    rating_kernels.warm_up.warm_up()
    image = unpack_group(pack_group(empty_image({}), 0))
    grown(image, 0, 0)
    packed_groups(image, np.zeros(1, np.int64))
    pack_decisions(np.zeros((0, EVENT_WORDS), np.int64), np.zeros(0, np.int64), DecisionWords(0, 1, 1, 1), 1)
