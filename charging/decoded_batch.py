"""Pure. What decoding hands on: rows for the kernel, and where each event's parts lie in the bytes that came.

A row that a kernel read has no object: its event is made when somebody asks.
"""

import numpy as np

from charging.messages import Message, MessageColumns
from charging.open_message import open_plain
from charging.usage_event import UsageEvent
from rating_kernels.tariff_table import Bytes, Ints

# Where the parts of an event lie in the batch's text. The service is plain UTF-8; the seven parts of an event
# are encoded values as they came (with quotes, with MessagePack's heads), and only where a kernel read the event.
(
    S_CODEC,
    S_SERVICE_AT,
    S_SERVICE_LENGTH,
    S_ID_AT,
    S_ID_LENGTH,
    S_SOURCE_AT,
    S_SOURCE_LENGTH,
    S_TYPE_AT,
    S_TYPE_LENGTH,
    S_VALUE_OF_SERVICE_AT,
    S_VALUE_OF_SERVICE_LENGTH,
    S_TIME_AT,
    S_TIME_LENGTH,
    S_QUANTITY_AT,
    S_QUANTITY_LENGTH,
    S_FIELDS_AT,
    S_FIELDS_LENGTH,
) = range(17)
SPAN_WORDS = 17
# Who read the event: a kernel, from JSON or MessagePack; or msgspec, and then there is an object.
CODEC_OBJECT, CODEC_JSON, CODEC_MSGPACK = range(3)
ABSENT = -1  # the length of a part that the event does not have


class DecodedBatch:
    """Events in order of arrival."""

    def __init__(
        self,
        words: Ints,
        spans: Ints,
        text: Bytes,
        messages: MessageColumns,
        message_of: Ints,
        objects: dict[int, UsageEvent],
        details: dict[int, str],
        parts: dict[int, bytes],
    ) -> None:
        self.words = words  # rows of `batch_words`
        self.spans = spans  # rows of S_*
        self.text = text
        self.messages = messages
        self.message_of = message_of  # row -> place in `messages`
        self._objects = objects
        self.details = details  # row -> what exactly is wrong
        self.parts = parts  # row -> its own part of a message that holds several, where it cannot be read

    def __len__(self) -> int:
        return len(self.words)

    def message(self, row: int) -> Message:
        """The message that a row's event came in."""
        return self.messages.message(int(self.message_of[row]))

    def event(self, row: int) -> UsageEvent | None:
        """The event; None where the bytes are none."""
        codec = self.spans[row, S_CODEC]
        if codec == CODEC_OBJECT:
            return self._objects.get(row)
        value = self.message(row).value
        assert value is not None, "a kernel reads no tombstone"
        return open_plain(value, is_msgpack=codec == CODEC_MSGPACK)

    def identifier(self, row: int) -> str:
        """The service identifier; empty where the bytes are no event."""
        at, length = self.spans[row, [S_SERVICE_AT, S_SERVICE_LENGTH]].tolist()
        return self.text[at : at + length].tobytes().decode("utf-8", "replace")

    def identifiers(self) -> list[str]:
        """The service identifier of every row."""
        return [self.identifier(row) for row in range(len(self))]


class EventPlaces:
    """Spans and text of events that msgspec read, as they are added to what the kernels read."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._added = bytearray()

    def add(self, text: str) -> tuple[int, int]:
        """Put a text behind the messages' bytes; (offset, length in bytes)."""
        encoded = text.encode("utf-8", "replace")
        at = len(self._data) + len(self._added)
        self._added += encoded
        return at, len(encoded)

    def text(self) -> Bytes:
        """The messages' bytes and what was added."""
        if not self._added:
            return self._data
        # Read only, as the messages' bytes are: another type to the compiler.
        return np.frombuffer(self._data.tobytes() + bytes(self._added), np.uint8)


def object_spans(service_at: int, service_length: int) -> list[int]:
    """The spans of an event that msgspec read."""
    return [CODEC_OBJECT, service_at, service_length, *([0, ABSENT] * ((SPAN_WORDS - S_ID_AT) // 2))]
