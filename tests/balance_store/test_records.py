"""What is stored: it comes back as it was, stays the same bytes, and rubbish is refused."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_store.decision_record import pack_decisions, unpack_decisions
from balance_store.group_record import pack_group, unpack_group
from balance_store.profile_record import pack_profile, unpack_profile
from rating_kernels import batch_words as e
from rating_kernels.group_image import (
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    HEADER_STORED,
    INFINITE_US,
    SECTION_BALANCES,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_ROW_WORDS,
    SECTIONS,
)
from rating_kernels.group_layout import append_row, empty_image, row_at, section_count
from tests.rating_kernels.sample_world import data, sample_world

START_US = 1_790_805_600_000_000
# Times reach a few thousand years, so a distance from the cycle's start cannot wrap.
words = st.one_of(
    st.integers(-(2**53), 2**53),
    st.just(INFINITE_US),
    st.integers(START_US - 10**12, START_US + 10**13),
)
rows = [st.lists(st.tuples(*[words] * width), max_size=4) for width in SECTION_ROW_WORDS]


def image_of(header: dict[int, int], sections: list[list[tuple[int, ...]]]) -> np.ndarray:
    image = empty_image(header, tuple(len(section) for section in sections))
    for section, content in enumerate(sections):
        for row in content:
            at = append_row(image, 0, section)
            image[at : at + len(row)] = row
    return image


def content_of(image: np.ndarray) -> tuple[list[int], list[list[int]]]:
    sections = []
    for section in range(SECTIONS):
        first = row_at(image, 0, section, 0)
        sections.append(
            image[first : first + section_count(image, 0, section) * SECTION_ROW_WORDS[section]].tolist()
        )
    return image[:HEADER_STORED].tolist(), sections


@given(st.lists(words, min_size=HEADER_STORED, max_size=HEADER_STORED), st.tuples(*rows))
def test_any_group_comes_back_as_it_was(header, sections):
    given_header = dict(enumerate(header)) | {H_CYCLE_START_US: START_US, H_CYCLE_NO: 3}
    image = image_of(given_header, list(sections))
    assert content_of(unpack_group(pack_group(image, 0))) == content_of(image)


def test_a_group_comes_back_with_room_for_more():
    world = sample_world()
    image = unpack_group(world.record("C2"))
    for section in (SECTION_BALANCES, SECTION_ITEMS, SECTION_RING):
        assert append_row(image, 0, section) >= 0


def test_the_stored_form_of_a_group_does_not_change_by_accident():
    header = {0: 7, 1: 5, H_CYCLE_NO: 1, H_CYCLE_START_US: START_US, H_CYCLE_END_US: INFINITE_US}
    image = image_of(
        header | {H_CLOSED_AT_US: INFINITE_US}, [[(1, 2, -30, START_US, INFINITE_US, 0, 0, 30, 0)], *[[]] * 5]
    )
    # Schema 1. Another form needs another schema number, and code that still reads this one.
    stored = "010200000000000e0a0280e0b2bacdaeae06000000000000000000000002043b0200ffdfb2bacdaeae06003c00"
    assert pack_group(image, 0).hex() == stored
    assert content_of(unpack_group(bytes.fromhex(stored))) == content_of(image)


@pytest.mark.parametrize("kind", ["group", "profile", "decisions"])
def test_cut_records_are_refused(kind):
    record, unpack = records()[kind]
    for length in range(len(record)):
        with pytest.raises((ValueError, msgspec.ValidationError, msgspec.DecodeError)):
            unpack(record[:length])


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_read_without_harm(rubbish):
    for unpack in (unpack_group, unpack_decisions, unpack_profile):
        try:
            unpack(rubbish)
        except (ValueError, msgspec.ValidationError, msgspec.DecodeError):
            continue


def records():
    """A real record of each kind."""
    world = sample_world()
    world.charge(*(data(3, f"e{n}", 3_000) for n in range(5)))
    (profile,) = (one for one in world.profiles.values() if one.memberships)
    batch, decisions = decided_batch()
    return {
        "group": (world.record("C2"), unpack_group),
        "profile": (pack_profile(profile), unpack_profile),
        "decisions": (pack_decisions(batch, np.arange(2), decisions, 4), unpack_decisions),
    }


def decided_batch():
    """Two events; the first with two impacts and a notice."""
    batch = np.zeros((2, e.EVENT_WORDS), np.int64)
    batch[:, e.OFFSET] = [1_000_000, 1_000_003]
    batch[1, e.EVENT_INDEX] = 2
    decisions = e.DecisionWords(2, 3, 1, 0)
    decisions.rows[0] = [1, 2, 77, 88, 500, 9, 10, -1, 0, 2, 0, 1]
    decisions.rows[1] = [20, 0, 77, 88, 500, 0, 0, 12345, 2, 0, 1, 0]
    decisions.impacts[0] = [0, 501, 3, 4, 0, 60, 10**12]
    decisions.impacts[1] = [2, 500, 4, 5, 6, 0, -7]
    decisions.notices[0] = [501, 4, 1, -100, -200, 0]
    decisions.used[:] = [2, 1, 0]
    return batch, decisions


def test_decisions_come_back_as_they_were():
    batch, decisions = decided_batch()
    version, events = unpack_decisions(pack_decisions(batch, np.arange(2), decisions, 4))
    assert version == 4
    first, second = events
    assert first[:10] == (1_000_000, 0, 1, 2, 77, 88, 500, 9, 10, -1)
    assert first.impacts == ((0, 501, 3, 4, 0, 60, 10**12), (2, 500, 4, 5, 6, 0, -7))
    assert first.notices == ((501, 4, 1, -100, -200, 0),)
    assert second == (1_000_003, 2, 20, 0, 77, 88, 500, 0, 0, 12345, (), ())


def test_a_profile_comes_back_as_it_was():
    world = sample_world()
    for profile in world.profiles.values():
        assert unpack_profile(pack_profile(profile)) == profile


def test_records_are_small():
    world = sample_world()
    assert len(world.record("C2")) < 120
    world.charge(*(data(3, f"e{n}", 3_000) for n in range(5)))
    record, _ = records()["decisions"]
    assert len(record) < 120


def test_a_profile_of_before_rollover_is_still_read():
    fee = [3, 4, 5, 6, 9_900_000, 0, INFINITE_US]
    old = msgspec.msgpack.encode([1, 7, [], [], [fee], [3]])
    (row,) = unpack_profile(old).recurring
    assert (row.amount, row.rollover_cycles) == (9_900_000, 0)
