"""Shell. The way to the store at the start: waits while it is away, and says what it waits for."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from balance_store.client import StoreClient
from balance_store.requests import StoreUnreachableError
from charging.backoff import Backoff
from config.settings import Store as StoreSettings

log = structlog.get_logger()


async def open_store(
    settings: StoreSettings, backoff: Backoff, stop: asyncio.Event, waits_for: Callable[[str], None]
) -> StoreClient | None:
    """Connect, again and again until the store answers; None where `stop` was set first.

    `waits_for` is told why it does not, and the empty text when it does. Raises StoreMismatchError: what
    only a person can cure is not waited for.
    """
    while not stop.is_set():
        try:
            store = await StoreClient.connect(settings)
        except StoreUnreachableError as error:
            delay_us = backoff.next_delay_us()
            waits_for(str(error))
            log.warning("store not there", why=str(error), retry_in_ms=delay_us // 1_000)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay_us / 1e6)
        else:
            waits_for("")
            return store
    return None
