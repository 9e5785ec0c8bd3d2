"""Pure. How large a stored profile becomes in the cache, and where its parts lie: read before it is installed.

The record is what `balance_store.profile_record` writes: MessagePack arrays in the order of its fields, to
which later versions may append.
"""

from balance_store.profile_record import PROFILE_SCHEMA
from charging.cached_profile import CACHED_WORDS, IDENTIFIER_WORDS
from charging.identifier_index import entry_words
from charging.msgpack_cursor import BAD, get_array, get_int, get_text, skip_values
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.line_memory import whole_lines
from rating_kernels.profile_image import (
    CANDIDATE_WORDS,
    DISCOUNT_WORDS,
    MEMBERSHIP_WORDS,
    PROFILE_HEADER_WORDS,
    RECURRING_WORDS,
    SERVICE_WORDS,
)
from rating_kernels.tariff_table import Bytes, Ints

# A record's shape: offsets of its parts' first elements, how many there are, and the room that all of it needs.
(
    Z_CUSTOMER_ID,
    Z_NAMES_AT,
    Z_NAMES,
    Z_TIMES_AT,
    Z_TIMES,
    Z_SERVICES_AT,
    Z_SERVICES,
    Z_MEMBERSHIPS_AT,
    Z_MEMBERSHIPS,
    Z_RECURRING_AT,
    Z_RECURRING,
    Z_GROUPS_AT,
    Z_GROUPS,
    Z_CANDIDATES,
    Z_SHARINGS,
    Z_DISCOUNTS,
    Z_NAME_WORDS,  # in the index of identifiers
    Z_WORDS,  # in the arena of profiles
) = range(18)
SHAPE_WORDS = 18

# Of a record, the last of them the move's number; of a service, three lists behind the numbers.
PROFILE_FIELDS = 9
SERVICE_NUMBERS = 6
SERVICE_FIELDS = 9


@standing_kernel
def measure_profiles(data: Bytes, first: Ints, shapes: Ints) -> int:
    """Fill the shape of each record first[i]..first[i + 1]; how many are sound before one is not."""
    for record in range(len(first) - 1):
        if not _measure(data, first[record], first[record + 1], shapes, record):
            return record
    return len(first) - 1


@kernel
def _measure(data: Bytes, at: int, end: int, shapes: Ints, row: int) -> bool:
    for column in range(SHAPE_WORDS):
        shapes[row, column] = 0
    fields, at = get_array(data, at, end)
    schema, at = get_int(data, at, end)
    if at == BAD or fields < PROFILE_FIELDS or schema != PROFILE_SCHEMA:
        return False
    shapes[row, Z_CUSTOMER_ID], at = get_int(data, at, end)
    shapes[row, Z_NAMES], at = get_array(data, at, end)
    shapes[row, Z_NAMES_AT] = at
    for _ in range(shapes[row, Z_NAMES]):
        _, length, at = get_text(data, at, end)
        shapes[row, Z_NAME_WORDS] += entry_words(length)
    shapes[row, Z_TIMES], at = get_array(data, at, end)
    shapes[row, Z_TIMES_AT] = at
    at = skip_values(data, at, end, shapes[row, Z_TIMES])
    shapes[row, Z_SERVICES], at = get_array(data, at, end)
    shapes[row, Z_SERVICES_AT] = at
    for _ in range(shapes[row, Z_SERVICES]):
        at = _measure_service(data, at, end, shapes, row)
    for part in (Z_MEMBERSHIPS_AT, Z_RECURRING_AT, Z_GROUPS_AT):
        shapes[row, part + 1], at = get_array(data, at, end)
        shapes[row, part] = at
        at = skip_values(data, at, end, shapes[row, part + 1])
    # At most: a service may use every membership.
    shapes[row, Z_SHARINGS] = shapes[row, Z_SERVICES] * shapes[row, Z_MEMBERSHIPS]
    at = skip_values(data, at, end, fields - PROFILE_FIELDS + 1)
    members = shapes[row, Z_MEMBERSHIPS]
    before = (
        shapes[row, Z_SERVICES] * IDENTIFIER_WORDS
        + shapes[row, Z_GROUPS]
        + 2 * members  # the owner's slot and number
        + CACHED_WORDS
    )
    image = (
        PROFILE_HEADER_WORDS
        + shapes[row, Z_SERVICES] * SERVICE_WORDS
        + shapes[row, Z_CANDIDATES] * CANDIDATE_WORDS
        + shapes[row, Z_SHARINGS] * MEMBERSHIP_WORDS
        + shapes[row, Z_DISCOUNTS] * DISCOUNT_WORDS
        + shapes[row, Z_RECURRING] * RECURRING_WORDS
    )
    shapes[row, Z_WORDS] = whole_lines(before) + whole_lines(image)
    return at == end


@kernel
def _measure_service(data: Bytes, at: int, end: int, shapes: Ints, row: int) -> int:
    """The offset behind a service, or BAD."""
    fields, at = get_array(data, at, end)
    if fields < SERVICE_FIELDS:
        return BAD
    at = skip_values(data, at, end, SERVICE_NUMBERS)
    # The list in the middle is of sharing groups: memberships of them are counted with the profile.
    for part in (Z_CANDIDATES, Z_SHARINGS, Z_DISCOUNTS):
        count, at = get_array(data, at, end)
        if part != Z_SHARINGS:
            shapes[row, part] += count
        at = skip_values(data, at, end, count)
    return skip_values(data, at, end, fields - SERVICE_FIELDS)


assert Z_MEMBERSHIPS == Z_MEMBERSHIPS_AT + 1
assert Z_RECURRING == Z_RECURRING_AT + 1
assert Z_GROUPS == Z_GROUPS_AT + 1
