"""Pure. A message of the usage topic as the source hands it on."""

import hashlib
from typing import NamedTuple


class Message(NamedTuple):
    """One message, however many events it carries; `value` None is a tombstone."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def message_hash(message: Message) -> int:
    """63 bits of BLAKE2b over the value: what a floor keeps of the last message below it."""
    return int.from_bytes(hashlib.blake2b(message.value or b"", digest_size=8).digest(), "big") >> 1
