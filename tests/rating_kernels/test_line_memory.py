"""Whole cache lines, and images that fill them."""

import pytest

from rating_kernels.group_image import SECTION_COUNTERS, SECTION_ITEMS
from rating_kernels.group_layout import ROOM, empty_image, grown, image_words, row_at
from rating_kernels.line_memory import LINE_WORDS, whole_lines, zeroed_lines

LINE_BYTES = 64


def test_words_fill_lines():
    assert [whole_lines(words) for words in (0, 1, 8, 9, 16, 17)] == [0, 8, 8, 16, 16, 24]


@pytest.mark.parametrize("length", [1, 1_000, 1_000_000])
def test_an_array_begins_with_a_line(length):
    words = zeroed_lines(length)
    assert words.ctypes.data % LINE_BYTES == 0
    assert len(words) == length
    assert not words.any()


@pytest.mark.parametrize("section", range(len(ROOM)))
def test_images_fill_lines_however_they_grow(section):
    image = empty_image({})
    for _ in range(4):
        assert len(image) == image_words(image, 0)
        assert len(image) % LINE_WORDS == 0
        assert row_at(image, 0, SECTION_ITEMS, 0) % LINE_WORDS == 0
        assert row_at(image, 0, SECTION_COUNTERS, 0) % LINE_WORDS == 0
        image = grown(image, 0, section)
