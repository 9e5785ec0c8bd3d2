"""Shell. Tables as people read them: nothing that they would copy is cut off."""

import os
import sys

from rich.console import Console
from rich.table import Column, Table

# Where the output goes to a file or another program, which has no width.
WIDTH_OF_A_PIPE = 200


def table_console() -> Console:
    """Standard output, as wide as the terminal."""
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if has_width else WIDTH_OF_A_PIPE)


def titled_table(title: str, *columns: str) -> Table:
    """A table without lines; what does not fit goes on below."""
    names = (Column(name, overflow="fold") for name in columns)
    return Table(*names, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
