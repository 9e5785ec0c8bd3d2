"""Pure. A commit as the bytes that are sent, and its answer read back: one transaction of lua/chargeline.lua.

Records are written by a plain HSET between the call that decides and the call that closes, so that they do not pass
through Lua; a commit that writes none is one call. How the server sees both: the head of the library.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from balance_store.functions import CLOSE, COMMIT
from balance_store.keyspace import (
    ID_MAX,
    decisions_key,
    groups_key,
    header_key,
    open_key,
    profiles_key,
    recent_key,
    unpack_ids,
)
from balance_store.packed_records import PackedRecords, record_arguments
from balance_store.requests import (
    NO_FLOOR,
    NO_RECORDS,
    Changed,
    Commit,
    CommitAnswer,
    CommitStatus,
    Ids,
    RecordMap,
    Records,
    Usage,
    Version,
)

# About a round trip, a decision and a flush of a busy daemon.
RESERVATION_MS = 50
# Ids that the list of recent commits may hold in each shard: several seconds of a busy one.
RECENT_BYTES_MAX = 1 << 20

# What begins a transaction, and what ends it.
MULTI = b"*1\r\n$5\r\nMULTI\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"


class Call(NamedTuple):
    """What goes over the wire in one piece, and how many answers come back."""

    parts: list[bytes | memoryview]
    answers: int


def commit_call(commit: Commit) -> Call:
    """The transaction of a commit, or the one call where it writes no record."""
    shard, tag = commit.shard, commit.tag
    kinds = (
        (groups_key(shard), open_key(groups_key(shard), tag), commit.writes.groups),
        (profiles_key(shard), open_key(profiles_key(shard), tag), commit.writes.profiles),
    )
    removed = [_removed(records) for _, _, records in kinds]
    decide = _decide(commit, [opened for _, opened, _ in kinds], removed)
    parts: list[bytes | memoryview] = [MULTI, decide]
    written: list[str] = []
    for (key, opened, records), gone in zip(kinds, removed, strict=True):
        count = len(records) - len(gone)
        if count:
            kept = {i: r for i, r in records.items() if r is not None} if gone else records
            parts += [command_start(2 + 2 * count, "HSET", opened), record_arguments(kept)]  # type: ignore[arg-type]
            written += [key, opened]
    if not written:
        return Call([decide], 1)
    parts += [command("FCALL", CLOSE, 1 + len(written), header_key(shard), *written, tag), EXEC]
    # MULTI, then each command queued, then what EXEC gives.
    return Call(parts, 1 + 2 + len(written) // 2 + 1)


def command(*arguments: bytes | str | int) -> bytes:
    """A command in the server's protocol (RESP)."""
    return command_start(len(arguments), *arguments)


def command_start(count: int, *arguments: bytes | str | int) -> bytes:
    """The first arguments of a command of `count`; the others follow as bulk strings."""
    parts = [b"*%d\r\n" % count]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def pack_ids(ids: Ids) -> bytes:
    """Ids as the function reads them: ascending, each once; an array is so already."""
    if not len(ids):
        return b""
    numbers = ids if isinstance(ids, np.ndarray) else np.unique(np.asarray(ids, np.int64))
    assert (numbers[:-1] < numbers[1:]).all(), "an array of ids is ascending, each once"
    assert 0 <= numbers[0] <= numbers[-1] <= ID_MAX, "an id that a store cannot keep"
    return numbers.astype(">i8").tobytes()


def version_arguments(seen: Version | None) -> tuple[str | bytes, str | bytes]:
    """The version that the caller has seen, as the functions take it."""
    return ("", "") if seen is None else (str(seen.number), seen.tag)


def read_commit_answer(answer: list[Any] | bytes) -> CommitAnswer:
    """What the deciding function said: in short where it accepts and nobody else changed anything."""
    if isinstance(answer, bytes):
        short_number, short_catalogue, short_tag = answer.split(b" ", 2)
        version = Version(int(short_number), short_tag)
        return CommitAnswer(
            CommitStatus.ACCEPTED, version, read_changed(0, b"", b""), NO_RECORDS, (), int(short_catalogue)
        )
    code, number, tag, unknown, groups, profiles, catalogue, *more = answer
    status = CommitStatus(code)
    return CommitAnswer(
        status,
        Version(int(number), tag),
        read_changed(unknown, groups, profiles),
        Records(*map(read_records, more)) if status is CommitStatus.STALE else NO_RECORDS,
        tuple(map(int, more[0].split(b","))) if status is CommitStatus.FENCED else (),
        int(catalogue),
    )


def read_changed(unknown: int, groups: bytes, profiles: bytes) -> Changed:
    """What others changed, as an answer names it."""
    return Changed(bool(unknown), unpack_ids(groups), unpack_ids(profiles))


def read_records(pairs: list[bytes | None]) -> dict[int, bytes | None]:
    """Records from ids and records in turn."""
    ids = (number for number in pairs[::2] if number is not None)
    return {int.from_bytes(number, "big"): record for number, record in zip(ids, pairs[1::2], strict=True)}


def _decide(commit: Commit, opened: list[str], removed: list[tuple[int, ...]]) -> bytes:
    """The deciding call, its arguments in the order that its head gives."""
    shard = commit.shard
    keys = (header_key(shard), recent_key(shard), groups_key(shard), profiles_key(shard), *opened)
    decisions = [decisions_key(shard, usage.partition) for usage in commit.usage]
    ids: list[bytes] = []
    for records, gone, read in (
        (commit.writes.groups, removed[0], commit.read_group_ids),
        (commit.writes.profiles, removed[1], commit.read_profile_ids),
    ):
        ids += [_ids_of(records), pack_ids(gone), pack_ids(read)]
    return command(
        "FCALL",
        COMMIT,
        len(keys) + len(decisions),
        *keys,
        *decisions,
        *version_arguments(commit.seen),
        commit.tag,
        commit.caller,
        commit.catalogue_version,
        *ids,
        RESERVATION_MS,
        RECENT_BYTES_MAX,
        len(commit.usage),
        commit.lowest_catalogue,
        *_usage_arguments(commit.usage),
    )


def _usage_arguments(usage: tuple[Usage, ...]) -> Iterable[bytes | str | int]:
    for one in usage:
        yield one.partition
        yield f"{one.epoch.draw} {one.epoch.attempt}"
        yield b"%d:%b" % (one.highest_offset, one.decisions) if one.decisions else b""
        yield "" if one.floor == NO_FLOOR else " ".join(map(str, one.floor))


def _ids_of(records: RecordMap) -> bytes:
    return pack_ids(records.ids if isinstance(records, PackedRecords) else tuple(records))


def _removed(records: RecordMap) -> tuple[int, ...]:
    if isinstance(records, PackedRecords):
        return ()
    return tuple(number for number, record in records.items() if record is None)
