"""What a daemon reads of the directory by a kernel is what everybody else reads of it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.requests import DirectoryEntry
from charging.balance_cache import BalanceCache
from charging.learn_directory import ENTRY_BYTES_MIN, LEARNT_WORDS, read_entries
from rating_kernels.group_image import INFINITE_US
from tests.rating_kernels.sample_world import SAMPLE

TIMES = st.integers(0, 2**50) | st.integers(0, 2**25).map(lambda minutes: minutes * 60_000_000)
ENTRIES = st.builds(
    DirectoryEntry,
    st.integers(0, 4_095),
    st.integers(1, 2**53 - 1),
    st.integers(1, 2**53 - 1),
    TIMES,
    TIMES | st.just(INFINITE_US),
    st.integers(0, 2) | st.integers(0, 2**31),
)
LISTS = st.lists(ENTRIES, max_size=4).map(tuple)


def read(records: list[bytes]) -> tuple[int, list[int], list[list[int]]]:
    """(records before an unsound one, entries of each, rows)."""
    data = np.frombuffer(b"".join(records), np.uint8)
    first = np.cumsum([0, *map(len, records)])
    counts = np.zeros(len(records), np.int64)
    rows = np.zeros((len(data) // ENTRY_BYTES_MIN + 1, LEARNT_WORDS), np.int64)
    sound, used = read_entries(data, first, counts, rows)
    return sound, counts.tolist(), rows[:used].tolist()


def row_of(entry: DirectoryEntry) -> list[int]:
    return [entry.shard, entry.customer_id, entry.valid_from_us, entry.valid_to_us or INFINITE_US]


@given(st.lists(LISTS, max_size=5))
def test_the_kernel_reads_what_was_stored(stored):
    sound, counts, rows = read([pack_entries(entries) for entries in stored])
    assert (sound, counts) == (len(stored), [len(entries) for entries in stored])
    assert rows == [row_of(e) for some in stored for e in some]


@given(st.binary(max_size=60))
def test_what_the_kernel_takes_is_sound(rubbish):
    sound, _, rows = read([rubbish])
    if sound and rubbish:
        found = unpack_entries(rubbish)
        assert rows == [row_of(e) for e in found]


@given(LISTS.filter(bool), st.integers(1, 20))
def test_a_record_that_is_cut_off_is_not_taken(entries, cut):
    assert read([pack_entries(entries)[:-cut] or b"\x01"])[0] == 0


def learned(*stored: bytes | None) -> BalanceCache:
    cache = BalanceCache(SAMPLE, 10)
    cache.learn([f"+43660{n}" for n in range(len(stored))], stored)
    return cache


def test_entries_of_the_form_before_are_learned_too():
    entry = DirectoryEntry(1, 7, 8, 0, INFINITE_US, 0)
    before = learned(pack_entries((entry,)), msgspec.msgpack.encode([entry[:-1]]), None)
    now = learned(pack_entries((entry,)), pack_entries((entry,)), None)
    assert np.array_equal(before.identifiers.words, now.identifiers.words)


@pytest.mark.parametrize(
    "damaged", [b"\x01", b"\x93\x01\x02\x03", msgspec.msgpack.encode([1, 1, 2**64 - 1, 0, 0, 0])]
)
def test_a_damaged_record_is_told(damaged):
    with pytest.raises(ValueError, match=r"directory|array"):
        learned(None, damaged)
