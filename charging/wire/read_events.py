"""Pure. Messages that carry one event in the plain form, read into rows by a kernel; the rest is left to msgspec.

The plain form is an object of the known names in JSON or MessagePack, written in the usual way and right in
every respect: whatever is unusual or would be refused is not read here, so reasons come from one place.
"""

import numpy as np

from charging.decoded_batch import (
    CODEC_JSON,
    CODEC_MSGPACK,
    CODEC_OBJECT,
    S_CODEC,
    S_SERVICE_AT,
    S_SERVICE_LENGTH,
    SPAN_WORDS,
)
from charging.messages import (
    M_HEADERS_AT,
    M_HEADERS_LENGTH,
    M_OFFSET,
    M_PARTITION,
    M_TIMESTAMP_MS,
    M_VALUE_AT,
    M_VALUE_LENGTH,
    MessageColumns,
)
from charging.usage_event import TEXT_MAX
from charging.wire.cut_records import read_varint
from charging.wire.event_names import (
    F_IS_TEXT,
    F_MANDATORY,
    F_NAME_AT,
    F_NAME_LENGTH,
    F_SLOT,
    NOT_FOUND,
    T_DECIMALS,
    T_FIELD_END,
    T_FIELD_FIRST,
    T_INDEX,
    T_QUANTITY_MAX,
    EventNames,
    is_name,
    type_row,
)
from charging.wire.event_parts import (
    FIELD_COUNT,
    FIELD_VALUE,
    FIELD_WORDS,
    FIELDS_FIRST,
    ID,
    INTEGER,
    MISSING,
    NAME_AT,
    NAME_LENGTH,
    NOTE_WORDS,
    QUANTITY,
    SERVICE,
    SOURCE,
    TEXT,
    TIME,
    TYPE,
    V_AT,
    V_KIND,
    V_LENGTH,
    V_NUMBER,
    VALUE_WORDS,
    begin,
)
from charging.wire.id_hash import xxh64
from charging.wire.read_json import read_json
from charging.wire.read_msgpack import read_msgpack
from charging.wire.read_text import NOT_MINE, characters, decimal, instant_us
from rating_kernels import batch_words as e
from rating_kernels.group_image import INFINITE_US
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import FIELDS_MAX, Bytes, Ints

UTF8_BYTES_MAX = 4
TIMESTAMP_MS_MAX = INFINITE_US // 1_000
_CONTENT_TYPE = np.frombuffer(b"content-type", np.uint8)
_JSON_TYPE = np.frombuffer(b"application/json", np.uint8)
_MSGPACK_TYPE = np.frombuffer(b"application/msgpack", np.uint8)
_SEMICOLON, _CASE_BIT = 59, 0x20
_CLOUD_EVENT = np.frombuffer(b"ce_", np.uint8)


def read_events(messages: MessageColumns, names: EventNames, message_bytes_max: int) -> tuple[Ints, Ints]:
    """(words, spans): a row a message. Where its codec is CODEC_OBJECT no event was read, and its words are void."""
    count = len(messages)
    words = np.empty((count, e.EVENT_WORDS), np.int64)
    spans = np.empty((count, SPAN_WORDS), np.int64)
    _read_events(
        messages.words,
        messages.data,
        names.types,
        names.fields,
        names.text,
        message_bytes_max,
        words,
        spans,
        np.zeros(NOTE_WORDS, np.int64),
        np.zeros(2 * UTF8_BYTES_MAX * TEXT_MAX + 1, np.uint8),
    )
    return words, spans


@standing_kernel
def _read_events(
    messages: Ints,
    data: Bytes,
    types: Ints,
    fields: Ints,
    text: Bytes,
    message_bytes_max: int,
    words: Ints,
    spans: Ints,
    notes: Ints,
    hashed: Bytes,
) -> None:
    for row in range(len(messages)):
        begin(notes, spans, row)
        codec = _codec(messages, data, row, message_bytes_max)
        at = messages[row, M_VALUE_AT]
        end = at + messages[row, M_VALUE_LENGTH]
        is_read = False
        if codec == CODEC_JSON:
            is_read = read_json(data, at, end, notes, spans, row)
        elif codec == CODEC_MSGPACK:
            is_read = read_msgpack(data, at, end, notes, spans, row)
        if is_read and _fill(data, notes, types, fields, text, words, row, hashed):
            words[row, e.PARTITION] = messages[row, M_PARTITION]
            words[row, e.OFFSET] = messages[row, M_OFFSET]
            words[row, e.MESSAGE_TIME_US] = _message_time_us(messages[row, M_TIMESTAMP_MS])
            spans[row, S_CODEC] = codec
            spans[row, S_SERVICE_AT] = notes[SERVICE * VALUE_WORDS + V_AT]
            spans[row, S_SERVICE_LENGTH] = notes[SERVICE * VALUE_WORDS + V_LENGTH]


def message_time_us(timestamp_ms: int) -> int:
    """A message's timestamp in microseconds; what a producer made up stays within what counts as time."""
    return min(max(timestamp_ms, -TIMESTAMP_MS_MAX), TIMESTAMP_MS_MAX) * 1_000


_message_time_us = kernel(message_time_us)


@kernel
def _is_lower(data: Bytes, at: int, length: int, name: Bytes) -> bool:
    """Whether so many bytes begin with a name of lower case, in whatever case they are."""
    if length < len(name):
        return False
    for place in range(len(name)):
        byte = data[at + place]
        lower = byte | _CASE_BIT if 65 <= byte <= 90 else byte
        if lower != name[place]:
            return False
    return True


@kernel
def _is_type(data: Bytes, at: int, length: int, name: Bytes) -> bool:
    """Whether a content type is this one, with parameters or without."""
    if length > len(name) and data[at + len(name)] != _SEMICOLON:
        return False
    if length < len(name):
        return False
    for place in range(len(name)):
        if data[at + place] != name[place]:
            return False
    return True


@kernel
def _codec(messages: Ints, data: Bytes, row: int, message_bytes_max: int) -> int:
    """Which kernel may try: JSON if nothing is said; CODEC_OBJECT for a tombstone and what is too large."""
    length = messages[row, M_VALUE_LENGTH]
    if length <= 0 or length > message_bytes_max:
        return CODEC_OBJECT
    if messages[row, M_HEADERS_LENGTH] == 0:
        return CODEC_JSON
    at = messages[row, M_HEADERS_AT]
    return _codec_of_headers(data, at, at + messages[row, M_HEADERS_LENGTH])


@kernel
def _codec_of_headers(data: Bytes, at: int, end: int) -> int:
    """The same by the header section, which was found sound when it was cut; others' headers do not matter."""
    codec = CODEC_OBJECT
    is_named = False
    count, at = read_varint(data, at, end)
    for _ in range(count):
        name_length, name_at = read_varint(data, at, end)
        if name_at < 0 or not 0 <= name_length <= end - name_at:
            return CODEC_OBJECT
        length, at = read_varint(data, name_at + name_length, end)
        length = max(length, 0)
        if at < 0 or length > end - at or _is_lower(data, name_at, name_length, _CLOUD_EVENT):
            return CODEC_OBJECT
        if name_length == len(_CONTENT_TYPE) and _is_lower(data, name_at, name_length, _CONTENT_TYPE):
            if is_named:
                return CODEC_OBJECT
            is_named = True
            if _is_type(data, at, length, _JSON_TYPE):
                codec = CODEC_JSON
            elif _is_type(data, at, length, _MSGPACK_TYPE):
                codec = CODEC_MSGPACK
        at += length
    return codec if is_named else CODEC_JSON


@kernel
def _is_short(data: Bytes, notes: Ints, part: int) -> bool:
    """Whether a part is text of 1 to TEXT_MAX characters."""
    base = part * VALUE_WORDS
    length = notes[base + V_LENGTH]
    if notes[base + V_KIND] != TEXT or length == 0 or length > UTF8_BYTES_MAX * TEXT_MAX:
        return False
    return length <= TEXT_MAX or characters(data, notes[base + V_AT], length) <= TEXT_MAX


@kernel
def _time_us(data: Bytes, notes: Ints) -> int:
    base = TIME * VALUE_WORDS
    kind = notes[base + V_KIND]
    if kind == INTEGER:
        return notes[base + V_NUMBER]
    return instant_us(data, notes[base + V_AT], notes[base + V_LENGTH]) if kind == TEXT else NOT_MINE


@kernel
def _quantity(data: Bytes, notes: Ints, decimals: int, maximum: int) -> int:
    """In 10**-decimals of the unit, at most the maximum; 1 where the event has none."""
    base = QUANTITY * VALUE_WORDS
    kind = notes[base + V_KIND]
    number = 1 if kind == MISSING else notes[base + V_NUMBER]
    if kind == TEXT:
        number = decimal(data, notes[base + V_AT], notes[base + V_LENGTH], decimals)
    elif kind in (MISSING, INTEGER):
        for _ in range(decimals):
            if number < 0 or number > maximum:
                return NOT_MINE
            number *= 10
    else:
        return NOT_MINE
    return number if 0 <= number <= maximum else NOT_MINE


@kernel
def _fill(
    data: Bytes, notes: Ints, types: Ints, fields: Ints, text: Bytes, words: Ints, row: int, hashed: Bytes
) -> bool:
    """Whether what was noted is a right event; then the row is its words."""
    if not (
        _is_short(data, notes, ID) and _is_short(data, notes, SOURCE) and _is_short(data, notes, SERVICE)
    ):
        return False
    if notes[TYPE * VALUE_WORDS + V_KIND] != TEXT:
        return False
    base = TYPE * VALUE_WORDS
    kind = type_row(data, notes[base + V_AT], notes[base + V_LENGTH], types, text)
    if kind == NOT_FOUND:
        return False
    time_us = _time_us(data, notes)
    quantity = _quantity(data, notes, types[kind, T_DECIMALS], types[kind, T_QUANTITY_MAX])
    if time_us < 0 or time_us >= INFINITE_US or quantity == NOT_MINE:
        return False
    words[row, e.OUTCOME] = 0
    words[row, e.EVENT_INDEX] = 0
    words[row, e.EVENT_TYPE] = types[kind, T_INDEX]
    words[row, e.TIME_US] = time_us
    words[row, e.QUANTITY] = quantity
    words[row, e.ID_HASH] = _id_hash(data, notes, hashed)
    words[row, e.PROFILE_AT] = -1
    words[row, e.IDENTIFIER_NO] = 0
    for slot in range(FIELDS_MAX):
        words[row, e.FIELD_AT + slot] = -1
        words[row, e.FIELD_LENGTH + slot] = -1
        words[row, e.FIELD_NUMBER + slot] = 0
    for field in range(types[kind, T_FIELD_FIRST], types[kind, T_FIELD_END]):
        if not _fill_field(data, notes, fields, field, text, words, row):
            return False
    return True


@kernel
def _fill_field(
    data: Bytes, notes: Ints, fields: Ints, field: int, text: Bytes, words: Ints, row: int
) -> bool:
    """Whether the event has a right value for the field, or need not have it."""
    base = FIELDS_FIRST
    end = FIELDS_FIRST + notes[FIELD_COUNT] * FIELD_WORDS
    name_at, name_length = fields[field, F_NAME_AT], fields[field, F_NAME_LENGTH]
    while base < end and not is_name(
        data, notes[base + NAME_AT], notes[base + NAME_LENGTH], text, name_at, name_length
    ):
        base += FIELD_WORDS
    if base == end:
        return fields[field, F_MANDATORY] == 0
    base += FIELD_VALUE
    if notes[base + V_KIND] != (TEXT if fields[field, F_IS_TEXT] else INTEGER):
        return False
    slot = fields[field, F_SLOT]
    if slot < 0:
        return True
    if fields[field, F_IS_TEXT]:
        words[row, e.FIELD_AT + slot] = notes[base + V_AT]
        words[row, e.FIELD_LENGTH + slot] = notes[base + V_LENGTH]
    else:
        words[row, e.FIELD_LENGTH + slot] = 0
        words[row, e.FIELD_NUMBER + slot] = notes[base + V_NUMBER]
    return True


@kernel
def _id_hash(data: Bytes, notes: Ints, hashed: Bytes) -> int:
    """The hash of source and id (`charging.wire.id_hash`)."""
    length = _put(data, notes, SOURCE, hashed, 0)
    hashed[length] = 0
    return xxh64(hashed, _put(data, notes, ID, hashed, length + 1))


@kernel
def _put(data: Bytes, notes: Ints, part: int, out: Bytes, at: int) -> int:
    first = notes[part * VALUE_WORDS + V_AT]
    for place in range(notes[part * VALUE_WORDS + V_LENGTH]):
        out[at] = data[first + place]
        at += 1
    return at
