"""Pure. Every compiled function of the daemon, made ready before the first poll."""

import numpy as np

import rating_kernels.warm_up
from balance_store.decision_record import pack_decisions
from balance_store.group_record import pack_group, unpack_group
from charging.cache_columns import STALE
from charging.compact_cache import NEEDS, copy_groups, copy_profiles, empty_arenas, measure_needs
from charging.id_index import fill_table, find_one, mark_ids
from charging.identifier_index import move_places
from charging.install_group import GroupTables, install_groups
from charging.install_profile import ProfileTables, install_profiles
from charging.learn_directory import learn_directory
from charging.measure_profile import SHAPE_WORDS, measure_profiles
from charging.resolve_rows import CacheTables, Notes, resolve_rows
from charging.shard_parts import note_read, sort_rows, sort_slots
from rating_kernels.batch_words import EVENT_WORDS, DecisionWords
from rating_kernels.group_layout import empty_image, grown
from rating_kernels.tariff_table import Ints


def warm_up() -> None:
    """Run each kernel once on the production types."""
    rating_kernels.warm_up.warm_up()
    image = unpack_group(pack_group(empty_image({}), 0))
    grown(image, 0, 0)
    pack_decisions(np.zeros((0, EVENT_WORDS), np.int64), _none(), DecisionWords(0, 1, 1, 1), 1)
    _warm_cache()


def _warm_cache() -> None:
    """The cache's kernels, on an empty cache and an empty batch."""
    cache = empty_arenas(np.zeros(NEEDS, np.int64))
    slots, customers, identifiers = cache.slots, cache.customers, cache.identifiers
    # Read only, as records and messages are: another type to the compiler.
    data, first, table = np.frombuffer(b"", np.uint8), np.zeros(1, np.int64), np.zeros((0, 4), np.int64)
    shapes = np.zeros((0, SHAPE_WORDS), np.int64)
    fill_table(slots.table, slots.ids, 0)
    find_one(slots.table, slots.ids, 0)
    mark_ids(slots.table, slots.ids, _none(), slots.fresh_in, STALE)
    move_places(identifiers.table, identifiers.words, identifiers.table)
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
    )
    install_profiles(data, first, shapes, 0, profiles)
    groups = GroupTables(cache.words, cache.words_used, slots, customers, table, _none(), _none())
    install_groups(data, first, _none(), 0, 0, groups, _none())
    events, spans = np.zeros((0, EVENT_WORDS), np.int64), np.zeros((0, 2), np.int64)
    tables = CacheTables(identifiers, customers, slots, cache.profiles)
    notes = Notes(table, table, table, np.zeros(3, np.int64))
    resolve_rows(events, data, spans[:, 0], spans[:, 1], _none(), _none(), tables, 0, 0, table, notes)
    sort_rows(events, _none(), _none(), _none(), first)
    sort_slots(slots.fresh_in, _none(), _none(), first)
    note_read(events, _none(), first, _none(), tables, 0, _none(), _none(), np.zeros((1, 2), np.int64))
    measure_needs(_none(), cache, table)
    copy_profiles(_none(), cache, cache)
    copy_groups(cache, cache)


def _none() -> Ints:
    return np.zeros(0, np.int64)
