"""Shell. The faults of a plan, done to the processes of a run.

The next daemon is killed or paused only when the others have claimed the partitions of the last one, so that every
fault hits a group that charges, and on a busy machine too.
"""

import signal
import time
from collections import Counter

from tests.chaos.cast import Cast, kind_of
from tests.chaos.plan import Fault, faults

# Longer than the session, so that somebody else has the partitions when the zombie wakes.
SESSION_MS = 6_000
PAUSE_S = 9.0
# A group that has not claimed its partitions again by now is hit nevertheless.
CLAIMED_S = 30.0
LOOK_S = 0.05
ROOM_BYTES_MAX = 400_000


class Storm:
    """What is done to whom, and how often it was."""

    def __init__(self, cast: Cast, partitions: int) -> None:
        self._cast = cast
        self._partitions = partitions
        self._asleep: dict[str, float] = {}
        self._claims_before = 0
        self.kills: Counter[str] = Counter()
        self.pauses = 0
        self.ended_ms = 0

    def rage(self, seed: int, kills: int, minutes: float) -> None:
        """One fault after the other, until there were enough kills or it took so long."""
        began = time.monotonic()
        behind_s = 0.0
        for fault in faults(seed):
            self._until(began + behind_s + fault.at_s)
            if self.kills.total() >= kills or time.monotonic() > began + minutes * 60:
                break
            if fault.kind in ("daemon", "pause"):
                behind_s += self._until_claimed()
            self._do(fault)
        for until_s in sorted(self._asleep.values()):
            self._until(until_s)
        self.kills["store"] += self._cast.make_room()
        self.ended_ms = time.time_ns() // 1_000_000

    def _until(self, at_s: float) -> None:
        """Pass time: wake who has slept enough, start again what has ended."""
        while True:
            now_s = time.monotonic()
            for part in [part for part, until_s in self._asleep.items() if now_s >= until_s]:
                self._cast.signal(part, signal.SIGCONT)
                del self._asleep[part]
            self._cast.look_after()
            if now_s >= at_s:
                return
            time.sleep(LOOK_S)

    def _until_claimed(self) -> float:
        """Until every partition was claimed since the last daemon was hit; how long that took."""
        began = time.monotonic()
        while (
            time.monotonic() < began + CLAIMED_S and self._claims() < self._claims_before + self._partitions
        ):
            self._until(time.monotonic() + LOOK_S)
        self._claims_before = self._claims()
        return time.monotonic() - began

    def _claims(self) -> int:
        logs = [
            self._cast.log(part).read_bytes() for part in self._cast.clients() if kind_of(part) == "daemon"
        ]
        return sum(log.count(b'"event":"partition claimed"') for log in logs)

    def _do(self, fault: Fault) -> None:
        if fault.kind == "full disk":
            self._cast.fill_disk(round(fault.dice * ROOM_BYTES_MAX))
            self.kills["store"] += 1
            return
        kind = "daemon" if fault.kind == "pause" else fault.kind
        parts = [part for part in self._cast.parts(kind) if part not in self._asleep]
        if not parts:
            return
        part = parts[int(fault.dice * len(parts))]
        if fault.kind == "pause":
            self._cast.signal(part, signal.SIGSTOP)
            self._asleep[part] = time.monotonic() + PAUSE_S
            self.pauses += 1
        else:
            self._cast.kill(part)
            self.kills[kind] += 1
