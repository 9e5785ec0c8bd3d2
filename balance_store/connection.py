"""Shell. A connection that never repeats a call by itself, and what the server must be."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.settings import Store as StoreSettings


def connect(settings: StoreSettings) -> Redis:
    """A client without retries in any layer: redis-py repeats a timed-out command by default.

    A repeated commit would count twice, so whoever gets no answer finds out by claiming again.
    """
    timeout_s = settings.timeout_ms / 1000
    return Redis.from_url(
        settings.url,
        decode_responses=False,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        health_check_interval=0,
    )


async def durability_faults(client: Redis) -> list[str]:
    """Why the server may forget what it answered; each with its cure."""
    wanted = {
        "appendonly": ("yes", "it would lose everything at a restart: set appendonly yes"),
        "appendfsync": ("always", "it would lose answered commits with the power: set appendfsync always"),
        "maxmemory-policy": ("noeviction", "it would throw balances away when full: set noeviction"),
    }
    faults = []
    for name, (value, cure) in wanted.items():
        # The client's types say str, but with decode_responses off both sides are bytes or str by version.
        found = {_text(key): _text(said) for key, said in dict(await client.config_get(name)).items()}
        if found.get(name) != value:
            faults.append(f"the store has {name} {found.get(name, 'unset')}: {cure}")
    return faults


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
