"""Pure. Decisions of the batch that waits for the one before it: what they stand on, and which to make again.

A commit proves to the store that nothing changed since the version its decisions saw. While it waits, every
answer brings a newer version: a decision that stands on what an answer names must be made again before that
version is used, or the store would take it (ARCHITECTURE 5.2).
"""

from balance_store.requests import Changed, Commit
from rating_kernels.tariff_table import Ints


class UnsentCommits:
    """Commits of one batch by shard, and the rows they decide, from the decision until they are sent."""

    def __init__(self, commits: dict[int, Commit], rows: dict[int, Ints]) -> None:
        self.commits = commits
        self.rows = rows
        # Shards whose rows must be decided again.
        self.again: set[int] = set()

    def take_back(self, shard: int) -> frozenset[int]:
        """The shard's rows must be decided again; groups whose images hold what was decided."""
        commit = self.commits.get(shard)
        if commit is None:
            return frozenset()
        self.again.add(shard)
        return frozenset(commit.writes.groups)

    def stand_on(self, shard: int, changed: Changed) -> bool:
        """Whether what others changed in a shard takes the ground from under its decisions."""
        commit = self.commits.get(shard)
        if commit is None:
            return False
        if changed.unknown:
            return True
        groups, profiles = changed.group_ids, changed.profile_ids
        return not (
            groups.isdisjoint(commit.writes.groups)
            and groups.isdisjoint(commit.read_group_ids)
            and profiles.isdisjoint(commit.read_profile_ids)
        )
