"""The cache stays below its ceiling, whatever is read into it again and again."""

import itertools

from balance_store.directory_record import pack_entries
from balance_store.requests import Records
from charging.balance_cache import BalanceCache
from charging.cache_arenas import GROUP_WORDS, NAME_WORDS, PROFILE_WORDS
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from rating_kernels.profile_image import NO_PROFILE
from tests.customer_care.example_lines import file_of, line
from tests.rating_kernels.sample_world import SAMPLE

GROUPS_MAX = 8


def test_profiles_and_groups_that_are_read_again_leave_no_holes_for_long():
    cache = BalanceCache(SAMPLE, GROUPS_MAX)
    customers, _ = onboard_lines(file_of(*(line(n) for n in range(1, GROUPS_MAX + 1))), SAMPLE, 1)
    publications = [publication_of(customer) for customer in customers]
    empty, largest = BalanceCache(SAMPLE, GROUPS_MAX), 0
    for publication in itertools.islice(itertools.cycle(publications), 2_000):
        if cache.is_full():
            cache.collect()
        cache.install(0, Records(dict(publication.groups), {publication.customer_id: publication.profile}))
        for identifier, entries in publication.directory:
            cache.learn([identifier], [pack_entries(entries)])
        assert cache.profile_at(publication.customer_id) != NO_PROFILE
        largest = max(largest, cache.memory_bytes)
    assert cache.collections > 2
    rows_max = GROUPS_MAX + GROUPS_MAX // 2
    # One batch may bring more than fits before room is made; here that is one customer.
    assert cache.groups <= rows_max + 1
    words = (rows_max + 1) * (GROUP_WORDS + PROFILE_WORDS + NAME_WORDS)
    assert largest - empty.memory_bytes <= 8 * words
