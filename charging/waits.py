"""Pure. What the daemon waits for, by part; said on /readyz and as the metric `charging_waits`."""

from collections.abc import Callable


class Waits:
    """Reasons by part; `tell` hears whether there is any."""

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell
        self._why: dict[str, str] = {}

    def set(self, part: str, why: str) -> None:
        """Why this part is waited for; the empty text when it is not any more."""
        if why:
            self._why[part] = why
        else:
            self._why.pop(part, None)
        self._tell(bool(self._why))

    def reasons(self) -> list[str]:
        """All of them, for people."""
        return [f"waiting: {why}" for why in self._why.values()]
