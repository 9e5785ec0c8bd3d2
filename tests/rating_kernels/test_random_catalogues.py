"""Whole random catalogues with their customers: the kernels decide what the plain twin decides, to the unit."""

from collections import Counter

import pytest

from rating_kernels.batch_columns import (
    FLAG_CAPPED,
    FLAG_LATE,
    FLAG_RING_EVICTED,
    FLAG_SHARED,
    IMPACT_ALLOWANCE,
    IMPACT_CREDIT,
    IMPACT_DISCOUNT,
    IMPACT_OWED,
    IMPACT_TAX,
    IMPACT_UNRATED,
)
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.random_catalogue import random_scene
from tests.rating_kernels.twin_check import Played, differences

BLOCKS, CATALOGUES, EVENTS = 50, 20, 100
# Not met: bytes that are no event, and what no catalogue that compiles can lead to here.
OUTCOMES = set(Outcome) - {
    Outcome.BAD_ENCODING,
    Outcome.BAD_FIELD,
    Outcome.TOO_LARGE,
    Outcome.TOO_OLD,
    Outcome.IN_FUTURE,
    Outcome.AMOUNT_OUT_OF_RANGE,
    Outcome.TOO_MANY_BALANCES,
    Outcome.STORE_INCOMPLETE,
}


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_kernels_decide_what_the_twin_decides(block):
    for seed in range(block * CATALOGUES, (block + 1) * CATALOGUES):
        found = differences(random_scene(seed, EVENTS))
        assert not found, f"seed {seed}: {found[0]}"


def test_the_random_catalogues_are_not_all_alike():
    outcomes, flags, kinds, directions = Counter(), Counter(), Counter(), Counter()
    refunds = 0
    # The last one has a refund that crosses thresholds downward, which few have.
    for seed in (*range(60, 100), 408):
        played = Played(random_scene(seed, EVENTS))
        assert not played.play()
        for decided in played.decided:
            outcomes[decided.outcome] += 1
            flags.update(flag for flag in (1, 2, 4, 8) if decided.flags & flag)
            kinds.update(impact.kind for impact in decided.impacts)
            refunds += any(i.kind == IMPACT_OWED and i.amount < 0 for i in decided.impacts)
            directions.update(notice.direction for notice in decided.notices)
    assert {*outcomes} >= OUTCOMES
    assert {*flags} == {FLAG_LATE, FLAG_SHARED, FLAG_CAPPED, FLAG_RING_EVICTED}
    assert {*kinds} == {
        IMPACT_ALLOWANCE,
        IMPACT_CREDIT,
        IMPACT_OWED,
        IMPACT_DISCOUNT,
        IMPACT_TAX,
        IMPACT_UNRATED,
    }
    assert {*directions} == {1, -1}
    assert refunds
