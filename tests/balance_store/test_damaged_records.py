"""Damage to a stored record is refused, or makes it the whole record of something else: never half of one.

Records carry no checksum: a changed digit of a number is a number. What can be held is that nothing is read
that would not be written, byte for byte.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_store.decision_record import DecidedEvent, pack_decisions, unpack_decisions
from balance_store.group_record import SCHEMA, SCHEMA_BEFORE, pack_group, unpack_group
from balance_store.profile_record import Profile, pack_profile, unpack_profile
from balance_store.varint import PAST_END, VARINT_BYTES_MAX, get_varint, put_varint
from rating_kernels import batch_words as e
from rating_kernels.group_image import (
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    HOUR_US,
    INFINITE_US,
    R_MESSAGE_HOUR,
    SECTION_ITEMS,
    SECTION_RING,
    SECTIONS,
)
from rating_kernels.group_layout import append_row, empty_image
from tests.rating_kernels.sample_world import sample_world

START_US = 1_790_805_600_000_000


def group_record() -> bytes:
    """A group with a cycle without end, an item total and two event ids."""
    image = empty_image({0: 7, 1: 5, H_CYCLE_NO: 3, H_CYCLE_START_US: START_US, H_CYCLE_END_US: INFINITE_US})
    row = append_row(image, 0, SECTION_ITEMS)
    image[row : row + 6] = [3, 9, 150_000, 60_000, 95, 2]
    for number in range(2):
        row = append_row(image, 0, SECTION_RING)
        image[row : row + 3] = [2**47 + number, number, START_US // HOUR_US]
    return pack_group(image, 0)


EVENTS = [
    DecidedEvent(
        1_000_000,
        0,
        1,
        2,
        77,
        88,
        500,
        9,
        10,
        -1,
        ((0, 501, 3, 4, 0, 60, 10**12), (2, 500, 4, 5, 6, 0, -7)),
        ((501, 4, 1, -100, -200, 0),),
    ),
    DecidedEvent(1_000_003, 2, 20, 0, 77, 88, 500, 0, 0, 12345, (), ()),
]


def entry_of(catalogue_version: int, decided: list[DecidedEvent]) -> bytes:
    """The entry of decisions, built as the kernel leaves its words."""
    events = np.zeros((len(decided), e.EVENT_WORDS), np.int64)
    impacts = [impact for one in decided for impact in one.impacts]
    notices = [notice for one in decided for notice in one.notices]
    words = e.DecisionWords(len(decided), len(impacts), len(notices), 0)
    first_impact = first_notice = 0
    for row, one in enumerate(decided):
        events[row, [e.OFFSET, e.EVENT_INDEX]] = one[:2]
        words.rows[row, : e.IMPACT_FIRST] = one[2:10]
        words.rows[row, e.IMPACT_FIRST :] = first_impact, len(one.impacts), first_notice, len(one.notices)
        first_impact += len(one.impacts)
        first_notice += len(one.notices)
    words.impacts[:] = np.array(impacts, np.int64).reshape(-1, e.IMPACT_WORDS)
    words.notices[:] = np.array(notices, np.int64).reshape(-1, e.NOTICE_WORDS)
    return pack_decisions(events, np.arange(len(decided)), words, catalogue_version)


FORMS = {
    "group": (group_record(), lambda record: pack_group(unpack_group(record), 0)),
    "decisions": (entry_of(4, EVENTS), lambda entry: entry_of(*unpack_decisions(entry))),
}
PROFILE = pack_profile(next(iter(sample_world().profiles.values())))


def refused_or_whole(form: str, record: bytes) -> bool:
    """Whether it was refused; asserts that it is written as it was read where it was not."""
    _, again = FORMS[form]
    try:
        written = again(record)
    except ValueError:
        return True
    # A group of an earlier schema is written in the newest.
    assert written == record or (form == "group" and record[0] < SCHEMA)
    return False


def test_the_forms_come_back_as_they_were():
    for record, again in FORMS.values():
        assert again(record) == record
    assert unpack_decisions(FORMS["decisions"][0]) == (4, EVENTS)


@pytest.mark.parametrize("form", FORMS)
def test_every_change_of_one_byte(form):
    record, _ = FORMS[form]
    refused = 0
    for at in range(len(record)):
        for byte in set(range(256)) - {record[at]}:
            refused += refused_or_whole(form, record[:at] + bytes([byte]) + record[at + 1 :])
    # Not all can be, without a checksum; but every change of the schema and most of the counts are.
    assert refused > 255


@settings(max_examples=500)
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_pieces_cut_out_and_put_in(form, data):
    record, _ = FORMS[form]
    start = data.draw(st.integers(0, len(record)))
    end = data.draw(st.integers(start, len(record)))
    refused_or_whole(form, record[:start] + data.draw(st.binary(max_size=24)) + record[end:])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("more", [b"\x00", b"\x01" * 30])
def test_bytes_too_many_are_refused(form, more):
    record, _ = FORMS[form]
    assert refused_or_whole(form, record + more)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("schema", [0, 4, 5, 255])
def test_another_schema_is_refused(form, schema):
    record, _ = FORMS[form]
    assert refused_or_whole(form, bytes([schema]) + record[1:])


def group_in_the_schema_before(hour: int) -> bytes:
    """A group whose ring ends with the step of time to this hour."""
    image = empty_image({H_CYCLE_NO: 1, H_CYCLE_START_US: START_US}, (0, 0, 0, 0, 1, 0))
    image[append_row(image, 0, SECTION_RING) + R_MESSAGE_HOUR] = hour
    return pack_group(image, 0, SCHEMA_BEFORE)


def test_a_whole_millisecond_has_one_form_in_schema_2():
    record = group_in_the_schema_before(START_US // HOUR_US)
    assert record.endswith(bytes([0]))
    unpack_group(record[:-1] + bytes([28]))
    # 7 ms from the start, as a step in milliseconds; then as one in microseconds.
    as_us = bytearray(3)
    length = put_varint(np.frombuffer(as_us, np.uint8), 0, 7_000 << 1 | 1)
    with pytest.raises(ValueError, match="ends too early or too late"):
        unpack_group(record[:-1] + as_us[:length])


@pytest.mark.parametrize("rows", [1 << 20, 940_000])
def test_more_rows_than_an_image_can_name_are_refused(rows):
    """The first passes what a section may have, the second what an image may: its place has 23 bits."""
    counts = bytearray(SECTIONS * VARINT_BYTES_MAX)
    end = put_varint(np.frombuffer(counts, np.uint8), 0, rows)
    for _ in range(SECTIONS - 1):
        end = put_varint(np.frombuffer(counts, np.uint8), end, 0)
    with pytest.raises(ValueError, match="a balance group of"):
        unpack_group(bytes([SCHEMA_BEFORE]) + counts[:end] + bytes(rows))


@pytest.mark.parametrize("step_ms", [-(2**52) - 1, 2**52 + 1])
def test_a_step_that_no_clock_takes_is_refused(step_ms):
    step = bytearray(10)
    length = put_varint(np.frombuffer(step, np.uint8), 0, step_ms << 1)
    with pytest.raises(ValueError, match="ends too early or too late"):
        unpack_group(group_in_the_schema_before(START_US // HOUR_US)[:-1] + step[:length])


def test_a_negative_count_is_not_none():
    # Schema, catalogue version, then -1 decisions.
    with pytest.raises(ValueError, match="-1"):
        unpack_decisions(b"\x02\x08\x01")


def test_a_time_without_end_has_one_form_in_schema_2():
    image = empty_image({H_CYCLE_NO: 1, H_CYCLE_START_US: START_US, H_CYCLE_END_US: INFINITE_US - 1})
    record = pack_group(image, 0, SCHEMA_BEFORE)
    just_before, infinite = bytearray(11), bytearray(11)
    length = put_varint(np.frombuffer(just_before, np.uint8), 0, INFINITE_US - START_US)
    put_varint(np.frombuffer(infinite, np.uint8), 0, INFINITE_US - START_US + 1)
    assert just_before[:length] in record
    with pytest.raises(ValueError, match="ends too early or too late"):
        unpack_group(record.replace(just_before[:length], infinite[:length]))


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_has_one_form(number):
    out = np.zeros(VARINT_BYTES_MAX + 1, np.uint8)
    length = put_varint(out, 0, number)
    assert get_varint(out[:length], 0) == (number, length)
    # The same number with zeros on top.
    out[length - 1] |= 0x80
    assert get_varint(out[: length + 1], 0)[1] == PAST_END


def test_more_than_64_bits_are_no_number():
    for top in range(2, 128):
        assert get_varint(np.array([0x80] * 9 + [top], np.uint8), 0)[1] == PAST_END
    assert get_varint(np.array([0x80] * 11, np.uint8), 0)[1] == PAST_END


def test_a_profile_of_another_schema_is_refused():
    later = pack_profile(unpack_profile(PROFILE)).replace(b"\x99\x02", b"\x99\x03", 1)
    with pytest.raises(ValueError, match="not a profile of schema 1 or 2 but of 3"):
        unpack_profile(later)


def test_a_profile_may_have_fields_of_a_later_version():
    assert unpack_profile(b"\x9a" + PROFILE[1:] + b"\xa4more") == unpack_profile(PROFILE)


@pytest.mark.parametrize("more", [b"\x00", b"\x91" * 100_000 + b"\x00"])
def test_a_profile_with_something_behind_it_is_refused(more):
    with pytest.raises(ValueError, match="trailing"):
        unpack_profile(PROFILE + more)


def test_a_profile_nested_without_end_is_refused():
    with pytest.raises(ValueError, match="nested without end"):
        unpack_profile(b"\x9a" + PROFILE[1:] + b"\x91" * 100_000 + b"\x00")


@settings(max_examples=500)
@given(st.data())
def test_a_damaged_profile_is_refused_or_a_profile(data):
    start = data.draw(st.integers(0, len(PROFILE)))
    end = data.draw(st.integers(start, len(PROFILE)))
    damaged = PROFILE[:start] + data.draw(st.binary(max_size=8)) + PROFILE[end:]
    try:
        profile = unpack_profile(damaged)
    except ValueError:
        return
    assert isinstance(profile, Profile)
    assert unpack_profile(pack_profile(profile)) == profile
