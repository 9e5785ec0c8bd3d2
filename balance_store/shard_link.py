"""Shell. Packed commands to whichever server has the slot, each sent once, under one deadline.

`SingleLink` knows one server, `ClusterLink` a Cluster's masters. MOVED and ASK say that nothing was
executed, so the command goes on to the node they name; after anything else without an answer nobody
knows, and StoreUnreachableError says so.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

import hiredis

from balance_store.cluster_map import ClusterMap, Endpoint, read_cluster_slots, read_redirect
from balance_store.requests import StoreMismatchError, StoreUnreachableError
from balance_store.resp_connection import Access, RespConnection, open_connection, pack
from balance_store.server_answers import ErrorKind, error_kind

# A slot that moves twice while a command looks for it is rare; more is a Cluster at odds with itself.
REDIRECTS_MAX = 5
# While the keys of a slot are on their way between two nodes; a shard's few keys need milliseconds.
TRYAGAIN_PAUSE_S = 0.02
# A node that does not say who has which slot must leave time to ask another one.
NODES_ASKED_PER_DEADLINE = 4
# Connections that share the calls to a server: as many as an embedded deployment has shards, and calls at once.
SHARED_MAX = 16


_Answer = TypeVar("_Answer")

ASKING = pack("ASKING")
CLUSTER_SLOTS = pack("CLUSTER", "SLOTS")


class Acknowledgement:
    """What follows a write on its own connection, so that its answer counts only once replicas have it.

    WAITAOF (Redis 7.2, Valkey) counts the replicas that have the connection's last write on disk, but a
    replica tells its disk's offset with the next thing it is asked, at the latest after a second. WAIT in
    front asks it once before: 0.7 ms instead of 1,004 (docs/STORE_MODES.md).
    """

    def __init__(self, replicas: int, wait_ms: int) -> None:
        half_ms = max(wait_ms // 2, 1)
        self.replicas = replicas
        self.command = b""
        self.answers = 0
        if replicas:
            self.command = pack("WAIT", replicas, half_ms) + pack("WAITAOF", 0, replicas, half_ms)
            self.answers = 2


UNACKNOWLEDGED = Acknowledgement(0, 0)


class Node:
    """The connections to one server: a few for all calls, or one for each call at a time.

    A server reads some 16 KiB of each connection, does what came whole, and syncs it, before it reads on. So calls
    that are made together go out on several, and the server syncs once or twice for all of them. Where replicas are
    waited for, the wait would hold up what is behind it.
    """

    def __init__(self, endpoint: Endpoint, access: Access, *, shared: bool) -> None:
        self.endpoint = endpoint
        self._access = access
        self._is_shared = shared
        self._opening = asyncio.Lock()
        # The shared connections, or those that carry no call just now.
        self._free: list[RespConnection] = []

    async def exchange(self, commands: bytes, answers: int) -> list[Any]:
        """Send packed commands once; their answers in order. Raises OSError where they do not come."""
        connection = await self._take()
        try:
            said = await connection.exchange(commands, answers)
        except BaseException:
            # Also where the deadline or the caller ends the wait: the answer may yet come.
            connection.abort()
            raise
        if not self._is_shared:
            self._free.append(connection)
        return said

    async def _take(self) -> RespConnection:
        if not self._is_shared:
            return self._pop_open() or await open_connection(self.endpoint, self._access)
        async with self._opening:
            self._free = [one for one in self._free if one.is_open]
            connection = min(self._free, key=RespConnection.calls_under_way, default=None)
            if connection is None or (connection.calls_under_way() and len(self._free) < SHARED_MAX):
                connection = await open_connection(self.endpoint, self._access)
                self._free.append(connection)
            return connection

    def _pop_open(self) -> RespConnection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                return connection
        return None

    def close(self) -> None:
        """Use these connections no more; what is on its way on them is still answered."""
        while self._free:
            self._free.pop().retire()


class Link(Protocol):
    """The way to the servers. All raise StoreUnreachableError and StoreMismatchError."""

    async def read(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        """The last answer to packed commands that change nothing: one, or a transaction."""
        ...

    async def write(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        """The last answer to packed commands that may: one, or a transaction, which answers several times.

        It counts once the replicas asked for have the change.
        """
        ...

    async def read_many(self, commands: list[tuple[int, bytes]]) -> list[Any]:
        """The answers to many (slot, command) that change nothing, in few round trips."""
        ...

    async def on_masters(self, command: bytes) -> dict[Endpoint, Any]:
        """The answer of every master."""
        ...

    async def on_replicas(self, command: bytes) -> dict[Endpoint, Any]:
        """The answer of every replica that a Cluster tells of; a single server tells of none."""
        ...

    def close(self) -> None:
        """End the idle connections."""
        ...


class SingleLink:
    """One server has every slot."""

    def __init__(self, node: Node, deadline_s: float, acknowledgement: Acknowledgement) -> None:
        self._node = node
        self._deadline_s = deadline_s
        self._acknowledgement = acknowledgement

    async def read(self, slot: int, commands: bytes, answers: int = 1) -> Any:  # noqa: ARG002  # one server has all
        said = await self._exchange(commands, answers)
        return last_checked(said, self._node.endpoint)

    async def write(self, slot: int, commands: bytes, answers: int = 1) -> Any:  # noqa: ARG002  # one server has all
        wanted = self._acknowledgement
        said = await self._exchange(commands + wanted.command, answers + wanted.answers)
        return acknowledged(said[:answers], said[answers:], wanted, self._node.endpoint)

    async def read_many(self, commands: list[tuple[int, bytes]]) -> list[Any]:
        answers = await self._exchange(b"".join(command for _, command in commands), len(commands))
        return [checked(answer, self._node.endpoint) for answer in answers]

    async def on_masters(self, command: bytes) -> dict[Endpoint, Any]:
        return {self._node.endpoint: await self.read(0, command)}

    async def on_replicas(self, command: bytes) -> dict[Endpoint, Any]:  # noqa: ARG002  # it names none
        return {}

    def close(self) -> None:
        self._node.close()

    async def _exchange(self, commands: bytes, answers: int) -> list[Any]:
        if not answers:
            return []
        said = await answered(
            self._node.exchange(commands, answers), self._deadline_s, str(self._node.endpoint)
        )
        if any(isinstance(one, hiredis.ReplyError) for one in said):
            # It may have stopped being the master, and its name lead to another one by now.
            self._node.close()
        return said


class ClusterLink:
    """Finds the master of a slot, and goes where it is sent on to."""

    def __init__(
        self, seeds: list[Endpoint], access: Access, deadline_s: float, acknowledgement: Acknowledgement
    ) -> None:
        self._access = access
        self._deadline_s = deadline_s
        self._acknowledgement = acknowledgement
        self._nodes: dict[Endpoint, Node] = {}
        # Whom to ask for the map; who did not answer last time comes last.
        self._known = list(seeds)
        self._map: ClusterMap | None = None
        self._mapping = asyncio.Lock()

    async def read(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        said, endpoint = await self._answered(self._follow(slot, commands, answers, UNACKNOWLEDGED))
        return last_checked(said, endpoint)

    async def write(self, slot: int, commands: bytes, answers: int = 1) -> Any:
        wanted = self._acknowledgement
        said, endpoint = await self._answered(self._follow(slot, commands, answers, wanted))
        return acknowledged(said[:answers], said[answers:], wanted, endpoint)

    async def read_many(self, commands: list[tuple[int, bytes]]) -> list[Any]:
        return list(await asyncio.gather(*(self.read(slot, command) for slot, command in commands)))

    async def on_masters(self, command: bytes) -> dict[Endpoint, Any]:
        cluster = await self._answered(self._mapped())
        return {one: await self._on_node(one, command) for one in cluster.masters}

    async def on_replicas(self, command: bytes) -> dict[Endpoint, Any]:
        cluster = await self._answered(self._mapped())
        return {one: await self._on_node(one, command) for one in cluster.replicas}

    def close(self) -> None:
        for node in self._nodes.values():
            node.close()

    async def _on_node(self, endpoint: Endpoint, command: bytes) -> Any:
        (answer,) = await self._answered(self._exchange(endpoint, command, 1))
        return checked(answer, endpoint)

    async def _answered(self, call: Awaitable[_Answer]) -> _Answer:
        return await answered(call, self._deadline_s, "the Cluster")

    async def _follow(
        self, slot: int, commands: bytes, count: int, wanted: Acknowledgement
    ) -> tuple[list[Any], Endpoint]:
        """The answers of the node that has the slot, and which one that is.

        A transaction of which one command is sent elsewhere is not executed. It cannot be sent on with ASK, which
        lets one command in: it waits until the slot has arrived.
        """
        endpoint, asking, redirects = (await self._mapped()).master(slot), False, 0
        while redirects <= REDIRECTS_MAX:
            before = ASKING if asking else b""
            answers = await self._exchange(
                endpoint, before + commands + wanted.command, asking + count + wanted.answers
            )
            answers = answers[asking:]
            message = str(first_error(answers[:count]) or "")
            if message.startswith("TRYAGAIN") or (count > 1 and message.startswith("ASK ")):
                await asyncio.sleep(TRYAGAIN_PAUSE_S)
                endpoint, asking = (await self._mapped()).master(slot), False
                continue
            redirect = read_redirect(message, endpoint)
            if redirect is None:
                if error_kind(message) is ErrorKind.PASSES:
                    self._distrust(endpoint)
                return answers, endpoint
            if redirect.for_good and self._map is not None:
                self._map.master_of[redirect.slot] = redirect.endpoint
            endpoint, asking, redirects = redirect.endpoint, not redirect.for_good, redirects + 1
        raise ConnectionError(f"slot {slot} was not found by {REDIRECTS_MAX} redirections")

    async def _exchange(self, endpoint: Endpoint, commands: bytes, answers: int) -> list[Any]:
        node = self._nodes.setdefault(
            endpoint, Node(endpoint, self._access, shared=not self._acknowledgement.replicas)
        )
        try:
            return await node.exchange(commands, answers)
        except BaseException:
            self._distrust(endpoint)
            raise

    def _distrust(self, endpoint: Endpoint) -> None:
        """Somebody else must say who has which slot, before the next call."""
        self._map = None
        if endpoint in self._known:
            self._known.remove(endpoint)
            self._known.append(endpoint)

    async def _mapped(self) -> ClusterMap:
        """The map that we hold, or that the first node gives which answers."""
        async with self._mapping:
            if self._map is not None:
                return self._map
            why = ""
            for endpoint in list(self._known):
                try:
                    async with asyncio.timeout(self._deadline_s / NODES_ASKED_PER_DEADLINE):
                        (answer,) = await self._exchange(endpoint, CLUSTER_SLOTS, 1)
                    found = read_cluster_slots(checked(answer, endpoint), endpoint)
                except (OSError, StoreUnreachableError) as error:
                    why = f"{endpoint}: {str(error) or 'no answer in time'}"
                    continue
                self._known = list(dict.fromkeys((endpoint, *found.masters, *found.replicas, *self._known)))
                self._map = found
                return found
            raise ConnectionError(f"no node says who has which slot; the last was {why}")


async def answered(call: Awaitable[_Answer], deadline_s: float, where: str) -> _Answer:
    """What a call gives, or the reason why it does not, in the words of the store's users."""
    try:
        async with asyncio.timeout(deadline_s):
            return await call
    except (PermissionError, ssl.SSLCertVerificationError) as error:
        raise StoreMismatchError(f"the store at {where}: {error}") from error
    except TimeoutError as error:
        raise StoreUnreachableError(f"no answer from the store at {where} in {deadline_s} s") from error
    except OSError as error:
        raise StoreUnreachableError(f"no answer from the store at {where}: {error}") from error


def checked(answer: Any, endpoint: Endpoint) -> Any:
    """An answer that is no error; an error is raised as what it means for the caller."""
    if not isinstance(answer, hiredis.ReplyError):
        return answer
    kind = error_kind(str(answer))
    error = StoreUnreachableError if kind is ErrorKind.PASSES else StoreMismatchError
    raise error(f"the store at {endpoint} {kind.value}: {answer}")


def last_checked(answers: list[Any], endpoint: Endpoint) -> Any:
    """The last answer, where none of them is an error."""
    checked(first_error(answers), endpoint)
    return answers[-1]


def first_error(answers: list[Any]) -> hiredis.ReplyError | None:
    """The first error among answers; what a transaction says of its commands is the last of them, a list."""
    inside = answers[-1] if isinstance(answers[-1], list) else []
    return next((one for one in (*answers, *inside) if isinstance(one, hiredis.ReplyError)), None)


def acknowledged(
    answers: list[Any], acknowledgements: list[Any], wanted: Acknowledgement, endpoint: Endpoint
) -> Any:
    """The last answer to a write, if so many replicas have it; otherwise nobody knows what becomes of it."""
    answer = last_checked(answers, endpoint)
    if not wanted.replicas:
        return answer
    for said in acknowledgements:
        if isinstance(said, hiredis.ReplyError):
            # UNBLOCKED: it became a replica while we waited.
            passes = error_kind(str(said)) is ErrorKind.PASSES
            error = StoreUnreachableError if passes else StoreMismatchError
            raise error(f"the store at {endpoint} cannot wait for its replicas: {said}")
    _, replicas = acknowledgements[-1]
    if replicas < wanted.replicas:
        raise StoreUnreachableError(
            f"{replicas} of {wanted.replicas} replicas of the store at {endpoint} acknowledged in time"
        )
    return answer
