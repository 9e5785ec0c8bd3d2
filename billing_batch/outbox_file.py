"""Shell. Files that are whole or not there: written under another name, synced, renamed."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place at once; a crash leaves the old one or none."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
