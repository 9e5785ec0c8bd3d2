"""docs/EXPLAIN.md says what the command prints: its example is run, its fields are those there are."""

import asyncio
import io
import json
import re
from pathlib import Path

import msgspec

from charging import explanation
from charging.rate_files import Explained, rate_usage
from config.load import load_compiled_catalogue
from customer_care.onboarding import onboard_lines

PAGE = (Path(__file__).parents[2] / "docs" / "EXPLAIN.md").read_text()


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def objects(kind: str) -> list[bytes]:
    """The objects of a block, each as the line that it is in a file."""
    text, decoder, found = block(kind), json.JSONDecoder(), []
    while text.strip():
        one, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        found.append(json.dumps(one).encode())
    return found


def printed(explained: Explained) -> str:
    catalogue = load_compiled_catalogue("")
    customers, faults = onboard_lines(objects("json customers"), catalogue, 1)
    assert faults == []
    output = io.BytesIO()
    call = rate_usage(
        catalogue, customers, objects("json usage"), output, notifications=False, explained=explained
    )
    asyncio.run(call)
    return output.getvalue().decode()


def test_the_receipt_of_the_page_is_what_is_printed():
    assert printed(Explained("e-1")) == block("text receipt") + "\n"


def test_the_object_of_the_page_is_what_is_printed():
    assert json.loads(printed(Explained("e-2", as_json=True))) == json.loads(block("json explanation"))


def test_the_page_names_every_field_and_every_reason():
    structs = [
        kind
        for kind in vars(explanation).values()
        if isinstance(kind, type) and kind.__module__ == explanation.__name__
    ]
    fields = {one.encode_name for kind in structs for one in msgspec.structs.fields(kind)}
    assert [name for name in sorted(fields) if f"`{name}`" not in PAGE] == []
    source = Path(explanation.__file__).read_text()
    reasons = {
        reason
        for told in re.findall(r"(?:why|says|for_what): .*# ([\w, ]+)", source)
        for reason in told.split(", ")
    }
    assert len(reasons) > 20
    assert [reason for reason in sorted(reasons) if not re.search(rf"\b{reason}\b", PAGE)] == []
