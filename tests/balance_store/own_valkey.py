"""Shell. A server of a test's own, to do things to that others must not feel."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from charging.embedded_processes import start_child, stop_child
from charging.server_plan import valkey_arguments
from charging.servers import valkey_binary

OWN_TIMEOUT_MS = 500


def embedded_binary() -> str:
    """The embedded server; without it a test skips at home and fails in CI."""
    try:
        return valkey_binary()
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no embedded server: {error}")


@contextlib.contextmanager
def own_valkey(directory: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(url, process) of the embedded store on the data in a folder, with more arguments; ends with the block."""
    binary = embedded_binary()
    socket = directory / "valkey.sock"
    process = start_child(
        [binary, *valkey_arguments(str(directory), str(socket)), *more], directory / "valkey.log", directory
    )
    try:
        asyncio.run(until_it_answers(Redis(unix_socket_path=str(socket))))
        yield f"unix://{socket}", process
    finally:
        # A test may leave it stopped, and a stopped process does not hear TERM.
        process.send_signal(signal.SIGCONT)
        stop_child(process, 10)


async def until_it_answers(client: Redis) -> None:
    """Until a server that is starting answers."""
    async with asyncio.timeout(20), client:
        while True:
            with contextlib.suppress(OSError, RedisError):
                await client.ping()
                return
            await asyncio.sleep(0.02)
