"""Pure. What one event has changed so far, so that a denied event leaves no trace.

Rows are only appended during an
event, so putting the counts back removes them again.
"""

from rating_kernels.group_image import H_SECTIONS
from rating_kernels.group_layout import append_row
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import W_LOG, W_LOG_ENTRIES


@kernel
def put(words: Ints, at: int, value: int, work: Ints) -> None:
    """Change a word and remember what it was."""
    entry = W_LOG_ENTRIES + 2 * work[W_LOG]
    work[entry] = at
    work[entry + 1] = words[at]
    work[W_LOG] += 1
    words[at] = value


@kernel
def keep_words(words: Ints, at: int, count: int, work: Ints) -> None:
    """Remember words that stand side by side: who changes several keeps them in one step."""
    entry = W_LOG_ENTRIES + 2 * work[W_LOG]
    for word in range(count):
        work[entry] = at + word
        work[entry + 1] = words[at + word]
        entry += 2
    work[W_LOG] += count


@kernel
def logged_append(words: Ints, at: int, section: int, work: Ints) -> int:
    """Take a row at a section's end; undone by its count. -1 if there is no room."""
    head = at + H_SECTIONS + section
    before = words[head]
    row = append_row(words, at, section)
    if row >= 0:
        entry = W_LOG_ENTRIES + 2 * work[W_LOG]
        work[entry] = head
        work[entry + 1] = before
        work[W_LOG] += 1
    return row


@kernel
def undo(words: Ints, work: Ints) -> None:
    """Put everything back, the last change first."""
    for entry in range(work[W_LOG] - 1, -1, -1):
        words[work[W_LOG_ENTRIES + 2 * entry]] = work[W_LOG_ENTRIES + 2 * entry + 1]
    work[W_LOG] = 0
