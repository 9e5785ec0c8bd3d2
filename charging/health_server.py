"""Shell. /metrics, /healthz and /readyz over HTTP, on the daemon's own loop.

Three fixed pages and GET only: a web framework would be the larger part of the daemon's imports.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from charging.metrics import Metrics

REQUEST_BYTES_MAX = 8_192
REQUEST_SECONDS = 5


class HealthServer:
    """Answers while the daemon lives; `readiness` says why it is not ready, or nothing."""

    def __init__(self, metrics: Metrics, readiness: Callable[[], list[str]]) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._server: asyncio.Server | None = None
        self.address = ""

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError where the address is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_BYTES_MAX)
        bound = self._server.sockets[0].getsockname()
        self.address = f"{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def answer(self, target: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of a page."""
        if target == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self._metrics.page()
        if target == "/healthz":
            return HTTPStatus.OK, "text/plain; charset=utf-8", b"alive\n"
        if target == "/readyz":
            reasons = self._readiness()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            return status, "text/plain; charset=utf-8", ("\n".join(reasons) or "ready").encode() + b"\n"
        return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"/metrics, /healthz or /readyz\n"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_SECONDS)
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            status, content_type, body = self.answer(target.split("?", 1)[0])
            if method != "GET":
                status, body = HTTPStatus.METHOD_NOT_ALLOWED, b"GET only\n"
            writer.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (
            TimeoutError,
            ValueError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ConnectionError,
        ):
            # Not HTTP, or gone: nobody is left to be told.
            pass
        finally:
            writer.close()
