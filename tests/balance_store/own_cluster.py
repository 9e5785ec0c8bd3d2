"""Shell. A Cluster of a test's own: three masters, each with a replica, on free ports of 127.0.0.1."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from charging.embedded_processes import free_ports, start_child, stop_child
from tests.balance_store.own_valkey import embedded_binary

MASTERS = 3
SLOTS = 16_384
# Failing over takes about twice this; less, and a busy machine fails over by itself.
NODE_TIMEOUT_MS = 2_000


class OwnCluster:
    """Six servers; the first three were made masters, and number n + 3 the replica of n."""

    def __init__(self, directory: Path, binary: str) -> None:
        self._directory = directory
        self._binary = binary
        ports = free_ports(4 * MASTERS)
        self.ports, self._bus_ports = ports[: 2 * MASTERS], ports[2 * MASTERS :]
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """All nodes, for `store.url`."""
        return ",".join(f"redis://127.0.0.1:{port}" for port in self.ports)

    def node(self, number: int) -> Redis:
        """A client of one node."""
        return Redis(port=self.ports[number], decode_responses=True)

    def start(self) -> None:
        for number in range(2 * MASTERS):
            self.processes.append(self._start_node(number))
        asyncio.run(self._join())

    def _start_node(self, number: int) -> subprocess.Popen[bytes]:
        directory = self._directory / str(number)
        directory.mkdir(exist_ok=True)
        command = [
            self._binary,
            *("--port", str(self.ports[number]), "--bind", "127.0.0.1", "--dir", str(directory)),
            *("--cluster-enabled", "yes", "--cluster-port", str(self._bus_ports[number])),
            *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0"),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"),
        ]
        return start_child(command, directory / "valkey.log", directory)

    async def _join(self) -> None:
        async with contextlib.AsyncExitStack() as stack, asyncio.timeout(60):
            nodes = [await stack.enter_async_context(self.node(n)) for n in range(2 * MASTERS)]
            for number, node in enumerate(nodes):
                await until(node.ping)
                await node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                if number < MASTERS:
                    first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
                    await node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                if number:
                    await node.execute_command(
                        "CLUSTER", "MEET", "127.0.0.1", self.ports[0], self._bus_ports[0]
                    )
            for number, node in enumerate(nodes):
                await until(lambda node=node: _knows(node, len(nodes)))
                if number >= MASTERS:
                    master = await nodes[number - MASTERS].execute_command("CLUSTER", "MYID")
                    await until(lambda node=node, master=master: _replicates(node, master))
            for number, node in enumerate(nodes):
                await until(lambda node=node: _is_ok(node))
                await until(lambda node=node, number=number: _is_linked(node, is_master=number < MASTERS))

    async def wait_for_promotion(self, number: int) -> None:
        """Until a replica says that it is a master."""
        async with self.node(number) as node, asyncio.timeout(60):
            await until(lambda: _has_role(node, "master"))

    async def restart(self, number: int) -> None:
        """Start a killed server on its data again, until it is a replica that has everything."""
        self.processes[number] = self._start_node(number)
        async with self.node(number) as node, asyncio.timeout(60):
            await until(lambda: _has_role(node, "slave"))
            await until(lambda: _is_linked(node, is_master=False))

    def pause(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGCONT)

    def kill(self, number: int) -> None:
        """Kill one server with -9."""
        self.processes[number].kill()
        self.processes[number].wait()

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            stop_child(process, 10)


async def until(question) -> None:
    """Ask again and again until the answer is true; a server that is not up yet has none."""
    while True:
        with contextlib.suppress(OSError, RedisError):
            if await question():
                return
        await asyncio.sleep(0.02)


async def _knows(node: Redis, count: int) -> bool:
    info = await node.execute_command("CLUSTER INFO")
    return int(info["cluster_known_nodes"]) == count


async def _replicates(node: Redis, master: str) -> bool:
    await node.execute_command("CLUSTER", "REPLICATE", master)
    return True


async def _is_ok(node: Redis) -> bool:
    return (await node.execute_command("CLUSTER INFO"))["cluster_state"] == "ok"


async def _is_linked(node: Redis, *, is_master: bool) -> bool:
    info = await node.info("replication")
    return info["connected_slaves"] == 1 if is_master else info["master_link_status"] == "up"


async def _has_role(node: Redis, role: str) -> bool:
    return (await node.info("replication"))["role"] == role


@contextlib.contextmanager
def own_cluster(directory: Path) -> Iterator[OwnCluster]:
    """A running Cluster; ends with the block."""
    cluster = OwnCluster(directory, embedded_binary())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
