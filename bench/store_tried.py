"""Pure. Ways to write the records of a commit that were tried: kept, so that they can be measured again.

Each writes the same records to the shard's hash, or to hashes beside it; none checks a version (`watched` does).
What they lost by: docs/STORE.md.
"""

import struct
from collections.abc import Callable

from balance_store.commit_call import Call, command, command_start
from balance_store.keyspace import groups_key, header_key, pack_id
from balance_store.packed_records import record_arguments

# Lua's stack takes 8,000 values at once.
PAIRS_A_BLOB = 1_000
RING_SHARE = 2, 3
# From a shard and its new records to what is sent.
Way = Callable[[int, dict[int, bytes]], Call]

_LIBRARY = """#!lua name=tried
redis.register_function('tried_each', function(keys, args)
  for first = 1, #args, 4000 do
    redis.call('HSET', keys[1], unpack(args, first, math.min(first + 3999, #args)))
  end
  return 1
end)
redis.register_function('tried_blobs', function(keys, args)
  for i = 1, #args do redis.call('HSET', keys[1], cmsgpack.unpack(args[i])) end
  return 1
end)
"""


def tried_library() -> str:
    """Functions that the ways below call; a library of its own."""
    return _LIBRARY


def _each(shard: int, records: dict[int, bytes]) -> Call:
    """Ids and records as arguments of a function, one each."""
    start = command_start(4 + 2 * len(records), "FCALL", "tried_each", 1, groups_key(shard))
    return Call([start, record_arguments(records)], 1)


def _blobs(shard: int, records: dict[int, bytes]) -> Call:
    """Ids and records packed in MessagePack, a thousand a blob, unpacked by the server's own C."""
    rows = [
        b"\xa8" + pack_id(number) + b"\xda" + struct.pack(">H", len(record)) + record
        for number, record in records.items()
    ]
    blobs = [b"".join(rows[first : first + PAIRS_A_BLOB]) for first in range(0, len(rows), PAIRS_A_BLOB)]
    return Call([command("FCALL", "tried_blobs", 1, groups_key(shard), *blobs)], 1)


def _watched(shard: int, records: dict[int, bytes]) -> Call:
    """Optimistic locking by the server's own WATCH; a writer beside us would make all of it fail.

    Sent in one piece here. A real caller waits for the watched values before it goes on.
    """
    header = header_key(shard)
    parts = [
        command("WATCH", header),
        command("HMGET", header, "number", "tag"),
        command("MULTI"),
        _hset(groups_key(shard), records),
        record_arguments(records),
        command("HSET", header, "watched", len(records)),
        command("EXEC"),
    ]
    return Call(parts, 6)


def _ring_apart(shard: int, records: dict[int, bytes]) -> Call:
    """The ring of recent ids as a field of its own: two fields a group, the same bytes in all."""
    share, whole = RING_SHARE
    rings = {number: record[: len(record) * share // whole] for number, record in records.items()}
    rest = {number: record[len(record) * share // whole :] for number, record in records.items()}
    return Call(
        [
            command("MULTI"),
            _hset(f"{groups_key(shard)}:rings", rings),
            record_arguments(rings),
            _hset(f"{groups_key(shard)}:rest", rest),
            record_arguments(rest),
            command("EXEC"),
        ],
        4,
    )


def _one_value(shard: int, records: dict[int, bytes]) -> Call:
    """All of it as one value: what bytes alone cost."""
    return Call([command("SET", f"{groups_key(shard)}:value", bytes(record_arguments(records)))], 1)


def _hset(key: str, records: dict[int, bytes]) -> bytes:
    return command_start(2 + 2 * len(records), "HSET", key)


TRIED: dict[str, Way] = {
    "function_each": _each,
    "function_blobs": _blobs,
    "watched": _watched,
    "ring_apart": _ring_apart,
    "one_value": _one_value,
}
