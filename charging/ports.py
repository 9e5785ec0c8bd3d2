"""Pure. The edges of the loop as Protocols, so that a simulator can stand in for broker and clock."""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from charging.messages import Message, MessageColumns
from charging.outputs import Outputs


class Bounds(NamedTuple):
    """What the log of a partition holds: first_offset <= offset < end_offset."""

    first_offset: int
    end_offset: int


class Source(Protocol):
    """Usage messages of the partitions that the group gives us."""

    def assigned(self) -> frozenset[int]:
        """Partitions given to us by now; what we do not own yet is paused until `start_at`."""
        ...

    def started(self) -> frozenset[int]:
        """Partitions that are being delivered; the source may drop one whose position it lost."""
        ...

    async def poll(
        self, messages_max: int, linger_ms: int, until: Awaitable[None] | None = None
    ) -> MessageColumns:
        """The next messages of started partitions, each partition's in order of offset.

        Whatever comes before `until` is done is among them, as far as there is room.
        """
        ...

    async def bounds(self, partitions: frozenset[int]) -> dict[int, Bounds]:
        """What the logs hold; one question for all, since a broker answers behind the fetch that waits."""
        ...

    async def read_one(self, partition: int, offset: int) -> Message | None:
        """The message at this offset, if the log still has it."""
        ...

    def start_at(self, partition: int, offset: int) -> None:
        """Deliver the partition from this offset on."""
        ...

    def hold(self, partition: int) -> None:
        """Deliver nothing of the partition until it is started again."""
        ...

    async def commit_offsets(self, next_offsets: dict[int, int]) -> None:
        """For lag tools only; the floor in the store is what counts."""
        ...


class Sink(Protocol):
    """Where records go."""

    async def publish(self, outputs: Outputs) -> None:
        """Return when all are acknowledged; raises what the broker's client raises."""
        ...
