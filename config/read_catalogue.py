"""Pure. The tables of several files into one Catalogue."""

import re
import typing
from typing import Any

from config.catalogue import PLURALS, Catalogue, CatalogueFile, Site
from config.checked_tables import struct_from_table
from config.faults import Fault

_DEFAULT_VERSION = 1
_CODE = re.compile(r"[\w.+-]{1,64}")


def catalogue_from_tables(files: dict[str, dict[str, Any]]) -> tuple[Catalogue, list[Fault]]:
    """File name -> its tables. With faults the catalogue holds what could be read, for further checks."""
    reading = _Reading()
    for file, tables in files.items():
        reading.read(file, tables)
    return reading.finish()


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.rows: dict[str, dict[str, Any]] = {table: {} for table in PLURALS}
        self.files: dict[tuple[str, str], str] = {}
        self.broken: set[tuple[str, str]] = set()
        self.single: dict[str, tuple[str, Any]] = {}  # version and site: where, and what
        hints = typing.get_type_hints(CatalogueFile)
        self.structs = {table: typing.get_args(hints[table])[0] for table in PLURALS}

    def read(self, file: str, tables: dict[str, Any]) -> None:
        for table, value in tables.items():
            if table in ("version", "site"):
                self._take_single(file, table, value)
            elif table not in PLURALS:
                cure = f"tables are version, site, {', '.join(PLURALS)}"
                self.faults.append(Fault(file, table, "is not a table of the catalogue", cure))
            elif not isinstance(value, list):
                self.faults.append(Fault(file, table, "is not a list of tables", f"write [[{table}]]"))
            else:
                for number, row in enumerate(value):
                    self._take_row(file, table, number, row)

    def _take_single(self, file: str, table: str, value: Any) -> None:
        if table in self.single:
            first = self.single[table][0]
            self.faults.append(Fault(file, table, f"stands in {first} too", "keep one of them"))
            return
        self.single[table] = (file, None)
        if table == "site":
            self.single[table] = (file, struct_from_table(Site, value, file, table, self.faults))
        elif type(value) is int and value > 0:
            self.single[table] = (file, value)
        else:
            self.faults.append(Fault(file, table, f"{value!r} is not a version", "write 1, 2, 3, ..."))

    def _take_row(self, file: str, table: str, number: int, row: Any) -> None:
        code = row.get("code") if isinstance(row, dict) else None
        named = isinstance(code, str) and code != ""
        path = f'{table}["{code}"]' if named else f"{table}[{number}]"
        struct = struct_from_table(self.structs[table], row, file, path, self.faults)
        if not named:
            if code == "":
                self.faults.append(Fault(file, f"{path}.code", "is empty", "give it a code"))
            return
        if not _CODE.fullmatch(typing.cast(str, code)):
            # A slash joins codes where an id is made of several.
            cure = "use letters, digits, and . _ - +, at most 64"
            self.faults.append(Fault(file, f"{path}.code", f"{code!r} is no code", cure))
        key = (table, typing.cast(str, code))
        if key in self.files:
            message = f"the code stands in {self.files[key]} too"
            self.faults.append(Fault(file, path, message, "rename one of them, or delete it"))
            return
        self.files[key] = file
        if struct is None:
            self.broken.add(key)
        else:
            self.rows[table][key[1]] = struct

    def finish(self) -> tuple[Catalogue, list[Fault]]:
        if "site" not in self.single:
            self.faults.append(
                Fault("catalogue", "site", "is missing", "add a table [site] to one of the files")
            )
        site = self.single.get("site", ("", None))[1]
        self.files["site", ""] = self.single.get("site", ("catalogue", None))[0]
        if site is None:
            self.broken.add(("site", ""))
        catalogue = Catalogue(
            version=self.single.get("version", ("", None))[1] or _DEFAULT_VERSION,
            site=site or Site(name="", time_zone="UTC", currency=""),
            files=self.files,
            broken=frozenset(self.broken),
            **{PLURALS[table]: rows for table, rows in self.rows.items()},
        )
        return catalogue, self.faults
