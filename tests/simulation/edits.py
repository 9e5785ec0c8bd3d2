"""Shell. What others than daemons changed, so that a replay can change it again at the same place."""

import os
from dataclasses import dataclass, field

from balance_store.directory_record import with_customer
from balance_store.group_change import Compute
from balance_store.model import ModelStore
from balance_store.move_customers import Mover
from balance_store.one_door import change_groups
from balance_store.profile_record import unpack_profile
from customer_care.onboarding import directory_of


@dataclass(frozen=True)
class ProfileEdit:
    """A profile was written."""

    record: bytes

    async def apply_again(self, store: ModelStore) -> None:
        """Change it in a world of one shard, where nobody moves."""
        profile = unpack_profile(self.record)
        mover = Mover(store, b"replay", lambda: os.urandom(8))
        await mover.change_profile(profile.customer_id, 0, lambda _: profile)
        for identifier, entries in directory_of(profile, 0):
            (stored,) = await store.find_identifiers([identifier])
            entries = tuple(one._replace(move_no=0) for one in entries)
            after = with_customer(stored, profile.customer_id, entries)
            assert await store.swap_identifier(identifier, stored, after)


@dataclass(frozen=True, eq=False)
class GroupEdit:
    """A command on a balance group."""

    order: int
    group_id: int
    customer_id: int
    catalogue_version: int
    compute: Compute = field(repr=False)
    once: bool  # has an id, so that the store takes it once; a cut may be made again

    async def apply_again(self, store: ModelStore) -> None:
        """Compute it anew from the group as it is by then."""
        await change_groups(
            store, 0, {self.group_id: self.customer_id}, self.compute, self.catalogue_version, b"replay"
        )


Edit = ProfileEdit | GroupEdit
