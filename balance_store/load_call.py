"""Pure. A read of records as the bytes that are sent, and its answer: one transaction, so that all is of one version.

The function says which version that is and what changed; the records come by plain HMGETs, so that they do not pass
through Lua. A read of no records is the one call of the function.
"""

from typing import Any

import numpy as np

from balance_store.commit_call import (
    EXEC,
    MULTI,
    Call,
    command,
    command_start,
    read_changed,
    version_arguments,
)
from balance_store.functions import LOAD
from balance_store.keyspace import ID_MAX, groups_key, header_key, profiles_key, recent_key
from balance_store.requests import Load, LoadAnswer, Records, Version

# An id as an argument: its length in front, the end of the line behind.
_BEFORE, ID_BYTES, _BEHIND = b"$8\r\n", 8, b"\r\n"


def load_call(load: Load) -> Call:
    """What is sent for a read, and how many answers come back."""
    shard = load.shard
    keys = (header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard))
    asked = [(key, ids) for key, ids in zip(keys[2:], (load.group_ids, load.profile_ids), strict=True) if ids]
    kinds = ("1" if ids else "0" for ids in (load.group_ids, load.profile_ids))
    says = command("FCALL_RO", LOAD, len(keys), *keys, *version_arguments(load.seen), *kinds)
    if not asked:
        return Call([says], 1)
    reads = [command_start(2 + len(ids), "HMGET", key) + _arguments(ids) for key, ids in asked]
    return Call([MULTI, says, *reads, EXEC], 3 + len(reads))


def read_load_answer(load: Load, answer: list[Any]) -> LoadAnswer:
    """The answer to the read, of the function alone or with records behind it."""
    is_alone = not load.group_ids and not load.profile_ids
    (number, tag, unknown, *changed), *records = [answer] if is_alone else answer
    groups = dict(zip(load.group_ids, records.pop(0), strict=True)) if load.group_ids else {}
    profiles = dict(zip(load.profile_ids, records.pop(0), strict=True)) if load.profile_ids else {}
    return LoadAnswer(Version(int(number), tag), read_changed(unknown, *changed), Records(groups, profiles))


def _arguments(ids: tuple[int, ...]) -> bytes:
    numbers = np.array(ids, np.int64)
    assert 0 <= numbers.min() <= numbers.max() <= ID_MAX, "an id that a store cannot keep"
    rows = np.empty((len(ids), len(_BEFORE) + ID_BYTES + len(_BEHIND)), np.uint8)
    rows[:, : len(_BEFORE)] = np.frombuffer(_BEFORE, np.uint8)
    rows[:, len(_BEFORE) : -len(_BEHIND)] = numbers.astype(">i8").view(np.uint8).reshape(-1, ID_BYTES)
    rows[:, -len(_BEHIND) :] = np.frombuffer(_BEHIND, np.uint8)
    return rows.tobytes()
