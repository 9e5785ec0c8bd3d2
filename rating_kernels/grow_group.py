"""Pure. A group whose image has no more room is laid out again behind the others in the arena.

Each time leaves a hole, so it gets twice the room, and so does every other section that is full: a young group fills
them together.
"""

from rating_kernels.group_image import SECTION_ROW_WORDS, SECTIONS
from rating_kernels.group_layout import ROOM, ROWS_MAX, copy_image, section_count, section_free, words_needed
from rating_kernels.kernel import rare_kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import W_CAPACITIES

assert len(ROOM) == len(SECTION_ROW_WORDS) == SECTIONS


@rare_kernel
def grow_group(words: Ints, words_used: Ints, slot_at: Ints, place: int, work: Ints) -> int:
    """Give the group of a slot room in a section, `place` = slot * SECTIONS + section; 0, or the words that are lacking.

    `words_used[0]` is how many of `words` are in use.
    """
    slot, wanted = place // SECTIONS, place % SECTIONS
    at = slot_at[slot]
    capacities = work[W_CAPACITIES : W_CAPACITIES + SECTIONS]
    for section in range(SECTIONS):
        free = section_free(words, at, section)
        capacity = section_count(words, at, section) + free
        if section == wanted or free == 0:
            capacity = min(capacity + max(ROOM[section], capacity), ROWS_MAX)
        capacities[section] = capacity
    needed = words_needed(capacities)
    goal = words_used[0]
    if goal + needed > len(words):
        return needed
    copy_image(words, at, words, goal, capacities)
    words_used[0] = goal + needed
    slot_at[slot] = goal
    return 0
