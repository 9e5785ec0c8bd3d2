"""Shell. Making a deployment: the functions on every master and a header for each shard, once."""

import importlib.resources
import os

from balance_store.connection import open_link
from balance_store.functions import CREATE, FUNCTIONS_VERSION, LIBRARY, LIBRARY_PREFIX
from balance_store.group_record import SCHEMA
from balance_store.keyspace import SCHEMA_FIELD, header_key, recent_key, shard_slot
from balance_store.requests import StoreMismatchError
from balance_store.resp_connection import pack
from balance_store.server_check import check_servers
from balance_store.shard_link import Link
from config.settings import Store as StoreSettings


def functions_source() -> str:
    """The library as it is loaded into the server."""
    return (importlib.resources.files("balance_store") / "lua" / "chargeline.lua").read_text()


async def create(settings: StoreSettings) -> str:
    """Load the functions beside those of other versions and make the shards that are missing; says what was there.

    Raises StoreMismatchError where a server is not what it must be or the deployment has other shards,
    StoreUnreachableError where no server answers.
    """
    link = await open_link(settings)
    try:
        await check_servers(link, settings)
        await link.on_masters(pack("FUNCTION", "LOAD", "REPLACE", functions_source()))
        there = 0
        for shard in range(settings.shards):
            there += await _create_shard(link, shard, settings.shards)
        if not there:
            await _note_schema(link)
    finally:
        link.close()
    if there == settings.shards:
        return f"{settings.shards} shards were there already; functions version {FUNCTIONS_VERSION} loaded"
    return f"{settings.shards - there} shards made, {there} were there; functions version {FUNCTIONS_VERSION} loaded"


async def _create_shard(link: Link, shard: int, shards: int) -> bool:
    """Make one header; whether it was there."""
    header, slot = header_key(shard), shard_slot(shard)
    before = await link.read(slot, pack("HGET", header, "shards"))
    said = await link.write(
        slot, pack("FCALL", CREATE, 2, header, recent_key(shard), os.urandom(8), str(shards))
    )
    if int(said) != shards:
        raise StoreMismatchError(
            f"this deployment was created with {int(said)} shards, the settings say {shards}; "
            "the number is for ever: set store.shards to it"
        )
    return before is not None


async def retire_functions(settings: StoreSettings) -> list[str]:
    """Remove the functions of every other version, once no daemon calls them; names the libraries removed.

    Balance groups are written in this version's schema from then on, by programs that start after it.

    A daemon of another version that still runs stops at its next call, and nothing of that call happens.
    """
    link = await open_link(settings)
    try:
        listed = await link.on_masters(pack("FUNCTION", "LIST", "LIBRARYNAME", f"{LIBRARY_PREFIX}*"))
        found = {at: {_library_name(fields) for fields in said} for at, said in listed.items()}
        if any(LIBRARY not in names for names in found.values()):
            raise StoreMismatchError(f"not every master has {LIBRARY}: run `charging store create` first")
        old = sorted(set().union(*found.values()) - {LIBRARY})
        for name in old:
            await link.on_masters(pack("FUNCTION", "DELETE", name))
        await _note_schema(link)
    finally:
        link.close()
    return old


async def _note_schema(link: Link) -> None:
    """From now on programs that start write balance groups in the newest schema: none is left that cannot read it."""
    await link.write(shard_slot(0), pack("HSET", header_key(0), SCHEMA_FIELD, SCHEMA))


def _library_name(fields: list[bytes]) -> str:
    return fields[fields.index(b"library_name") + 1].decode()
