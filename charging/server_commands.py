"""Shell. `charging servers start | stop | status`."""

import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from charging.server_plan import ServerState, settings_text
from charging.servers import read_state, start_servers, stop_servers

DataDir = Annotated[Path, Parameter(help="Folder that holds the servers' data; made if it is not there.")]

app = cyclopts.App(name="servers", help="The embedded servers: Apache Kafka and Valkey on this machine.")


def _describe(state: ServerState, data_dir: Path) -> str:
    return (
        f"{state.kafka_kind} at {state.kafka_bootstrap}\nValkey at {state.store_url}\n"
        f"data in {data_dir}, supervisor {state.supervisor_pid}"
    )


@app.command
def start(
    *, data_dir: DataDir, settings: Path | None = None, allow_tansu: bool = False, parent_pid: int = 0
) -> None:
    """Start the servers, or find those that run already; the first time downloads Kafka.

    Parameters
    ----------
    settings
        Write a settings file that reaches these servers.
    allow_tansu
        Where Kafka cannot be downloaded, take a small broker that keeps its data in memory.
    parent_pid
        End when this process does.
    """
    with Console(stderr=True).status("starting Kafka and Valkey"):
        state = start_servers(data_dir, parent_pid=parent_pid, allow_tansu=allow_tansu)
    if settings is not None:
        settings.write_text(settings_text(state))
    print(_describe(state, data_dir))


@app.command
def stop(*, data_dir: DataDir) -> None:
    """Stop the servers; their data stay."""
    report = stop_servers(data_dir)
    if not report.was_running:
        print(f"nothing runs in {data_dir}")
    elif report.killed:
        print(f"the servers in {data_dir} did not end in time and were killed")
    else:
        print(f"the servers in {data_dir} are stopped")


@app.command
def status(*, data_dir: DataDir) -> None:
    """Say what runs; exit status 1 where nothing does."""
    state = read_state(data_dir.resolve())
    if state is None:
        print(f"nothing runs in {data_dir}")
        sys.exit(1)
    print(_describe(state, data_dir))
