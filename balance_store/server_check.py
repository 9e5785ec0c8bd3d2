"""Shell. What the servers and the deployment must be before anything is charged on them; each fault with its cure."""

from balance_store.cluster_map import Endpoint
from balance_store.functions import FUNCTIONS_VERSION, VERSION
from balance_store.group_record import SCHEMA, SCHEMA_BEFORE
from balance_store.keyspace import SCHEMA_FIELD, header_key, shard_slot
from balance_store.requests import StoreMismatchError, StoreUnreachableError
from balance_store.resp_connection import pack
from balance_store.server_facts import (
    DURABLE,
    cluster_faults,
    durability_faults,
    read_info,
    replica_faults,
    version_faults,
)
from balance_store.shard_link import Link
from config.settings import Store as StoreSettings


async def check_servers(link: Link, settings: StoreSettings) -> None:
    """Look at every master, and at every replica that may become one.

    Raises StoreMismatchError with all faults where one needs a person, StoreUnreachableError where
    waiting may be enough: a Cluster without a master for a slot, a replica that is down.
    """
    wrong, passing = [], []
    wanted = settings.replicas_acknowledged
    masters = {at: read_info(text) for at, text in (await link.on_masters(pack("INFO"))).items()}
    for at, info in masters.items():
        wrong += version_faults(_place(at), info, wanted)
        passing += replica_faults(_place(at), info, wanted)
    if any(info.clustered for info in masters.values()):
        for said in (await link.on_masters(pack("CLUSTER", "INFO"))).values():
            passing += [fault for fault in cluster_faults(said) if fault not in passing]
    if settings.require_durable:
        # A replica that is known to be down is not asked.
        wrong += await _durability(link, replicas_too=wanted > 0 and not passing)
    if wrong:
        raise StoreMismatchError("; ".join(wrong + passing))
    if passing:
        raise StoreUnreachableError("; ".join(passing))


async def _durability(link: Link, *, replicas_too: bool) -> list[str]:
    command = pack("CONFIG", "GET", *DURABLE)
    try:
        said = await link.on_masters(command)
        if replicas_too:
            said |= await link.on_replicas(command)
    except StoreMismatchError as error:
        return [f"{error}: let the user read CONFIG, or set store.require_durable to false"]
    faults = []
    for at, pairs in said.items():
        words = [word.decode() for word in pairs]
        faults += durability_faults(_place(at), dict(zip(words[::2], words[1::2], strict=True)))
    return faults


async def check_deployment(link: Link, shards: int) -> None:
    """The functions of our version on every master, and a header for every shard; else StoreMismatchError."""
    for at, version in (await link.on_masters(pack("FCALL_RO", VERSION, 0))).items():
        assert int(version) == FUNCTIONS_VERSION, f"{at} has another version under this one's name"
    found = await link.read_many(
        [(shard_slot(shard), pack("HGET", header_key(shard), "shards")) for shard in range(shards)]
    )
    # Shard 0 is made first, so it is there wherever any is.
    if found[0] is not None and int(found[0]) != shards:
        raise StoreMismatchError(f"the deployment has {int(found[0])} shards, the settings say {shards}")
    if None in found:
        raise StoreMismatchError(
            f"the store lacks {found.count(None)} of {shards} shards: run `charging store create`"
        )


async def written_schema(link: Link) -> int:
    """The schema that balance groups of this deployment are written in; StoreMismatchError where it is none of ours.

    Where nothing is noted, programs of the version before may still read.
    """
    noted = await link.read(shard_slot(0), pack("HGET", header_key(0), SCHEMA_FIELD))
    schema = SCHEMA_BEFORE if noted is None else int(noted)
    if schema > SCHEMA:
        raise StoreMismatchError(
            f"the store's balance groups are in schema {schema}, this program writes {SCHEMA}: use a newer one"
        )
    # Older ones stay readable; what is written must be readable for the version before.
    return max(schema, SCHEMA_BEFORE)


def _place(at: Endpoint) -> str:
    return f"the store at {at}"
