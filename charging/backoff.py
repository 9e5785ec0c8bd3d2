"""Pure. Growing pauses between tries, spread so that many daemons do not come back at once."""

from collections.abc import Callable

FIRST_US = 50_000
LAST_US = 5_000_000


class Backoff:
    """Doubles from 50 ms to 5 s; `fraction` draws a number from [0, 1)."""

    def __init__(self, fraction: Callable[[], float]) -> None:
        self._fraction = fraction
        self._next_us = FIRST_US

    def another(self) -> "Backoff":
        """One that grows by itself, with the same dice."""
        return Backoff(self._fraction)

    def next_delay_us(self) -> int:
        """The pause before the next try: half of it fixed, half by chance."""
        delay_us = self._next_us
        self._next_us = min(2 * delay_us, LAST_US)
        return delay_us // 2 + int(self._fraction() * (delay_us // 2))

    def reset(self) -> None:
        """It went well: start small next time."""
        self._next_us = FIRST_US
