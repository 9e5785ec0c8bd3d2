"""Shell. The way to store and broker at the start: waits while one is away, and says what it waits for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from charging.backoff import Backoff

log = structlog.get_logger()

Part = TypeVar("Part")


async def open_part(
    name: str,
    open_it: Callable[[], Awaitable[Part]],
    is_away: type[Exception],
    backoff: Backoff,
    stop: asyncio.Event,
    waits_for: Callable[[str], None],
) -> Part | None:
    """Open a part, again and again while it fails with `is_away`; None where `stop` was set first.

    `waits_for` is told why, and the empty text when the part is there. Raises all other exceptions: what only a
    person can cure is not waited for.
    """
    while not stop.is_set():
        try:
            part = await open_it()
        except is_away as error:
            delay_us = backoff.next_delay_us()
            waits_for(str(error))
            log.warning(f"{name} not there", why=str(error), retry_in_ms=delay_us // 1_000)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay_us / 1e6)
        else:
            waits_for("")
            return part
    return None
