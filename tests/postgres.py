"""Shell. A PostgreSQL for live tests: one server a run, on a free port of 127.0.0.1, a new database for who asks."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Debian keeps the server's programs beside the path, by version.
PROGRAMS = "usr/lib/postgresql/*/bin"
# The server refuses to run as root, so it runs as the user that Debian's package makes.
UNPRIVILEGED = "postgres"
START_S, POLL_S = 30.0, 0.05


def program(name: str) -> str:
    """A program of the machine's PostgreSQL; without it the test skips at home and fails in CI."""
    versions = sorted(Path("/").glob(f"{PROGRAMS}/{name}"), key=lambda path: int(path.parts[-3]))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        assert not os.environ.get("CI"), "install postgresql"
        pytest.skip("no PostgreSQL")
    return found


class Postgres:
    """A running server that trusts who connects from this machine."""

    def __init__(self, directory: Path) -> None:
        self._numbers = itertools.count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._run("initdb", "-D", str(directory / "data"), "-U", "chargeline", "--auth=trust", "-E", "UTF8")
        options = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(directory), "-c", "fsync=off")
        # It ends with us, however we end.
        command = [
            "setpriv",
            "--pdeathsig=TERM",
            program("postgres"),
            "-D",
            str(directory / "data"),
            *options,
        ]
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **_user())
        began = time.monotonic()
        while self._psql("SELECT 1") != 0:
            assert time.monotonic() - began < START_S, (directory / "log").read_text()[-2000:]
            time.sleep(POLL_S)

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"records{next(self._numbers)}"
        assert self._psql(f"CREATE DATABASE {name}") == 0
        return f"postgresql://chargeline@127.0.0.1:{self._port}/{name}"

    def _psql(self, statement: str) -> int:
        to = ("-h", "127.0.0.1", "-p", str(self._port), "-U", "chargeline", "-d", "postgres")
        return subprocess.run([program("psql"), *to, "-qc", statement], capture_output=True).returncode

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run([program(name), *arguments], check=True, capture_output=True, **_user())

    def stop(self) -> None:
        """At once, whoever is connected."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=START_S)


def _user() -> dict:
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.getuid() == 0 else {}


def running_postgres() -> Iterator[Postgres]:
    """For a fixture."""
    program("postgres")
    with tempfile.TemporaryDirectory(prefix="chargeline-postgres-", ignore_cleanup_errors=True) as folder:
        if os.getuid() == 0:
            shutil.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        server = Postgres(Path(folder))
        yield server
        server.stop()
