"""The page about customers: its line is one, and it names every field."""

import json
import re
from pathlib import Path

import msgspec

from config.load import load_compiled_catalogue
from customer_care import customer_lines
from customer_care.onboarding import onboard_lines
from tests.customer_care.example_lines import file_of, line, owner

PAGE = Path(__file__).parent.parent.parent / "docs" / "CUSTOMERS.md"


def example():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return json.loads(block)


def test_the_line_of_the_page_is_taken():
    file = file_of(owner(11, "GRANDPARENTS"), line(12, hierarchy={"owns": "COMPANY-1"}), example())
    onboarded, faults = onboard_lines(file, load_compiled_catalogue(""), 16)
    assert faults == []
    assert onboarded[2].line.customer == "C1001"


def test_the_page_names_every_field():
    structs = [
        kind
        for kind in vars(customer_lines).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    ]
    fields = {one.encode_name for kind in structs for one in msgspec.structs.fields(kind)}
    assert [name for name in sorted(fields) if not re.search(rf"`?\b{name}\b", PAGE.read_text())] == []


def test_the_page_says_what_an_import_changes():
    text = PAGE.read_text()
    sentence = text[text.index("**A customer who differs**") :].split(" is brought")[0]
    assert re.findall(r"`(\w+)`", sentence) == list(customer_lines.CHANGEABLE)
