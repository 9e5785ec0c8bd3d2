"""Pure. The events of one message, whichever way it is packed: native or CloudEvents 1.0, one or many.

The codec is named by the `content-type` header: JSON if there is none. A CloudEvent comes structured
(application/cloudevents+json), batched (application/cloudevents-batch+json), or binary: attributes in
`ce_*` headers, data in the value (Kafka protocol binding, CloudEvents 1.0.2). As CloudEvents, `subject`
is the service and `data` holds quantity and fields.
"""

from typing import Any, NamedTuple

import msgspec

from charging.messages import Message
from charging.usage_event import UsageEvent
from rating_kernels.outcomes import Outcome

JSON_TYPES = frozenset({"application/json", "text/json", ""})
MSGPACK_TYPES = frozenset({"application/msgpack", "application/x-msgpack", "application/vnd.msgpack"})
STRUCTURED = "application/cloudevents"
BATCHED = "application/cloudevents-batch"
SPEC_VERSION = "1.0"


class Unreadable(NamedTuple):
    """Why bytes are no event; `part` is the event's own part of a message that holds several."""

    outcome: Outcome
    detail: str
    part: bytes | None = None


class CloudEvent(msgspec.Struct, gc=False):
    """A structured CloudEvent; extension attributes are ignored."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str | int
    data: dict[str, Any] = {}  # msgspec copies an empty default for each event


_JSON = msgspec.json.Decoder(UsageEvent)
_MSGPACK = msgspec.msgpack.Decoder(UsageEvent)
_JSON_ANY = msgspec.json.Decoder()
_MSGPACK_ANY = msgspec.msgpack.Decoder()


def open_message(message: Message) -> list[UsageEvent | Unreadable]:
    """The events in a message, in order; what cannot be read says why. Never raises on any bytes."""
    if message.value is None:
        return [Unreadable(Outcome.BAD_ENCODING, "a tombstone: the message has no value")]
    headers = {name.lower(): value for name, value in message.headers}
    content_type, is_msgpack = _content_type(headers)
    if content_type.startswith(BATCHED):
        return _each(message.value, is_msgpack, cloud=True, batch=True)
    if content_type.startswith(STRUCTURED):
        return _each(message.value, is_msgpack, cloud=True, batch=False)
    if content_type not in JSON_TYPES and not is_msgpack:
        return [
            Unreadable(
                Outcome.BAD_ENCODING, f"content-type {content_type[:80]!r} is neither JSON nor MessagePack"
            )
        ]
    if "ce_specversion" in headers:
        return [_binary(message.value, headers, is_msgpack)]
    try:
        return [(_MSGPACK if is_msgpack else _JSON).decode(message.value)]
    except msgspec.ValidationError as error:
        first = _first_byte(message.value, is_msgpack)
        if first == "array":
            return _each(message.value, is_msgpack, cloud=False, batch=True)
        return [_invalid(error)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [Unreadable(Outcome.BAD_ENCODING, _short(error))]


def open_plain(value: bytes, *, is_msgpack: bool) -> UsageEvent:
    """The one event of bytes that are known to hold it."""
    return (_MSGPACK if is_msgpack else _JSON).decode(value)


def _content_type(headers: dict[str, bytes]) -> tuple[str, bool]:
    """(media type without parameters, whether it is MessagePack)."""
    raw = headers.get("content-type") or b""
    text = raw.decode("latin-1").partition(";")[0].strip().lower()
    return text, text in MSGPACK_TYPES or text.endswith("+msgpack")


def _each(value: bytes, is_msgpack: bool, *, cloud: bool, batch: bool) -> list[UsageEvent | Unreadable]:  # noqa: FBT001
    """Decode loosely first, so that one bad event of many does not take the others along."""
    try:
        decoded = (_MSGPACK_ANY if is_msgpack else _JSON_ANY).decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return [Unreadable(Outcome.BAD_ENCODING, _short(error))]
    if batch and (not isinstance(decoded, list) or not decoded):
        return [Unreadable(Outcome.BAD_ENCODING, "a batch is an array of at least one event")]
    if not batch:
        return [_convert(decoded, cloud=cloud)]
    events = [_convert(one, cloud=cloud) for one in decoded]
    return [
        event._replace(part=msgspec.json.encode(one, enc_hook=repr))
        if isinstance(event, Unreadable)
        else event
        for event, one in zip(events, decoded, strict=True)
    ]


def _convert(value: Any, *, cloud: bool) -> UsageEvent | Unreadable:
    try:
        if not cloud:
            return msgspec.convert(value, UsageEvent)
        event = msgspec.convert(value, CloudEvent)
        if event.specversion != SPEC_VERSION:
            return Unreadable(
                Outcome.BAD_FIELD, f"specversion {event.specversion[:20]!r} is not {SPEC_VERSION}"
            )
        data = {name: event.data[name] for name in ("quantity", "fields") if name in event.data}
        head = {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "service": event.subject,
            "time": event.time,
        }
        return msgspec.convert(head | data, UsageEvent)
    except msgspec.ValidationError as error:
        return _invalid(error)


def _binary(value: bytes, headers: dict[str, bytes], is_msgpack: bool) -> UsageEvent | Unreadable:  # noqa: FBT001
    """Attributes from headers, data from the value; an empty value is no data."""
    event: dict[str, Any] = {}
    for name in ("specversion", "id", "source", "type", "subject", "time"):
        if f"ce_{name}" in headers:
            event[name] = headers[f"ce_{name}"].decode("utf-8", "replace")
    try:
        event["data"] = (_MSGPACK_ANY if is_msgpack else _JSON_ANY).decode(value) if value else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return Unreadable(Outcome.BAD_ENCODING, _short(error))
    return _convert(event, cloud=True)


def _first_byte(value: bytes, is_msgpack: bool) -> str:  # noqa: FBT001
    """Whether the value begins an array."""
    if is_msgpack:
        return "array" if value[:1] and (0x90 <= value[0] <= 0x9F or value[0] in (0xDC, 0xDD)) else "other"
    return "array" if value.lstrip()[:1] == b"[" else "other"


def _invalid(error: msgspec.ValidationError) -> Unreadable:
    text = str(error)
    if "missing required field" in text:
        return Unreadable(Outcome.MISSING_FIELD, text)
    # Bytes that are a text, a number or a list are no event at all, well-formed or not.
    if "Expected `object`" in text and "$" not in text:
        return Unreadable(Outcome.BAD_ENCODING, text)
    return Unreadable(Outcome.BAD_FIELD, text)


def _short(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
