"""Pure. Ending the cycles of a group that are over, outside the daemon: before a command acts, and when billing cuts."""

import numpy as np

from balance_store.profile_record import Profile
from balance_store.profile_words import profile_words
from config.calendar_book import CalendarBook
from config.compiled_catalogue import CompiledCatalogue
from rating_kernels.balances import NO_ROOM
from rating_kernels.batch_columns import LIMITS
from rating_kernels.group_image import H_CALENDAR, H_PROFILE_AT, SECTIONS
from rating_kernels.group_layout import grown
from rating_kernels.outcomes import Outcome
from rating_kernels.rotate_cycle import rotate_group
from rating_kernels.table_words import table_words
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import new_workspace


class GroupRotation:
    """A catalogue version made ready for rotating groups that keep up to so many ended cycles."""

    def __init__(self, catalogue: CompiledCatalogue, snapshots_max: int) -> None:
        self._catalogue = catalogue
        self._table = table_words(catalogue.table)
        self._calendars = CalendarBook(catalogue.site.time_zone)
        self._snapshots_max = snapshots_max
        self._work = new_workspace(np.zeros(LIMITS, np.int64))

    def rotate(self, image: Ints, profile: Profile, until_us: int) -> Ints | None:
        """End every cycle that ended at or before an instant; None where too many wait for billing already."""
        profile_image = profile_words(profile, self._catalogue, lambda _: 0)
        while True:
            image[H_CALENDAR] = self._calendars.index_of(image, 0)
            image[H_PROFILE_AT] = 0
            outcome = rotate_group(
                self._table,
                self._calendars.words,
                image,
                0,
                profile_image,
                until_us,
                self._snapshots_max,
                self._work,
            )
            if outcome != NO_ROOM:
                return None if outcome == Outcome.SNAPSHOTS_FULL else image
            image = grown(image, 0, *range(SECTIONS))
