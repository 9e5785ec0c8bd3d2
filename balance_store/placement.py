"""Pure. Where customers go when a store is put into another number of shards: who is tied stays together."""

from collections.abc import Iterable

from balance_store.keyspace import shard_of
from balance_store.profile_record import Profile


class Placement:
    """The new shard of each customer: that of the lowest number they are tied to by sharing, or their own.

    Only customers who share are remembered, some 100 bytes each.
    """

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._tied_to: dict[int, int] = {}

    def tie(self, profiles: Iterable[Profile]) -> None:
        """Take note of memberships; all of them before anybody is placed. Those that ended tie as well."""
        for profile in profiles:
            for membership in profile.memberships:
                one, other = self._root(profile.customer_id), self._root(membership.owner_customer_id)
                self._tied_to[max(one, other)] = min(one, other)

    def shard(self, customer_id: int) -> int:
        """Where a customer lives."""
        return shard_of(self._root(customer_id), self.shards)

    def _root(self, customer_id: int) -> int:
        root = customer_id
        while (nearer := self._tied_to.get(root, root)) != root:
            root = nearer
        # Shorten the way for who asks next.
        while customer_id != root:
            self._tied_to[customer_id], customer_id = root, self._tied_to[customer_id]
        return root
