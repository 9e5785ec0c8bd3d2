"""Shell. Making a deployment: the functions on the server and a header for each shard, once."""

import importlib.resources
import os

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from balance_store.connection import connect, durability_faults
from balance_store.keyspace import header_key, recent_key
from balance_store.requests import StoreMismatchError, StoreUnreachableError
from config.settings import Store as StoreSettings

# Raised with every change of lua/chargeline.lua; both sides compare it.
FUNCTIONS_VERSION = b"3"


def functions_source() -> str:
    """The library as it is loaded into the server."""
    return (importlib.resources.files("balance_store") / "lua" / "chargeline.lua").read_text()


async def create(settings: StoreSettings) -> str:
    """Load the functions and make the shards that are missing; says what was there.

    Raises StoreMismatchError where the server is not durable or the deployment has other shards,
    StoreUnreachableError where no server answers.
    """
    client = connect(settings)
    try:
        faults = await durability_faults(client) if settings.require_durable else []
        if faults:
            raise StoreMismatchError("; ".join(faults))
        await client.function_load(functions_source(), replace=True)
        there = 0
        for shard in range(settings.shards):
            there += await _create_shard(client, shard, settings.shards)
    except ResponseError as error:
        raise StoreMismatchError(
            f"the server at {settings.url} lacks functions (Redis 7.0 or Valkey): {error}"
        ) from error
    except (RedisError, OSError) as error:
        raise StoreUnreachableError(f"no store answers at {settings.url}: {error}") from error
    finally:
        await client.aclose()
    if there == settings.shards:
        return f"{settings.shards} shards were there already; functions version {FUNCTIONS_VERSION.decode()} loaded"
    return f"{settings.shards - there} shards made, {there} were there; functions loaded"


async def _create_shard(client: Redis, shard: int, shards: int) -> bool:
    """Make one header; whether it was there."""
    before = await client.hget(header_key(shard), "shards")
    said = await client.fcall(
        "cl_create", 2, header_key(shard), recent_key(shard), os.urandom(8), str(shards)
    )
    if int(said) != shards:
        raise StoreMismatchError(
            f"this deployment was created with {int(said)} shards, the settings say {shards}; "
            "the number is for ever: set store.shards to it"
        )
    return before is not None
