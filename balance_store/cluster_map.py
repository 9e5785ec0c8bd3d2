"""Pure. Nodes of a Cluster, and which of them has a slot, from what the nodes themselves say.

Redirections and CLUSTER SLOTS: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

from typing import Any, NamedTuple

from balance_store.keyspace import SLOTS


class Endpoint(NamedTuple):
    """Where a server listens: host and port, or the path of a unix socket."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Redirect(NamedTuple):
    """The node did not execute the command; the one at `endpoint` may."""

    slot: int
    endpoint: Endpoint
    for_good: bool  # MOVED; ASK is for this one command


class ClusterMap(NamedTuple):
    """Masters by slot, and all the nodes that serve any."""

    master_of: list[Endpoint | None]  # SLOTS long; None = nobody has the slot
    masters: tuple[Endpoint, ...]
    replicas: tuple[Endpoint, ...]

    def master(self, slot: int) -> Endpoint:
        """Who has a slot. Raises ConnectionError where nobody has it."""
        endpoint = self.master_of[slot]
        if endpoint is None:
            raise ConnectionError(f"no node of the Cluster has slot {slot}")
        return endpoint

    def uncovered(self) -> int:
        """How many slots nobody has."""
        return self.master_of.count(None)


def read_redirect(message: str, asked: Endpoint) -> Redirect | None:
    """`MOVED 3999 host:port` or `ASK 3999 host:port`; None for any other error.

    An empty host is that of the node that was asked.
    """
    kind, _, rest = message.partition(" ")
    if kind not in ("MOVED", "ASK"):
        return None
    slot, _, address = rest.partition(" ")
    host, _, port = address.rpartition(":")
    return Redirect(int(slot), Endpoint(host or asked.host, int(port)), kind == "MOVED")


def read_cluster_slots(answer: list[Any], asked: Endpoint) -> ClusterMap:
    """The map from the answer to CLUSTER SLOTS: ranges, each with its master and then its replicas."""
    master_of: list[Endpoint | None] = [None] * SLOTS
    masters: dict[Endpoint, None] = {}
    replicas: dict[Endpoint, None] = {}
    for first, last, *nodes in answer:
        master, *copies = (_endpoint(node, asked) for node in nodes)
        masters[master] = None
        replicas.update(dict.fromkeys(copies))
        master_of[first : last + 1] = [master] * (last + 1 - first)
    return ClusterMap(master_of, tuple(masters), tuple(replicas))


def _endpoint(node: list[Any], asked: Endpoint) -> Endpoint:
    return Endpoint(node[0].decode() if node[0] else asked.host, node[1])
