"""Pure. Every compiled function of the daemon, made ready before the first poll."""

import numpy as np

import rating_kernels.warm_up
from balance_store.decision_record import pack_decisions
from balance_store.group_record import pack_group, unpack_group
from balance_store.packed_records import packed_groups
from charging.cache_arenas import NEEDS, empty_arenas
from charging.decoded_batch import SPAN_WORDS
from charging.id_index import fill_table, find_one, numbers_of
from charging.identifier_index import move_places
from charging.install_group import GroupTables, install_groups
from charging.install_profile import ProfileTables, install_profiles
from charging.learn_directory import learn_directory, read_entries
from charging.measure_profile import SHAPE_WORDS, measure_profiles
from charging.messages import NO_MESSAGES
from charging.outputs import Output, outputs_of
from charging.recall_rows import recall_rows
from charging.resolve_rows import CacheTables, Notes, resolve_rows
from charging.shard_parts import note_read, sort_rows, sort_slots
from charging.wire.cut_records import EACH_ITS_OWN, cut_records
from charging.wire.event_names import event_names
from charging.wire.id_hash import id_hash
from charging.wire.rated_records import write_rated
from charging.wire.read_events import read_events
from charging.wire.record_batches import records_that_fit, write_records
from charging.wire.record_pieces import record_pieces
from rating_kernels.batch_words import EVENT_WORDS, DecisionWords
from rating_kernels.group_layout import empty_image
from rating_kernels.tariff_table import Ints


def warm_up() -> None:
    """Run each kernel once on the production types."""
    rating_kernels.warm_up.warm_up()
    cut_records(NO_MESSAGES.data, 0, 0, [0, 0, 0, 0, EACH_ITS_OWN, 0, 0])
    read_events(NO_MESSAGES, event_names(()), 0)
    id_hash("", "")
    image = unpack_group(pack_group(empty_image({}), 0))
    _write_records()
    packed_groups(image, np.zeros(1, np.int64))
    pack_decisions(np.zeros((0, EVENT_WORDS), np.int64), _none(), DecisionWords(0, 1, 1, 1), 1)
    _warm_cache()


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


def _warm_cache() -> None:
    """The cache's kernels, on an empty cache and an empty batch."""
    cache = empty_arenas(1)
    slots, customers, identifiers = cache.slots, cache.customers, cache.identifiers
    # Read only, as records and messages are: another type to the compiler.
    data, first, table = np.frombuffer(b"", np.uint8), np.zeros(1, np.int64), np.zeros((0, 4), np.int64)
    shapes = np.zeros((0, SHAPE_WORDS), np.int64)
    fill_table(slots.table, slots.ids, 0)
    find_one(slots.table, slots.ids, 0)
    numbers_of(slots.table, slots.ids, _none())
    move_places(identifiers.table, identifiers.words, identifiers.table)
    read_entries(data, first, _none(), table)
    learn_directory(data, first, _none(), table, identifiers, customers)
    measure_profiles(data, first, shapes)
    profiles = ProfileTables(
        cache.profiles,
        cache.profiles_used,
        identifiers,
        customers,
        slots,
        cache.words,
        _none(),
        table,
        _none(),
        table,
        _none(),
    )
    install_profiles(data, first, shapes, 0, profiles)
    groups = GroupTables(cache.words, cache.words_used, slots, customers, table, _none(), _none())
    install_groups(data, first, _none(), 0, 0, groups, _none())
    events, spans = np.zeros((0, EVENT_WORDS), np.int64), np.zeros((0, 2), np.int64)
    tables = CacheTables(identifiers, customers, slots, cache.profiles)
    notes = Notes(table, table, table, np.zeros(3, np.int64))
    resolve_rows(events, data, spans[:, 0], spans[:, 1], _none(), _none(), tables, 0, 0, table, notes)
    recall_rows(data, spans[:, 0], spans[:, 1], notes, 0, cache, cache, np.zeros(NEEDS, np.int64))
    sort_rows(events, _none(), _none(), _none(), first)
    sort_slots(slots.fresh_in, _none(), _none(), first)
    note_read(events, _none(), first, _none(), tables, 0, _none(), _none(), np.zeros((1, 2), np.int64))


def _none() -> Ints:
    return np.zeros(0, np.int64)
