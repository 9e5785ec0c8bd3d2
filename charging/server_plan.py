"""Pure. How the embedded servers are set up: folders, settings, and the file that says what runs."""

import msgspec

# What answers as the broker.
KAFKA = "Apache Kafka 4.3.1"
TANSU = "tansu (in memory: no Maven repository could be reached)"
# A unix socket's path may have 107 bytes; beyond it the socket goes to a short folder of its own.
SOCKET_PATH_MAX = 100


class ServerState(msgspec.Struct, frozen=True):
    """What a running supervisor has started; kept in the data folder as JSON.

    `started_ticks` is the supervisor's start time as the kernel counts it: a pid alone may be somebody
    else's by now.
    """

    supervisor_pid: int
    started_ticks: int
    kafka_bootstrap: str
    store_url: str
    kafka_kind: str  # "Apache Kafka 4.3.1" or the fallback's name
    ready: bool


class StopReport(msgspec.Struct, frozen=True):
    """How a stop went."""

    was_running: bool
    killed: bool  # it did not end in time


LOG_FLUSH_MS = 500


def kafka_properties(port: int, controller_port: int, log_dir: str) -> str:
    """server.properties of one KRaft node that is broker and controller, on 127.0.0.1 only.

    Replication is 1 and internal topics have few partitions: one node has nobody to copy to, and starts
    quicker. Its files are on the disk that the store syncs to. Left to the system, they go there many seconds' worth at
    once, and a commit that meets that waits 150 ms; so they are synced every half second.
    """
    return "\n".join(
        [
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{controller_port}",
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            f"log.dirs={log_dir}",
            f"log.flush.interval.ms={LOG_FLUSH_MS}",
            f"log.flush.scheduler.interval.ms={LOG_FLUSH_MS}",
            "offsets.topic.replication.factor=1",
            "offsets.topic.num.partitions=4",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=4",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "share.coordinator.state.topic.num.partitions=4",
            "group.initial.rebalance.delay.ms=0",
            "auto.create.topics.enable=false",
            "",
        ]
    )


# At the server's own 64 MB a small deployment under load forks and rewrites its file every few seconds, and holds up
# commits each time. Two gigabytes are read in some four seconds when the server starts.
AOF_REWRITE_BYTES_MIN = "2gb"


def valkey_arguments(data_dir: str, socket_path: str) -> list[str]:
    """Arguments of the embedded store: durable, never evicting, reachable by its socket only.

    The append-only file is plain commands, so any Redis or Valkey can read it.
    """
    return [
        *("--port", "0", "--unixsocket", socket_path, "--unixsocketperm", "700"),
        *("--dir", data_dir, "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--aof-use-rdb-preamble", "no", "--maxmemory-policy", "noeviction"),
        *("--auto-aof-rewrite-min-size", AOF_REWRITE_BYTES_MIN),
    ]


def socket_place(data_dir: str, short_dir: str) -> str:
    """Where the store's socket goes: beside its data, or in a short folder where that path is too long."""
    beside = f"{data_dir}/valkey.sock"
    return beside if len(beside.encode()) <= SOCKET_PATH_MAX else f"{short_dir}/valkey.sock"


def settings_text(state: ServerState) -> str:
    """A settings file that reaches these servers; the fallback broker knows no idempotent producers."""
    idempotent = "true" if state.kafka_kind == KAFKA else "false"
    return (
        f'[kafka]\nbootstrap = "{state.kafka_bootstrap}"\nidempotent = {idempotent}\n\n'
        f'[store]\nurl = "{state.store_url}"\n'
    )
