"""Shell. A broker and a store to do things to: killed, held and started again on the same address and data."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from charging.embedded_kafka import cache_directory, find_jars, prepare_kafka
from charging.embedded_processes import accepts, free_ports, log_tail, start_child, stop_child
from charging.server_plan import KAFKA, ServerState, valkey_arguments
from charging.servers import valkey_binary

# Of a Redis Cluster.
SLOTS = 16_384
START_S = 120
STOP_S = 30
POLL_S = 0.05


class OwnServer:
    """One server; a context manager that starts and stops it."""

    def __init__(self, command: list[str], directory: Path, answers: Callable[[], bool]) -> None:
        self._command = command
        self._directory = directory
        self._log = directory / "server.log"
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "OwnServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # One that is held does not hear TERM.
            self.go_on()
            stop_child(self._process, STOP_S)

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None, "started"
        return self._process.pid

    def start(self) -> None:
        """Start on the data that is there, and wait until it answers; raises RuntimeError with the end of its log."""
        self._process = start_child(self._command, self._log, self._directory)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command[0]} does not answer:\n{log_tail(self._log)}")
            time.sleep(POLL_S)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process is not None, "started"
        self._process.kill()
        self._process.wait()

    def hold(self) -> None:
        """It does nothing until it may `go_on`; its connections stay open."""
        assert self._process is not None, "started"
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It runs again."""
        assert self._process is not None, "started"
        self._process.send_signal(signal.SIGCONT)


class OwnBroker(OwnServer):
    """Apache Kafka, one node. `bootstrap` holds before it runs."""

    def __init__(self, directory: Path) -> None:
        port, controller_port = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        command = prepare_kafka(directory, find_jars(cache_directory()), port, controller_port)
        super().__init__(command, directory, lambda: accepts(port))


class OwnStore(OwnServer):
    """The embedded store, durable. `url` holds before it runs. With ports it is a node of a Cluster."""

    def __init__(self, directory: Path, port: int = 0, cluster_port: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        socket = directory / "valkey.sock"
        self.url = f"unix://{socket}"
        command = [valkey_binary(), *valkey_arguments(str(directory), str(socket))]
        if port:
            command += ["--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes"]
            command += ["--cluster-port", str(cluster_port)]
        super().__init__(command, directory, self._pings)

    def _pings(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            # Not listening yet, or still reading its file.
            return False


class OwnCluster:
    """A Cluster of masters without replicas, started once."""

    def __init__(self, directory: Path, masters: int) -> None:
        ports = free_ports(2 * masters)
        self._ports, self._buses = ports[:masters], ports[masters:]
        self.url = ",".join(f"redis://127.0.0.1:{port}" for port in self._ports)
        self.masters = [
            OwnStore(directory / str(number), port, bus)
            for number, (port, bus) in enumerate(zip(self._ports, self._buses, strict=True))
        ]

    def __enter__(self) -> "OwnCluster":
        for master in self.masters:
            master.start()
        clients: list[Any] = [redis.Redis(port=port, decode_responses=True) for port in self._ports]
        for number, client in enumerate(clients):
            first, last = number * SLOTS // len(clients), (number + 1) * SLOTS // len(clients) - 1
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", self._ports[0], self._buses[0])
        for client in clients:
            while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                time.sleep(POLL_S)
            client.close()
        return self

    def __exit__(self, *_: object) -> None:
        for master in self.masters:
            master.__exit__()


class OwnServers:
    """Both, each to be disturbed by itself; `state` is what a deployment wants to know of them."""

    def __init__(self, directory: Path) -> None:
        self.broker = OwnBroker(directory / "kafka")
        self.store = OwnStore(directory / "valkey")
        self.state = ServerState(0, 0, self.broker.bootstrap, self.store.url, KAFKA, ready=True)

    def __enter__(self) -> "OwnServers":
        self.broker.start()
        self.store.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.store.__exit__()
        self.broker.__exit__()
