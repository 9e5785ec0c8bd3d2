"""Shell. How long the list of recent commits has to be, and what a decision takes: counted, no clock involved."""

import random

import numpy as np

from balance_store.decision_record import pack_decisions
from balance_store.model import ModelStore
from balance_store.requests import Commit, CommitStatus, Load, Records, Version
from rating_kernels import batch_words as e
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Ints

CALLS = 20_000
KEPT = (1, 2, 4, 8, 16, 32, 64, 128)
# Pace of each daemon; the third is four of which one is slow.
DAEMONS = ((1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 0.1))
ID_BYTES = 8
EVENTS = 600
FIRST_ID = 5_000_000
MONTH_AMOUNT = 3_000_000


async def refused(pace: tuple[float, ...], kept: int, seed: int) -> float:
    """Share of calls that are refused because the list of `kept` commits does not reach back to their version.

    Daemons send in random order, each as often as its pace says, and change groups of their own.
    """
    dice = random.Random(seed)
    store = ModelStore(1, lambda: 0, recent_bytes_max=kept * ID_BYTES)
    seen: list[Version] = [(await store.load(Load(0, None, (), ()))).version for _ in pace]
    unknown = 0
    for _ in range(CALLS):
        (daemon,) = dice.choices(range(len(pace)), pace)
        writes = Records({daemon: b""}, {})
        tag = dice.randbytes(ID_BYTES)
        answer = await store.commit(Commit(0, seen[daemon], tag, b"%d" % daemon, 0, writes, (), (), ()))
        unknown += answer.status == CommitStatus.UNKNOWN
        seen[daemon] = answer.version
    return unknown / CALLS


def bytes_a_decision(impacts: int, seed: int) -> float:
    """Bytes an event of a commit's entry of decisions, each with so many impacts on the user's own group."""
    return len(pack_decisions(*_decided(impacts, seed), 4)) / EVENTS


def _decided(impacts: int, seed: int) -> tuple[Ints, Ints, e.DecisionWords]:
    dice = random.Random(seed)
    catalogue = [dice.randrange(1, 2**31) for _ in range(8)]
    events = np.zeros((EVENTS, e.EVENT_WORDS), np.int64)
    words = e.DecisionWords(EVENTS, EVENTS * impacts, 0, 0)
    offset = 0
    for row in range(EVENTS):
        offset += dice.randrange(1, 4)
        events[row, e.OFFSET] = offset
        customer = FIRST_ID + dice.randrange(FIRST_ID)
        words.rows[row, e.DECIDED] = Outcome.CHARGED
        words.rows[row, [e.CUSTOMER_ID, e.SUBSCRIPTION_ID, e.USER_GROUP_ID]] = customer
        words.rows[row, [e.PRODUCT_ID, e.PRICE_ID]] = dice.sample(catalogue, 2)
        words.rows[row, e.DUPLICATE_OF] = -1
        words.rows[row, [e.IMPACT_FIRST, e.IMPACT_COUNT]] = row * impacts, impacts
        for place in range(row * impacts, (row + 1) * impacts):
            resource, item = dice.sample(catalogue, 2)
            amount = dice.randrange(1, MONTH_AMOUNT)
            words.impacts[place] = [0, customer, 3, resource, item, dice.randrange(1, 3_600), amount]
    return events, np.arange(EVENTS), words
