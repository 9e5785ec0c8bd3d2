"""Pure. What a store was told to write, in the order in which it took it: its append-only file read as commits.

The embedded store writes plain commands, and a commit is one transaction of them. So the file is the serial
order of all decisions and commands, by the one who decides it, and not by anybody who watches.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import hiredis

from balance_store.keyspace import PREFIX

_DECISIONS = re.compile(rf"{PREFIX}:{{(\d+)}}:decisions:(\d+)".encode())
_OPEN = re.compile(rf"{PREFIX}:{{(\d+)}}:(groups|profiles):open:[0-9a-f]+".encode())


class Written(NamedTuple):
    """One commit: entries of decisions by partition, records by id."""

    shard: int
    decisions: list[tuple[int, bytes]]
    groups: dict[int, bytes]
    profiles: dict[int, bytes]


def commits_of(chunks: Iterator[bytes]) -> Iterator[Written]:
    """Every commit that wrote records or decisions, oldest first."""
    together: list[list[bytes]] | None = None
    for command in _commands(chunks):
        match command[0].upper():
            case b"MULTI":
                together = []
            case b"EXEC":
                assert together is not None, "a transaction ends that did not begin"
                yield from _written(together)
                together = None
            case _ if together is not None:
                together.append(command)
            case _:
                yield from _written([command])
    assert together is None, "a store that was stopped cleanly has written all of its last transaction"


def _commands(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    reader = hiredis.Reader()
    for chunk in chunks:
        reader.feed(chunk)
        while (command := reader.gets()) is not False:
            yield command


def _written(commands: list[list[bytes]]) -> Iterator[Written]:
    """The records of a commit that was refused are in the file too, in a hash that gets no name (docs/STORE.md)."""
    shard = None
    decisions: list[tuple[int, bytes]] = []
    sent: dict[bytes, dict[int, bytes]] = {}
    taken: dict[bytes, dict[int, bytes]] = {b"groups": {}, b"profiles": {}}
    for command in commands:
        match command:
            case [b"RPUSH", key, *entries] if found := _DECISIONS.fullmatch(key):
                decisions += [(int(found[2]), entry.partition(b":")[2]) for entry in entries]
            case [b"HSET", key, *fields] if found := _OPEN.fullmatch(key):
                pairs = zip(fields[::2], fields[1::2], strict=True)
                sent[key] = {int.from_bytes(number, "big"): record for number, record in pairs}
            case [b"RENAME", key, _] if found := _OPEN.fullmatch(key):
                taken[found[2]] = sent[key]
            case _:
                continue
        shard = int(found[1])
    if shard is not None and (decisions or any(taken.values())):
        yield Written(shard, decisions, taken[b"groups"], taken[b"profiles"])
