"""Pure. What a computation makes of a balance group, for the one door."""

from collections.abc import Callable
from typing import NamedTuple

from balance_store.profile_record import Profile
from rating_kernels.tariff_table import Ints


class Changed(NamedTuple):
    """What a computation made of a group: its new image (None = as it was) and what it answers."""

    image: Ints | None
    answer: object


# (group id, image, profile) -> what becomes of it; may be called again with a newer image.
Compute = Callable[[int, Ints, Profile], Changed]
