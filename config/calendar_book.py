"""Pure. The cycle calendars in use, compiled to boundaries that kernels can search."""

import numpy as np

from config.civil_time import cycle_boundaries
from rating_kernels.group_image import (
    CALENDAR_DAYS,
    CALENDAR_MONTHS,
    CALENDAR_WEEKS,
    H_CALENDAR_ANCHOR,
    H_CALENDAR_COUNT,
    H_CALENDAR_DAY,
    H_CALENDAR_KIND,
)
from rating_kernels.kernel import kernel
from rating_kernels.table_words import calendar_words
from rating_kernels.tariff_table import CalendarTable, Ints

NOT_IN_BOOK = -1

# 2000-01-01 to 2050-01-01: every cycle that can still matter, at 8 bytes a boundary.
FROM_US = 946_684_800_000_000
TO_US = 2_524_608_000_000_000


class CalendarBook:
    """Maps a calendar to its index in `words`; customers with the same rhythm share one."""

    def __init__(self, zone_name: str) -> None:
        self._zone_name = zone_name
        self._index: dict[tuple[int, int, int, int], int] = {}
        self._boundaries: list[Ints] = []
        self.keys: Ints = np.zeros((0, 4), np.int64)  # kind, count, day, phase of each calendar, for kernels
        self.words = calendar_words(CalendarTable(np.zeros(1, np.int64), np.zeros(0, np.int64)))

    def index_of(self, words: Ints, at: int) -> int:
        """The index of the calendar in an image's header; compiles it the first time it is seen."""
        kind = int(words[at + H_CALENDAR_KIND])
        count = int(words[at + H_CALENDAR_COUNT])
        day = int(words[at + H_CALENDAR_DAY])
        anchor = anchor_phase(kind, count, int(words[at + H_CALENDAR_ANCHOR]))
        key = (kind, count, day, anchor)
        index = self._index.get(key)
        if index is None:
            index = len(self._boundaries)
            self._index[key] = index
            self.keys = np.array(list(self._index), np.int64)
            self._boundaries.append(
                cycle_boundaries(kind, count, day, anchor, self._zone_name, FROM_US, TO_US)
            )
            first = np.cumsum([0, *(len(one) for one in self._boundaries)], dtype=np.int64)
            self.words = calendar_words(CalendarTable(first, np.concatenate(self._boundaries)))
        return index


@kernel
def find_calendar(keys: Ints, words: Ints, at: int) -> int:
    """The index of the calendar in an image's header, or NOT_IN_BOOK."""
    kind, count, day = words[at + H_CALENDAR_KIND], words[at + H_CALENDAR_COUNT], words[at + H_CALENDAR_DAY]
    phase = anchor_phase(kind, count, words[at + H_CALENDAR_ANCHOR])
    for index in range(len(keys)):
        same = keys[index, 0] == kind and keys[index, 1] == count and keys[index, 2] == day
        if same and keys[index, 3] == phase:
            return index
    return NOT_IN_BOOK


@kernel
def anchor_phase(kind: int, count: int, anchor_days: int) -> int:
    """The smallest anchor with the same cycles, so that customers who began on other days share a calendar."""
    if kind == CALENDAR_DAYS:
        return anchor_days % count
    if kind == CALENDAR_WEEKS:
        return anchor_days % (7 * count)
    if kind == CALENDAR_MONTHS and count == 1:
        return 0
    return anchor_days
