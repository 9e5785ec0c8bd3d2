"""Shell. One connection to a server: commands' bytes out, their answers in, in order. Nothing is ever sent twice.

The server's protocol is read by hiredis. There is no retry, no health check and no reconnecting here: a
connection that fails is over, and who used it finds out what became of the call.
"""

import asyncio
import ssl
from collections import deque
from typing import Any, NamedTuple, cast

import hiredis

from balance_store.cluster_map import Endpoint
from balance_store.server_answers import ErrorKind, error_kind

_NOTHING_YET = object()


class Access(NamedTuple):
    """How to get past the server's door; the same for every node of a Cluster."""

    username: str
    password: str
    database: int
    tls: ssl.SSLContext | None


def pack(*words: str | bytes | int) -> bytes:
    """A command as it goes over the wire."""
    return hiredis.pack_command(words)  # type: ignore[arg-type]  # the stub knows tuples of one only


class _Call(NamedTuple):
    """A call on its way: how many answers it wants, those that came, and who waits for them."""

    answers_wanted: int
    answers: list[Any]
    waiting: asyncio.Future[list[Any]]


class RespConnection(asyncio.Protocol):
    """Carries calls one behind the other; a server answers a connection's commands in their order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(notEnoughData=_NOTHING_YET)
        self._transport: asyncio.Transport | None = None
        self._calls: deque[_Call] = deque()
        self._is_retired = False

    @property
    def is_open(self) -> bool:
        """Whether it takes calls: it is not retired, and the server still there as far as anybody has told us."""
        return not self._is_retired and self._transport is not None and not self._transport.is_closing()

    def calls_under_way(self) -> int:
        """How many are not answered yet."""
        return len(self._calls)

    async def exchange(self, commands: bytes, answers: int) -> list[Any]:
        """Send packed commands once and wait for so many answers; an error of the server is one of them.

        Raises OSError where the connection ends first. Who stops waiting must `abort`.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the store closed the connection")
        call = _Call(answers, [], asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self._transport.write(commands)
        return await call.waiting

    def abort(self) -> None:
        """End the connection at once: a late answer must not be taken for that of the next call."""
        if self._transport is not None:
            self._transport.abort()

    def retire(self) -> None:
        """Take no more calls, and end when those on their way are answered."""
        self._is_retired = True
        if not self._calls:
            self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not of asyncio's classes under uvloop, but with their methods.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _NOTHING_YET:
                if not self._calls:
                    self._fail(ConnectionError("the store said something that nobody asked"))
                    return
                self._take(answer)
        except hiredis.ProtocolError as error:
            self._fail(ConnectionError(f"what answers is no store: {error}"))

    def _take(self, answer: Any) -> None:
        """An answer to the oldest call."""
        call = self._calls[0]
        call.answers.append(answer)
        if len(call.answers) == call.answers_wanted:
            self._calls.popleft()
            if not call.waiting.done():
                call.waiting.set_result(call.answers)
            if self._is_retired and not self._calls:
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionResetError(f"the store closed the connection{f': {exc}' if exc else ''}"))

    def _fail(self, error: OSError) -> None:
        self.abort()
        while self._calls:
            call = self._calls.popleft()
            if not call.waiting.done():
                call.waiting.set_exception(error)


async def open_connection(endpoint: Endpoint, access: Access) -> RespConnection:
    """Connect and log in. Raises OSError; PermissionError where the server does not let us in."""
    loop = asyncio.get_running_loop()
    if endpoint.path:
        _, connection = await loop.create_unix_connection(RespConnection, endpoint.path)
    else:
        name = endpoint.host if access.tls is not None else None
        _, connection = await loop.create_connection(
            RespConnection, endpoint.host, endpoint.port, ssl=access.tls, server_hostname=name
        )
    greetings = []
    if access.password:
        user = (access.username,) if access.username else ()
        greetings.append(pack("AUTH", *user, access.password))
    if access.database:
        greetings.append(pack("SELECT", access.database))
    if greetings:
        try:
            answers = await connection.exchange(b"".join(greetings), len(greetings))
        except BaseException:
            connection.abort()
            raise
        for answer in answers:
            if isinstance(answer, hiredis.ReplyError):
                connection.abort()
                passes = error_kind(str(answer)) is ErrorKind.PASSES
                failure = ConnectionError if passes else PermissionError
                raise failure(f"it does not let us in: {answer}")
    return connection
