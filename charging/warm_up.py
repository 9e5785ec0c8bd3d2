"""Pure. Every compiled function of the daemon, made ready before the first poll."""

import numpy as np

import rating_kernels.warm_up
from balance_store.decision_record import pack_decisions
from balance_store.group_record import pack_group, unpack_group
from balance_store.packed_records import packed_groups
from charging.decoded_batch import SPAN_WORDS
from charging.messages import NO_MESSAGES
from charging.outputs import Output, outputs_of
from charging.wire.cut_records import EACH_ITS_OWN, cut_records
from charging.wire.event_names import event_names
from charging.wire.id_hash import id_hash
from charging.wire.rated_records import write_rated
from charging.wire.read_events import read_events
from charging.wire.record_batches import records_that_fit, write_records
from charging.wire.record_pieces import record_pieces
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
    _write_records()
    packed_groups(image, np.zeros(1, np.int64))
    pack_decisions(np.zeros((0, EVENT_WORDS), np.int64), np.zeros(0, np.int64), DecisionWords(0, 1, 1, 1), 1)


def _write_records() -> None:
    """The kernels of the output: one event that cannot be written as a record, and one record that can be packed."""
    rows = np.zeros(1, np.int64)
    pieces = record_pieces("json", "", {}, {"resource": {}}, {}, {}, {}, {}, [])
    text = np.frombuffer(b"\0", np.uint8)
    events, spans = np.zeros((1, EVENT_WORDS), np.int64), np.zeros((1, SPAN_WORDS), np.int64)
    write_rated(events, spans, text, DecisionWords(1, 1, 1, 1), rows, 1, pieces)
    outputs = outputs_of([Output("rated", 0, b"key", b"value")])
    end, size = records_that_fit(outputs.words, rows, 0, 0)
    write_records(outputs.words, rows, 0, end, outputs.keys, outputs.values, np.empty(size, np.uint8), 0)
