"""The ring of recent ids, with its marks, against a plain list."""

import random

import pytest

from rating_kernels.group_image import (
    FORGOTTEN,
    H_GROUP_ID,
    H_RING_MARKS,
    HOUR_US,
    ID_HASH_BITS,
    RING_MARK_WORDS,
    RING_POSITIONS,
)
from rating_kernels.group_layout import empty_image, grown
from rating_kernels.recent_events import MARK_BITS, find_recent, mark_ring, remember

WINDOW_US = 10 * HOUR_US


def id_like(dice: random.Random) -> int:
    """Few marks, so that different ids often share one; zero and negative ids too."""
    mark = dice.choice([0, 1, 2**MARK_BITS - 1, 5])
    return dice.choice([-1, 1]) * (dice.randint(0, 3) << 40) + mark


def ring_of(*hashes: int):
    words = empty_image({H_GROUP_ID: 1}, (0, 0, 0, 0, len(hashes), 0))
    for position, id_hash in enumerate(hashes):
        remember(words, 0, id_hash, position, 0, len(hashes), WINDOW_US)
    return words


@pytest.mark.parametrize("bit", range(63))
def test_an_id_is_told_apart_by_each_bit_that_is_kept_and_by_no_other(bit):
    id_hash = 0x1234_5678_9ABC_DEF0
    found = find_recent(ring_of(7, id_hash), 0, id_hash ^ (1 << bit))
    assert found == (-1 if bit < ID_HASH_BITS else 1)


def test_a_false_duplicate_is_as_rare_as_the_page_about_the_store_says():
    # Among hashes that are all alike to the kept bits but for the lowest ten, 32 of 1,024 are met: so 32 of 2**48.
    ring = ring_of(*random.Random("chance").sample(range(1024), 32))
    assert sum(find_recent(ring, 0, id_hash) >= 0 for id_hash in range(1024)) == 32
    assert pytest.approx(8.8e12, rel=0.01) == 2**ID_HASH_BITS // 32


@pytest.mark.parametrize("ring_max", [1, 3, 4, 32, 33, 50])
@pytest.mark.parametrize("seed", range(5))
def test_an_id_is_found_while_it_is_among_the_last(ring_max, seed):
    dice = random.Random(f"ring/{ring_max}/{seed}")
    words = empty_image({H_GROUP_ID: 1}, (2, 2, 2, 1, ring_max, 1))
    kept: list[tuple[int, int]] = []
    for position in range(200):
        id_hash = id_like(dice)
        age = next((age for age, (known, _) in enumerate(reversed(kept)) if known == id_hash), -1)
        first = -1 if age < 0 else kept[-1 - age][1] if age < RING_POSITIONS else FORGOTTEN
        assert find_recent(words, 0, id_hash) == first
        if first >= 0:
            continue
        time_us = position * HOUR_US + dice.randrange(HOUR_US)
        evicted = remember(words, 0, id_hash, position, time_us, ring_max, WINDOW_US)
        kept.append((id_hash, position))
        if len(kept) > ring_max:
            _, oldest = kept.pop(0)
            assert evicted == ((position - oldest) * HOUR_US < WINDOW_US)
        if dice.random() < 0.1:
            # Read back from a record, marks are made again; laid out again, they come along.
            words[H_RING_MARKS : H_RING_MARKS + RING_MARK_WORDS] = 0
            mark_ring(words, 0)
            words = grown(words, 0, 0)
