"""A catalogue of one event type, for tests to add to."""

import re
import tomllib

from config.compile_catalogue import compile_catalogue
from config.compiled_catalogue import CompiledCatalogue
from config.read_catalogue import catalogue_from_tables

BASE = """
site = { name = "Test", time_zone = "Europe/Vienna", currency = "EUR" }
resource = [
  { code = "EUR", name = "Euro", monetary = true, decimals = 2 },
  { code = "MB", name = "Megabytes", decimals = 3, rounding = "down", consumption_order = "LETEST" },
]
service_type = [{ code = "data", name = "Data" }]
bill_item = [{ code = "usage", name = "Usage" }]
[[event_type]]
code = "session"
name = "Session"
service_type = "data"
unit = "MB"
quantity_decimals = 3
quantity_max = 1000
field = [
  { name = "zone" }, { name = "note", rating = false }, { name = "level", kind = "number", mandatory = false }
]
"""

PLAN = """
[[rate_plan]]
code = "data"
name = "Data"
service_type = "data"
[[rate_plan.version]]
valid_from = 2026-01-01
"""


def compiled_from(*texts: str) -> CompiledCatalogue:
    catalogue, faults = catalogue_from_tables(
        {f"{n}.toml": tomllib_texts(text) for n, text in enumerate(texts)}
    )
    assert faults == []
    return compile_catalogue(catalogue)


def tomllib_texts(text: str) -> dict:
    return tomllib.loads(re.sub(r"= (\d{4}-\d\d-\d\d)", r'= "\1"', text))
