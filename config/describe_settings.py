"""Pure. The settings as one table, for `charging settings` and the documentation."""

import typing
from typing import Any, NamedTuple

import msgspec

from config.read_settings import PREFIX
from config.settings import Settings


class SettingRow(NamedTuple):
    """One setting as people read it."""

    name: str
    environment: str
    unit: str
    bounds: str
    default: str
    reason: str


def settings_table() -> list[SettingRow]:
    """Every setting, in the order of the sections."""
    return _rows(Settings(), ())


def settings_text() -> str:
    """The table with aligned columns, one setting a line."""
    rows = [SettingRow("SETTING", "ENVIRONMENT", "UNIT", "BOUNDS", "DEFAULT", "WHY"), *settings_table()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _rows(struct: msgspec.Struct, path: tuple[str, ...]) -> list[SettingRow]:
    rows: list[SettingRow] = []
    for name, kind in typing.get_type_hints(type(struct), include_extras=True).items():
        value, place = getattr(struct, name), (*path, name)
        if isinstance(value, msgspec.Struct):
            rows += _rows(value, place)
            continue
        plain, meta = typing.get_args(kind)
        rows.append(
            SettingRow(
                name=".".join(place),
                environment=PREFIX + "__".join(place).upper(),
                unit=meta.extra["unit"],
                bounds=_bounds(plain, meta),
                default=_shown(value),
                reason=meta.description,
            )
        )
    return rows


def _bounds(plain: Any, meta: msgspec.Meta) -> str:
    if meta.ge is not None:
        return f"{meta.ge}..{meta.le}"
    if typing.get_origin(plain) is typing.Literal:
        return " | ".join(typing.get_args(plain))
    return "any"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value == "" else str(value)
