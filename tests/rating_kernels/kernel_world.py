"""Pure. Customers and their balances in memory, and the real kernels charging events against them."""

import itertools
import json

import msgspec
import numpy as np

from balance_store.decision_record import DecidedEvent, decided_events
from balance_store.directory_record import pack_entries
from balance_store.group_record import pack_group
from balance_store.profile_record import Profile, unpack_profile
from balance_store.requests import DirectoryEntry, Records
from charging.balance_cache import BalanceCache
from charging.decide_batch import Steps, decide_and_note, decide_rows, decision_limits, room_for
from charging.decode_events import decode_messages
from charging.decoded_batch import DecodedBatch
from charging.explain_decision import Decision, explain
from charging.explain_names import Names, people_of
from charging.explanation import Explanation
from charging.messages import Message, message_columns
from charging.resolve_events import ReadNow, resolve
from config.code_ids import code_id
from config.settings import Charging
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from rating_kernels.batch_columns import L_BATCH_NO
from rating_kernels.group_image import (
    B_AMOUNT,
    B_RESOURCE_ID,
    I_AMOUNT,
    I_OWED,
    SECTION_BALANCES,
    SECTION_ITEMS,
    SECTION_ROW_WORDS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import row_at, section_count

NO_HORIZON = Charging(horizon_hours=0, ahead_seconds=0)
MESSAGE_BYTES_MAX = 1 << 20


class KernelWorld:
    """One shard's customers without a store: what a batch changes stays in the cache."""

    def __init__(self, catalogue, customer_lines: list[dict], settings: Charging = NO_HORIZON) -> None:
        lines = [json.dumps(line).encode() for line in customer_lines]
        customers, faults = onboard_lines(lines, catalogue, 1)
        assert not faults, faults
        self.catalogue = catalogue
        self.cache = BalanceCache(catalogue, 100_000)
        self.limits = decision_limits(settings)
        self.people = people_of(customers)
        self.group_of: dict[str, int] = {}
        self.profiles: dict[int, Profile] = {}
        directory: dict[str, tuple[DirectoryEntry, ...]] = {}
        for customer in customers:
            publication = publication_of(customer)
            self.profiles[publication.customer_id] = unpack_profile(publication.profile)
            records = Records(dict(publication.groups), {publication.customer_id: publication.profile})
            self.cache.install(0, records)
            for identifier, entries in publication.directory:
                known = directory.get(identifier, ())
                directory[identifier] = tuple(dict.fromkeys(known + entries))
            self.group_of[customer.line.customer] = customer.numbers.group_id
        self.cache.learn(list(directory), [pack_entries(entries) for entries in directory.values()])
        self._offsets = itertools.count()
        self._batches = itertools.count(1)

    def charge(self, *events: dict) -> list[DecidedEvent]:
        """Decide these events as one batch, in order."""
        return self._decided(events, decide_rows)[0]

    def explained(self, *events: dict) -> list[tuple[DecidedEvent, Explanation]]:
        """The same, each with why it was decided so."""
        steps: dict[int, Steps] = {}
        decided, decoded = self._decided(events, lambda *call: decide_and_note(*call, steps))
        names = Names(self.catalogue, self.people)
        return [
            (
                one,
                explain(
                    Decision("usage", 0, decoded.event(row), one, decoded.details.get(row, "")),
                    steps[row],
                    names,
                ),
            )
            for row, one in enumerate(decided)
        ]

    def _decided(self, events, decide) -> tuple[list[DecidedEvent], DecodedBatch]:
        messages = [Message(0, next(self._offsets), 0, msgspec.json.encode(event), ()) for event in events]
        decoded = decode_messages(message_columns(messages), self.catalogue, MESSAGE_BYTES_MAX)
        rows = np.arange(len(decoded.words), dtype=np.int64)
        read = ReadNow(set(decoded.identifiers()), {(0, one) for one in self.profiles})
        batch_no = next(self._batches)
        wanted = resolve(self.cache, decoded, rows, np.zeros_like(rows), read, {})
        assert not wanted, "everything is in the cache"
        self.limits[L_BATCH_NO] = batch_no
        out = decide(self.cache, self.limits, decoded.words, decoded.text, rows, room_for(len(decoded.words)))
        return decided_events(decoded.words, out), decoded

    def record(self, customer: str) -> bytes:
        """The customer's balance group as it would be stored."""
        return pack_group(self.cache.words, self.cache.image_at(self.group_of[customer]))

    def records(self) -> dict[str, bytes]:
        """All of them."""
        return {customer: self.record(customer) for customer in self.group_of}

    def total(self, customer: str, resource: str) -> int:
        """Sum of a resource's balances, whatever their validity."""
        wanted = code_id("resource", resource)
        rows = self.rows(customer, SECTION_BALANCES)
        return sum(row[B_AMOUNT] for row in rows if row[B_RESOURCE_ID] == wanted)

    def rows(self, customer: str, section: int) -> list[list[int]]:
        """The rows of a section of the customer's group."""
        at = self.cache.image_at(self.group_of[customer])
        width = SECTION_ROW_WORDS[section]
        first = row_at(self.cache.words, at, section, 0)
        count = section_count(self.cache.words, at, section)
        return self.cache.words[first : first + count * width].reshape(-1, width).tolist()

    def item_amounts(self, customer: str) -> tuple[int, int]:
        """(all impacts, the owed part) over the group's item totals."""
        items = self.rows(customer, SECTION_ITEMS)
        return sum(row[I_AMOUNT] for row in items), sum(row[I_OWED] for row in items)

    def without_ring(self, customer: str) -> list[list[list[int]]]:
        """Everything of the group but the recent event ids."""
        return [self.rows(customer, section) for section in range(SECTION_SNAPSHOTS + 1)]
