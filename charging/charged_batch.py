"""Pure. A batch on its way from messages to published records."""

import numpy as np

from balance_store.decision_record import DecidedEvent, Impact, Notice, decided_events
from balance_store.requests import Floor
from charging.decide_batch import Steps, room_for
from charging.decoded_batch import DecodedBatch
from charging.messages import M_PARTITION, M_TIMESTAMP_MS, message_hash
from charging.ownership import Decided, Ownership
from charging.resolve_rows import NOWHERE
from rating_kernels.batch_columns import FLAG_RING_EVICTED
from rating_kernels.batch_words import (
    DECIDED,
    EVENT_INDEX,
    FLAGS,
    IMPACT_COUNT,
    IMPACT_FIRST,
    NOTICE_COUNT,
    NOTICE_FIRST,
    OFFSET,
    PARTITION,
)
from rating_kernels.tariff_table import Ints


class ChargedBatch:
    """Events in columns, where each belongs, and what was decided: now, or before we owned the partition."""

    def __init__(
        self,
        decoded: DecodedBatch,
        owned: dict[int, Ownership],
        catalogue_version: int,
        *,
        explained: bool = False,
    ) -> None:
        self.decoded = decoded
        self.messages = decoded.messages
        self.events = decoded.words
        self.catalogue_version = catalogue_version
        self.row_shard: Ints = np.full(len(self.events), NOWHERE, np.int64)
        self.decisions = room_for(len(self.events))
        # Row -> how it was decided, where somebody asked; None where nobody did.
        self.steps: dict[int, Steps] | None = {} if explained else None
        self.decided_before = self._find_decided(owned)

    def __len__(self) -> int:
        return len(self.events)

    def _find_decided(self, owned: dict[int, Ownership]) -> dict[int, Decided]:
        """Rows whose position a decision already names: nothing is decided again there."""
        if not any(one.decided for one in owned.values()):
            return {}
        found = {}
        places = self.events[:, [PARTITION, OFFSET, EVENT_INDEX]].tolist()
        for row, (partition, offset, index) in enumerate(places):
            decided = owned[partition].decided.get((offset, index))
            if decided is not None:
                found[row] = decided
        return found

    def undecided_rows(self) -> Ints:
        """Rows to decide, in order of arrival."""
        rows = np.arange(len(self.events), dtype=np.int64)
        if not self.decided_before:
            return rows
        return np.delete(rows, np.fromiter(self.decided_before, np.int64, len(self.decided_before)))

    def outcomes(self) -> Ints:
        """The outcome of every row, whoever decided it."""
        outcomes = self.decisions.rows[:, DECIDED].copy()
        for row, before in self.decided_before.items():
            outcomes[row] = before.event.outcome
        return outcomes

    def ring_evictions(self) -> int:
        """Rows decided here that pushed an id out of a full ring before its time."""
        return int(np.count_nonzero(self.decisions.rows[:, FLAGS] & FLAG_RING_EVICTED))

    def decision(self, row: int) -> tuple[int, DecidedEvent]:
        """Catalogue version and decision of one row, whoever made it."""
        before = self.decided_before.get(row)
        if before is not None:
            return before.catalogue_version, before.event
        words = self.decisions.rows[row].tolist()
        impact, notice = words[IMPACT_FIRST], words[NOTICE_FIRST]
        impacts = self.decisions.impacts[impact : impact + words[IMPACT_COUNT]].tolist()
        notices = self.decisions.notices[notice : notice + words[NOTICE_COUNT]].tolist()
        event = DecidedEvent._make(
            [
                *self.events[row, [OFFSET, EVENT_INDEX]].tolist(),
                *words[:IMPACT_FIRST],
                tuple([Impact._make(one) for one in impacts]),
                tuple([Notice._make(one) for one in notices]),
            ]
        )
        return self.catalogue_version, event

    def decided(self) -> list[tuple[int, DecidedEvent]]:
        """Catalogue version and decision of every row, whoever made it."""
        decided = [(self.catalogue_version, event) for event in decided_events(self.events, self.decisions)]
        for row, before in self.decided_before.items():
            decided[row] = (before.catalogue_version, before.event)
        return decided

    def partitions(self) -> frozenset[int]:
        """Partitions that messages of this batch came from."""
        return frozenset(np.unique(self.messages.words[:, M_PARTITION]).tolist())

    def oldest_us(self) -> int:
        """When the oldest message was sent, by its timestamp."""
        return int(self.messages.words[:, M_TIMESTAMP_MS].min()) * 1_000

    def floors(self) -> dict[int, Floor]:
        """The floor of each partition once all of this batch is published."""
        last = self.messages.last_of_partitions()
        return {p: Floor(m.offset + 1, m.offset, message_hash(m)) for p, m in last.items()}
