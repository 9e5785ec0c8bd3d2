"""Shell. `make soak-moves`: families move all the time while 20,000 events a second flow for them.

    python -m tests.charging.soak_moves [--rate 20000] [--seconds 20]

The same usage is charged without moves; balances and records must be the same to the byte. Prints how many families
moved and the rate that was reached; status 1 where anything differs or the rate was missed.
"""

import os
import sys
import tempfile
from pathlib import Path

import cyclopts

from charging.servers import start_servers, stop_servers
from tests.charging.moved_and_calm import charge
from tests.charging.test_kill import workload
from tests.conftest import LiveServers

# Sender, daemons, broker and store share the machine; a tenth is what they may take from each other.
REACHED = 0.9


def main(*, rate: int = 20_000, seconds: int = 20) -> None:
    """Charge twice, and compare."""
    lines, messages = workload(rate * seconds)

    def send(deployment, some, movers) -> None:
        deployment.send(some, rate if movers is not None else 0)

    with tempfile.TemporaryDirectory(prefix="chargeline-soak-") as folder:
        directory = Path(folder)
        state = start_servers(directory / "servers", parent_pid=os.getpid())
        servers = LiveServers(state.kafka_bootstrap, state.store_url)
        try:
            calm, moved = (
                charge(
                    directory / name,
                    servers,
                    f"{servers.store_url}?db={number}",
                    f"{name}-",
                    lines,
                    messages,
                    send,
                    moved=name == "moved",
                )
                for number, name in enumerate(("calm", "moved"))
            )
        finally:
            stop_servers(directory / "servers")
    reached = (len(moved.written_ms) - 1) * 1_000 / (moved.written_ms[-1] - moved.written_ms[0])
    records = sum(calm.records.get(place) != record for place, record in moved.records.items())
    lost = len(calm.records.keys() - moved.records.keys())
    groups = sum(calm.groups[group_id] != record for group_id, record in moved.groups.items())
    print(
        f"moves {moved.moves}, events {len(messages)}, events/s {reached:.0f}, "
        f"records lost {lost}, records that differ {records}, balances that differ {groups}"
    )
    sys.exit(bool(lost or records or groups or reached < REACHED * rate))


if __name__ == "__main__":
    cyclopts.run(main)
