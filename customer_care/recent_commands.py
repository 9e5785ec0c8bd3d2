"""Pure. The commands that a group remembers with their answers, so that a repeat gives the first one."""

from typing import NamedTuple

from rating_kernels.group_image import (
    COMMAND_WORDS,
    M_AFTER,
    M_BALANCE_ID,
    M_BEFORE,
    M_COMMAND,
    M_DONE_US,
    M_ID_HASH,
    SECTION_COMMANDS,
)
from rating_kernels.group_layout import append_row, remove_row, row_at, section_count
from rating_kernels.tariff_table import Ints

# Others are known from the activity log only. About 25 bytes each in the group's record, so few and not for ever:
# they bridge the time until an interrupted command is given again.
COMMANDS_KEPT = 32
KEPT_US = 31 * 86_400_000_000


class RecentCommand(NamedTuple):
    """A command that was done; the columns M_* of its row, in their order."""

    id_hash: int
    command: int  # commands.COMMAND_NUMBERS
    balance_id: int
    before: int
    after: int
    done_us: int


def recent_commands(image: Ints) -> list[RecentCommand]:
    """What the group remembers, oldest first."""
    rows = []
    for number in range(section_count(image, 0, SECTION_COMMANDS)):
        row = row_at(image, 0, SECTION_COMMANDS, number)
        rows.append(RecentCommand._make(int(word) for word in image[row : row + COMMAND_WORDS]))
    return rows


def find_command(image: Ints, id_hash: int) -> RecentCommand | None:
    """The command of an id, if the group still remembers it."""
    return next((one for one in recent_commands(image) if one.id_hash == id_hash), None)


def remember_command(image: Ints, done: RecentCommand) -> None:
    """Add a command and forget those that are too many or too old; the image has room for a row."""
    for one in recent_commands(image):
        count = section_count(image, 0, SECTION_COMMANDS)
        if count < COMMANDS_KEPT and one.done_us > done.done_us - KEPT_US:
            break
        remove_row(image, 0, SECTION_COMMANDS, 0)
    row = append_row(image, 0, SECTION_COMMANDS)
    assert row >= 0, "room was made"
    image[row : row + COMMAND_WORDS] = done


assert RecentCommand._fields == ("id_hash", "command", "balance_id", "before", "after", "done_us")
assert tuple(range(COMMAND_WORDS)) == (M_ID_HASH, M_COMMAND, M_BALANCE_ID, M_BEFORE, M_AFTER, M_DONE_US)
