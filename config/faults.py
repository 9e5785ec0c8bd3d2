"""Pure. What is wrong with a setting or with the catalogue: where, what, and what to do about it."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One fault; `file` is a file name, or the name of an environment variable; `path` is the place in it.

    An empty path means the whole file.
    """

    file: str
    path: str
    message: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.path}" if self.path else self.file
        return f"{place}: {self.message}; {self.cure}"


class ConfigError(Exception):
    """Settings or a catalogue that cannot be used; carries every fault, not only the first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults
