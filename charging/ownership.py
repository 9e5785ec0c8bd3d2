"""Pure. What an owner of partitions knows of each: epoch, floor, what is decided above it, what is in flight.

Nothing here is durable: the store keeps epochs, floors and decisions, and `take_over` reads them back.
"""

from balance_store.decision_record import DecidedEvent
from balance_store.requests import NO_FLOOR, Epoch, Floor

Place = tuple[int, int]  # (offset, index of the event within its message)


class Decided:
    """A decision that a shard keeps above the floor, and the catalogue it was made under."""

    __slots__ = ("catalogue_version", "event")

    def __init__(self, catalogue_version: int, event: DecidedEvent) -> None:
        self.catalogue_version = catalogue_version
        self.event = event


class Ownership:
    """One partition in our hands, from a granted claim to its release or its loss."""

    def __init__(self, partition: int, epoch: Epoch, floor: Floor, decided: dict[Place, Decided]) -> None:
        self.partition = partition
        self.epoch = epoch
        self.floor = floor
        # Decided by whoever had the partition before us, perhaps published, perhaps not.
        self.decided = decided
        # The floor each shard was last told; idle shards learn it from a sweep.
        self.told: dict[int, Floor] = {}

    def floor_for(self, shard: int) -> Floor:
        """The floor a commit to this shard should carry: NO_FLOOR where the shard knows it already."""
        return self.floor if self.told.get(shard, NO_FLOOR) != self.floor else NO_FLOOR

    def told_floor(self, shard: int, floor: Floor) -> None:
        """The shard accepted this floor."""
        if floor != NO_FLOOR:
            self.told[shard] = floor

    def raise_floor(self, floor: Floor) -> None:
        """All below is decided, committed and published; decisions below it are not needed any more."""
        assert floor.next_offset >= self.floor.next_offset, "floors rise in the order of batches"
        self.floor = floor
        if self.decided:
            self.decided = {place: d for place, d in self.decided.items() if place[0] >= floor.next_offset}


def highest_floor(floors: list[Floor]) -> Floor:
    """Where a new owner starts: any shard's floor was raised only after all shards had committed."""
    return max(floors, key=lambda floor: floor.next_offset, default=NO_FLOOR)


def next_epoch(held: Epoch | None, *, fenced: bool, draw: int) -> Epoch:
    """The epoch of the next claim: a new draw for a new or fenced ownership, else the next attempt.

    An answer that was lost is looked for under the same draw, so that a zombie, which never draws while
    Kafka does not give it the partition, cannot outbid the owner that came after it.
    """
    if held is None or fenced:
        return Epoch(draw, 0)
    return Epoch(held.draw, held.attempt + 1)
