"""Pure. Reading, filling and laying out group images (see `group_image` for the words)."""

import numpy as np

from rating_kernels.group_image import (
    H_RING_MARKS,
    H_SECTIONS,
    HEADER_STORED,
    HEADER_WORDS,
    SECTION_ROW_WORDS,
    SECTION_WORDS,
    SECTIONS,
)
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints

# Rows that a fresh image has room for beyond what it holds. The batch kernel asks for more where an
# event could need it, so these only decide how often that happens.
ROOM = (2, 2, 2, 1, 8, 1)
_ROW_WORDS = np.array(SECTION_ROW_WORDS, np.int64)


@kernel
def section_count(words: Ints, at: int, section: int) -> int:
    """Rows in a section of the image at `at`."""
    return words[at + H_SECTIONS + section * SECTION_WORDS]


@kernel
def section_free(words: Ints, at: int, section: int) -> int:
    """Rows a section can still take before the image must be laid out again."""
    head = at + H_SECTIONS + section * SECTION_WORDS
    return words[head + 1] - words[head]


@kernel
def row_at(words: Ints, at: int, section: int, row: int) -> int:
    """Offset in the arena of a section's row; the row need not be in use yet."""
    return at + words[at + H_SECTIONS + section * SECTION_WORDS + 2] + row * _ROW_WORDS[section]


@kernel
def append_row(words: Ints, at: int, section: int) -> int:
    """Take a row at a section's end, zeroed, and return its offset; -1 if there is no room."""
    head = at + H_SECTIONS + section * SECTION_WORDS
    count = words[head]
    if count >= words[head + 1]:
        return -1
    words[head] = count + 1
    row = row_at(words, at, section, count)
    words[row : row + _ROW_WORDS[section]] = 0
    return row


@kernel
def remove_row(words: Ints, at: int, section: int, row: int) -> None:
    """Remove a row; later rows move up, so the order of creation stays."""
    head = at + H_SECTIONS + section * SECTION_WORDS
    count = words[head]
    start = row_at(words, at, section, row)
    end = row_at(words, at, section, count)
    width = _ROW_WORDS[section]
    for i in range(start + width, end):
        words[i - width] = words[i]
    words[head] = count - 1


@kernel
def image_words(words: Ints, at: int) -> int:
    """Words the image occupies, its unused room included."""
    total = HEADER_WORDS
    for section in range(SECTIONS):
        total += words[at + H_SECTIONS + section * SECTION_WORDS + 1] * _ROW_WORDS[section]
    return total


@kernel
def words_needed(capacities: Ints) -> int:
    """Words of an image with these capacities."""
    total = HEADER_WORDS
    for section in range(SECTIONS):
        total += capacities[section] * _ROW_WORDS[section]
    return total


@kernel
def lay_out(words: Ints, at: int, capacities: Ints) -> None:
    """Write the section table of an empty image at `at`; the header's other words become 0."""
    words[at : at + HEADER_WORDS] = 0
    offset = HEADER_WORDS
    for section in range(SECTIONS):
        head = at + H_SECTIONS + section * SECTION_WORDS
        words[head] = 0
        words[head + 1] = capacities[section]
        words[head + 2] = offset
        offset += capacities[section] * _ROW_WORDS[section]


@kernel
def copy_image(source: Ints, source_at: int, target: Ints, target_at: int, capacities: Ints) -> None:
    """Copy an image into a place laid out with other capacities, none below the rows in use."""
    lay_out(target, target_at, capacities)
    for i in range(H_SECTIONS):
        target[target_at + i] = source[source_at + i]
    for i in range(H_RING_MARKS, HEADER_WORDS):
        target[target_at + i] = source[source_at + i]
    for section in range(SECTIONS):
        count = section_count(source, source_at, section)
        target[target_at + H_SECTIONS + section * SECTION_WORDS] = count
        start = row_at(source, source_at, section, 0)
        goal = row_at(target, target_at, section, 0)
        length = count * _ROW_WORDS[section]
        # A slice would copy by way of a new array, and kernels make none.
        for i in range(length):
            target[goal + i] = source[start + i]


def empty_image(header: dict[int, int], capacities: tuple[int, ...] = ROOM) -> Ints:
    """A new image in an array of its own; `header` maps H_* to its value."""
    room = np.array(capacities, np.int64)
    words = np.zeros(words_needed(room), np.int64)
    lay_out(words, 0, room)
    for word, value in header.items():
        assert 0 <= word < HEADER_STORED, "only stored header words are given"
        words[word] = value
    return words


def grown(words: Ints, at: int, *sections: int) -> Ints:
    """The image in an array of its own, with half as much room again in these sections."""
    capacities = np.array([words[at + H_SECTIONS + s * SECTION_WORDS + 1] for s in range(SECTIONS)], np.int64)
    for section in sections:
        capacities[section] += max(ROOM[section], capacities[section] // 2)
    target = np.zeros(words_needed(capacities), np.int64)
    copy_image(words, at, target, 0, capacities)
    return target
