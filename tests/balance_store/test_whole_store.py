"""The pure parts of the tools for whole stores: hash, placement, frames, what headers prove."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_store.check_shard import Header, RecentCommit, read_header, read_recent, recent_faults
from balance_store.content_hash import group_digest, profile_digest, summed
from balance_store.export_format import End, RowKind, Rows, check_start, pack_frame, unpack_frame, unpack_head
from balance_store.findings import Wrong
from balance_store.group_record import pack_group, unpack_group
from balance_store.keyspace import shard_of
from balance_store.placement import Placement
from balance_store.profile_record import PROFILE_SCHEMA, Membership, Profile, pack_profile
from balance_store.requests import Version
from customer_care.sample_customers import customer_draws, kind_weights
from customer_care.sample_lines import FAMILY, FAMILY_MEMBER
from rating_kernels import group_image as g
from rating_kernels.group_layout import row_at, section_count
from tests.rating_kernels.sample_world import call, data, sample_world


def charged_group() -> np.ndarray:
    world = sample_world()
    world.charge(*(data(2, f"d{n}", 30) for n in range(5)), *(call(2, f"c{n}", 60) for n in range(4)))
    return unpack_group(world.record("C2"))


def digest(words) -> int:
    return group_digest(int(words[g.H_GROUP_ID]), pack_group(words, 0))


@pytest.mark.parametrize("section", range(g.SECTIONS))
def test_the_order_of_rows_does_not_count(section):
    words = charged_group()
    before = digest(words)
    count, width = section_count(words, 0, section), g.SECTION_ROW_WORDS[section]
    at = row_at(words, 0, section, 0)
    rows = words[at : at + count * width].reshape(count, width).copy()
    words[at : at + count * width] = rows[::-1].reshape(-1)
    assert digest(words) == before


def test_where_and_when_an_id_was_seen_does_not_count_but_the_id_does():
    words = charged_group()
    before = digest(words)
    at = row_at(words, 0, g.SECTION_RING, 0)
    words[at + g.R_POSITION] = 5
    words[at + g.R_MESSAGE_HOUR] += 5
    words[g.H_RING_NEXT] = 1
    assert digest(words) == before
    words[at + g.R_ID_HASH] += 1
    assert digest(words) != before


@pytest.mark.parametrize("word", [g.H_CYCLE_NO, g.H_CREDIT_ID, g.H_CLOSED_AT_US, g.H_NEXT_BALANCE_ID])
def test_every_other_word_of_the_header_counts(word):
    words = charged_group()
    before = digest(words)
    words[word] += 1
    assert digest(words) != before


@pytest.mark.parametrize(
    ("section", "columns"),
    [(g.SECTION_BALANCES, g.BALANCE_WORDS), (g.SECTION_ITEMS, g.ITEM_WORDS)],
)
def test_every_column_of_balances_and_items_counts(section, columns):
    before = digest(charged_group())
    for column in range(columns):
        words = charged_group()
        words[row_at(words, 0, section, 0) + column] += 1
        assert digest(words) != before, column


def test_a_sum_of_digests_does_not_know_an_order():
    digests = [random.Random(n).getrandbits(256) for n in range(20)]
    assert summed(digests) == summed(reversed(digests)) == summed(digests[7:], summed(digests[:7]))
    assert summed(digests[1:]) != summed(digests)


def test_a_profile_counts_for_whom_it_is_stored():
    record = pack_profile(member(7, 3))
    assert profile_digest(7, record) != profile_digest(8, record)


def member(customer_id: int, *owner_ids: int) -> Profile:
    memberships = tuple(Membership(1, 2, owner, owner, 0, g.INFINITE_US) for owner in owner_ids)
    return Profile(PROFILE_SCHEMA, customer_id, (), memberships, (), (customer_id,))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=40), st.integers(1, 7))
def test_who_is_tied_is_placed_together_whatever_the_order(pairs, shards):
    placements = []
    for order in (pairs, pairs[::-1]):
        placement = Placement(shards)
        for customer_id, owner_id in order:
            placement.tie([member(customer_id, owner_id)])
        placements.append([placement.shard(number) for number in range(1, 31)])
    assert placements[0] == placements[1]
    assert all(placements[0][a - 1] == placements[0][b - 1] for a, b in pairs)


def test_who_is_tied_to_nobody_goes_where_a_new_customer_would():
    placement = Placement(5)
    placement.tie([member(9, 4), member(10)])
    assert placement.shard(10) == shard_of(10, 5)
    assert placement.shard(9) == placement.shard(4) == shard_of(4, 5)


@pytest.mark.parametrize("percent", [0, 10, 50, 90, 100])
def test_the_share_of_customers_in_families_is_as_told(percent):
    draws = list(customer_draws(20_000, weights=kind_weights(percent)))
    families = sum(draw.plan in (FAMILY, FAMILY_MEMBER) for draw in draws)
    assert abs(100 * families / len(draws) - percent) < 2


rows = st.builds(
    Rows,
    st.sampled_from(RowKind),
    st.integers(0, 4_095),
    st.integers(0, 1_000),
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=50))),
)


@given(
    rows | st.builds(End, st.dictionaries(st.sampled_from(RowKind), st.integers(0, 10))), st.integers(0, 9)
)
def test_a_frame_comes_back_in_its_place_only(frame, number):
    packed = pack_frame(frame, number)
    head, payload = unpack_head(packed[:9]), packed[9:]
    assert unpack_frame(head, number, payload) == frame
    with pytest.raises(ValueError, match="checksum"):
        unpack_frame(head, number + 1, payload)


def test_an_export_of_a_later_format_says_so():
    with pytest.raises(ValueError, match="format 2, this program reads up to 1: take a newer one"):
        check_start(b"CLEXPORT\x02")
    with pytest.raises(ValueError, match="no export"):
        check_start(b"CLEXPORX\x01")


def test_recent_commits_are_read_as_the_server_packs_them():
    long = bytes(range(8)) * 40
    entry = b"\xcd\x01\x00" + b"\xa8" + b"\xff" * 8 + b"\xda\x01\x40" + long + b"\xa0"
    assert read_recent(entry) == RecentCommit(256, b"\xff" * 8, long, b"")
    for spoilt in (entry[:-1], entry + b"\x01", b"", b"\xc0" + entry):
        with pytest.raises(ValueError, match=r"recent commit|neither a number"):
            read_recent(spoilt)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([b"\x01\xa1t\xa0\xa0", b"\x03\xa1u\xa0\xa0"], "do not follow"),
        ([b"\x02\xa1t\xa0\xa0", b"\x03\xa1x\xa0\xa0"], "ends at version 3"),
        ([b"\x02\xa1t\xa0\xa0", b"\x03\xa1u\xa8abcdefgh\xa0"], "holds 8 bytes"),
        ([], "ends at nothing"),
    ],
)
def test_a_list_of_commits_that_does_not_fit_its_header(entries, text):
    header = Header(Version(3, b"u"), 0, 0, 2, {}, {})
    faults = recent_faults(header, entries)
    assert {fault.wrong for fault in faults} == {Wrong.RECENT_DAMAGED}
    assert text in faults[0].text


def test_a_header_without_a_field_or_with_half_a_floor_is_none():
    fields = {b"number": b"3", b"tag": b"u", b"catalogue": b"0", b"recent_bytes": b"0", b"shards": b"2"}
    assert read_header(fields).version == Version(3, b"u")
    for spoilt in ({**fields, b"f:0": b"1 2"}, {**fields, b"number": b"x"}, {b"tag": b"u"}):
        with pytest.raises(ValueError, match=r"numbers|field|invalid"):
            read_header(spoilt)
