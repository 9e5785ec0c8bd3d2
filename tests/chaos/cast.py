"""Shell. Every process of a run, each started as people start it, and what is done to them.

All are children of this thread and end with it. A process that is not meant to end and does is started again,
as a supervisor would, and counted.
"""

import functools
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from charging.embedded_kafka import cache_directory, find_jars, prepare_kafka
from charging.embedded_processes import accepts, free_ports, log_tail, start_child, stop_child
from charging.server_plan import socket_place, valkey_arguments
from charging.servers import valkey_binary
from customer_care.commands import TopUp
from tests.chaos.workload import Order, order

ROOT = Path(__file__).parents[2]
START_S, STOP_S = 60, 60
LOOK_S = 0.05
# Of a shell's `ulimit -f`, by POSIX.
BLOCK_BYTES = 512
# No part of the file may be thrown away: it is the evidence.
KEEP_ALL = ("--auto-aof-rewrite-percentage", "0")


def python(code_or_module: str, *arguments: str) -> list[str]:
    """A command line of ours: a module, or `package.module:main`."""
    module, _, function = code_or_module.partition(":")
    code = ["-c", f"from {module} import {function}; {function}()"] if function else ["-m", module]
    return ["/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, *code, *arguments]


class Cast:
    """Who plays: `command_of` says how each part is started; `errands` are commands typed by a person."""

    def __init__(self, directory: Path, customers: bytes, daemons: int, rate: int, seed: int) -> None:
        self.directory = directory
        self.settings_file = directory / "settings.toml"
        self.lines_file = directory / "customers.ndjson"
        self.lines_file.write_bytes(customers)
        self._lines = [msgspec.json.decode(line) for line in customers.splitlines()]
        self.store_dir = directory / "store"
        self.store_dir.mkdir()
        self._ports = free_ports(2)
        self.bootstrap = f"127.0.0.1:{self._ports[0]}"
        socket = socket_place(str(self.store_dir), "")
        assert socket.startswith(str(self.store_dir)), f"{directory} is too deep for a socket: choose another"
        self.store_url = f"unix://{socket}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ended_alone: Counter[str] = Counter()
        self.full_disks = 0
        # The store that runs, while its disk is filling.
        self._limited: subprocess.Popen[bytes] | None = None
        settings, lines = str(self.settings_file), str(self.lines_file)
        self.desks = {f"{seed}-{clerk}": directory / f"{clerk}.journal" for clerk in ("clerk-1", "clerk-2")}
        self._command_of: dict[str, Callable[[], list[str]]] = {
            "broker": self._broker,
            "store": lambda: [
                valkey_binary(),
                *valkey_arguments(str(self.store_dir), self._socket()),
                *KEEP_ALL,
            ],
            "mover": lambda: python("tests.chaos.removals", settings, lines),
            "network": lambda: python("tests.chaos.network", settings, lines, str(rate), str(seed)),
            "errand": self._errand,
        }
        for number in range(daemons):
            self._command_of[f"daemon-{number}"] = lambda: python(
                "charging.command_line:main", "run", "--config", settings
            )
        for desk, journal in self.desks.items():
            self._command_of[journal.stem] = functools.partial(
                python, "tests.chaos.desk", settings, lines, desk, str(journal)
            )
        self.errand_desk = f"{seed}-errand"
        self.errands: list[dict] = []

    def _socket(self) -> str:
        return self.store_url.removeprefix("unix://")

    def _broker(self) -> list[str]:
        return prepare_kafka(self.directory / "broker", find_jars(cache_directory()), *self._ports)

    def _errand(self) -> list[str]:
        return self.typed(order(self._lines, self.errand_desk, len(self.errands)))

    def typed(self, one: Order) -> list[str]:
        """The command that a person would type for an order."""
        kind = "top-up" if isinstance(one.command, TopUp) else "grant"
        # Both resources have six decimals.
        amount = f"{-one.command.amount // 1_000_000}.{-one.command.amount % 1_000_000:06d}"
        arguments = [one.customer, "--resource", one.command.resource, "--credit", amount]
        if one.command.validity is not None:
            arguments += ["--validity", str(one.command.validity)]
        asked = ["balance", kind, *arguments, "--id", one.command_id, "--json"]
        return python("charging.command_line:main", *asked, "--config", str(self.settings_file))

    # Starting and ending ---------------------------------------------------------------------

    def log(self, part: str) -> Path:
        """Where a part's output goes."""
        return self.directory / f"{part}.log"

    def start(self, part: str) -> None:
        """Start a part, or start it again."""
        if part == "errand":
            self.log(part).unlink(missing_ok=True)
        self._processes[part] = start_child(self._command_of[part](), self.log(part), self.directory)

    def run(self, *command: str) -> None:
        """A command that must succeed before anything starts."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"

    def wait_for_broker(self) -> None:
        """Until the broker listens."""
        deadline = time.monotonic() + START_S
        while not accepts(self._ports[0]):
            assert time.monotonic() < deadline, log_tail(self.log("broker"))
            time.sleep(LOOK_S)

    def parts(self, kind: str) -> list[str]:
        """Parts of a kind that run."""
        return [part for part in self._command_of if kind_of(part) == kind and self.is_up(part)]

    def clients(self) -> list[str]:
        """All but the servers."""
        return [part for part in self._command_of if part not in ("broker", "store")]

    def wait_for_daemons(self, wait_s: float) -> None:
        """Until every daemon has said that it charges."""
        deadline = time.monotonic() + wait_s
        for part in self.parts("daemon"):
            while '"event":"charging"' not in self.log(part).read_text():
                assert time.monotonic() < deadline, log_tail(self.log(part))
                self.look_after()
                time.sleep(LOOK_S)

    def wait_for_signs_of_life(self, wait_s: float) -> None:
        """Until every clerk and the mover of families have done one thing more, or said why they cannot."""
        deadline = time.monotonic() + wait_s
        pages = {
            "mover": [self.log("mover")],
            **{journal.stem: [journal, self.log(journal.stem)] for journal in self.desks.values()},
        }
        before = {part: _bytes_of(files) for part, files in pages.items()}
        while any(_bytes_of(files) == before[part] for part, files in pages.items()):
            assert time.monotonic() < deadline, f"nobody does anything: {before}"
            self.look_after()
            time.sleep(LOOK_S)

    def is_up(self, part: str) -> bool:
        """Whether it runs (or stands still)."""
        return part in self._processes and self._processes[part].poll() is None

    def kill(self, part: str) -> None:
        """kill -9, and start it again."""
        self._processes[part].kill()
        self._processes[part].wait()
        self.start(part)

    def signal(self, part: str, number: signal.Signals) -> None:
        """Any other signal."""
        self._processes[part].send_signal(number)

    def finish_errand(self) -> None:
        """Let the errand under way come to its end, again and again until it is done."""
        before = len(self.errands)
        while len(self.errands) == before:
            self.look_after()
            time.sleep(LOOK_S)
        self.stop("errand")

    def stop(self, part: str) -> int:
        """TERM; how it ended. What takes too long is killed, and that is no 0."""
        process = self._processes.pop(part)
        process.send_signal(signal.SIGCONT)
        stop_child(process, STOP_S)
        return process.returncode

    def stop_all(self) -> None:
        """Whatever is left, clients first."""
        for part in sorted(self._processes, key=lambda one: one in ("store", "broker")):
            self.stop(part)

    def fill_disk(self, more_bytes: int) -> None:
        """Kill the store, and start it with room for so many bytes more in its append-only file."""
        size = max(file.stat().st_size for file in self.log_files())
        self._processes["store"].kill()
        self._processes["store"].wait()
        # The signal is ignored, so that the write fails as it does on a full disk; otherwise it ends the process.
        limited = f"trap '' XFSZ; ulimit -f {(size + more_bytes) // BLOCK_BYTES}; exec \"$@\""
        command = ["/bin/sh", "-c", limited, "sh", *self._command_of["store"]()]
        self._limited = start_child(command, self.log("store"), self.directory)
        self._processes["store"] = self._limited

    def make_room(self) -> bool:
        """Start the store without a limit, if its disk is still filling; whether it was."""
        filling = self._processes["store"] is self._limited
        if filling:
            self.kill("store")
        return filling

    def log_files(self) -> list[Path]:
        """The store's append-only file, in order."""
        found = (self.store_dir / "appendonlydir").glob("*.aof")
        return sorted(found, key=lambda path: (int(path.name.split(".")[2]), "incr" in path.name))

    def look_after(self) -> None:
        """Start again what has ended: the next errand, a store whose disk was full, what ended by itself."""
        for part, process in list(self._processes.items()):
            if process.poll() is None:
                continue
            if part == "errand":
                if process.returncode == 0:
                    self.errands.append(json.loads(self.log(part).read_text().splitlines()[-1]))
            elif process is self._limited:
                self.full_disks += 1
            else:
                self.ended_alone[part] += 1
            self.start(part)


def _bytes_of(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())


def kind_of(part: str) -> str:
    """What is killed together: daemons are daemons, clerks and errands are commands."""
    name = part.partition("-")[0]
    return "command" if name in ("clerk", "errand") else name
