"""What is stored: it comes back as it was, stays the same bytes, and rubbish is refused."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_store.decision_record import pack_decisions, unpack_decisions
from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.group_record import SCHEMA_BEFORE, pack_group, unpack_group
from balance_store.packed_records import packed_groups
from balance_store.profile_record import in_schema_of_now, pack_profile, unpack_profile
from balance_store.requests import DirectoryEntry
from rating_kernels import batch_words as e
from rating_kernels.group_image import (
    FORGOTTEN,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_RING_NEXT,
    HOUR_US,
    ID_HASH_BITS,
    INFINITE_US,
    RING_POSITIONS,
    SECTION_BALANCES,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_ROW_WORDS,
    SECTIONS,
    STORED_WORDS,
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
hashes = st.integers(0, 2**ID_HASH_BITS - 1)
positions = st.one_of(words, st.just(FORGOTTEN))
rows = [
    st.lists(
        st.tuples(*([hashes, positions, words] if section == SECTION_RING else [words] * width)), max_size=4
    )
    for section, width in enumerate(SECTION_ROW_WORDS)
]


def image_of(header: dict[int, int], sections: list[list[tuple[int, ...]]]) -> np.ndarray:
    image = empty_image(header, tuple(len(section) for section in sections))
    for section, content in enumerate(sections):
        for row in content:
            at = append_row(image, 0, section)
            image[at : at + len(row)] = row
    return image


START = {H_CYCLE_START_US: START_US, H_CYCLE_NO: 3, H_RING_NEXT: 0}


def content_of(image: np.ndarray) -> tuple[list[int], list[list[int]]]:
    sections = []
    for section in range(SECTIONS):
        first = row_at(image, 0, section, 0)
        sections.append(
            image[first : first + section_count(image, 0, section) * SECTION_ROW_WORDS[section]].tolist()
        )
    return image[list(STORED_WORDS)].tolist(), sections


@given(st.lists(words, min_size=len(STORED_WORDS), max_size=len(STORED_WORDS)), st.tuples(*rows))
def test_any_group_comes_back_as_it_was(header, sections):
    given_header = dict(zip(STORED_WORDS, header, strict=True)) | START
    image = image_of(given_header, list(sections))
    assert content_of(unpack_group(pack_group(image, 0))) == content_of(image)


@given(st.tuples(*rows), st.integers(-1, 4))
def test_a_ring_comes_back_from_its_oldest_id_on(sections, ring_next):
    image = image_of({H_CYCLE_START_US: START_US, H_RING_NEXT: ring_next}, list(sections))
    header, found = content_of(unpack_group(pack_group(image, 0)))
    ring = [word for row in sections[SECTION_RING] for word in row]
    oldest = 3 * ring_next if 0 <= ring_next < len(sections[SECTION_RING]) else 0
    assert header[H_RING_NEXT] == 0
    assert found[SECTION_RING] == ring[oldest:] + ring[:oldest]


def test_a_group_comes_back_with_room_for_more():
    world = sample_world()
    image = unpack_group(world.record("C2"))
    for section in (SECTION_BALANCES, SECTION_ITEMS, SECTION_RING):
        assert append_row(image, 0, section) >= 0


# What ids of events were in schemas 1 and 2: where each was decided first, and when its message came.
RING = [(2**ID_HASH_BITS - 1, 3 << 48 | 900, START_US + 7_000), (5, 3 << 48 | 950, START_US + 8_001)]
# The same group in all schemas. Another form needs another schema number, and code that still reads these.
STORED = {
    1: "010200000004000e0a0280e0b2bacdaeae06000000000000000000000002043b0200ffdfb2bacdaeae06003c00ffffffffffff0000888e808080808003b26d0500000000000000ec8e808080808003847d",
    2: "020200000004000e0a0280e0b2bacdaeae06000000000000000000000002043b0200ffdfb2bacdaeae06003c00ffffffffffff888e8080808080031c05000000000064a61f",
    3: "030131a0820f1e708526970f082060c0011777010796e0f9f2ffffffffff5f000000000030463800000000f0820c",
}
NEWEST = max(STORED)


def stored_image() -> np.ndarray:
    header = {0: 7, 1: 5, H_CYCLE_NO: 1, H_CYCLE_START_US: START_US, H_CYCLE_END_US: INFINITE_US}
    balance = (1, 2, -30, START_US, INFINITE_US, 0, 0, 30, 0)
    ring = [(id_hash, position, time_us // HOUR_US) for id_hash, position, time_us in RING]
    return image_of(header | {H_CLOSED_AT_US: INFINITE_US}, [[balance], [], [], [], ring, []])


def test_the_stored_form_of_a_group_does_not_change_by_accident():
    assert pack_group(stored_image(), 0).hex() == STORED[NEWEST]
    packed = packed_groups(stored_image(), np.zeros(1, np.int64), NEWEST)
    assert [record.hex() for record in packed.values()] == [STORED[NEWEST]]


@pytest.mark.parametrize("schema", STORED)
def test_a_group_of_an_earlier_schema_is_read_and_written_in_the_newest(schema):
    image = unpack_group(bytes.fromhex(STORED[schema]))
    assert content_of(image) == content_of(stored_image())
    assert pack_group(image, 0).hex() == STORED[NEWEST]


@given(st.lists(words, min_size=len(STORED_WORDS), max_size=len(STORED_WORDS)), st.tuples(*rows))
def test_a_group_can_be_written_in_the_schema_before(header, sections):
    given_header = dict(zip(STORED_WORDS, header, strict=True)) | START
    in_hours = [(id_hash, position, hour % 10**6) for id_hash, position, hour in sections[SECTION_RING]]
    image = image_of(given_header, [*sections[:SECTION_RING], in_hours, sections[SECTION_RING + 1]])
    record = pack_group(image, 0, SCHEMA_BEFORE)
    assert record[0] == SCHEMA_BEFORE
    assert content_of(unpack_group(record)) == content_of(image)


def test_a_ring_of_an_earlier_schema_keeps_the_positions_of_its_last_ids():
    # Full, and the oldest is its third row.
    ring = [(row + 1, 1000 + (row - 2) % 12, START_US // HOUR_US) for row in range(12)]
    image = image_of({H_CYCLE_START_US: START_US, H_RING_NEXT: 2}, [[], [], [], [], ring, []])
    read = unpack_group(pack_group(image, 0, SCHEMA_BEFORE))
    positions = [read[row_at(read, 0, SECTION_RING, row) + 1] for row in range(12)]
    assert positions == [
        position if position >= 1000 + 12 - RING_POSITIONS else FORGOTTEN for _, position, _ in ring
    ]


def test_a_hash_that_took_eight_bytes_is_cut_to_those_that_are_compared():
    # The ring's first hash in schema 1, with bits above those that are kept.
    record = bytes.fromhex(STORED[1].replace("ffffffffffff0000", "ffffffffffffabcd"))
    assert content_of(unpack_group(record)) == content_of(stored_image())


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


def test_a_profile_of_the_former_schema_is_still_read():
    for profile in sample_world().profiles.values():
        former = msgspec.msgpack.encode(msgspec.structs.replace(profile, schema=1))
        assert unpack_profile(former) == profile
        assert in_schema_of_now(former) == pack_profile(profile) == in_schema_of_now(pack_profile(profile))
        assert len(pack_profile(profile)) < 0.6 * len(former)


def test_a_profile_of_an_unknown_schema_is_named():
    with pytest.raises(ValueError, match="not a profile of schema 1 or 2 but of 7"):
        unpack_profile(msgspec.msgpack.encode([7, 1, [], [], [], []]))


entries = st.builds(
    DirectoryEntry,
    st.integers(0, 4_095),
    st.integers(1, 2**40),
    st.integers(1, 2**40),
    st.integers(0, 2**50) | st.integers(0, 2**25).map(lambda minutes: minutes * 60_000_000),
    st.just(INFINITE_US) | st.integers(0, 2**50),
    st.integers(0, 2**31),
)


@given(st.lists(entries, max_size=4).map(tuple))
def test_directory_entries_come_back_as_they_were(some):
    assert unpack_entries(pack_entries(some)) == some


@given(st.lists(entries, max_size=4).map(tuple))
def test_directory_entries_of_the_former_form_are_still_read(some):
    assert unpack_entries(msgspec.msgpack.encode(some)) == some


@given(st.binary(max_size=60))
def test_rubbish_is_no_directory_entry(rubbish):
    try:
        some = unpack_entries(rubbish)
    except ValueError:
        return
    assert all(isinstance(entry, DirectoryEntry) for entry in some)


def test_a_directory_entry_of_a_customer_is_a_dozen_bytes():
    midnight_us = 1_790_805_600_000_000
    assert len(pack_entries((DirectoryEntry(11, 9_000_000, 9_000_000, midnight_us, INFINITE_US),))) <= 15


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
