"""Shell. An event loop whose clock jumps to the next timer: simulated time costs no real time."""

import asyncio
import selectors


class _NoWaitSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the simulation waits for nothing: every task hangs")
        self.now_s += max(timeout, 0.0)
        # Nothing in a simulation comes from a socket or another thread: asking the system would be the dearest part.
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in a fixed order and time in jumps, so that a seed gives the same run every time."""

    def __init__(self) -> None:
        self._virtual = _NoWaitSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


def run(main):
    """Run a coroutine to its end on a loop of its own; whatever it left running is cancelled."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
