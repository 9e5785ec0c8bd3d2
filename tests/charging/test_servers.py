"""The embedded servers: found again, back on the same data, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from charging.embedded_kafka import cluster_id
from charging.embedded_processes import is_alive, start_ticks
from charging.server_plan import SOCKET_PATH_MAX, socket_place
from charging.servers import ServersError, read_state, start_servers, stop_servers

pytestmark = [pytest.mark.live, pytest.mark.slow]


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_started_once_found_again_and_back_on_the_same_data(tmp_path):
    first = start_servers(tmp_path, parent_pid=os.getpid())
    assert start_servers(tmp_path, parent_pid=os.getpid()) == first
    with redis.Redis.from_url(first.store_url) as client:
        client.set("kept", "yes")
    assert stop_servers(tmp_path).was_running
    assert read_state(tmp_path) is None
    again = start_servers(tmp_path, parent_pid=os.getpid())
    try:
        # Settings written for the first still hold.
        assert (again.kafka_bootstrap, again.store_url) == (first.kafka_bootstrap, first.store_url)
        with redis.Redis.from_url(again.store_url) as client:
            assert client.get("kept") == b"yes"
    finally:
        stop_servers(tmp_path)
    assert not stop_servers(tmp_path).was_running


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path):
    state = start_servers(tmp_path, parent_pid=os.getpid())
    ticks = {pid: start_ticks(pid) for pid in children_of(state.supervisor_pid)}
    assert len(ticks) == 2
    os.kill(state.supervisor_pid, signal.SIGKILL)
    until(lambda: not any(is_alive(pid, started) for pid, started in ticks.items()))
    assert read_state(tmp_path) is None


def test_nothing_is_left_when_the_parent_is_killed(tmp_path):
    code = (
        "import os, pathlib, time; from charging.servers import start_servers;"
        f"start_servers(pathlib.Path({str(tmp_path)!r}), parent_pid=os.getpid()); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        until(lambda: (state := read_state(tmp_path)) is not None and state.ready, 60)
        state = read_state(tmp_path)
        pids = [state.supervisor_pid, *children_of(state.supervisor_pid)]
        ticks = {pid: start_ticks(pid) for pid in pids}
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not any(is_alive(pid, started) for pid, started in ticks.items()))


def test_a_server_that_dies_takes_the_others_along(tmp_path):
    state = start_servers(tmp_path, parent_pid=os.getpid())
    pids = children_of(state.supervisor_pid)
    ticks = {pid: start_ticks(pid) for pid in [state.supervisor_pid, *pids]}
    os.kill(pids[-1], signal.SIGKILL)
    until(lambda: not any(is_alive(pid, started) for pid, started in ticks.items()))
    assert "ended with" in (tmp_path / "supervisor.log").read_text()


def test_a_port_that_is_taken_by_now_is_given_up_for_a_free_one(tmp_path):
    first = start_servers(tmp_path, parent_pid=os.getpid())
    stop_servers(tmp_path)
    with socket.create_server(("127.0.0.1", int(first.kafka_bootstrap.split(":")[1]))):
        second = start_servers(tmp_path, parent_pid=os.getpid())
        stop_servers(tmp_path)
    assert second.kafka_bootstrap != first.kafka_bootstrap


def test_what_does_not_come_up_says_why(tmp_path):
    (tmp_path / "valkey").write_text("a file where the store wants its folder")
    with pytest.raises(ServersError, match="valkey"):
        start_servers(tmp_path, parent_pid=os.getpid())
    assert read_state(tmp_path) is None


def test_a_socket_with_a_long_path_goes_to_a_short_folder():
    assert socket_place("/data", "/short") == "/data/valkey.sock"
    assert socket_place("/" + "x" * SOCKET_PATH_MAX, "/short") == "/short/valkey.sock"


def test_a_cluster_id_never_looks_like_an_option():
    draws = [bytes([0xF8]) + bytes(15), bytes(16)]
    assert cluster_id(lambda: draws.pop(0)) == "A" * 22
    assert not draws
