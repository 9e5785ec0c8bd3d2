"""Pure. Where the parts of plain events lie in their messages, found slowly: what the reading kernel finds."""

import msgspec
import numpy as np

from charging.decoded_batch import (
    ABSENT,
    CODEC_JSON,
    CODEC_MSGPACK,
    S_CODEC,
    S_ID_AT,
    S_SERVICE_AT,
    SPAN_WORDS,
)

PARTS = ("id", "source", "type", "service", "time", "quantity", "fields")
SERVICE = PARTS.index("service")


def json_message(parts: dict, blank: str = "") -> tuple[bytes, list[tuple[str, bytes]]]:
    """A message with these members in their order, and the encoded values."""
    encoded = [(name, _json(value, blank)) for name, value in parts.items()]
    members = [b'%s"%s"%s:%s%s' % (b, n.encode(), b, b, v) for b in [blank.encode()] for n, v in encoded]
    return b"{" + b",".join(members) + blank.encode() + b"}", encoded


def _json(value, blank: str) -> bytes:
    if not isinstance(value, dict):
        return msgspec.json.encode(value)
    members = [
        f"{blank}{_json(k, '').decode()}{blank}:{blank}{_json(v, '').decode()}" for k, v in value.items()
    ]
    return ("{" + f"{blank},".join(members) + blank + "}").encode()


def msgpack_message(parts: dict, wide: bool = False) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The same in MessagePack; `wide` takes longer heads than are needed."""
    encoded = [(name, _msgpack(value, wide)) for name, value in parts.items()]
    head = bytes((0x80 + len(encoded),))
    return head + b"".join(msgspec.msgpack.encode(n) + v for n, v in encoded), encoded


def _msgpack(value, wide: bool) -> bytes:
    if isinstance(value, dict):
        members = b"".join(_msgpack(k, wide) + _msgpack(v, wide) for k, v in value.items())
        return msgspec.msgpack.encode(dict.fromkeys(range(len(value))))[:1] + members
    if not wide:
        return msgspec.msgpack.encode(value)
    if isinstance(value, str):
        return b"\xda" + len(value.encode()).to_bytes(2, "big") + value.encode()
    return b"\xd3" + value.to_bytes(8, "big", signed=True)


def spans_of(messages: list[tuple[int, bytes, list[tuple[str, bytes]]]]) -> tuple[np.ndarray, np.ndarray]:
    """(text, spans) of messages that follow one another: codec, bytes, and the encoded values in their order."""
    text = b""
    spans = np.zeros((len(messages), SPAN_WORDS), np.int64)
    for row, (codec, message, encoded) in enumerate(messages):
        assert codec in (CODEC_JSON, CODEC_MSGPACK)
        spans[row, S_CODEC] = codec
        spans[row, S_ID_AT + 1 :: 2] = ABSENT
        at = 0
        for name, value in encoded:
            at = message.index(value, message.index(name.encode(), at) + len(name))
            place = S_ID_AT + 2 * PARTS.index(name)
            spans[row, place : place + 2] = len(text) + at, len(value)
            if name == "service":
                plain = msgspec.json.decode(value) if codec == CODEC_JSON else msgspec.msgpack.decode(value)
                inside = value.index(plain.encode())
                spans[row, S_SERVICE_AT : S_SERVICE_AT + 2] = len(text) + at + inside, len(plain.encode())
            at += len(value)
        text += message
    return np.frombuffer(text, np.uint8), spans
