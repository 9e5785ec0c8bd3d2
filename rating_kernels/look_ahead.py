"""Pure. Memory that later events of the batch will need, asked for before their turn.

With a million groups nearly everything an event touches lies in main memory, and waiting for it one line
after the other costs more than rating. Each step of the way (profile, slot, image) is asked for some events
earlier than the next one reads it.

A block of events is asked for at a time: asked for one by one, between the events' own work, the same lines cost a third
more. It seems that to find a line's page holds up what comes after, unless that looks for pages, too. Nothing here
changes a decision.
"""

from rating_kernels import batch_words as e
from rating_kernels.group_image import (
    H_RING_MARKS,
    H_RING_NEXT,
    RING_MARK_WORDS,
    RING_WORDS,
    SECTION_BALANCES,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.kernel import kernel, prefetch, standing_kernel
from rating_kernels.line_memory import LINE_WORDS
from rating_kernels.profile_image import (
    CANDIDATE_WORDS,
    G_OWNER_SLOT,
    P_DISCOUNTS_AT,
    P_MEMBERSHIPS_AT,
    P_SERVICES,
    P_SERVICES_AT,
    PROFILE_HEADER_WORDS,
    SERVICE_WORDS,
    V_GROUP_SLOT,
)
from rating_kernels.tariff_table import Ints

# Events of a block; how many events ahead each step is.
BLOCK = 8
EVENT_AHEAD, PROFILE_AHEAD, SLOT_AHEAD, IMAGE_AHEAD, ROWS_AHEAD = (steps * BLOCK for steps in (5, 4, 3, 2, 1))
# A customer of one service and its products; of an image's header what every event reads of its user's group,
# and of an owner's.
PROFILE_WORDS = PROFILE_HEADER_WORDS + SERVICE_WORDS + 2 * CANDIDATE_WORDS
HEAD_WORDS = H_RING_MARKS + RING_MARK_WORDS
OWNER_HEAD_WORDS = H_RING_MARKS


@standing_kernel
def look_ahead(events: Ints, rows: Ints, start: int, words: Ints, slot_at: Ints, profiles: Ints) -> None:
    """Ask for what the events of the blocks after the one that begins at `start` will read."""
    for position in range(start, start + BLOCK):
        _look_ahead_from(events, rows, position, words, slot_at, profiles)


@kernel
def _look_ahead_from(
    events: Ints, rows: Ints, position: int, words: Ints, slot_at: Ints, profiles: Ints
) -> None:
    if position + EVENT_AHEAD < len(rows):
        event = rows[position + EVENT_AHEAD] * e.EVENT_WORDS
        prefetch(events, event)
        prefetch(events, event + e.IDENTIFIER_NO)
    if position + PROFILE_AHEAD < len(rows):
        at = events[rows[position + PROFILE_AHEAD], e.PROFILE_AT]
        if at >= 0:
            for word in range(0, PROFILE_WORDS, LINE_WORDS):
                prefetch(profiles, at + word)
    if position + SLOT_AHEAD < len(rows):
        at = events[rows[position + SLOT_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            prefetch(slot_at, _first_slot(profiles, at))
            if _may_share(profiles, at):
                prefetch(slot_at, _first_owner(profiles, at))
    if position + IMAGE_AHEAD < len(rows):
        at = events[rows[position + IMAGE_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            _ask_for_head(words, slot_at[_first_slot(profiles, at)], HEAD_WORDS)
            if _may_share(profiles, at):
                _ask_for_head(words, slot_at[_first_owner(profiles, at)], OWNER_HEAD_WORDS)
    if position + ROWS_AHEAD < len(rows):
        at = events[rows[position + ROWS_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            image = slot_at[_first_slot(profiles, at)]
            if image >= 0:
                _ask_for_rows(words, image)
                place = row_at(words, image, SECTION_RING, words[image + H_RING_NEXT])
                prefetch(words, place)
                prefetch(words, place + RING_WORDS - 1)
            if _may_share(profiles, at):
                image = slot_at[_first_owner(profiles, at)]
                if image >= 0:
                    _ask_for_rows(words, image)


@kernel
def _first_slot(profiles: Ints, at: int) -> int:
    """The slot of the first service's group."""
    return profiles[at + profiles[at + P_SERVICES_AT] + V_GROUP_SLOT]


@kernel
def _may_share(profiles: Ints, at: int) -> bool:
    return profiles[at + P_MEMBERSHIPS_AT] < profiles[at + P_DISCOUNTS_AT]


@kernel
def _first_owner(profiles: Ints, at: int) -> int:
    """The slot of the first membership's owner."""
    return profiles[at + profiles[at + P_MEMBERSHIPS_AT] + G_OWNER_SLOT]


@kernel
def _ask_for_head(words: Ints, at: int, head_words: int) -> None:
    """An address beyond the arena, or of a group that is not here, is no fault: nothing is read."""
    for word in range(0, head_words, LINE_WORDS):
        prefetch(words, at + word)


@kernel
def _ask_for_rows(words: Ints, at: int) -> None:
    """The first rows of an image that is here: two balances, an item, a price's two counters."""
    balances = row_at(words, at, SECTION_BALANCES, 0)
    prefetch(words, balances)
    prefetch(words, balances + LINE_WORDS)
    if section_count(words, at, SECTION_BALANCES) > 1:
        prefetch(words, balances + 2 * LINE_WORDS)
    prefetch(words, row_at(words, at, SECTION_ITEMS, 0))
    if section_count(words, at, SECTION_COUNTERS) > 0:
        prefetch(words, row_at(words, at, SECTION_COUNTERS, 0))
