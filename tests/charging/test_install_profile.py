"""Profiles as a later version may write them, as this one writes them with all lengths, and damaged ones."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_store.group_record import pack_group
from balance_store.profile_record import pack_profile, unpack_profile
from balance_store.profile_words import profile_words
from balance_store.requests import Records
from charging.balance_cache import BalanceCache
from rating_kernels.group_layout import empty_image
from rating_kernels.profile_image import G_VALID_FROM_US, NO_PROFILE
from tests.charging.test_balance_cache import content
from tests.rating_kernels.sample_world import SAMPLE, sample_world

# Fields of a record.
IDENTIFIERS, TIMES = 2, 3
MEMBER = next(one for one in sample_world().profiles.values() if one.memberships)


def installed(record: bytes) -> BalanceCache:
    cache = BalanceCache(SAMPLE, 100)
    cache.install(0, Records({}, {MEMBER.customer_id: record}))
    return cache


def image_of(cache: BalanceCache) -> list:
    return content(cache.profile_arena, cache.profile_at(MEMBER.customer_id))


def wanted(profile=MEMBER) -> list:
    cache = installed(pack_profile(profile))
    return content(profile_words(profile, SAMPLE, cache.slot_of), 0)


def with_more(value, depth: int):
    """Fields appended to every array that is a row, of all kinds of value."""
    if not isinstance(value, list):
        return value
    inner = [with_more(one, depth + 1) for one in value]
    is_row = depth in (0, 2) and not (depth == 2 and not isinstance(value[0], str | int))
    more = [1.5, {"a": [1, "b" * 300]}, b"x" * 70_000, 2**63, None, "long " * 20_000, True, -1]
    # With six more the record itself is still a short array.
    return inner + more[: 6 if depth == 0 else None] if is_row else inner


def test_what_later_versions_append_is_passed_over():
    record = msgspec.msgpack.encode(with_more(msgspec.msgpack.decode(pack_profile(MEMBER)), 0))
    assert unpack_profile(record) == MEMBER
    assert image_of(installed(record)) == wanted()


def test_a_profile_of_the_schema_before_is_read():
    former = msgspec.msgpack.encode(msgspec.structs.replace(MEMBER, schema=1))
    assert image_of(installed(former)) == wanted()


def test_a_row_that_names_what_is_not_listed_is_refused():
    listed = msgspec.msgpack.decode(pack_profile(MEMBER))
    for field in (IDENTIFIERS, TIMES):
        record = msgspec.msgpack.encode([*listed[:field], [], *listed[field + 1 :]])
        with pytest.raises(ValueError, match=r"names? what"):
            installed(record)


def test_a_long_profile_has_longer_heads():
    service = MEMBER.services[0]
    many = msgspec.structs.replace(
        MEMBER,
        services=tuple(
            msgspec.structs.replace(service, identifier=f"{n}" * 40, subscription_id=-(7**n) % 2**62 - 2**61)
            for n in range(22)
        ),
    )
    cache = installed(pack_profile(many))
    assert image_of(cache) == wanted(many)


def test_who_came_back_to_a_group_has_both_times():
    (first, *others) = MEMBER.memberships
    gone = msgspec.structs.replace(first, valid_from_us=5, valid_to_us=9)
    back = msgspec.structs.replace(MEMBER, memberships=(gone, first, *others))
    words = wanted(back)
    assert image_of(installed(pack_profile(back))) == words
    _, (_, (_, memberships, _)), *_ = words
    assert [row[G_VALID_FROM_US] for row in memberships] == [one.valid_from_us for one in back.memberships]


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_profile_is_refused_or_harmless(data):
    record = bytearray(pack_profile(MEMBER))
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    record = bytes(record[: data.draw(st.integers(0, len(record)))])
    try:
        cache = installed(record)
    except (ValueError, KeyError):
        return
    # Bytes that are no UTF-8 are a name that nobody has; all else reads as msgspec reads it.
    at = cache.profile_at(MEMBER.customer_id)
    try:
        profile = unpack_profile(record)
    except ValueError:
        return
    assert at == NO_PROFILE or content(cache.profile_arena, at) == content(
        profile_words(profile, SAMPLE, cache.slot_of), 0
    )


def test_a_damaged_group_is_refused():
    record = pack_group(empty_image({}), 0)
    with pytest.raises(ValueError, match="ends too early"):
        BalanceCache(SAMPLE, 100).install(0, Records({1: record[:-1]}, {}))
