"""Pure. Tables into TOML as a person would write it: what is flat on one line, the rest under headings."""

import json
import re
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(tables: dict[str, Any]) -> str:
    """The text of a file; every value is text, a whole number, a truth value, or a list or table of these."""
    lines: list[str] = []
    _table(tables, "", lines)
    return "\n".join(lines).lstrip("\n") + "\n"


def _table(table: dict[str, Any], path: str, lines: list[str]) -> None:
    """Plain fields first: in TOML they belong to the heading above them."""
    below = {name: value for name, value in table.items() if not _fits_a_line(value, path)}
    lines += [f"{_key(name)} = {_value(value)}" for name, value in table.items() if name not in below]
    for name, value in below.items():
        inner = f"{path}.{_key(name)}" if path else _key(name)
        if isinstance(value, list):
            for row in value:
                lines += ["", f"[[{inner}]]"]
                _table(row, inner, lines)
        else:
            # Other headings below it imply one that is followed by no plain field.
            if not value or any(_fits_a_line(field, inner) for field in value.values()):
                lines += ["", f"[{inner}]"]
            _table(value, inner, lines)


def _fits_a_line(value: Any, path: str) -> bool:
    """Whether a field needs no heading; tables at the top of a file always have one."""
    if isinstance(value, dict):
        return path != "" and _is_flat(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return path != "" and all(_is_flat(row) for row in value)
    return True


def _is_flat(table: dict[str, Any]) -> bool:
    values = [item for value in table.values() for item in (value if isinstance(value, list) else [value])]
    return not any(isinstance(value, dict) for value in values)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "[\n" + "".join(f"  {_value(row)},\n" for row in value) + "]"
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _quoted(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    # JSON escapes all that TOML wants escaped, but for one control character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
