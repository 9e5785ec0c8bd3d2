"""Pure. Event types and fields of a catalogue as arrays, so that a kernel finds them by their bytes."""

import functools
from typing import NamedTuple

import numpy as np

from config.compiled_catalogue import EventTypeInfo
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

# Words of a type, and of a field. Names are few: they are compared one after the other.
T_NAME_AT, T_NAME_LENGTH, T_INDEX, T_DECIMALS, T_QUANTITY_MAX, T_FIELD_FIRST, T_FIELD_END = range(7)
F_NAME_AT, F_NAME_LENGTH, F_SLOT, F_IS_TEXT, F_MANDATORY = range(5)
_TYPE_WORDS, _FIELD_WORDS = 7, 5
NOT_FOUND = -1


class EventNames(NamedTuple):
    """Rows T_* of types, rows F_* of their fields, and the names' bytes."""

    types: Ints
    fields: Ints
    text: Bytes


@functools.lru_cache(maxsize=4)  # one catalogue in use, one that follows it
def event_names(infos: tuple[EventTypeInfo, ...]) -> EventNames:
    """The arrays of a catalogue's event types."""
    text = bytearray()

    def placed(name: str) -> tuple[int, int]:
        encoded = name.encode()
        text.extend(encoded)
        return len(text) - len(encoded), len(encoded)

    types: list[tuple[int, ...]] = []
    fields: list[tuple[int, ...]] = []
    for info in infos:
        first = len(fields)
        fields += [
            (*placed(field.name), field.slot, field.kind == "text", field.mandatory) for field in info.fields
        ]
        head = (*placed(info.code), info.index, info.quantity_decimals, info.quantity_max)
        types.append((*head, first, len(fields)))
    return EventNames(
        np.array(types, np.int64).reshape(len(types), _TYPE_WORDS),
        np.array(fields, np.int64).reshape(len(fields), _FIELD_WORDS),
        np.frombuffer(bytes(text) or b"\0", np.uint8),
    )


@kernel
def is_name(data: Bytes, at: int, length: int, text: Bytes, name_at: int, name_length: int) -> bool:
    """Whether the bytes at a place are a name of the text."""
    if length != name_length:
        return False
    for place in range(length):
        if data[at + place] != text[name_at + place]:
            return False
    return True


@kernel
def type_row(data: Bytes, at: int, length: int, types: Ints, text: Bytes) -> int:
    """The row of the event type with this code, or NOT_FOUND."""
    for row in range(len(types)):
        if is_name(data, at, length, text, types[row, T_NAME_AT], types[row, T_NAME_LENGTH]):
            return row
    return NOT_FOUND
