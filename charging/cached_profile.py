"""Pure. A profile in the cache's arena: what it stands on, then the image that kernels rate by.

    identifiers | slots of groups | numbers of owners | unused | C_* | image (rating_kernels.profile_image)

A profile is used by the offset of its image. It stands on its own groups and those of pools that it may use,
and on the profiles of the pools' owners.
"""

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints

# Distances before the image.
(
    C_CUSTOMER,  # number of the customer
    C_SHARD,
    C_SEEN,  # number of the last look that noted what it stands on
    C_START,  # offset of the first identifier
    C_WORDS,  # words from there to the image's end
    C_IDENTIFIERS,
    C_GROUPS,
    C_OWNERS,
) = range(1, 9)
CACHED_WORDS = 8

# An identifier: its entry in the index, and the time from its first service to its last. Its place here is
# the number that services have in the image.
T_ENTRY, T_FROM_US, T_TO_US = range(3)
IDENTIFIER_WORDS = 3
NOT_ITS_OWN = -1


@kernel
def group_place(arena: Ints, at: int) -> int:
    """Offset of the first slot."""
    return arena[at - C_START] + arena[at - C_IDENTIFIERS] * IDENTIFIER_WORDS


@kernel
def owner_place(arena: Ints, at: int) -> int:
    """Offset of the first owner's number."""
    return group_place(arena, at) + arena[at - C_GROUPS]


@kernel
def find_identifier(arena: Ints, at: int, entry: int) -> int:
    """Which of the profile's identifiers this is, or NOT_ITS_OWN."""
    place = arena[at - C_START]
    for number in range(arena[at - C_IDENTIFIERS]):
        if arena[place + T_ENTRY] == entry:
            return number
        place += IDENTIFIER_WORDS
    return NOT_ITS_OWN
