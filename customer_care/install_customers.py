"""Shell. Puts customers into the store: profiles and new groups by one commit a shard, then the directory.

Doing it again changes nothing. The directory comes last: it is a hint, and points only at what is there.
"""

import asyncio
import os

from balance_store.requests import Commit, CommitStatus, DirectoryEntry, Load, Store
from customer_care.publication import Publication, missing_in, with_customer

CALLER = b"customer_care"
# A refusal is over when the other writer's commit is: about a round trip.
REFUSALS_MAX = 200
PAUSE_S = 0.01
# Directory writes under way at once: enough to share the server's sync, few enough connections.
DIRECTORY_WRITES = 32


class StoreRefusesError(Exception):
    """A shard went on refusing our commit; nothing of it was written."""


async def install(store: Store, publications: list[Publication]) -> None:
    """Write what is missing; returns when the store has accepted all of it."""
    shards: dict[int, list[Publication]] = {}
    for publication in publications:
        shards.setdefault(publication.shard, []).append(publication)
    for shard, some in shards.items():
        await _install_shard(store, shard, some)
    await _install_directory(store, publications)


async def _install_shard(store: Store, shard: int, publications: list[Publication]) -> None:
    group_ids = tuple(group_id for one in publications for group_id, _ in one.groups)
    profile_ids = tuple(one.customer_id for one in publications)
    catalogue_version = max(one.catalogue_version for one in publications)
    for _ in range(REFUSALS_MAX):
        stored = await store.load(Load(shard, None, group_ids, profile_ids))
        writes = missing_in(stored.records, publications)
        if not writes.groups and not writes.profiles:
            return
        answer = await store.commit(
            Commit(
                shard=shard,
                seen=stored.version,
                tag=os.urandom(8),
                caller=CALLER,
                catalogue_version=catalogue_version,
                writes=writes,
                read_group_ids=(),
                read_profile_ids=(),
                usage=(),
            )
        )
        if answer.status is CommitStatus.ACCEPTED:
            return
        if answer.status is CommitStatus.CATALOGUE_OLD:
            catalogue_version = answer.catalogue_version
        await asyncio.sleep(PAUSE_S)
    raise StoreRefusesError(
        f"shard {shard} refused {REFUSALS_MAX} times; others keep writing the same customers"
    )


async def _install_directory(store: Store, publications: list[Publication]) -> None:
    wanted = [
        (identifier, one.customer_id, entries)
        for one in publications
        for identifier, entries in one.directory
    ]
    found = await store.find_identifiers([identifier for identifier, _, _ in wanted])
    changes: dict[str, tuple[DirectoryEntry, ...]] = {}
    for (identifier, customer_id, entries), stored in zip(wanted, found, strict=True):
        before = changes.get(identifier, stored)
        after = with_customer(before, customer_id, entries)
        if after != before:
            changes[identifier] = after
    pending = list(changes.items())
    for first in range(0, len(pending), DIRECTORY_WRITES):
        some = pending[first : first + DIRECTORY_WRITES]
        await asyncio.gather(*(store.set_identifier(identifier, entries) for identifier, entries in some))
