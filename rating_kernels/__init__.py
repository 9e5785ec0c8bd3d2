"""Shell. Integer arithmetic on arrays, and where its compiled code is kept.

Numba looks only at a function's own file to tell whether compiled code is old, not at what that calls. A
changed tariff rule behind an unchanged caller would go on charging the old price, so compiled code lies in
a folder named by the whole source.
"""

import hashlib
import os
from pathlib import Path

from numba import config

_HERE = Path(__file__).parent


def _source_digest() -> str:
    """Names the source of every kernel, those of the records that pack what kernels change included."""
    sources = sorted([*_HERE.glob("*.py"), *_HERE.parent.glob("balance_store/*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _cache_folder() -> Path:
    """Beside the modules, or in the user's cache where those cannot be written."""
    here = _HERE / "__pycache__"
    try:
        here.mkdir(exist_ok=True)
        writable = os.access(here, os.W_OK)
    except OSError:
        writable = False
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return (here if writable else home / "chargeline") / f"kernels-{_source_digest()}"


if not getattr(config, "CACHE_DIR", ""):
    vars(config)["CACHE_DIR"] = str(_cache_folder())
