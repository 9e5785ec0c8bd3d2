"""Pure. Memory that later events of the batch will need, asked for before their turn.

With a million groups nearly everything an event touches lies in main memory, and waiting for it one line
after the other costs more than rating. Each step of the way (profile, slot, image) is asked for some events
earlier than the next one reads it. Nothing here changes a decision.
"""

from rating_kernels import batch_words as e
from rating_kernels.group_image import (
    BALANCE_WORDS,
    H_RING_NEXT,
    HEADER_WORDS,
    ITEM_WORDS,
    RING_WORDS,
    SECTION_RING,
)
from rating_kernels.group_layout import row_at
from rating_kernels.kernel import kernel, prefetch
from rating_kernels.profile_image import (
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

LINE_WORDS = 8
# How many events ahead each step is.
PROFILE_AHEAD, SLOT_AHEAD, IMAGE_AHEAD, RING_AHEAD = 16, 12, 8, 4
# A customer of one service and two products; the head of an image with a few balances, items and counters.
PROFILE_WORDS = PROFILE_HEADER_WORDS + 2 * SERVICE_WORDS
IMAGE_WORDS = HEADER_WORDS + 5 * BALANCE_WORDS + 3 * ITEM_WORDS


@kernel
def look_ahead(events: Ints, rows: Ints, position: int, words: Ints, slot_at: Ints, profiles: Ints) -> None:
    """Ask for what the events after `position` will read."""
    if position + PROFILE_AHEAD < len(rows):
        at = events[rows[position + PROFILE_AHEAD], e.PROFILE_AT]
        if at >= 0:
            for word in range(0, PROFILE_WORDS, LINE_WORDS):
                prefetch(profiles, at + word)
    if position + SLOT_AHEAD < len(rows):
        at = events[rows[position + SLOT_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            prefetch(slot_at, profiles[at + profiles[at + P_SERVICES_AT] + V_GROUP_SLOT])
            if profiles[at + P_MEMBERSHIPS_AT] < profiles[at + P_DISCOUNTS_AT]:
                prefetch(slot_at, profiles[at + profiles[at + P_MEMBERSHIPS_AT] + G_OWNER_SLOT])
    if position + RING_AHEAD < len(rows):
        at = events[rows[position + RING_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            image = slot_at[profiles[at + profiles[at + P_SERVICES_AT] + V_GROUP_SLOT]]
            if image >= 0:
                place = row_at(words, image, SECTION_RING, words[image + H_RING_NEXT])
                prefetch(words, place)
                prefetch(words, place + RING_WORDS - 1)
    if position + IMAGE_AHEAD < len(rows):
        at = events[rows[position + IMAGE_AHEAD], e.PROFILE_AT]
        if at >= 0 and profiles[at + P_SERVICES] > 0:
            _ask_for_image(words, slot_at[profiles[at + profiles[at + P_SERVICES_AT] + V_GROUP_SLOT]])
            if profiles[at + P_MEMBERSHIPS_AT] < profiles[at + P_DISCOUNTS_AT]:
                _ask_for_image(words, slot_at[profiles[at + profiles[at + P_MEMBERSHIPS_AT] + G_OWNER_SLOT]])


@kernel
def _ask_for_image(words: Ints, at: int) -> None:
    """An address beyond the arena, or of a group that is not here, is no fault: nothing is read."""
    for word in range(0, IMAGE_WORDS, LINE_WORDS):
        prefetch(words, at + word)
