"""Pure. What a verification can find wrong, one name a cause."""

import enum
from typing import NamedTuple


class Wrong(enum.StrEnum):
    """A kind of damage; docs/STORE_TOOLS.md says of each what it means."""

    PROFILE_DAMAGED = "profile-damaged"
    PROFILE_MISPLACED = "profile-misplaced"
    PROFILE_INCONSISTENT = "profile-inconsistent"
    GROUP_DAMAGED = "group-damaged"
    GROUP_MISPLACED = "group-misplaced"
    GROUP_MISSING = "group-missing"
    GROUP_ORPHANED = "group-orphaned"
    GROUP_SUMS = "group-sums"
    GROUP_ROWS = "group-rows"
    OWNER_MISSING = "owner-missing"
    IDENTIFIER_MISSING = "identifier-missing"
    IDENTIFIER_ORPHANED = "identifier-orphaned"
    IDENTIFIER_DAMAGED = "identifier-damaged"
    HEADER_DAMAGED = "header-damaged"
    RECENT_DAMAGED = "recent-damaged"
    DECISIONS_DAMAGED = "decisions-damaged"
    DECISION_LOST = "decision-lost"
    EPOCH_AHEAD = "epoch-ahead"


class Fault(NamedTuple):
    """One thing wrong with one subject, as a pure check says it."""

    wrong: Wrong
    subject: str  # "customer 7", "group 9", "identifier +43..."
    text: str


class Finding(NamedTuple):
    """The same with its place: a shard, or a bucket of the directory."""

    wrong: Wrong
    place: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.subject}: {self.wrong}: {self.text}"
