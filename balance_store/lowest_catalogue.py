"""Shell. Tells every shard the lowest catalogue version that it may accept, through the one door."""

import os

from balance_store.requests import Commit, CommitStatus, Records, Store, StoreMismatchError

NOTHING = Records({}, {})


async def raise_lowest_catalogue(store: Store, version: int, caller: bytes) -> None:
    """From here on no shard takes a decision made by an older version; doing it again changes nothing.

    Stopped half-way, some shards still accept older ones: do it again. Raises StoreMismatchError where a
    shard wants a newer version already, StoreUnreachableError where the store does not answer.
    """
    for shard in range(store.shards):
        answer = await store.commit(
            Commit(shard, None, os.urandom(8), caller, version, NOTHING, (), (), (), lowest_catalogue=version)
        )
        if answer.status is not CommitStatus.ACCEPTED:
            # A commit that stands on nothing is refused for its catalogue or not at all.
            raise StoreMismatchError(
                f"shard {shard} accepts catalogue {answer.catalogue_version} or newer, not {version}: "
                "give the catalogue a higher version"
            )
