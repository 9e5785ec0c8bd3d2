"""Shell. Child processes that cannot outlive us, and whether a process is the one we mean."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from pathlib import Path

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Runs in the child before exec: the kernel ends it when the thread that forked it is gone."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start_child(command: list[str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a process that ends with this thread, even where that is killed; its output goes to `log`."""
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603  # our own command lines
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # the supervisor has one thread
        )


def stop_child(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """TERM, wait, then KILL; whether it had to be killed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
    return False


def start_ticks(pid: int) -> int | None:
    """When a process started, in the kernel's ticks; None where there is none (or it is only a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def is_alive(pid: int, ticks: int) -> bool:
    """Whether this very process runs, not another that was given its number."""
    return start_ticks(pid) == ticks


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def accepts(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def log_tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for a message that says why something did not start."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(an empty log)"


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a process that may be gone by now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
