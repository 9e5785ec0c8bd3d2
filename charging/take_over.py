"""Shell. Taking partitions over: draw, claim on every shard, read back what is decided, find the start.

ARCHITECTURE 5.4. A partition whose log is not the one that the floor was written for is not touched:
it stays held, with an alarm, until a person says what to do.
"""

import asyncio
from collections.abc import Iterable

import structlog

from balance_store.decision_record import unpack_decisions
from balance_store.requests import Claim, ClaimAnswer, Epoch, Floor, PartitionClaim, PartitionState
from charging.messages import message_hash
from charging.ownership import Decided, Ownership, Place, highest_floor, next_epoch
from charging.ports import Bounds, Source
from charging.shard_sessions import ShardSessions

log = structlog.get_logger()


class FencedError(Exception):
    """A higher epoch holds these partitions: draw anew, after a pause, if Kafka still gives them to us."""

    def __init__(self, partitions: frozenset[int]) -> None:
        super().__init__(f"partitions {sorted(partitions)} are claimed by another owner")
        self.partitions = partitions


class WrongLogError(Exception):
    """The log does not fit the floor; says what is wrong."""


async def take_over(
    sessions: ShardSessions, partitions: Iterable[int], held: dict[int, Epoch], fenced: frozenset[int]
) -> list[Ownership]:
    """Claim partitions on every shard and read back floors and decisions.

    `held` are epochs of claims whose answers were lost. Raises FencedError and StoreUnreachableError.
    """
    wanted = sorted(partitions)
    epochs: dict[int, Epoch] = {}
    for partition in wanted:
        old = held.get(partition)
        draw = 0
        if old is None or partition in fenced:
            draw = await sessions.store.draw_epoch(partition)
        epochs[partition] = next_epoch(old, fenced=partition in fenced, draw=draw)
    held.update(epochs)
    claims = tuple(PartitionClaim(partition, epochs[partition]) for partition in wanted)
    answers = await asyncio.gather(*(sessions.claim(Claim(s, claims)) for s in range(sessions.shards)))
    lost = frozenset(
        state.partition for answer in answers for state in answer.partitions if not state.granted
    )
    if lost:
        raise FencedError(lost)
    return [_ownership(partition, epochs[partition], answers) for partition in wanted]


def _ownership(partition: int, epoch: Epoch, answers: list[ClaimAnswer]) -> Ownership:
    states = [_state(answer, partition) for answer in answers]
    floor = highest_floor([state.floor for state in states])
    decided: dict[Place, Decided] = {}
    for state in states:
        for entry in state.decisions:
            version, events = unpack_decisions(entry)
            for event in events:
                if event.offset >= floor.next_offset:
                    decided[event.offset, event.event_index] = Decided(version, event)
    owned = Ownership(partition, epoch, floor, decided)
    for shard, state in enumerate(states):
        owned.told_floor(shard, state.floor)
    return owned


def _state(answer: ClaimAnswer, partition: int) -> PartitionState:
    return next(state for state in answer.partitions if state.partition == partition)


async def start_of(source: Source, owned: Ownership, bounds: Bounds) -> int:
    """The offset to start at; raises WrongLogError where the log is not the one that was decided."""
    floor = owned.floor
    if floor.next_offset < 0:
        return bounds.first_offset
    if bounds.end_offset < floor.next_offset:
        raise WrongLogError(
            f"partition {owned.partition}: the log ends at {bounds.end_offset}, "
            f"but messages up to {floor.next_offset - 1} were charged"
        )
    if bounds.first_offset > floor.next_offset:
        raise WrongLogError(
            f"partition {owned.partition}: the log starts at {bounds.first_offset}, "
            f"messages from {floor.next_offset} on were never charged and are gone"
        )
    if bounds.first_offset <= floor.last_offset:
        await _same_message(source, owned.partition, floor)
    return floor.next_offset


async def _same_message(source: Source, partition: int, floor: Floor) -> None:
    """The last message below the floor, where it still exists, must be the one that was charged."""
    message = await source.read_one(partition, floor.last_offset)
    if message is not None and message_hash(message) != floor.last_hash:
        raise WrongLogError(
            f"partition {partition}: the message at offset {floor.last_offset} is not the one that was charged"
        )
