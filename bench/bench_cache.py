"""Shell. What the daemon's cache costs: an event whose customer is in it, a customer who is not, and its bytes.

Customers are those of `bench.workload`. Records and the directory's answers are ready beforehand, as the store's
client hands them over. Processor time is counted, not the wall's: the machine is shared.
"""

import gc
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import cyclopts
import msgspec
import numpy as np
from msgspec.structs import replace

from balance_store.directory_record import pack_entries
from balance_store.group_record import pack_group, unpack_group
from balance_store.profile_record import pack_profile, unpack_profile
from balance_store.requests import Records
from bench.workload import SEED, customer_lines, identifier_of
from charging.balance_cache import BalanceCache
from charging.cache_arenas import used_of
from charging.decoded_batch import S_SERVICE_AT, S_SERVICE_LENGTH, SPAN_WORDS, DecodedBatch
from charging.messages import message_columns
from charging.resolve_events import ReadNow, resolve
from charging.resolve_rows import NOWHERE
from charging.shard_parts import parts_by_shard
from charging.warm_up import warm_up
from config.load import load_compiled_catalogue
from customer_care.customer_lines import CustomerLine, decode_line
from customer_care.known_customers import KnownCustomers
from customer_care.onboarding import Onboarded, take_line
from customer_care.publication import Publication, publication_of
from rating_kernels import batch_words as e
from rating_kernels.group_image import H_CUSTOMER_ID, H_GROUP_ID
from rating_kernels.profile_image import P_SERVICES_AT, V_GROUP_SLOT
from rating_kernels.tariff_table import Ints

SHARDS = 64
BATCH = 8_192
BATCHES = 16
ROUNDS = 5
ZIPF, UNIFORM = 1.1, 0.0
# Customers that are made by care; the others are copies with other numbers.
MADE = 2_000
# Customers that the store's answers to one batch bring, over all shards.
LOADED_AT_ONCE = 4_096


class Answers(NamedTuple):
    """What the store said of some customers: by shard, and the directory's entries."""

    records: dict[
        int, tuple[dict[int, bytes | None], dict[int, bytes | None]]
    ]  # groups and profiles by shard
    identifiers: list[str]
    entries: list[bytes | None]


def main(*, customers: Annotated[list[int] | None, cyclopts.Parameter(consume_multiple=True)] = None) -> None:
    """Measure the cache.

    Parameters
    ----------
    customers
        How many are in it; several are measured one after the other.
    """
    warm_up()
    for count in customers or [10_000, 100_000, 1_000_000]:
        _measure(count)


def _measure(count: int) -> None:
    cache = BalanceCache(load_compiled_catalogue(""), 2 * count)
    empty = cache.memory_bytes
    loads = [_loaded(cache, answers) for answers in _answers(count)]
    stop_ms = max(loads) * min(LOADED_AT_ONCE, count) / 1e3
    _line(count, "cold", "us_a_customer", statistics.median(loads), slowest=max(loads), stop_ms=stop_ms)
    _line(count, "memory", "bytes_a_customer", (cache.memory_bytes - empty) / count)
    used = (used_of(cache._arenas()) / count).round(1).tolist()
    print(f"  words and rows a customer (W_*): {used}", flush=True)
    for name, exponent in (("zipf", ZIPF), ("uniform", UNIFORM)):
        batches = [_batch(drawn) for drawn in _draws(count, exponent)]
        resolving, sorting = _rounds(cache, batches)
        _line(count, f"resolve_{name}", "us_an_event", resolving)
        _line(count, f"parts_{name}", "us_an_event", sorting)
    # From one generation to the next and again: the second time arrays are there already.
    batches = [_batch(drawn) for drawn in _draws(count, UNIFORM)]
    collected, first = [], []
    for _ in range(2):
        collected.append(_timed(cache.collect) / 1e3)
        first += [_resolved(cache, batch) / BATCH for batch in batches]
    _line(count, "collect", "ms", max(collected))
    _line(count, "recall_uniform", "us_an_event", statistics.median(first), slowest=max(first))


def _answers(count: int) -> Iterator[Answers]:
    """The customers, as so many answers of the store: the first are made by care, the others after them."""
    catalogue, known = load_compiled_catalogue(""), KnownCustomers()
    made = []
    for line in map(decode_line, map(msgspec.json.encode, customer_lines(min(count, MADE)))):
        assert isinstance(line, CustomerLine)
        onboarded = take_line(line, known, catalogue, SHARDS)
        assert isinstance(onboarded, Onboarded)
        made.append(publication_of(onboarded))
    numbers = iter(range(count))
    while some := list(itertools.islice(numbers, LOADED_AT_ONCE)):
        answers = Answers({}, [], [])
        for number in some:
            turn, place = divmod(number, len(made))
            groups, profiles = answers.records.setdefault(made[place].shard, ({}, {}))
            _add_copy(made[place], turn * len(made), groups, profiles, answers)
        yield answers


def _add_copy(
    made: Publication,
    by: int,
    groups: dict[int, bytes | None],
    profiles: dict[int, bytes | None],
    answers: Answers,
) -> None:
    """The customer with all numbers of customers, groups and telephones higher by so much."""
    profile = unpack_profile(made.profile)
    services = tuple(
        replace(one, identifier=_renamed(one.identifier, by), group_id=one.group_id + by)
        for one in profile.services
    )
    members = tuple(
        replace(one, owner_customer_id=one.owner_customer_id + by, owner_group_id=one.owner_group_id + by)
        for one in profile.memberships
    )
    customer_id = profile.customer_id + by
    profiles[customer_id] = pack_profile(
        replace(
            profile,
            customer_id=customer_id,
            services=services,
            memberships=members,
            recurring=tuple(replace(one, group_id=one.group_id + by) for one in profile.recurring),
            group_ids=tuple(one + by for one in profile.group_ids),
        )
    )
    for group_id, record in made.groups:
        image = unpack_group(record)
        image[[H_GROUP_ID, H_CUSTOMER_ID]] += by
        groups[group_id + by] = pack_group(image, 0)
    for identifier, entries in made.directory:
        answers.identifiers.append(_renamed(identifier, by))
        answers.entries.append(pack_entries(tuple(one._replace(customer_id=customer_id) for one in entries)))


def _renamed(identifier: str, by: int) -> str:
    return identifier_of(int(identifier.removeprefix(identifier_of(0)[:-7])) + by)


def _loaded(cache: BalanceCache, answers: Answers) -> float:
    """Microseconds a customer."""

    def load() -> None:
        cache.learn(answers.identifiers, answers.entries)
        for shard, records in answers.records.items():
            cache.install(shard, Records(*records))

    return _timed(load) / max(1, len(answers.identifiers))


def _timed(call: Callable[[], object]) -> float:
    """Microseconds of processor time."""
    gc.collect()
    start = time.process_time_ns()
    call()
    return (time.process_time_ns() - start) / 1e3


def _draws(count: int, exponent: float) -> Iterator[Ints]:
    dice = np.random.default_rng(SEED)
    reach = np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -exponent)
    places = dice.permutation(count)
    for _ in range(BATCHES):
        drawn = np.searchsorted(reach, dice.random(BATCH) * reach[-1])
        yield places[drawn.clip(0, count - 1)]


def _batch(customers: Ints) -> DecodedBatch:
    """An event of each of these customers, as decoding leaves it."""
    names = [identifier_of(number).encode() for number in customers.tolist()]
    words = np.zeros((len(names), e.EVENT_WORDS), np.int64)
    words[:, e.TIME_US] = 1_791_000_000_000_000  # October 2026, when all services are valid
    spans = np.zeros((len(names), SPAN_WORDS), np.int64)
    spans[:, S_SERVICE_LENGTH] = [len(name) for name in names]
    spans[1:, S_SERVICE_AT] = np.cumsum(spans[:-1, S_SERVICE_LENGTH])
    text = np.frombuffer(b"".join(names), np.uint8)
    message_of = np.zeros(len(names), np.int64)
    return DecodedBatch(words, spans, text, message_columns([]), message_of, {}, {}, {})


def _rounds(cache: BalanceCache, batches: list[DecodedBatch]) -> tuple[float, float]:
    """Medians of the microseconds an event that resolving and sorting by shard take, after a warm round."""
    rows = np.arange(BATCH, dtype=np.int64)
    row_shard = np.full(BATCH, NOWHERE, np.int64)
    resolving, sorting = [], []
    for _ in range(ROUNDS + 1):
        spent = [0.0, 0.0]
        for batch in batches:
            start = time.process_time_ns()
            resolve(cache, batch, rows, row_shard, ReadNow(), {})
            spent[0] += time.process_time_ns() - start
            here = batch.words[:, e.PROFILE_AT]
            here = here[here != NOWHERE]
            services = here + cache.profile_arena[here + P_SERVICES_AT]
            touched = np.unique(cache.profile_arena[services + V_GROUP_SLOT])
            start = time.process_time_ns()
            parts_by_shard(cache, batch.words, rows, row_shard, touched, SHARDS)
            spent[1] += time.process_time_ns() - start
        resolving.append(spent[0])
        sorting.append(spent[1])
    events = BATCH * len(batches) * 1e3
    return statistics.median(resolving[1:]) / events, statistics.median(sorting[1:]) / events


def _resolved(cache: BalanceCache, batch: DecodedBatch) -> float:
    """Microseconds that a batch takes, with what it needs of the former generation."""
    rows = np.arange(BATCH, dtype=np.int64)
    row_shard = np.full(BATCH, NOWHERE, np.int64)
    return _timed(lambda: resolve(cache, batch, rows, row_shard, ReadNow(), {}))


def _line(customers: int, bench: str, unit: str, value: float, **more: float) -> None:
    figures = {"bench": f"cache_{bench}", "customers": customers, "value": round(value, 3), "unit": unit}
    print(json.dumps(figures | {name: round(figure, 3) for name, figure in more.items()}), flush=True)


if __name__ == "__main__":
    cyclopts.run(main)
