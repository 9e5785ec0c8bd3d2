"""Pure. What can be asked of a shard, and its answers, as data (ARCHITECTURE 5.1-5.4).

Three questions: `Load` reads records, `Commit` changes them, `Claim` takes partitions over. Every answer
names what changed since the version that the caller had seen.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from rating_kernels.tariff_table import Ints

# Ids from 0 to 2**53 - 1 in any order; where they are many an array of int64, ascending, each once.
Ids = tuple[int, ...] | Ints


class Version(NamedTuple):
    """The state of a shard: a number that only grows, and the random tag of the commit that set it.

    The tag is compared too, because a store that lost its last commits would give a number out twice.
    """

    number: int
    tag: bytes


class Epoch(NamedTuple):
    """Ownership of a partition; higher wins. The attempt grows when the answer to a claim was lost."""

    draw: int
    attempt: int


class Floor(NamedTuple):
    """Below `next_offset` every event of the partition is decided, committed and published."""

    next_offset: int
    last_offset: int  # -1: there was no message yet
    last_hash: int  # 64-bit hash of that message's value, to notice a log that is not the one we read


NO_FLOOR = Floor(-1, -1, 0)


# Records by id, None = there is none; `packed_records.PackedRecords` where they are many.
RecordMap = Mapping[int, bytes | None]


class Records(NamedTuple):
    """Records of both kinds."""

    groups: RecordMap
    profiles: RecordMap


NO_RECORDS = Records({}, {})


class Changed(NamedTuple):
    """What others changed since the version the caller had seen. `unknown`: anything may have changed."""

    unknown: bool
    group_ids: frozenset[int]
    profile_ids: frozenset[int]


class Usage(NamedTuple):
    """A partition's part of a commit."""

    partition: int
    epoch: Epoch
    decisions: bytes  # packed by `decision_record`; empty = none
    highest_offset: int  # of these decisions; -1 = none
    floor: Floor  # NO_FLOOR = leave it


class Load(NamedTuple):
    """Read records. `seen` None: the caller knows nothing of the shard."""

    shard: int
    seen: Version | None
    group_ids: tuple[int, ...]
    profile_ids: tuple[int, ...]


class LoadAnswer(NamedTuple):
    """The records as they are at `version`."""

    version: Version
    changed: Changed
    records: Records


class Commit(NamedTuple):
    """Change a shard: all of it, or nothing."""

    shard: int
    seen: Version | None
    tag: bytes  # random, 8 bytes: names this commit for ever
    caller: bytes  # names the caller, for the reservation
    catalogue_version: int  # refused if lower than the shard accepts
    writes: Records  # None deletes
    read_group_ids: Ids  # what the decision stood on and did not write
    read_profile_ids: Ids
    usage: tuple[Usage, ...]
    lowest_catalogue: int = 0  # the shard accepts none below this from now on; 0 = leave it


class CommitStatus(enum.IntEnum):
    """How a commit ended. Only ACCEPTED changed anything."""

    ACCEPTED = 0
    STALE = 1  # something it stood on changed; fresh records are in the answer
    UNKNOWN = 2  # the caller's version is not known any more: drop all rows of the shard, claim again
    FENCED = 3  # another owner claimed a partition
    CATALOGUE_OLD = 4
    RESERVED = 5  # a refused caller has these groups reserved for a moment; try again shortly


class CommitAnswer(NamedTuple):
    """`version` is the shard's after the call."""

    status: CommitStatus
    version: Version
    changed: Changed
    fresh: Records
    fenced: tuple[int, ...]  # partitions
    catalogue_version: int  # lowest that the shard accepts


class PartitionClaim(NamedTuple):
    """One partition of a claim."""

    partition: int
    epoch: Epoch


class Claim(NamedTuple):
    """Take partitions over on one shard."""

    shard: int
    partitions: tuple[PartitionClaim, ...]


class PartitionState(NamedTuple):
    """What a shard knows of a claimed partition. Not granted: a higher epoch holds it."""

    partition: int
    granted: bool
    epoch: Epoch  # in force after the call
    floor: Floor
    decisions: tuple[bytes, ...]  # entries at or above the floor, oldest first


class ClaimAnswer(NamedTuple):
    """The shard's version comes along, for the loads that follow."""

    version: Version
    partitions: tuple[PartitionState, ...]


class StoreUnreachableError(Exception):
    """No answer: the call may or may not have happened. The caller finds out by claiming again."""


class StoreRefusesError(Exception):
    """A shard went on refusing our commit; nothing of it was written."""


class StoreMismatchError(Exception):
    """The store is not what this program needs: no header, no functions, not durable. Says the cure."""


class DirectoryEntry(NamedTuple):
    """Where an identifier's customer lives; a hint that the profile in the shard confirms."""

    shard: int
    customer_id: int
    subscription_id: int
    valid_from_us: int
    valid_to_us: int
    move_no: int = 0  # of the customer's move to this shard; the higher one is the newer entry


class Store(Protocol):
    """The store as its users see it; `client.StoreClient` is the real one, `model.ModelStore` the twin.

    One call in flight per shard is the caller's duty; raises StoreUnreachableError, never repeats a call.
    """

    shards: int
    group_schema: int  # in which balance groups are to be written, as long as older programs read them

    async def load(self, load: Load) -> LoadAnswer: ...

    async def commit(self, commit: Commit) -> CommitAnswer: ...

    async def claim(self, claim: Claim) -> ClaimAnswer: ...

    async def draw_epoch(self, partition: int) -> int:
        """The next number of the partition's monotone counter."""
        ...

    async def settle(self, shard: int) -> None:
        """Return when what this shard has answered so far would survive the loss of its master."""
        ...

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        """Entries of each identifier, in the order asked; empty = none."""
        ...

    async def stored_identifiers(self, identifiers: list[str]) -> list[bytes | None]:
        """The same as it is stored (`directory_record.py`), for who reads many; None = none."""
        ...

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        """Replace an identifier's entries if they are still `before`; whether they were."""
        ...
