"""Pure. Reading, filling and laying out group images (see `group_image` for the words)."""

import numpy as np

from rating_kernels.group_image import (
    H_SECTIONS,
    HEADER_WORDS,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_ROW_WORDS,
    SECTIONS,
    STORED_WORDS,
)
from rating_kernels.kernel import kernel
from rating_kernels.line_memory import whole_lines
from rating_kernels.tariff_table import Ints

# Rows that a fresh image has room for beyond what it holds. The batch kernel asks for more where an
# event could need it, so these only decide how often that happens.
ROOM = (2, 2, 2, 1, 8, 1)
_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)

# A section's word: rows in use, rows it can still take, offset of the first from the image's start.
ROWS_BITS, PLACE_BITS = 20, 23
ROWS_MAX, PLACE_MAX = (1 << ROWS_BITS) - 1, (1 << PLACE_BITS) - 1
FREE_SHIFT, PLACE_SHIFT = ROWS_BITS, 2 * ROWS_BITS
ONE_MORE = 1 - (1 << FREE_SHIFT)  # a row that was free is in use

assert PLACE_SHIFT + PLACE_BITS < 64, "the word stays positive"


@kernel
def section_count(words: Ints, at: int, section: int) -> int:
    """Rows in a section of the image at `at`."""
    return words[at + H_SECTIONS + section] & ROWS_MAX


@kernel
def section_free(words: Ints, at: int, section: int) -> int:
    """Rows a section can still take before the image must be laid out again."""
    return (words[at + H_SECTIONS + section] >> FREE_SHIFT) & ROWS_MAX


@kernel
def row_at(words: Ints, at: int, section: int, row: int) -> int:
    """Offset in the arena of a section's row; the row need not be in use yet."""
    return at + (words[at + H_SECTIONS + section] >> PLACE_SHIFT) + row * _ROW_WORDS[section]


@kernel
def set_count(words: Ints, at: int, section: int, count: int) -> None:
    """Say how many of a section's rows are in use; it has room for them."""
    words[at + H_SECTIONS + section] += (count - section_count(words, at, section)) * ONE_MORE


@kernel
def append_row(words: Ints, at: int, section: int) -> int:
    """Take a row at a section's end, zeroed, and return its offset; -1 if there is no room."""
    if section_free(words, at, section) == 0:
        return -1
    row = row_at(words, at, section, section_count(words, at, section))
    words[at + H_SECTIONS + section] += ONE_MORE
    words[row : row + _ROW_WORDS[section]] = 0
    return row


@kernel
def remove_row(words: Ints, at: int, section: int, row: int) -> None:
    """Remove a row; later rows move up, so the order of creation stays."""
    start = row_at(words, at, section, row)
    end = row_at(words, at, section, section_count(words, at, section))
    width = _ROW_WORDS[section]
    for i in range(start + width, end):
        words[i - width] = words[i]
    words[at + H_SECTIONS + section] -= ONE_MORE


@kernel
def image_words(words: Ints, at: int) -> int:
    """Words the image occupies, its unused room included."""
    last = SECTIONS - 1
    rows = section_count(words, at, last) + section_free(words, at, last)
    return whole_lines(row_at(words, at, last, rows) - at)


@kernel
def section_start(end: int, section: int) -> int:
    """Where a section begins after the end of the one before: what events use first rows of begins a line."""
    return whole_lines(end) if section in (SECTION_ITEMS, SECTION_COUNTERS) else end


@kernel
def words_needed(capacities: Ints) -> int:
    """Words of an image with these capacities: whole cache lines, so that the next one begins with one."""
    total = HEADER_WORDS
    for section in range(SECTIONS):
        total = section_start(total, section) + capacities[section] * _ROW_WORDS[section]
    return whole_lines(total)


@kernel
def can_be_laid_out(capacities: Ints) -> bool:
    """Whether an image may have these capacities; no group that charging makes comes near what it may not."""
    for section in range(SECTIONS):
        if capacities[section] > ROWS_MAX:
            return False
    return words_needed(capacities) <= PLACE_MAX


@kernel
def lay_out(words: Ints, at: int, capacities: Ints) -> None:
    """Write the section table of an empty image at `at`; the header's other words become 0."""
    words[at : at + HEADER_WORDS] = 0
    offset = HEADER_WORDS
    for section in range(SECTIONS):
        offset = section_start(offset, section)
        words[at + H_SECTIONS + section] = offset << PLACE_SHIFT | capacities[section] << FREE_SHIFT
        offset += capacities[section] * _ROW_WORDS[section]


@kernel
def copy_image(source: Ints, source_at: int, target: Ints, target_at: int, capacities: Ints) -> None:
    """Copy an image into a place laid out with other capacities, none below the rows in use."""
    lay_out(target, target_at, capacities)
    for i in range(HEADER_WORDS):
        if not H_SECTIONS <= i < H_SECTIONS + SECTIONS:
            target[target_at + i] = source[source_at + i]
    for section in range(SECTIONS):
        count = section_count(source, source_at, section)
        set_count(target, target_at, section, count)
        start = row_at(source, source_at, section, 0)
        goal = row_at(target, target_at, section, 0)
        length = count * _ROW_WORDS[section]
        # A slice would copy by way of a new array, and kernels make none.
        for i in range(length):
            target[goal + i] = source[start + i]


def empty_image(header: dict[int, int], capacities: tuple[int, ...] = ROOM) -> Ints:
    """A new image in an array of its own; `header` maps H_* to its value."""
    room = np.array(capacities, np.int64)
    assert can_be_laid_out(room)
    words = np.zeros(words_needed(room), np.int64)
    lay_out(words, 0, room)
    for word, value in header.items():
        assert word in STORED_WORDS, "only stored header words are given"
        words[word] = value
    return words


def grown(words: Ints, at: int, *sections: int) -> Ints:
    """The image in an array of its own, with half as much room again in these sections."""
    capacities = np.array(
        [section_count(words, at, s) + section_free(words, at, s) for s in range(SECTIONS)], np.int64
    )
    for section in sections:
        more = capacities[section] + max(ROOM[section], capacities[section] // 2)
        assert capacities[section] < ROWS_MAX, "no group has so many rows"
        capacities[section] = min(more, ROWS_MAX)
    assert can_be_laid_out(capacities)
    target = np.zeros(words_needed(capacities), np.int64)
    copy_image(words, at, target, 0, capacities)
    return target
