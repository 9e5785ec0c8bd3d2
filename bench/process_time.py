"""Shell. CPU time and memory of processes, as the kernel counts them."""

import os
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; those of threads included, of children not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def memory_mib(pid: int) -> float:
    """What a process has in memory."""
    return _status_mib(pid, "VmRSS")


def peak_memory_mib(pid: int) -> float:
    """The most it had since `forget_peak`, or ever."""
    return _status_mib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Begin the peak anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(kib) / 1024


def children_of(pid: int) -> dict[str, int]:
    """Child processes by the name of their program; the youngest where several have one."""
    found = {}
    for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:
            continue  # it ended while we looked
        if int(tail.split()[1]) == pid:
            found[head.partition("(")[2]] = int(stat.parent.name)
    return found
