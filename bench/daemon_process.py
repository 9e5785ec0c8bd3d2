"""Shell. A charging daemon as people run it, in a process of its own, watched from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.process_time import cpu_seconds
from bench.scrape import Scrape, read_page

# Making the page costs the daemon some milliseconds.
POLL_S = 0.1
STOP_S = 60
COMMAND = (sys.executable, "-c", "from charging.command_line import main; main()", "run", "--config")


class DaemonProcess:
    """One `charging run`; a context manager that stops it."""

    def __init__(self, settings_file: Path, log_file: Path) -> None:
        self._log_file = log_file
        self._settings_file = settings_file
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> "DaemonProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None, "started"
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it says where it answers; raises RuntimeError with the end of its log."""
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                [*COMMAND, str(self._settings_file)], stdout=log, stderr=log
            )
        while not self.address:
            for line in self._log_file.read_text().splitlines():
                if '"event":"charging"' in line:
                    self.address = "http://" + str(msgspec.json.decode(line)["metrics"])
            self.check()
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raise RuntimeError with the end of the log if it is gone."""
        assert self._process is not None, "started"
        if self._process.poll() is not None:
            raise RuntimeError(f"the daemon ended:\n{self._log_file.read_text()[-2000:]}")

    def page(self) -> Scrape:
        """Its metrics."""
        return read_page(self.address)

    def cpu_seconds(self) -> float:
        """Its CPU time so far."""
        return cpu_seconds(self.pid)

    def hold(self) -> None:
        """Let it do nothing until it may `go_on`; shorter than its session in the consumer group."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self._process is not None and self._process.poll() is None:
            # One that is held does not hear TERM.
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_S)

    def kill(self) -> None:
        """End it as a crash does."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
