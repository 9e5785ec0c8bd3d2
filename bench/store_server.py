"""Shell. A store of a benchmark's own: the embedded server with production's durability, and its processor time."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from balance_store.commit_call import Call
from balance_store.requests import CommitStatus
from charging.embedded_processes import start_child, stop_child
from charging.server_plan import valkey_arguments
from charging.servers import valkey_binary

STOP_S = 20
POLL_S = 0.02


class StoreServer:
    """A connection that sends what is already packed, and the clock of the server's own work."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._tasks = Path(f"/proc/{process.pid}/task")
        self.url = url
        self.client = redis.Redis.from_url(url)
        self._until_it_answers()
        self._connection: Any = self.client.connection_pool.get_connection()

    def _until_it_answers(self) -> None:
        while True:
            with contextlib.suppress(redis.ConnectionError):
                self.client.ping()
                return
            time.sleep(POLL_S)

    def cpu_us(self) -> float:
        """Time that the server's threads have run, user and system, to the nanosecond (proc(5): schedstat)."""
        ran_ns = [int((task / "schedstat").read_text().split()[0]) for task in self._tasks.iterdir()]
        return sum(ran_ns) / 1_000

    def send(self, call: Call) -> Any:
        """Send a call and wait for its last answer; raises where any of them is an error."""
        # In one piece, as a client that gathers its writes does: the server would start on each part by itself.
        self._connection.send_packed_command([b"".join(call.parts)])
        answers = [self._connection.read_response() for _ in range(call.answers)]
        return answers[-1]

    def memory_bytes(self) -> int:
        """What the server has allocated."""
        return int(self.client.info("memory")["used_memory"])


def accept(call: Call, answer: Any) -> None:
    """Complain where a call was refused: a refusal would be cheap, and its figure wrong."""
    inner = answer if isinstance(answer, list) else []
    for one in inner:
        assert not isinstance(one, Exception), f"the server refused a command: {one}"
    # A commit answers with a list of its own, and its first word says how it ended.
    assert not inner or not isinstance(inner[0], list) or inner[0][0] == CommitStatus.ACCEPTED, (
        f"a commit of {len(call.parts)} parts was refused: {inner[0]}"
    )


@contextlib.contextmanager
def store_server(io_threads: int = 1) -> Iterator[StoreServer]:
    """An empty server in a folder of its own; ends with the block."""
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        directory = Path(folder)
        socket = directory / "valkey.sock"
        arguments = [*valkey_arguments(folder, str(socket)), "--io-threads", str(io_threads)]
        process = start_child([valkey_binary(), *arguments], directory / "valkey.log", directory)
        try:
            yield StoreServer(process, f"unix://{socket}")
        finally:
            stop_child(process, STOP_S)
