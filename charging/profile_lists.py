"""Pure. What a stored profile lists once and its rows name by place: identifiers and times; ids by distance."""

from balance_store.profile_record import NO_END
from charging.measure_profile import Z_NAMES, Z_NAMES_AT, Z_TIMES, Z_TIMES_AT
from charging.msgpack_cursor import BAD, get_int, get_text
from rating_kernels.group_image import INFINITE_US
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# Where an identifier is in the record.
M_AT, M_LENGTH = range(2)
NAME_WORDS = 2


@kernel
def read_lists(data: Bytes, end: int, shapes: Ints, row: int, names: Ints, times: Ints) -> bool:
    """Identifiers into rows of M_*, and times; whether they can be read."""
    get = shapes[row, Z_NAMES_AT]
    for name in range(shapes[row, Z_NAMES]):
        names[name, M_AT], names[name, M_LENGTH], get = get_text(data, get, end)
    times_get = shapes[row, Z_TIMES_AT]
    for place in range(shapes[row, Z_TIMES]):
        times[place], times_get = get_int(data, times_get, end)
    return get != BAD and times_get != BAD


@standing_kernel
def get_time(data: Bytes, get: int, end: int, times: Ints, count: int) -> tuple[int, int]:
    """(the time whose place in the list stands here, next offset or BAD)."""
    place, get = get_int(data, get, end)
    if place == NO_END:
        return INFINITE_US, get
    return (times[place], get) if 0 <= place < count else (0, BAD)


@standing_kernel
def get_id(data: Bytes, get: int, end: int, customer_id: int) -> tuple[int, int]:
    """(the id whose distance from the customer's stands here, next offset or BAD)."""
    distance, get = get_int(data, get, end)
    found = customer_id + distance
    # Beyond 64 bits the sum has a sign that neither of both has.
    return (0, BAD) if (customer_id ^ found) & (distance ^ found) < 0 else (found, get)
