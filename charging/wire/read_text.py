"""Pure. Text as a kernel reads it: whether it is UTF-8, decimal quantities, and instants by RFC 3339.

Each takes the usual forms only and says NOT_MINE to the rest, right or wrong: msgspec and datetime then look
at it. What is taken, they read the same.
"""

import numpy as np

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes

NOT_MINE = -1
ZERO, NINE = 48, 57
MINUS, PLUS, DOT, COLON, TEE, ZED = 45, 43, 46, 58, 84, 90
WHOLE_DIGITS_MAX = 18
# A number up to this takes one more digit without passing 64 bits.
TAKES_A_DIGIT = (2**63 - 10) // 10
SECOND_US = 1_000_000
DAY_S = 86_400
MICROSECOND_DIGITS = 6
# "2026-10-05T10:00:00": what every instant begins with.
DATE_TIME_LENGTH = 19


@kernel
def byte_at(data: Bytes, at: int) -> int:
    """A byte as a signed number: an unsigned one would make all unsigned that it is reckoned with."""
    return np.int64(data[at])  # type: ignore[return-value]  # numba: an int64


@kernel
def characters(data: Bytes, at: int, length: int) -> int:
    """Code points of UTF-8, or NOT_MINE where the bytes are not (Unicode 15, table 3-7)."""
    bits = np.uint8(0)
    for place in range(at, at + length):
        bits |= data[place]
    if bits < 0x80:
        return length
    count = 0
    end = at + length
    while at < end:
        byte = data[at]
        at += 1
        count += 1
        if byte < 0x80:
            continue
        if byte < 0xC2 or byte > 0xF4:
            return NOT_MINE
        more = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
        if more > end - at:
            return NOT_MINE
        # The first of them tells overlong forms, surrogates, and what lies beyond the last code point.
        lowest = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
        highest = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
        if data[at] < lowest or data[at] > highest:
            return NOT_MINE
        for place in range(at + 1, at + more):
            if data[place] & 0xC0 != 0x80:
                return NOT_MINE
        at += more
    return count


@kernel
def decimal(data: Bytes, at: int, length: int, decimals: int) -> int:
    """Decimal text, counted in 10**-decimals; NOT_MINE where it is signed, too fine or too large."""
    end = at + length
    value = 0
    digits = 0
    while at < end and ZERO <= data[at] <= NINE:
        if digits == WHOLE_DIGITS_MAX:
            return NOT_MINE
        value = value * 10 + byte_at(data, at) - ZERO
        digits += 1
        at += 1
    if digits == 0 or (at < end and data[at] != DOT) or at + 1 == end:
        return NOT_MINE
    at += 1
    places = 0
    while at < end or places < decimals:
        digit = byte_at(data, at) - ZERO if at < end else 0
        if digit < 0 or digit > 9 or value > TAKES_A_DIGIT or (places >= decimals and digit != 0):
            return NOT_MINE
        if places < decimals:
            value = value * 10 + digit
        places += 1
        at += 1
    return value


@kernel
def _digits(data: Bytes, at: int, count: int) -> int:
    """So many digits as a number; far below zero where one is none."""
    value = 0
    for place in range(at, at + count):
        digit = byte_at(data, place) - ZERO
        if digit < 0 or digit > 9:
            return -1_000_000
        value = value * 10 + digit
    return value


@kernel
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar; years are counted from March, so that leap days come last."""
    since_march = (month + 9) % 12
    year -= since_march // 10
    return 365 * year + year // 4 - year // 100 + year // 400 + (since_march * 306 + 5) // 10 + day - 719_469


@kernel
def _days_of_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel
def _offset_s(data: Bytes, at: int, end: int) -> int:
    """Seconds east of UTC, from `Z` or `+hh:mm` to the end; a day or more where it is neither."""
    if at + 1 == end and data[at] == ZED:
        return 0
    if at + 6 != end or (data[at] != PLUS and data[at] != MINUS) or data[at + 3] != COLON:
        return DAY_S
    hours, minutes = _digits(data, at + 1, 2), _digits(data, at + 4, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return DAY_S
    seconds = hours * 3_600 + minutes * 60
    return seconds if data[at] == PLUS else -seconds


@kernel
def instant_us(data: Bytes, at: int, length: int) -> int:
    """Epoch microseconds of RFC 3339 text as most write it; NOT_MINE where it is anything else, or before 1970."""
    end = at + length
    if length <= DATE_TIME_LENGTH or data[at + 4] != MINUS or data[at + 7] != MINUS:
        return NOT_MINE
    if data[at + 10] != TEE or data[at + 13] != COLON or data[at + 16] != COLON:
        return NOT_MINE
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute, second = _digits(data, at + 11, 2), _digits(data, at + 14, 2), _digits(data, at + 17, 2)
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_of_month(year, month):
        return NOT_MINE
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return NOT_MINE
    at += DATE_TIME_LENGTH
    fraction_us = 0
    if data[at] == DOT:
        at += 1
        first = at
        while at < end and ZERO <= data[at] <= NINE:
            if at - first < MICROSECOND_DIGITS:  # finer ones are cut, as datetime cuts them
                fraction_us = fraction_us * 10 + byte_at(data, at) - ZERO
            at += 1
        if at == first:
            return NOT_MINE
        for _ in range(at - first, MICROSECOND_DIGITS):
            fraction_us *= 10
    offset_s = _offset_s(data, at, end) if at < end else DAY_S
    if offset_s == DAY_S:
        return NOT_MINE
    second_of_day = hour * 3_600 + minute * 60 + second - offset_s
    time_us = (_days(year, month, day) * DAY_S + second_of_day) * SECOND_US + fraction_us
    return time_us if time_us >= 0 else NOT_MINE
