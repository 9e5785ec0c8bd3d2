"""Shell. Where compiled kernels are kept.

Numba looks only at a function's own file to tell whether compiled code is old, not at what that calls. A
changed tariff rule behind an unchanged caller would go on charging the old price, so the compiled code of
a package lies in a folder named by the source of all kernels that it may call.
"""

import functools
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from numba import config
from numba.core.caching import UserProvidedCacheLocator

_ROOT = Path(__file__).parent.parent
# Packages with kernels, lowest first: each may call its own and those before it.
_PACKAGES = ("rating_kernels", "config", "balance_store", "charging")
_HAS_KERNELS = "from rating_kernels.kernel import"
_IMPORTED = re.compile(r"^from ([\w.]+) import", re.MULTILINE)


def _sources(package: str) -> list[Path]:
    """Every module of the lowest package; of the others those with kernels and what these import, and so on."""
    lowest = sorted((_ROOT / _PACKAGES[0]).glob("*.py"))
    names = _PACKAGES[1 : _PACKAGES.index(package) + 1]
    waiting = [path for name in names for path in (_ROOT / name).rglob("*.py")]
    waiting = [path for path in waiting if _HAS_KERNELS in path.read_text()]
    found = set(waiting)
    while waiting:
        for module in _IMPORTED.findall(waiting.pop().read_text()):
            path = _ROOT.joinpath(*module.split(".")).with_suffix(".py")
            if module.split(".")[0] in names and path not in found and path.exists():
                found.add(path)
                waiting.append(path)
    return [*lowest, *sorted(found)]


@functools.cache
def code_folder(package: str) -> Path:
    """Beside the kernels, or in the user's cache where nothing can be written there."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in _sources(package))).hexdigest()[:16]
    here = _ROOT / _PACKAGES[0] / "__pycache__"
    try:
        here.mkdir(exist_ok=True)
        writable = os.access(here, os.W_OK)
    except OSError:
        writable = False
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return (here if writable else home / "chargeline") / f"kernels-{digest}"


class CodeLocator(UserProvidedCacheLocator):
    """Numba's documented hook for who keeps code elsewhere (NUMBA_CACHE_LOCATOR_CLASSES)."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]  # numba ships no types
        package = py_func.__module__.split(".")[0]
        self._cache_path = str(code_folder(package) / package)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "CodeLocator | None":
        """None leaves the function to Numba's own locators: not ours, or NUMBA_CACHE_DIR names a place."""
        if vars(config)["CACHE_DIR"] or py_func.__module__.split(".")[0] not in _PACKAGES:
            return None
        return cls(py_func, py_file)
