"""The page about the catalogue: its blocks are a catalogue, and it names every field."""

import re
from pathlib import Path

import msgspec

from config import catalogue, rate_plan
from config.compile_catalogue import compile_catalogue
from config.load import load_catalogue

PAGE = Path(__file__).parent.parent.parent / "docs" / "CATALOGUE.md"


def test_the_blocks_of_the_page_are_together_a_catalogue_without_fault(tmp_path):
    text = "\n".join(re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (tmp_path / "page.toml").write_text(text)
    compiled = compile_catalogue(load_catalogue(tmp_path))
    assert {"voice_standard", "data_standard", "payments", "api_calls"} == set(compiled.catalogue.rate_plans)
    assert all(getattr(compiled.catalogue, plural) for plural in catalogue.PLURALS.values())


def test_the_page_names_every_field_of_every_table():
    text = PAGE.read_text()
    tables = [
        kind
        for kind in [*vars(catalogue).values(), *vars(rate_plan).values()]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    written = {
        field.encode_name
        for table in tables
        if table not in (catalogue.Catalogue, msgspec.Struct)
        for field in msgspec.structs.fields(table)
    }
    assert [name for name in sorted(written) if not re.search(rf"\b{name}\b", text)] == []
