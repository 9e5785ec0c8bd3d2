"""Pure. Boundaries of cycles, compiled into one list for each calendar in use."""

from rating_kernels.group_image import INFINITE_US
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints


@kernel
def next_boundary(calendars: Ints, calendar: int, after_us: int) -> int:
    """The first cycle boundary after an instant; INFINITE_US past the compiled years."""
    low = calendars[calendar]
    high = calendars[calendar + 1]
    while low < high:
        middle = (low + high) // 2
        if calendars[middle] <= after_us:
            low = middle + 1
        else:
            high = middle
    if low == calendars[calendar + 1]:
        return INFINITE_US
    return calendars[low]
