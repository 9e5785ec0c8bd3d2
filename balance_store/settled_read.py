"""Shell. Whether what was read may be built upon: another's write may be gone when its master is lost.

A write is answered once the replicas have it (`store.replicas_acknowledged`); a read is answered at once. Who writes
on the same shard what they read need not ask, since their own answer says it. Who does nothing because all is done
already, or writes to another shard because of it, must.
"""

from typing import Protocol

from balance_store.requests import Load, LoadAnswer, Version


class SettlingStore(Protocol):
    """The part of a `Store` that this needs."""

    async def settle(self, shard: int) -> None: ...

    async def load(self, load: Load) -> LoadAnswer: ...


async def is_settled(store: SettlingStore, shard: int, version: Version) -> bool:
    """Whether the shard's state at a version that was read would survive the loss of its master.

    If not, the master was lost meanwhile, and what was read never was: read again. Raises StoreUnreachableError.
    """
    await store.settle(shard)
    # The master that settled may be another one than that which was read.
    return not (await store.load(Load(shard, version, (), ()))).changed.unknown
