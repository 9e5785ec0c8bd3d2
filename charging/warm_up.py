"""Pure. Every compiled function of the daemon, made ready before the first poll."""

import numpy as np

import rating_kernels.warm_up
from balance_store.decision_record import pack_decisions
from balance_store.group_record import pack_group, unpack_group
from charging.messages import NO_MESSAGES
from charging.wire.cut_records import EACH_ITS_OWN, cut_records
from charging.wire.event_names import event_names
from charging.wire.id_hash import id_hash
from charging.wire.read_events import read_events
from rating_kernels.batch_words import EVENT_WORDS, DecisionWords
from rating_kernels.group_layout import empty_image, grown


def warm_up() -> None:
    """Run each kernel once on the production types."""
    rating_kernels.warm_up.warm_up()
    cut_records(NO_MESSAGES.data, 0, 0, [0, 0, 0, 0, EACH_ITS_OWN, 0, 0])
    read_events(NO_MESSAGES, event_names(()), 0)
    id_hash("", "")
    image = unpack_group(pack_group(empty_image({}), 0))
    grown(image, 0, 0)
    pack_decisions(np.zeros((0, EVENT_WORDS), np.int64), np.zeros(0, np.int64), DecisionWords(0, 1, 1, 1), 1)
