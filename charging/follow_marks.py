"""Shell. What the daemon does with customers who have moved: finish the move, then read them where they live.

A mark is never kept: it is acted upon in the batch that read it. The calls go through the shards' turns, so one is in
flight at a shard, but past the cache: what a move changes is named to us by the shard's next answer.
"""

from balance_store.mark_record import is_mark
from balance_store.move_customers import Mover
from balance_store.requests import Commit, CommitAnswer, DirectoryEntry, Load, LoadAnswer
from charging.resolve_events import ReadNow
from charging.shard_sessions import ShardSessions


class TurnStore:
    """The `MovingStore` of a daemon."""

    def __init__(self, sessions: ShardSessions) -> None:
        self._sessions = sessions

    async def load(self, load: Load) -> LoadAnswer:
        """In the shard's turn, past the cache."""
        async with self._sessions.turn(load.shard):
            return await self._sessions.store.load(load)

    async def commit(self, commit: Commit) -> CommitAnswer:
        """In the shard's turn, past the cache."""
        async with self._sessions.turn(commit.shard):
            return await self._sessions.store.commit(commit)

    async def settle(self, shard: int) -> None:
        """In the shard's turn."""
        async with self._sessions.turn(shard):
            await self._sessions.store.settle(shard)

    async def find_identifiers(self, identifiers: list[str]) -> list[tuple[DirectoryEntry, ...]]:
        """The directory belongs to no shard."""
        return await self._sessions.store.find_identifiers(identifiers)

    async def swap_identifier(
        self, identifier: str, before: tuple[DirectoryEntry, ...], after: tuple[DirectoryEntry, ...]
    ) -> bool:
        """The directory belongs to no shard."""
        return await self._sessions.store.swap_identifier(identifier, before, after)


def take_answer(read: ReadNow, shard: int, answer: LoadAnswer) -> tuple[int, ...]:
    """Note what an answer says of customers; those whose mark it holds have not been read yet."""
    moved = tuple(c for c, record in answer.records.profiles.items() if is_mark(record))
    read.profiles |= {(shard, c) for c in answer.records.profiles if c not in moved}
    return moved


async def follow_marks(mover: Mover, read: ReadNow, shard: int, moved: tuple[int, ...]) -> None:
    """Finish the moves, and note where to read these customers: afresh, whatever was read there before."""
    for customer_id, target in (await mover.follow(shard, moved)).items():
        read.lives_at[customer_id] = target
        read.profiles.discard((target, customer_id))
