"""Pure. A store that may fail over: each part has a replica that is a few writes behind its master.

An answer to a write is given once the replica has it, as `store.replicas_acknowledged` asks for; what others read
meanwhile may be gone after a failover.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from balance_store.model import ModelStore
from balance_store.requests import StoreUnreachableError

BEHIND_S_MAX = 0.02
# A master without its replica goes on answering reads for so long at the most.
DIES_S_MAX = 0.15


def copy_of(shard: Any) -> Any:
    """A shard as it is, which later commits do not touch; records are bytes and never change."""
    return replace(
        shard,
        recent=list(shard.recent),
        groups=dict(shard.groups),
        profiles=dict(shard.profiles),
        epochs=dict(shard.epochs),
        floors=dict(shard.floors),
        decisions={partition: list(entries) for partition, entries in shard.decisions.items()},
    )


class Replicas:
    """Of each shard by its number, and of what belongs to no shard (None): the directory and the draws."""

    def __init__(self, store: ModelStore, dice: random.Random) -> None:
        self._store = store
        self._dice = dice
        self.nodes: list[int | None] = [None, *range(store.shards)]
        self._kept = {node: self._now(node) for node in self.nodes}
        self._undo: dict[int | None, list[Callable[[], None]]] = {node: [] for node in self.nodes}
        self._terms = dict.fromkeys(self.nodes, 0)
        self._cut_off: set[int | None] = set()
        self.lost = 0

    def _now(self, node: int | None) -> Any:
        if node is None:
            return dict(self._store._directory), dict(self._store._draws)
        return copy_of(self._store._shards[node])

    def wrote(self, node: int | None, undo: Callable[[], None]) -> None:
        """Something was written that the replica does not have yet; `undo` takes it out of what was noted."""
        self._undo[node].append(undo)

    async def acknowledge(self, node: int | None, failover: float) -> None:
        """Return when the replica has all that is written by then; raises StoreUnreachableError where it never will.

        `failover`: the chance that the master dies meanwhile, or that it is cut off from its replica and dies soon.
        """
        term = self._terms[node]
        await asyncio.sleep(self._dice.random() * BEHIND_S_MAX)
        if self._dice.random() < failover:
            if self._dice.random() < 0.5:
                self.fail_over(node)
            elif node not in self._cut_off:
                self._cut_off.add(node)
                asyncio.get_running_loop().call_later(self._dice.random() * DIES_S_MAX, self.fail_over, node)
        if term != self._terms[node]:
            raise StoreUnreachableError("the master is gone")
        if node in self._cut_off:
            raise StoreUnreachableError("the replica did not acknowledge in time")
        self._kept[node] = self._now(node)
        self._undo[node].clear()

    def fail_over(self, node: int | None) -> None:
        """The replica is the master: what it did not have never was."""
        self._terms[node] += 1
        self._cut_off.discard(node)
        for undo in reversed(self._undo[node]):
            undo()
        self.lost += len(self._undo[node])
        self._undo[node].clear()
        kept = self._kept[node]
        if node is None:
            self._store._directory, self._store._draws = dict(kept[0]), dict(kept[1])
        else:
            self._store._shards[node] = copy_of(kept)
