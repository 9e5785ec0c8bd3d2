"""Pure. A table of settings and an environment into Settings.

A variable CHARGELINE_<SECTION>__<KEY> (also ..__<KEY>__<KEY>) goes before the file; its text is read as
what the setting is. An unknown variable of that form is a fault too: it is a typing mistake. Others with
the prefix are left alone: Kubernetes gives every pod CHARGELINE_SERVICE_HOST if a service is named so.
"""

import copy
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

from config.checked_tables import struct_from_table
from config.faults import Fault
from config.settings import Settings

PREFIX = "CHARGELINE_"
_SEPARATOR = "__"


def settings_from_table(
    table: dict[str, Any], file: str, environ: Mapping[str, str]
) -> tuple[Settings, list[Fault]]:
    """Settings, and every fault of file and environment; with faults the settings are the defaults."""
    faults: list[Fault] = []
    merged = copy.deepcopy(table)
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and _SEPARATOR in variable:
            _lay_over(merged, variable, environ[variable], faults)
    settings = struct_from_table(Settings, merged, file, "", faults)
    return settings or Settings(), faults


def _lay_over(table: dict[str, Any], variable: str, text: str, faults: list[Fault]) -> None:
    """Put one variable into the table, if there is such a setting and the text can be one."""
    struct: type[msgspec.Struct] = Settings
    names = variable.removeprefix(PREFIX).lower().split(_SEPARATOR)
    inner: Any = table
    for depth, name in enumerate(names):
        kind = typing.get_type_hints(struct, include_extras=True).get(name)
        nested = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        if kind is None or nested == (depth == len(names) - 1):
            cure = (
                f"sections of Settings are {', '.join(Settings.__struct_fields__)}; see `charging settings`"
            )
            faults.append(Fault("environment", variable, "names no setting", cure))
            return
        if nested:
            struct, inner = kind, inner.setdefault(name, {})
            if not isinstance(inner, dict):
                return
        else:
            try:
                inner[name] = msgspec.convert(text, kind, strict=False)
            except msgspec.ValidationError as error:
                message = str(error)[:1].lower() + str(error)[1:]
                faults.append(Fault("environment", variable, message, f"{text!r} does not do"))
