"""The cache stays below its ceiling, whatever is read into it again and again."""

import itertools

from balance_store.requests import Records
from charging.balance_cache import GROUP_WORDS, PROFILE_WORDS, BalanceCache
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from tests.customer_care.example_lines import file_of, line
from tests.rating_kernels.sample_world import SAMPLE

GROUPS_MAX = 8


def test_profiles_and_groups_that_are_read_again_leave_no_holes_for_long():
    cache = BalanceCache(SAMPLE, GROUPS_MAX)
    customers, _ = onboard_lines(file_of(*(line(n) for n in range(1, GROUPS_MAX + 1))), SAMPLE, 1)
    publications = [publication_of(customer) for customer in customers]
    largest = 0
    for publication in itertools.islice(itertools.cycle(publications), 2_000):
        cache.collect()
        cache.install(0, Records(dict(publication.groups), {publication.customer_id: publication.profile}))
        assert cache.ready(publication.customer_id) is not None
        largest = max(largest, len(cache.profile_arena), len(cache.words))
    assert cache.collections > 0
    assert cache.groups <= GROUPS_MAX
    assert largest <= max(1 << 16, 2 * GROUPS_MAX * (GROUP_WORDS + PROFILE_WORDS))
