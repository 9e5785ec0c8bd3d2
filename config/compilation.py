"""Pure. What the parts of the catalogue's compiler share: places, faults, names and columns so far."""

import datetime
import difflib
from typing import NamedTuple

import numpy as np

from config.catalogue import PLURALS, Catalogue
from config.civil_time import known_zone, local_midnight_us, microseconds, zone_offsets
from config.code_ids import code_id, item_id, tax_item_id
from config.compiled_catalogue import ItemKey, ResourceInfo
from config.faults import Fault
from rating_kernels.tariff_table import TariffTable

# Column of offsets -> a column of the rows it points into (see TariffTable on CSR).
_FIRST = {
    "plan_version_first": "version_valid_from_us",
    "version_detail_first": "detail_resource",
    "version_special_first": "special_day",
    "detail_break_first": "break_second",
    "detail_allowance_first": "allowance_resource",
    "node_edge_first": "edge_byte",
    "node_rule_first": "rule_weight",
    "rule_condition_first": "condition_field",
    "band_slot_first": "band_slot_start",
    "price_period_first": "period_from",
    "discount_charge_tag_first": "discount_charge_tag_id",
    "discount_resource_tag_first": "discount_resource_tag_id",
    "tax_rate_first": "tax_from_us",
    "zone_first": "zone_from_us",
    "credit_limit_first": "limit_resource",
    "limit_threshold_first": "threshold_kind",
    "policy_tag_first": "policy_tag_id",
}


class Columns:
    """A TariffTable being filled, row after row."""

    def __init__(self) -> None:
        self._columns: dict[str, list[int]] = {name: [] for name in TariffTable._fields if name != "text"}
        self.text = bytearray()

    def add(self, **values: int) -> None:
        """Append one value to each column named."""
        for name, value in values.items():
            self._columns[name].append(value)

    def open(self, first: str) -> None:
        """The rows added from now on to the column's rows belong to a new entry of it."""
        self._columns[first].append(self.rows(_FIRST[first]))

    def rows(self, column: str) -> int:
        """Rows so far; the number of the next one."""
        return len(self._columns[column])

    def table(self) -> TariffTable:
        """The finished table; offsets get their closing entry."""
        for first in _FIRST:
            self.open(first)
        arrays = {name: np.array(values, np.int64) for name, values in self._columns.items()}
        return TariffTable(text=np.frombuffer(bytes(self.text), np.uint8).copy(), **arrays)


class Compilation:
    """A catalogue on its way to its columns."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.faults: list[Fault] = []
        self.columns = Columns()
        self.names: dict[str, dict[int, str]] = {}
        self.items: dict[int, ItemKey] = {}
        # Item id -> charge tag and resource tag of whatever is booked to it.
        self.booked: dict[int, set[tuple[str, str]]] = {}
        self.resources: dict[str, ResourceInfo] = {}
        self.site_zone = 0  # index of the site's time zone
        # Taxes charged with the event; their place is their index.
        self.rating_taxes = [tax.code for tax in catalogue.taxes.values() if tax.at == "rating"]
        self._zones: dict[str, int] = {}

    def place(self, table: str, code: str) -> "Place":
        """Where a code's table stands."""
        path = f'{table}["{code}"]' if code else table
        return Place(self, self.catalogue.files.get((table, code), "catalogue"), path)

    def name(self, kind: str, code: str, place: "Place") -> int:
        """The id of a code, known by name from now on; a fault if another code has the same id."""
        number = code_id(kind, code)
        self.take_id(kind, number, code, place)
        return number

    def take_id(self, kind: str, number: int, code: str, place: "Place") -> None:
        """Note whose an id is."""
        holder = self.names.setdefault(kind, {}).setdefault(number, code)
        if holder != code:
            place.fault(f"its id {number} is that of {holder!r} too", "choose another code")

    def item(
        self,
        bill_item: str,
        general_ledger: str,
        tax: str,
        resource: str,
        tags: tuple[str, str],
        place: "Place",
    ) -> int:
        """The id of an item total; all three references are checked. `tags`: of what is booked to it."""
        for table, code in (("bill_item", bill_item), ("general_ledger", general_ledger), ("tax", tax)):
            if code:
                place.refer(table, code)
        number = item_id(bill_item, general_ledger, tax, resource)
        self.booked.setdefault(number, set()).add(tags)
        return self._take_item(number, ItemKey(bill_item, general_ledger, tax, resource), place)

    def tax_item(self, bill_item: str, general_ledger: str, tax: str, resource: str, place: "Place") -> int:
        """The id of the total of a tax that is charged with the event."""
        number = tax_item_id(bill_item, general_ledger, tax, resource)
        return self._take_item(number, ItemKey(bill_item, general_ledger, tax, resource, is_tax=True), place)

    def _take_item(self, number: int, key: ItemKey, place: "Place") -> int:
        if self.items.setdefault(number, key) != key:
            place.fault(
                f"its item id {number} is that of {self.items[number]} too", "choose another bill item"
            )
        return number

    def tag(self, code: str, kind: str, field: str, place: "Place") -> int:
        """The id of a tag, which must be of this kind."""
        if place.refer("tag", code, field) and self.catalogue.tags[code].kind != kind:
            place.at(field).fault(f"{code!r} is not a {kind} tag", f"name a tag of kind {kind!r}")
        return self.name("tag", code, place.at(field))

    def zone(self, name: str, place: "Place") -> int:
        """Index of a time zone, entered when it is first met."""
        if name not in self._zones:
            if not known_zone(name):
                place.fault(f"{name!r} is no time zone", 'write one like "Europe/Vienna" or "UTC"')
                return 0
            self.name("zone", name, place)
            self._zones[name] = len(self._zones)
            self.columns.open("zone_first")
            for from_us, offset_s in zip(*zone_offsets(name), strict=True):
                self.columns.add(zone_from_us=int(from_us), zone_offset_s=int(offset_s))
        return self._zones[name]


class Place(NamedTuple):
    """A place in a file, at which faults are noted."""

    compilation: Compilation
    file: str
    path: str

    def at(self, name: str) -> "Place":
        """A field or row below this place."""
        return self._replace(path=f"{self.path}.{name}")

    def fault(self, message: str, cure: str) -> None:
        """Note a fault here."""
        self.compilation.faults.append(Fault(self.file, self.path, message, cure))

    def refer(self, table: str, code: str, field: str = "") -> bool:
        """Whether the catalogue has a code; a fault at the field (default: the table's name) if not."""
        catalogue = self.compilation.catalogue
        if code in getattr(catalogue, PLURALS[table]):
            return True
        if (table, code) not in catalogue.broken:
            near = difflib.get_close_matches(code, getattr(catalogue, PLURALS[table]), 1)
            cure = (
                f"did you mean {near[0]!r}?" if near else f"add [[{table}]] with that code, or name another"
            )
            self.at(field or table).fault(f"there is no {table} {code!r}", cure)
        return False

    def instant_us(self, text: str, zone: str) -> int:
        """An ISO time with offset, or a date, which stands for its local midnight; 0 and a fault if neither."""
        cure = 'write a date like "2026-01-01", or a time with its offset like "2026-01-01T00:00:00Z"'
        try:
            if len(text) == len("2026-01-01"):
                return local_midnight_us(
                    datetime.date.fromisoformat(text), zone if known_zone(zone) else "UTC"
                )
            time = datetime.datetime.fromisoformat(text)
        except ValueError:
            self.fault(f"{text!r} is not a time", cure)
            return 0
        if time.tzinfo is None:
            self.fault(f"{text!r} does not say its offset from UTC", cure)
            return 0
        return microseconds(time)
