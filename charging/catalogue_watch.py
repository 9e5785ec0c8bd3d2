"""Shell. Looks at the catalogue's folder now and then, and offers what has become of it.

A folder is read when two looks agree, so that one that is being copied is left alone, and judged once for
each state it is in. Compiling runs in a thread: heartbeats and batches go on meanwhile.
"""

import asyncio
from pathlib import Path

import structlog

from charging.backoff import Backoff
from charging.catalogue_in_use import CatalogueInUse
from charging.metrics import Metrics
from charging.next_catalogue import FAULTY, LOADED, UNCHANGED, Verdict, judge
from config.compiled_catalogue import CompiledCatalogue
from config.faults import ConfigError, Fault
from config.load import SAMPLE_DIRECTORY, load_compiled_catalogue

log = structlog.get_logger()

SETTLE_S = 0.5
FAULTS_SHOWN_MAX = 20

# Of each file: name, inode, size, last write and last change; a copy that keeps the time of writing shows in the last.
FolderState = tuple[tuple[str, int, int, int, int], ...]


def folder_state(directory: str) -> FolderState:
    """What tells one state of the folder's files from another; empty where it cannot be read."""
    files = []
    try:
        for path in sorted(Path(directory or SAMPLE_DIRECTORY).glob("*.toml")):
            stat = path.stat()
            files.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    except OSError:
        # Being replaced at this moment, or not ours to read: the next look will see.
        return ()
    return tuple(files)


class CatalogueWatch:
    """`asked` set: look at once. `check_seconds` 0: look only when asked, or while the store wants a newer one."""

    def __init__(
        self,
        in_use: CatalogueInUse,
        directory: str,
        loaded_state: FolderState,
        check_seconds: int,
        asked: asyncio.Event,
        backoff: Backoff,
        metrics: Metrics,
    ) -> None:
        self._in_use = in_use
        self._directory = directory
        self._judged = loaded_state
        self._last_look = loaded_state
        self._check_seconds = check_seconds
        self._asked = asked
        self._backoff = backoff
        self._metrics = metrics

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._wait()
            await self.look()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._pause_s()):
                await self._asked.wait()
            log.info("looking at the catalogue")
        except TimeoutError:
            pass
        self._asked.clear()

    def _pause_s(self) -> float | None:
        if self._last_look != self._judged:
            return SETTLE_S
        if self._in_use.latest.version < self._in_use.wanted:
            return self._backoff.next_delay_us() / 1e6
        self._backoff.reset()
        return self._check_seconds or None

    async def look(self) -> None:
        """Judge the folder if it changed and has come to rest since."""
        found = folder_state(self._directory)
        settled = found == self._last_look
        self._last_look = found
        if found == self._judged or not settled:
            return
        verdict, catalogue = await asyncio.to_thread(self._read)
        self._last_look = folder_state(self._directory)
        if self._last_look != found:
            # It was written to while we read.
            return
        self._judged = found
        if verdict.result == UNCHANGED:
            return
        self._metrics.catalogue_reloads.labels(verdict.result).inc()
        if verdict.result == LOADED and catalogue is not None:
            self._in_use.offer(catalogue)
            log.info("new catalogue", catalogue=catalogue.version)
            return
        used = self._in_use.latest.version
        for fault in verdict.faults[:FAULTS_SHOWN_MAX]:
            log.warning("catalogue not taken", result=verdict.result, in_use=used, fault=str(fault))
        if len(verdict.faults) > FAULTS_SHOWN_MAX:
            log.warning("catalogue not taken", more_faults=len(verdict.faults) - FAULTS_SHOWN_MAX)

    def _read(self) -> tuple[Verdict, CompiledCatalogue | None]:
        try:
            catalogue = load_compiled_catalogue(self._directory)
        except ConfigError as error:
            return Verdict(FAULTY, tuple(error.faults)), None
        except (ValueError, ArithmeticError, LookupError, RecursionError) as error:
            # No fault that the compiler names, but no reason to stop charging either.
            fault = Fault(
                self._directory, "", f"cannot be compiled: {error!r}", "run `charging catalog check`"
            )
            return Verdict(FAULTY, (fault,)), None
        return judge(self._in_use.latest, catalogue), catalogue
