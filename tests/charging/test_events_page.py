"""docs/EVENTS.md says what the code does: its examples are decoded, its table compared."""

import re
from pathlib import Path

import msgspec
import pytest

from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.output_records import NotificationRecord, RatedRecord, RejectedRecord
from config.load import load_compiled_catalogue
from rating_kernels.batch_words import OUTCOME
from rating_kernels.outcomes import Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "EVENTS.md").read_text()
CONTENT_TYPES = {
    "event": b"application/json",
    "events": b"application/json",
    "cloudevent": b"application/cloudevents+json",
}
RECORDS = {"rated": RatedRecord, "notification": NotificationRecord, "rejected": RejectedRecord}


def examples(*kinds: str) -> list[tuple[str, bytes]]:
    found = re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL)
    return [(kind, text.encode()) for kind, text in found if kind in kinds]


@pytest.mark.parametrize(("kind", "text"), examples(*CONTENT_TYPES))
def test_an_example_event_is_taken(kind, text):
    message = Message(0, 0, 0, text, (("content-type", CONTENT_TYPES[kind]),))
    decoded = decode_messages(message_columns([message]), load_compiled_catalogue(""), 1_000_000)
    assert decoded.words[:, OUTCOME].tolist() == [0] * len(decoded), decoded.details


@pytest.mark.parametrize(("kind", "text"), examples(*RECORDS))
def test_an_example_record_has_the_fields_that_records_have(kind, text):
    record = msgspec.json.decode(text, type=RECORDS[kind], strict=True)
    names = set(msgspec.json.decode(text))
    assert names <= set(RECORDS[kind].__struct_fields__)
    assert msgspec.json.decode(msgspec.json.encode(record)) == msgspec.json.decode(text)


def test_the_page_has_an_example_of_everything():
    assert {kind for kind, _ in examples(*CONTENT_TYPES, *RECORDS)} == {*CONTENT_TYPES, *RECORDS}


def test_the_table_of_outcomes_is_the_enum():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(int(outcome)), outcome.name, outcome.text) for outcome in Outcome]
