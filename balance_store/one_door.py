"""Shell. Changing balance groups from outside the daemon: load, compute in pure code, commit, again if refused.

The same door as usage: guards, versions and conflicts are the store's. A call without an answer is not
repeated here; what `compute` does must be safe to do again (a command's id, a cycle's number).
"""

import asyncio
import os

from balance_store.group_change import Changed, Compute
from balance_store.group_record import pack_group, unpack_group
from balance_store.mark_record import is_mark
from balance_store.move_customers import Mover
from balance_store.profile_record import unpack_profile
from balance_store.requests import Commit, CommitStatus, Load, Records, Store, StoreRefusesError
from balance_store.settled_read import is_settled

# A refusal is over when the other writer's commit is: about a round trip, and it holds a reservation for us.
REFUSALS_MAX = 200
PAUSE_S = 0.01


class GroupMissingError(Exception):
    """The store has no such balance group or profile: publish it first."""


class CustomersApartError(Exception):
    """The customers do not live in one shard any more: change the groups of each shard by themselves."""

    def __init__(self, lives: dict[int, int]) -> None:
        super().__init__(f"customers live in shards {sorted(set(lives.values()))}")
        self.lives = lives  # customer -> shard


async def change_groups(
    store: Store, shard: int, groups: dict[int, int], compute: Compute, catalogue_version: int, caller: bytes
) -> dict[int, object]:
    """Change groups of one shard in one commit; returns what `compute` answered, by group.

    `groups` maps group ids to their customers. `compute(group_id, image, profile)` may be called again
    with newer images. A customer who has moved is followed. Raises GroupMissingError, CustomersApartError,
    StoreRefusesError, StoreUnreachableError.
    """
    group_ids, customer_ids = tuple(sorted(groups)), tuple(sorted(set(groups.values())))
    for _ in range(REFUSALS_MAX):
        loaded = await store.load(Load(shard, None, group_ids, customer_ids))
        if any(is_mark(record) for record in loaded.records.profiles.values()):
            shard = await _where_all_live(store, shard, customer_ids, caller)
            continue
        done = {g: _change(g, c, loaded.records, compute) for g, c in sorted(groups.items())}
        written = {
            g: pack_group(one.image, 0, store.group_schema)
            for g, one in done.items()
            if one.image is not None
        }
        if not written:
            # What we answer from may be another's write that no replica has yet.
            if await is_settled(store, shard, loaded.version):
                return {g: one.answer for g, one in done.items()}
            continue
        answer = await store.commit(
            Commit(
                shard=shard,
                seen=loaded.version,
                tag=os.urandom(8),
                caller=caller,
                catalogue_version=catalogue_version,
                writes=Records(dict(written), {}),
                read_group_ids=tuple(g for g in group_ids if g not in written),
                read_profile_ids=customer_ids,
                usage=(),
            )
        )
        if answer.status is CommitStatus.ACCEPTED:
            return {g: one.answer for g, one in done.items()}
        if answer.status is CommitStatus.CATALOGUE_OLD:
            # Asking again cannot help: only a newer catalogue can.
            raise StoreRefusesError(
                f"shard {shard} accepts catalogue {answer.catalogue_version} or newer, "
                f"this program has {catalogue_version}: reload it"
            )
        await asyncio.sleep(PAUSE_S)
    raise StoreRefusesError(f"shard {shard} refused {REFUSALS_MAX} times; others keep changing these groups")


async def _where_all_live(store: Store, shard: int, customer_ids: tuple[int, ...], caller: bytes) -> int:
    """The one shard of customers some of whom have left this one; finishes their moves."""
    mover = Mover(store, caller, lambda: os.urandom(8))
    lives = await mover.locate(dict.fromkeys(customer_ids, shard))
    if len(set(lives.values())) != 1:
        raise CustomersApartError(lives)
    return lives[customer_ids[0]]


def _change(group_id: int, customer_id: int, records: Records, compute: Compute) -> Changed:
    group, profile = records.groups[group_id], records.profiles[customer_id]
    if group is None or profile is None:
        raise GroupMissingError(
            f"the store has no balance group {group_id} of customer {customer_id}: run `care publish`"
        )
    return compute(group_id, unpack_group(group), unpack_profile(profile))
