"""Pure. Service identifiers and what the directory says of them, as an open-addressing table in arrays.

An identifier is found by the 64-bit hash of its UTF-8 bytes and confirmed by length and bytes. It is here
because a cached profile names it, because the directory was read, or both. A place in the table holds
the hash's top 24 bits and the entry's offset, so that an entry is seldom looked at in vain.
"""

from typing import NamedTuple

import numpy as np

from charging.id_index import PLACES_PER_ID, longer
from charging.wire.text_hash import text_hash
from rating_kernels.kernel import kernel, prefetch, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# An identifier's entry: its name, and the directory's first entry for it. The others follow in entries
# without a name, in the directory's order.
(
    E_HASH,
    E_LENGTH,  # bytes of the name, which lie behind these words
    E_CUSTOMER,  # number of the customer; NOBODY where the directory was not read
    E_SHARD,
    E_FROM_US,
    E_TO_US,
    E_NEXT,  # offset of the directory's next entry, or NO_ENTRY
) = range(7)
ENTRY_WORDS = 7
NO_ENTRY = -1
NOBODY = -1
# Instead of a name's length, once the entry was copied to another index: E_HASH is then where to.
MOVED = -1
WORD_BYTES = 8
FIRST_PLACES = 1 << 10
_OFFSET_BITS = 40
_OFFSET = (1 << _OFFSET_BITS) - 1
_TAG = ~_OFFSET

U_WORDS, U_NAMES = range(2)


class Identifiers(NamedTuple):
    """The arrays: entries, the same memory as bytes, the table (0 = free), and U_*."""

    words: Ints
    text: Bytes
    table: Ints
    used: Ints


def no_identifiers(words: int, names: int) -> Identifiers:
    """An empty index with room for so many words and names."""
    entries = np.zeros(words, np.int64)
    places = max(FIRST_PLACES, 1 << (PLACES_PER_ID * names - 1).bit_length())
    return Identifiers(entries, entries.view(np.uint8), np.zeros(places, np.int64), np.zeros(2, np.int64))


def with_room(index: Identifiers, words: int, names: int) -> Identifiers:
    """The index, larger where so many more words or names would not fit."""
    needed, count = index.used.tolist()
    if needed + words > len(index.words):
        entries = longer(index.words, max(needed + words, 2 * len(index.words)))
        index = index._replace(words=entries, text=entries.view(np.uint8))
    if PLACES_PER_ID * (count + names) > len(index.table):
        table = np.zeros(1 << (PLACES_PER_ID * (count + names) - 1).bit_length(), np.int64)
        move_places(index.table, index.words, table)
        index = index._replace(table=table)
    return index


@kernel
def entry_words(length: int) -> int:
    """Words of an entry with a name of so many bytes."""
    return ENTRY_WORDS + (length + WORD_BYTES - 1) // WORD_BYTES


@kernel
def find_name(index: Identifiers, name_hash: int, text: Bytes, at: int, length: int) -> int:
    """Offset of the identifier's entry, or NO_ENTRY."""
    mask = len(index.table) - 1
    place = name_hash & mask
    while index.table[place] != 0:
        held = index.table[place]
        if (held ^ name_hash) & _TAG == 0 and _is_name(index, (held & _OFFSET) - 1, text, at, length):
            return (held & _OFFSET) - 1
        place = (place + 1) & mask
    return NO_ENTRY


@kernel
def prefetch_place(index: Identifiers, name_hash: int) -> None:
    """Ask for the memory that a look-up reads first."""
    prefetch(index.table, name_hash & (len(index.table) - 1))


@kernel
def prefetch_entry(index: Identifiers, name_hash: int) -> None:
    """Ask for the memory that it reads then."""
    prefetch(index.words, (index.table[name_hash & (len(index.table) - 1)] & _OFFSET) - 1)


@kernel
def _is_name(index: Identifiers, entry: int, text: Bytes, at: int, length: int) -> bool:
    mine = (entry + ENTRY_WORDS) * WORD_BYTES
    same = 0
    if index.words[entry + E_LENGTH] == length:
        while same < length and index.text[mine + same] == text[at + same]:
            same += 1
    return same == length == index.words[entry + E_LENGTH]


@kernel
def name_of(index: Identifiers, text: Bytes, at: int, length: int) -> int:
    """Offset of the identifier's entry, a new one if there is none; `with_room` comes first."""
    name_hash = text_hash(text, at, length)
    entry = find_name(index, name_hash, text, at, length)
    return add_name(index, name_hash, text, at, length) if entry == NO_ENTRY else entry


@kernel
def add_name(index: Identifiers, name_hash: int, text: Bytes, at: int, length: int) -> int:
    """Enter an identifier that is not here; the offset of its entry."""
    entry = index.used[U_WORDS]
    index.used[U_WORDS] += entry_words(length)
    index.used[U_NAMES] += 1
    index.words[entry + E_HASH] = name_hash
    index.words[entry + E_LENGTH] = length
    index.words[entry + E_CUSTOMER] = NOBODY
    index.words[entry + E_NEXT] = NO_ENTRY
    mine = (entry + ENTRY_WORDS) * WORD_BYTES
    for byte in range(length):
        index.text[mine + byte] = text[at + byte]
    _enter(index.table, name_hash, entry)
    return entry


@kernel
def _enter(table: Ints, name_hash: int, entry: int) -> None:
    mask = len(table) - 1
    place = name_hash & mask
    while table[place] != 0:
        place = (place + 1) & mask
    table[place] = (name_hash & _TAG) | (entry + 1)


@standing_kernel
def move_places(old: Ints, words: Ints, table: Ints) -> None:
    """Enter every identifier of a table into a larger, empty one."""
    for place in range(len(old)):
        if old[place] != 0:
            entry = (old[place] & _OFFSET) - 1
            _enter(table, words[entry + E_HASH], entry)


@kernel
def entry_at(index: Identifiers, entry: int, time_us: int) -> int:
    """The directory's entry that speaks of this time, else its last: the profile will say whether it holds."""
    while index.words[entry + E_NEXT] != NO_ENTRY:
        if index.words[entry + E_FROM_US] <= time_us < index.words[entry + E_TO_US]:
            return entry
        entry = index.words[entry + E_NEXT]
    return entry


@kernel
def next_entry(index: Identifiers, entry: int) -> int:
    """The directory's next entry for the same identifier, a new one where there is none."""
    if index.words[entry + E_NEXT] == NO_ENTRY:
        added = index.used[U_WORDS]
        index.used[U_WORDS] += ENTRY_WORDS
        index.words[added + E_NEXT] = NO_ENTRY
        index.words[entry + E_NEXT] = added
    return index.words[entry + E_NEXT]
