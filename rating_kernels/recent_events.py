"""Pure. The ring of recent event ids in the using customer's group: the same event twice is found here.

Of a hash of (source, id) 48 bits are kept. With 32 ids in a ring the chance that a new event meets one of them
by accident is 32 / 2**48: one in 8.8e12 events.

Fifteen bits of each of the first 32 ids lie side by side in the header, four in a word: a new id is looked
for there, in one cache line instead of twelve, and with the ids themselves only where a mark agrees.

Where an id was decided first is said of the last eight alone: a duplicate of an older one is one all the same, and
does not name it. When its message came is kept to the hour. So a record is a quarter smaller. In memory an older
position stays until its row is used again: nobody reads it, and to wipe it out would cost a cache line an event.
"""

from rating_kernels.group_image import (
    FORGOTTEN,
    H_RING_MARKS,
    H_RING_NEXT,
    HOUR_US,
    ID_HASH_BITS,
    R_ID_HASH,
    R_MESSAGE_HOUR,
    R_POSITION,
    RING_MARK_WORDS,
    RING_POSITIONS,
    RING_WORDS,
    SECTION_RING,
)
from rating_kernels.group_layout import append_row, row_at, section_count
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.tariff_table import Ints

ID_HASH_MASK = (1 << ID_HASH_BITS) - 1
MARK_BITS, MARKS_A_WORD = 15, 4
MARK_MASK = (1 << MARK_BITS) - 1
MARKED = RING_MARK_WORDS * MARKS_A_WORD
# A one, and the highest bit, in each of a word's four places.
ONES = sum(1 << place * MARK_BITS for place in range(MARKS_A_WORD))
HIGH_BITS = ONES << (MARK_BITS - 1)
NOT_SEEN = -1


@kernel
def find_recent(words: Ints, at: int, id_hash: int) -> int:
    """Position at which the id was decided first (FORGOTTEN: some position), or NOT_SEEN."""
    id_hash &= ID_HASH_MASK
    rows = section_count(words, at, SECTION_RING)
    pattern = (id_hash & MARK_MASK) * ONES
    # All words whether in use or not, and no way out between: so they are compared side by side.
    alike = 0
    for word in range(RING_MARK_WORDS):
        alike |= _alike(words[at + H_RING_MARKS + word], pattern)
    if alike & HIGH_BITS == 0 and rows <= MARKED:
        return NOT_SEEN
    return _find_by_marks(words, at, id_hash, rows, pattern)


@kernel
def _alike(marks: int, pattern: int) -> int:
    """Some of HIGH_BITS where a mark may be the id's: a place that is all zeros borrows from its highest bit."""
    unlike = marks ^ pattern
    return (unlike - ONES) & ~unlike


@rare_kernel
def _find_by_marks(words: Ints, at: int, id_hash: int, rows: int, pattern: int) -> int:
    """Compare with the ids themselves: those whose mark agrees, and those that have none."""
    for word in range(min(RING_MARK_WORDS, -(-rows // MARKS_A_WORD))):
        if _alike(words[at + H_RING_MARKS + word], pattern) & HIGH_BITS != 0:
            first = word * MARKS_A_WORD
            position = _find_in_rows(words, at, id_hash, first, min(first + MARKS_A_WORD, rows))
            if position >= 0:
                return position
    return _find_in_rows(words, at, id_hash, MARKED, rows)


@kernel
def _find_in_rows(words: Ints, at: int, id_hash: int, first: int, end: int) -> int:
    row = row_at(words, at, SECTION_RING, first)
    for place in range(first, end):
        if words[row + R_ID_HASH] == id_hash:
            return words[row + R_POSITION] if _is_known(words, at, place) else FORGOTTEN
        row += RING_WORDS
    return NOT_SEEN


@kernel
def _is_known(words: Ints, at: int, place: int) -> bool:
    """Whether a row of the ring is among the last whose positions count."""
    rows = section_count(words, at, SECTION_RING)
    age = place - oldest_row(words, at)
    return (age if age >= 0 else age + rows) >= forgotten_rows(rows)


@kernel
def forgotten_rows(rows: int) -> int:
    """How many ids of a ring are too old for their positions to count: the oldest ones."""
    return max(rows - RING_POSITIONS, 0)


@kernel
def mark_ring(words: Ints, at: int) -> None:
    """Mark the ids of a ring that was read from a record."""
    for place in range(min(section_count(words, at, SECTION_RING), MARKED)):
        _mark(words, at, place, words[row_at(words, at, SECTION_RING, place) + R_ID_HASH])


@kernel
def _mark(words: Ints, at: int, place: int, id_hash: int) -> None:
    if place < MARKED:
        word = at + H_RING_MARKS + place // MARKS_A_WORD
        shift = place % MARKS_A_WORD * MARK_BITS
        words[word] = (words[word] & ~(MARK_MASK << shift)) | ((id_hash & MARK_MASK) << shift)


@kernel
def remember(
    words: Ints, at: int, id_hash: int, position: int, message_time_us: int, ring_max: int, window_us: int
) -> bool:
    """Put an id into the ring, over the oldest once it is full; whether that one was younger than the window.

    Both times are cut to the hour. A ring that was larger under other settings keeps its length. There is room (the batch kernel checks).
    """
    if ring_max == 0:
        return False
    id_hash &= ID_HASH_MASK
    rows = section_count(words, at, SECTION_RING)
    evicted_young = False
    hour = message_time_us // HOUR_US
    place = rows
    if rows < ring_max:
        row = append_row(words, at, SECTION_RING)
    else:
        place = words[at + H_RING_NEXT]
        if not 0 <= place < rows:
            place = 0
        row = row_at(words, at, SECTION_RING, place)
        evicted_young = (hour - words[row + R_MESSAGE_HOUR]) * HOUR_US < window_us
        words[at + H_RING_NEXT] = place + 1 if place + 1 < rows else 0
    _mark(words, at, place, id_hash)
    words[row + R_ID_HASH] = id_hash
    words[row + R_POSITION] = position
    words[row + R_MESSAGE_HOUR] = hour
    return evicted_young


@kernel
def oldest_row(words: Ints, at: int) -> int:
    """Number of the ring's oldest row; the others follow it, the first one after the last."""
    place = words[at + H_RING_NEXT]
    return place if 0 <= place < section_count(words, at, SECTION_RING) else 0


@kernel
def ring_row(words: Ints, at: int, oldest: int, age: int) -> int:
    """Offset of the row that came `age` ids after the oldest, whose number is given."""
    place, rows = oldest + age, section_count(words, at, SECTION_RING)
    return row_at(words, at, SECTION_RING, place if place < rows else place - rows)


@kernel
def age_ring(words: Ints, at: int) -> None:
    """Make a ring that has exact times and all positions (records of schemas 1 and 2) as it is kept now."""
    rows = section_count(words, at, SECTION_RING)
    oldest = oldest_row(words, at)
    for age in range(rows):
        row = ring_row(words, at, oldest, age)
        words[row + R_MESSAGE_HOUR] //= HOUR_US
        if age < forgotten_rows(rows):
            words[row + R_POSITION] = FORGOTTEN
