"""Shell. Puts customers into the store: profiles and new groups by one commit a shard, then the directory.

Doing it again changes nothing. The directory comes last: it is a hint, and points only at what is there.
"""

import asyncio
import functools
import os

from balance_store.directory_record import with_customer
from balance_store.group_record import in_schema
from balance_store.mark_record import is_mark
from balance_store.move_customers import Mover
from balance_store.profile_record import Profile, unpack_profile
from balance_store.requests import Commit, CommitStatus, DirectoryEntry, Load, Store, StoreRefusesError
from customer_care.publication import Publication, brought_by_move, missing_in

CALLER = b"customer_care"
# A refusal is over when the other writer's commit is: about a round trip.
REFUSALS_MAX = 200
PAUSE_S = 0.01
# Directory writes under way at once: enough to share the server's sync, few enough connections.
DIRECTORY_WRITES = 32


async def install(store: Store, publications: list[Publication]) -> None:
    """Write what is missing, where each customer lives; returns when the store has accepted all of it."""
    mover = Mover(store, CALLER, lambda: os.urandom(8))
    shards: dict[int, list[Publication]] = {}
    for publication in publications:
        shards.setdefault(publication.shard, []).append(publication)
    for shard, some in shards.items():
        for moved in await _install_shard(store, shard, some):
            # They were told of before, and left: what is newer in the profile goes after them.
            await mover.change_profile(moved.customer_id, shard, functools.partial(_published, moved))
    await _install_directory(store, publications)


def _published(publication: Publication, there: Profile) -> Profile:
    return unpack_profile(brought_by_move(publication.profile, there))


async def _install_shard(store: Store, shard: int, publications: list[Publication]) -> list[Publication]:
    """Write what the shard lacks; the publications of those who left it come back."""
    group_ids = tuple(group_id for one in publications for group_id, _ in one.groups)
    profile_ids = tuple(one.customer_id for one in publications)
    catalogue_version = max(one.catalogue_version for one in publications)
    for _ in range(REFUSALS_MAX):
        stored = await store.load(Load(shard, None, group_ids, profile_ids))
        moved = [one for one in publications if is_mark(stored.records.profiles[one.customer_id])]
        missing = missing_in(stored.records, [one for one in publications if one not in moved])
        writes = missing._replace(groups=in_schema(missing.groups, store.group_schema))
        if not writes.groups and not writes.profiles:
            return moved
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
            return moved
        if answer.status is CommitStatus.CATALOGUE_OLD:
            catalogue_version = answer.catalogue_version
        await asyncio.sleep(PAUSE_S)
    raise StoreRefusesError(
        f"shard {shard} refused {REFUSALS_MAX} times; others keep writing the same customers"
    )


async def _install_directory(store: Store, publications: list[Publication]) -> None:
    wanted: dict[str, list[tuple[int, tuple[DirectoryEntry, ...]]]] = {}
    for one in publications:
        for identifier, entries in one.directory:
            wanted.setdefault(identifier, []).append((one.customer_id, entries))
    pending = list(wanted)
    while pending:
        found = await store.find_identifiers(pending)
        changes = []
        for identifier, stored in zip(pending, found, strict=True):
            after = stored
            for customer_id, entries in wanted[identifier]:
                after = with_customer(after, customer_id, entries)
            if after != stored:
                changes.append((identifier, stored, after))
        pending = []
        for first in range(0, len(changes), DIRECTORY_WRITES):
            some = changes[first : first + DIRECTORY_WRITES]
            swapped = await asyncio.gather(*(store.swap_identifier(*change) for change in some))
            # Whose entries were changed by somebody else meanwhile is looked at again.
            pending += [change[0] for change, done in zip(some, swapped, strict=True) if not done]
