"""The cache against its model: the same answers after any sequence of what comes in, goes out and is asked."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from balance_store.directory_record import pack_entries
from balance_store.group_record import pack_group
from balance_store.profile_record import (
    PROFILE_SCHEMA,
    Candidate,
    DiscountEntry,
    Membership,
    Profile,
    Recurring,
    ServiceEntry,
    pack_profile,
)
from balance_store.profile_words import profile_words
from balance_store.requests import Changed, DirectoryEntry, Records
from charging.balance_cache import BalanceCache
from charging.cache_arenas import Arenas
from charging.cache_columns import STALE
from charging.decoded_batch import SPAN_WORDS, DecodedBatch, EventPlaces, object_spans
from charging.id_index import NOT_HERE, find_one
from charging.identifier_index import E_CUSTOMER, NO_ENTRY, NOBODY, find_name
from charging.messages import message_columns
from charging.resolve_events import Missing, ReadNow, resolve
from charging.resolve_rows import NOWHERE
from charging.shard_parts import parts_by_shard
from charging.wire.text_hash import text_hash
from rating_kernels import batch_words as e
from rating_kernels import profile_image as p
from rating_kernels.group_image import (
    CALENDAR_MONTHS,
    H_CALENDAR_COUNT,
    H_CALENDAR_DAY,
    H_CALENDAR_KIND,
    H_CUSTOMER_ID,
    H_GROUP_ID,
    H_PROFILE_AT,
    INFINITE_US,
    SECTIONS,
)
from rating_kernels.group_layout import empty_image
from rating_kernels.outcomes import Outcome
from rating_kernels.profile_image import NO_PROFILE
from tests.charging.cache_model import ModelCache, groups_of
from tests.rating_kernels.grown_group import grown_group
from tests.simulation.catalogues import catalogues

CATALOGUES = catalogues()
# Some that hash far apart, one that is long, one that is a beginning of another.
NAMES = ["+43660", "+436601", "é", "n" * 40]
CUSTOMERS = [5, 6, -(2**62), 2**53 - 1]
# Each group's customer.
OWNERS = dict(zip((105, 106, 107, 108, 2**52), [*CUSTOMERS, 5], strict=True))
GROUPS = list(OWNERS)
SHARDS = 2
TIMES = st.integers(0, 6)
ROWS_MAX = 3


def ids_of(index: dict[int, int]):
    """Ids of a catalogue, and one that it does not know."""
    return st.sampled_from([*sorted(index)[:3], 17])


SAMPLE = CATALOGUES[1]
CANDIDATES = st.builds(Candidate, st.just(1), ids_of(SAMPLE.plan_index), TIMES, TIMES)
ENTRIES = st.builds(
    DirectoryEntry, st.integers(0, 1), st.sampled_from(CUSTOMERS), st.just(1), TIMES, TIMES, st.integers(0, 2)
)


@st.composite
def profiles(draw, customer_id: int) -> Profile:
    pools = draw(st.lists(st.sampled_from(GROUPS), max_size=3))
    memberships = tuple(
        Membership(n, draw(ids_of(SAMPLE.policy_index)), OWNERS[pool], pool, draw(TIMES), INFINITE_US)
        for n, pool in enumerate(pools)
    )
    groups = [group for group, owner in OWNERS.items() if owner == customer_id]
    services = tuple(
        ServiceEntry(
            draw(st.sampled_from(NAMES)),
            draw(ids_of(SAMPLE.service_type_index)),
            draw(TIMES),
            draw(TIMES),
            -300,
            draw(st.sampled_from(groups)),
            tuple(draw(st.lists(CANDIDATES, max_size=2))),
            tuple(draw(st.lists(st.sampled_from(range(3)), max_size=2)) if len(memberships) == 3 else ()),
            tuple(
                DiscountEntry(draw(ids_of(SAMPLE.discount_index)), 70_000, n) for n in range(draw(TIMES) % 3)
            ),
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    recurring = tuple(
        Recurring(group, 9, draw(ids_of(SAMPLE.resource_index)), 4, -(2**40), 1, 2, 3, 4, 5)
        for group in groups
    )
    return Profile(PROFILE_SCHEMA, customer_id, services, memberships, recurring, tuple(groups))


PROFILES = st.sampled_from(CUSTOMERS).flatmap(profiles)


def group_record(group_id: int) -> bytes:
    header = {
        H_GROUP_ID: group_id,
        H_CUSTOMER_ID: OWNERS[group_id],
        H_CALENDAR_KIND: CALENDAR_MONTHS,
        H_CALENDAR_COUNT: 1,
        H_CALENDAR_DAY: 1 + group_id % 3,
    }
    return pack_group(empty_image(header), 0)


def batch_of(events: list[tuple[str, int]]) -> DecodedBatch:
    """Rows as decoding leaves them."""
    words = np.zeros((len(events), e.EVENT_WORDS), np.int64)
    words[:, e.PROFILE_AT] = NOWHERE
    places = EventPlaces(np.frombuffer(b"", np.uint8))
    spans = [object_spans(*places.add(name)) for name, _ in events]
    words[:, e.TIME_US] = [time_us for _, time_us in events]
    return DecodedBatch(
        words,
        np.array(spans, np.int64).reshape(-1, SPAN_WORDS),
        places.text(),
        message_columns([]),
        np.zeros(len(events), np.int64),
        {},
        {},
        {},
    )


def content(arena, at: int) -> list:
    """An image with its rows in place of where they lie."""
    services = rows(arena, at + arena[at + p.P_SERVICES_AT], arena[at + p.P_SERVICES], p.SERVICE_WORDS)
    told = [int(arena[at + p.P_CUSTOMER_ID])]
    for service in services:
        parts = [
            rows(arena, at + arena[at + section] + service[first] * width, service[first + 1], width)
            for section, first, width in (
                (p.P_CANDIDATES_AT, p.V_CANDIDATE_FIRST, p.CANDIDATE_WORDS),
                (p.P_MEMBERSHIPS_AT, p.V_MEMBERSHIP_FIRST, p.MEMBERSHIP_WORDS),
                (p.P_DISCOUNTS_AT, p.V_DISCOUNT_FIRST, p.DISCOUNT_WORDS),
            )
        ]
        told.append((service, parts))
    recurring = rows(arena, at + arena[at + p.P_RECURRING_AT], arena[at + p.P_RECURRING], p.RECURRING_WORDS)
    return [*told, recurring]


def rows(arena, at: int, count: int, width: int) -> list[list[int]]:
    return arena[at : at + count * width].reshape(-1, width).tolist()


def generations(cache: BalanceCache) -> tuple[Arenas, Arenas]:
    return cache._arenas(), cache._former


def profiles_of(cache: BalanceCache, customer_id: int) -> list[tuple[Arenas, int]]:
    """The generations that have the profile, and where."""
    numbers = [
        (arenas, find_one(arenas.customers.table, arenas.customers.ids, customer_id))
        for arenas in generations(cache)
    ]
    at = [(arenas, int(arenas.customers.at[number])) for arenas, number in numbers if number != NOT_HERE]
    return [(arenas, one) for arenas, one in at if one != NO_PROFILE]


def has_profile(cache: BalanceCache, customer_id: int) -> bool:
    return bool(profiles_of(cache, customer_id))


def generation_of_group(cache: BalanceCache, group_id: int) -> int | None:
    """0 for the one in use; None where no generation has it."""
    having = []
    for number, arenas in enumerate(generations(cache)):
        slot = find_one(arenas.slots.table, arenas.slots.ids, group_id)
        if slot != NOT_HERE and arenas.slots.fresh_in[slot] != STALE:
            having.append(number)
    assert len(having) < 2, "a row is in one of both"
    return having[0] if having else None


def has_name(cache: BalanceCache, name: str) -> bool:
    """Whether the cache knows what the directory says of it."""
    text = np.frombuffer(name.encode(), np.uint8)
    found = [
        (arenas.identifiers, find_name(arenas.identifiers, text_hash(text, 0, len(text)), text, 0, len(text)))
        for arenas in generations(cache)
    ]
    return any(entry != NO_ENTRY and index.words[entry + E_CUSTOMER] != NOBODY for index, entry in found)


class CacheAndModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.version = 1
        self.cache = BalanceCache(CATALOGUES[1], ROWS_MAX)
        self.model = ModelCache()

    @rule(name=st.sampled_from(NAMES), entries=st.lists(ENTRIES, max_size=3).map(tuple))
    def learn(self, name, entries):
        self.cache.learn([name], [pack_entries(entries)])
        self.model.learn(name, entries)

    @rule(
        shard=st.integers(0, SHARDS - 1),
        installed=st.lists(PROFILES, max_size=3, unique_by=lambda one: one.customer_id),
        groups=st.dictionaries(st.sampled_from(GROUPS), st.booleans()),
        gone=st.sets(st.sampled_from(CUSTOMERS), max_size=1),
    )
    def install(self, shard, installed, groups, gone):
        told = {one.customer_id: one for one in installed} | dict.fromkeys(gone)
        records = Records(
            {g: group_record(g) if is_there else None for g, is_there in groups.items()},
            {c: None if one is None else pack_profile(one) for c, one in told.items()},
        )
        self.cache.install(shard, records)
        self.model.install(shard, groups, told)

    @rule(
        shard=st.integers(0, SHARDS - 1),
        group_ids=st.sets(st.sampled_from([*GROUPS, 1])),
        profile_ids=st.sets(st.sampled_from([*CUSTOMERS, 1])),
    )
    def forget(self, shard, group_ids, profile_ids):
        changed = Changed(unknown=False, group_ids=frozenset(group_ids), profile_ids=frozenset(profile_ids))
        self.cache.forget(shard, changed)
        self.model.forget_rows(shard, group_ids, profile_ids)

    @rule(shard=st.integers(0, SHARDS - 1))
    def forget_shard(self, shard):
        self.cache.forget(shard, Changed(unknown=True, group_ids=frozenset(), profile_ids=frozenset()))
        self.model.forget_shard(shard)

    def in_use(self) -> list[int]:
        """Groups that the generation in use has."""
        return [g for g in sorted(self.model.groups) if generation_of_group(self.cache, g) == 0]

    @precondition(lambda self: self.in_use())
    @rule(data=st.data())
    def grow(self, data):
        group_id = data.draw(st.sampled_from(self.in_use()))
        grown_group(self.cache, group_id, data.draw(st.integers(0, SECTIONS - 1)))

    @rule(version=st.sampled_from(sorted(CATALOGUES)))
    def switch(self, version):
        self.version = version
        self.cache.switch(CATALOGUES[version])
        self.model.switch()

    @rule()
    def collect(self):
        self.cache.collect()
        self.model.collect(
            {c for c in CUSTOMERS if has_profile(self.cache, c)},
            {g for shard in range(SHARDS) for g in self.cache.groups_here(shard, GROUPS)},
            {name for name in NAMES if has_name(self.cache, name)},
        )

    @rule(
        events=st.lists(st.tuples(st.sampled_from(NAMES), TIMES), max_size=5),
        names_read=st.sets(st.sampled_from(NAMES)),
        profiles_read=st.sets(st.tuples(st.integers(0, SHARDS - 1), st.sampled_from(CUSTOMERS))),
        absent=st.fixed_dictionaries(
            {
                shard: st.builds(
                    Missing, st.sets(st.sampled_from(GROUPS)), st.sets(st.sampled_from(CUSTOMERS))
                )
                for shard in range(SHARDS)
            }
        ),
    )
    def ask(self, events, names_read, profiles_read, absent):
        read = ReadNow(names_read, profiles_read)
        answers, wanted = self.model.resolve(events, read, absent)
        batch = batch_of(events)
        row_shard = np.full(len(events), NOWHERE, np.int64)
        every = np.arange(len(events), dtype=np.int64)
        assert resolve(self.cache, batch, every, row_shard, read, absent) == wanted
        for row, answer in enumerate(answers):
            at = batch.words[row, e.PROFILE_AT]
            said = None if at == NOWHERE else int(self.cache.profile_arena[at + p.P_CUSTOMER_ID])
            assert (said, batch.words[row, e.IDENTIFIER_NO]) == (answer.customer_id, answer.identifier_no)
            assert row_shard[row] == (NOWHERE if answer.shard is None else answer.shard)
            assert (batch.words[row, e.OUTCOME] == Outcome.STORE_INCOMPLETE) == answer.is_incomplete
        self.commit_names_what_was_read(batch, row_shard, answers)

    def commit_names_what_was_read(self, batch, row_shard, answers):
        """Of each shard: all that its rows' profiles stand on, but for a group that was written."""
        shards = {0 if answer.shard is None else answer.shard for answer in answers}
        changed = [g for g in self.in_use() if self.model.groups[g] in shards][:1]
        touched = np.array([self.cache.slot_of(g) for g in changed], np.int64)
        every = np.arange(len(batch), dtype=np.int64)
        parts = parts_by_shard(self.cache, batch.words, every, row_shard, touched, SHARDS)
        for shard, part in parts.items():
            home = [0 if answer.shard is None else answer.shard for answer in answers]
            assert part.rows.tolist() == [row for row, one in enumerate(home) if one == shard]
            assert all(self.cache.slot_shard[slot] == shard for slot in part.touched)
            mine = {answers[row].customer_id for row in part.rows.tolist()} - {None}
            read = [self.model.profiles[c][0] for c in mine]
            groups = {g for one in read for g in groups_of(one)}
            owners = {m.owner_customer_id for one in read for m in one.memberships}
            written = {int(self.cache.slots.ids[slot]) for slot in touched}
            # What two shards stand on is in one of them: it cannot be, all of a family is in one shard.
            others = {c for a in answers if a.shard not in (None, shard) for c in [a.customer_id]}
            if not others:
                assert part.read_group_ids.tolist() == sorted(groups - written)
                assert part.read_profile_ids.tolist() == sorted(mine | owners)

    @invariant()
    def what_is_here_is_the_same(self):
        for shard in range(SHARDS):
            expected = {g for g in GROUPS if self.model.groups.get(g) == shard}
            assert self.cache.groups_here(shard, GROUPS) == expected
        for customer_id in CUSTOMERS:
            assert has_profile(self.cache, customer_id) == (customer_id in self.model.profiles)

    @invariant()
    def images_are_those_of_the_records(self):
        for customer_id, (profile, _) in self.model.profiles.items():
            [(arenas, at)] = profiles_of(self.cache, customer_id)

            def slot_of(group_id: int, slots=arenas.slots) -> int:
                return find_one(slots.table, slots.ids, group_id)

            wanted = profile_words(profile, CATALOGUES[self.version], slot_of)
            assert content(arenas.profiles, at) == content(wanted, 0)

    @invariant()
    def groups_know_their_profiles(self):
        for group_id in self.in_use():
            at = self.cache.image_at(group_id)
            assert self.cache.words[at + H_GROUP_ID] == group_id
            if self.cache.profile_at(OWNERS[group_id]) != NO_PROFILE:
                assert self.cache.words[at + H_PROFILE_AT] == self.cache.profile_at(OWNERS[group_id])


CacheAndModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, report_multiple_bugs=False
)
TestCacheAndModel = CacheAndModel.TestCase


def test_a_shard_that_comes_back_again_and_again_takes_no_more_room():
    cache = BalanceCache(CATALOGUES[1], ROWS_MAX)
    entry = ServiceEntry("+43660", 1, 0, 6, -300, 105, (), (), ())
    record = pack_profile(Profile(PROFILE_SCHEMA, 5, (entry,), (), (), (105, 2**52)))
    groups = {group_id: group_record(group_id) for group_id in (105, 2**52)}
    taken = set()
    for _ in range(10):
        cache.install(0, Records(groups, {5: record}))
        taken.add(cache.memory_bytes)
        cache.forget_shard(0)
    assert len(taken) == 1
