"""Pure. Plain tables, as TOML gives them, into structs: every fault is found, not only the first.

msgspec stops at the first fault; here each field is converted by itself. Fields that are unknown are
reported and left out, so that the rest of their table can still be checked.
"""

import difflib
import functools
import types
import typing
from typing import Any, TypeVar

import msgspec

from config.faults import Fault

S = TypeVar("S", bound=msgspec.Struct)


def struct_from_table(struct: type[S], table: Any, file: str, path: str, faults: list[Fault]) -> S | None:
    """A struct from a table; None if a field is missing or wrong. Appends to `faults`."""
    if not isinstance(table, dict):
        faults.append(Fault(file, path, "is not a table", "write a table of fields here"))
        return None
    fields = _fields(struct)
    faults += [
        Fault(file, _joined(path, name), "is not known", _nearest(name, fields))
        for name in table
        if name not in fields
    ]
    hints = _hints(struct)
    values: dict[str, Any] = {}
    before = len(faults)
    for name, field in fields.items():
        place = _joined(path, name)
        if name in table:
            found = len(faults)
            value = value_of_type(hints[field.name], table[name], file, place, faults)
            if len(faults) == found:
                values[field.name] = value
        elif field.required:
            faults.append(Fault(file, place, "is missing", "add it"))
    return struct(**values) if len(faults) == before else None


def value_of_type(kind: Any, value: Any, file: str, path: str, faults: list[Fault]) -> Any:
    """A value as its annotation wants it: a struct, a tuple or dictionary of them, or a plain value."""
    inner = _unwrapped(kind)
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if _is_struct(inner):
        return struct_from_table(inner, value, file, path, faults)
    if origin is tuple and _is_struct(_unwrapped(arguments[0])):
        # One table where a list of tables may stand is a list of one: pleasant to write.
        rows = [value] if isinstance(value, dict) else value
        if not isinstance(rows, list):
            faults.append(Fault(file, path, "is not a list of tables", "write [[...]] or a list of tables"))
            return ()
        return tuple(
            value_of_type(arguments[0], row, file, f"{path}[{number}]", faults)
            for number, row in enumerate(rows)
        )
    if origin is dict and _holds_structs(arguments[1]) and isinstance(value, dict):
        return {
            name: value_of_type(arguments[1], row, file, _joined(path, name), faults)
            for name, row in value.items()
        }
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        faults.append(Fault(file, path, *_explained(kind, value, str(error))))
        return None


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """By the names that they have in tables."""
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


@functools.cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def _unwrapped(kind: Any) -> Any:
    """The annotation without `Annotated` and without `| None`."""
    if typing.get_origin(kind) is typing.Annotated:
        return _unwrapped(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(kind) if part is not type(None)]
        if len(rest) == 1:
            return _unwrapped(rest[0])
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _holds_structs(kind: Any) -> bool:
    inner = _unwrapped(kind)
    if typing.get_origin(inner) is tuple:
        return _is_struct(_unwrapped(typing.get_args(inner)[0]))
    return _is_struct(inner)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _nearest(name: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _explained(kind: Any, value: Any, error: str) -> tuple[str, str]:
    """Message and cure for a plain value that does not fit."""
    parts = _parts(kind)
    if any(isinstance(part, msgspec.Meta) and (part.extra or {}).get("unit") == "secret" for part in parts):
        # A password of digits without its quotes: it must not be shown.
        return "is no text", "write it in quotes"
    if isinstance(value, float) and str in parts:
        return f"{value} is a float, which cannot hold an amount exactly", f'write it in quotes: "{value}"'
    if isinstance(value, float) and int in parts:
        return f"{value} is no whole number", "write a whole number, with no point and no quotes"
    for part in parts:
        if typing.get_origin(part) is typing.Literal:
            return f"{value!r} is not one of its values", f"write {', '.join(typing.get_args(part))}"
        if isinstance(part, msgspec.Meta) and part.ge is not None and type(value) is int:
            return f"{value} is out of bounds", f"write {part.ge} to {part.le}"
    message = error[:1].lower() + error[1:].partition(" - at ")[0]
    return message, f"{value!r} is of the wrong type"


def _parts(kind: Any) -> list[Any]:
    """An annotation and everything inside it."""
    return [kind, *(part for argument in typing.get_args(kind) for part in _parts(argument))]
