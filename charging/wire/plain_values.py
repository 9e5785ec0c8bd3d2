"""Pure. Texts and whole numbers, read from JSON or MessagePack and written as either.

Plain means: valid UTF-8 without escapes, whole numbers of up to 18 digits, maps of texts to these. What is
not plain is refused, never guessed; and nothing is read beyond the end that is given.
JSON is RFC 8259. MessagePack is written as msgspec does it, each value in its shortest form.
"""

import numpy as np

from charging.decoded_batch import CODEC_JSON
from charging.wire.copy_bytes import put_bytes
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

REFUSED = -1
# In place of a text's length: the value is a number.
NUMBER = -1
DIGITS_MAX = 18
NUMBER_MAX = 10**DIGITS_MAX - 1
# A map of more is no head of one byte in MessagePack; few enough to look for a key that comes twice.
FIELDS_MAX = 15
KEY_WORDS = 2
QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, COMMA, COLON, MINUS, POINT, ZERO = (
    b'"\\{}[],:-.0'
)
SLASH = ord("/")
CONTROLS_END = 0x20
FIXMAP, FIXARRAY, FIXSTR = 0x80, 0x90, 0xA0
UINT8, INT8, STR8, STR16, ARRAY16, MAP16 = 0xCC, 0xD0, 0xD9, 0xDA, 0xDC, 0xDE
NEGATIVE_FIXINT = 0xE0
SHORT_TEXT, SHORT_LIST = 32, 16  # what is shorter has its length in the head's one byte


# Writing ---------------------------------------------------------------------------------------


@kernel
def digits_of(number: int) -> int:
    """How many digits a number from 0 on has."""
    digits = 1
    limit = 10
    while digits <= DIGITS_MAX and number >= limit:
        digits += 1
        limit *= 10
    return digits


@kernel
def put_digits(out: Bytes, at: int, number: int, width: int) -> int:
    """The last `width` digits of a number from 0 on."""
    left = np.uint64(number)
    for place in range(width):
        out[at + width - 1 - place] = np.uint8(ZERO) + np.uint8(left % np.uint64(10))
        left //= np.uint64(10)
    return at + width


@kernel
def put_big_endian(out: Bytes, at: int, number: int, width: int) -> int:
    """The last `width` bytes of a number."""
    for place in range(width):
        out[at + place] = np.uint8((number >> (8 * (width - 1 - place))) & 0xFF)
    return at + width


@kernel
def put_number(out: Bytes, at: int, number: int, form: int) -> int:
    """A whole number within NUMBER_MAX."""
    if form == CODEC_JSON:
        if number < 0:
            out[at] = MINUS
            at += 1
            number = -number
        return put_digits(out, at, number, digits_of(number))
    if -32 <= number < 128:
        return put_big_endian(out, at, number, 1)
    head = UINT8 if number >= 0 else INT8
    # One bit less where a sign has its place.
    reach = number if number >= 0 else 2 * (-number - 1) + 1
    power = 0
    while power < 3 and reach >= 1 << (8 << power):
        power += 1
    out[at] = np.uint8(head + power)
    return put_big_endian(out, at + 1, number, 1 << power)


@kernel
def open_text(out: Bytes, at: int, length: int, form: int) -> int:
    """What comes before a text of so many bytes, less than 64 KiB."""
    if form == CODEC_JSON:
        out[at] = QUOTE
        return at + 1
    if length < SHORT_TEXT:
        out[at] = np.uint8(FIXSTR + length)
        return at + 1
    wide = length > 0xFF
    out[at] = np.uint8(STR16 if wide else STR8)
    return put_big_endian(out, at + 1, length, 2 if wide else 1)


@kernel
def close_with(out: Bytes, at: int, mark: int, form: int) -> int:
    """JSON's mark at the end of what was opened; MessagePack has none."""
    if form == CODEC_JSON:
        out[at] = np.uint8(mark)
        return at + 1
    return at


@kernel
def open_list(out: Bytes, at: int, length: int, kind: int, form: int) -> int:
    """The head of a map or an array, FIXMAP or FIXARRAY, of less than 65,536."""
    if form == CODEC_JSON:
        out[at] = np.uint8(OPEN_BRACE if kind == FIXMAP else OPEN_BRACKET)
        return at + 1
    if length < SHORT_LIST:
        out[at] = np.uint8(kind + length)
        return at + 1
    out[at] = np.uint8(MAP16 if kind == FIXMAP else ARRAY16)
    return put_big_endian(out, at + 1, length, 2)


@kernel
def put_decimal(out: Bytes, at: int, amount: int, decimals: int, form: int) -> int:
    """An amount within NUMBER_MAX as decimal text, as `output_records.decimal_text` has it."""
    whole = abs(amount)
    scale = 1
    for _ in range(decimals):
        scale *= 10
    fraction = whole % scale
    whole //= scale
    width = decimals if fraction else 0
    while width and fraction % 10 == 0:
        fraction //= 10
        width -= 1
    whole_width = digits_of(whole)
    at = open_text(out, at, (amount < 0) + whole_width + (width + 1 if width else 0), form)
    if amount < 0:
        out[at] = MINUS
        at += 1
    at = put_digits(out, at, whole, whole_width)
    if width:
        out[at] = POINT
        at = put_digits(out, at + 1, fraction, width)
    return close_with(out, at, QUOTE, form)


# Reading ---------------------------------------------------------------------------------------


@kernel
def _read_json(text: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    if text[at] == QUOTE:
        first = at + 1
        at = first
        while at < end and text[at] != QUOTE:
            if text[at] == BACKSLASH or text[at] < CONTROLS_END:
                return REFUSED, 0, 0, 0
            at += 1
        return (at + 1 if at < end else REFUSED), first, at - first, 0
    negative = text[at] == MINUS
    first = at + negative
    at = first
    number = 0
    while at < end and ZERO <= text[at] < ZERO + 10 and at - first <= DIGITS_MAX:
        number = 10 * number + text[at] - ZERO
        at += 1
    digits = at - first
    plain = 0 < digits <= DIGITS_MAX and (text[first] != ZERO or (digits == 1 and not negative))
    return (at if plain else REFUSED), 0, NUMBER, -number if negative else number


@kernel
def _read_big_endian(text: Bytes, at: int, width: int, above: int) -> int:
    """A number whose upper bytes are `above`: 0, or -1 below zero."""
    number = above
    for place in range(width):
        number = (number << 8) | text[at + place]
    return number


@kernel
def _read_msgpack(text: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    head = int(text[at])
    at += 1
    if FIXSTR <= head < FIXSTR + SHORT_TEXT or head in (STR8, STR16):
        length = head - FIXSTR
        if head >= STR8:
            width = head - STR8 + 1
            if at + width > end:
                return REFUSED, 0, 0, 0
            length = _read_big_endian(text, at, width, 0)
            at += width
        return (at + length if at + length <= end else REFUSED), at, length, 0
    if head < FIXMAP or head >= NEGATIVE_FIXINT:
        return at, 0, NUMBER, head if head < FIXMAP else head - 256
    if not UINT8 <= head < INT8 + 4:
        return REFUSED, 0, 0, 0
    signed = head >= INT8
    width = 1 << (head - (INT8 if signed else UINT8))
    if at + width > end:
        return REFUSED, 0, 0, 0
    number = _read_big_endian(text, at, width, -1 if signed and text[at] > 0x7F else 0)
    if not -NUMBER_MAX <= number <= NUMBER_MAX or (number < 0 and not signed):
        return REFUSED, 0, 0, 0
    return at + width, 0, NUMBER, number


@kernel
def read_value(text: Bytes, at: int, end: int, codec: int) -> tuple[int, int, int, int]:
    """(next place or REFUSED, first byte of a text, its length or NUMBER, the number)."""
    if at >= end:
        return REFUSED, 0, 0, 0
    if codec == CODEC_JSON:
        return _read_json(text, at, end)
    return _read_msgpack(text, at, end)


# From one to the other -------------------------------------------------------------------------


@kernel
def put_value(
    out: Bytes, at: int, text: Bytes, first: int, length: int, number: int, codec: int, form: int
) -> int:
    """What `read_value` found; REFUSED where a text of MessagePack is another within quotes."""
    if length == NUMBER:
        return put_number(out, at, number, form)
    if form == CODEC_JSON and codec != CODEC_JSON:
        for place in range(first, first + length):
            byte = text[place]
            if byte < CONTROLS_END or byte in (QUOTE, BACKSLASH):
                return REFUSED
    at = put_bytes(out, open_text(out, at, length, form), text, first, length)
    return close_with(out, at, QUOTE, form)


@kernel
def copy_value(out: Bytes, at: int, text: Bytes, first: int, length: int, codec: int, form: int) -> int:
    """One value that fills its bytes; the next place or REFUSED."""
    end, first_byte, text_length, number = read_value(text, first, first + length, codec)
    if end != first + length:
        return REFUSED
    return put_value(out, at, text, first_byte, text_length, number, codec, form)


@kernel
def _skip_blanks(text: Bytes, at: int, end: int, codec: int) -> int:
    if codec == CODEC_JSON:
        while at < end and text[at] in (0x20, 0x09, 0x0A, 0x0D):
            at += 1
    return at


@kernel
def _past_mark(text: Bytes, at: int, end: int, codec: int, mark: int) -> int:
    """The place behind a mark of JSON and the blanks around it; MessagePack has none."""
    if codec != CODEC_JSON:
        return at
    at = _skip_blanks(text, at, end, codec)
    if at >= end or text[at] != mark:
        return REFUSED
    return _skip_blanks(text, at + 1, end, codec)


@kernel
def _is_new(text: Bytes, first: int, length: int, keys: Ints, count: int) -> bool:
    for known in range(count):
        if keys[known, 1] == length:
            place = 0
            while place < length and text[keys[known, 0] + place] == text[first + place]:
                place += 1
            if place == length:
                return False
    return True


@kernel
def copy_map(
    out: Bytes, at: int, text: Bytes, first: int, length: int, codec: int, form: int, keys: Ints
) -> int:
    """A map of texts to texts and numbers that fills its bytes, members in their order; the next place or REFUSED.

    `keys` is room for FIELDS_MAX rows of KEY_WORDS.
    """
    end = first + length
    head_at = at
    at += 1
    in_json = codec == CODEC_JSON
    if length < 1 or (text[first] != OPEN_BRACE if in_json else not FIXMAP <= text[first] < FIXARRAY):
        return REFUSED
    members = 0 if in_json else text[first] - FIXMAP
    place = _skip_blanks(text, first + 1, end, codec)
    count = 0
    while (place < end and text[place] != CLOSE_BRACE) if in_json else count < members:
        if count == FIELDS_MAX:
            return REFUSED
        if count > 0:
            place = _past_mark(text, place, end, codec, COMMA)
            at = close_with(out, at, COMMA, form)
        if place == REFUSED:
            return REFUSED
        place, key_at, key_length, _ = read_value(text, place, end, codec)
        if place == REFUSED or key_length == NUMBER or not _is_new(text, key_at, key_length, keys, count):
            return REFUSED
        keys[count, 0], keys[count, 1] = key_at, key_length
        at = put_value(out, at, text, key_at, key_length, 0, codec, form)
        place = _past_mark(text, place, end, codec, COLON)
        if at == REFUSED or place == REFUSED:
            return REFUSED
        at = close_with(out, at, COLON, form)
        place, value_at, value_length, number = read_value(text, place, end, codec)
        if place == REFUSED:
            return REFUSED
        at = put_value(out, at, text, value_at, value_length, number, codec, form)
        if at == REFUSED:
            return REFUSED
        place = _skip_blanks(text, place, end, codec)
        count += 1
    if place + in_json != end:
        return REFUSED
    open_list(out, head_at, count, FIXMAP, form)
    return close_with(out, at, CLOSE_BRACE, form)
