"""Pure. What a server says of itself, what it must be, and the cure where it is not.

Persistence: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from typing import NamedTuple

# Functions came with Redis 7.0, WAITAOF with 7.2; Valkey has both from its first release.
FUNCTIONS_SINCE = (7, 0)
WAITAOF_SINCE = (7, 2)

# What the server must not forget or throw away, and why.
DURABLE = {
    "appendonly": ("yes", "it would lose everything at a restart: set appendonly yes"),
    "appendfsync": ("always", "it would lose answered commits with the power: set appendfsync always"),
    "maxmemory-policy": ("noeviction", "it would throw balances away when full: set noeviction"),
}


class ServerInfo(NamedTuple):
    """One server's answer to INFO."""

    name: str  # "Valkey 9.1.2"
    compatible: tuple[int, int]  # the Redis version whose commands it has
    clustered: bool
    replicas_connected: int


def read_info(text: bytes) -> ServerInfo:
    """The facts from the text of INFO."""
    fields = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
    redis_version = fields.get("redis_version", "0.0")
    valkey_version = fields.get("valkey_version")
    major, minor = redis_version.split(".")[:2]
    return ServerInfo(
        f"Valkey {valkey_version}" if valkey_version else f"Redis {redis_version}",
        (int(major), int(minor)),
        fields.get("cluster_enabled") == "1",
        int(fields.get("connected_slaves", 0)),
    )


def version_faults(place: str, info: ServerInfo, replicas_acknowledged: int) -> list[str]:
    """What the server is too old for."""
    if info.compatible < FUNCTIONS_SINCE:
        return [f"{place} is {info.name}, which lacks functions: use Redis 7.0 or later, or Valkey"]
    if replicas_acknowledged and info.compatible < WAITAOF_SINCE:
        return [
            f"{place} is {info.name}, which lacks WAITAOF: use Redis 7.2 or later or Valkey, "
            "or set store.replicas_acknowledged to 0"
        ]
    return []


def replica_faults(place: str, info: ServerInfo, replicas_acknowledged: int) -> list[str]:
    """Whether enough replicas are there to acknowledge what is written."""
    if info.replicas_connected >= replicas_acknowledged:
        return []
    return [
        f"{place} has {info.replicas_connected} of the {replicas_acknowledged} replicas that must acknowledge: "
        "start them, or lower store.replicas_acknowledged"
    ]


def durability_faults(place: str, found: dict[str, str]) -> list[str]:
    """Why the server may forget what it answered; `found` is its configuration."""
    return [
        f"{place} has {name} {found.get(name, 'unset')}: {cure}"
        for name, (value, cure) in DURABLE.items()
        if found.get(name) != value
    ]


def cluster_faults(text: bytes) -> list[str]:
    """What CLUSTER INFO says is wrong."""
    fields = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
    if fields.get("cluster_state") == "ok":
        return []
    return [
        f"the Cluster's state is {fields.get('cluster_state', 'unknown')}, "
        f"{fields.get('cluster_slots_ok', '0')} of 16384 slots are served: "
        "give every slot to a master that runs"
    ]
