"""Pure. What a shard's header, its list of recent commits and its decisions must agree on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from balance_store.check_group import Rows, rows_of, untouched
from balance_store.decision_record import DecidedEvent, Impact, unpack_decisions
from balance_store.findings import Fault, Wrong
from balance_store.requests import Epoch, Floor, Version
from rating_kernels.batch_columns import IMPACT_ALLOWANCE, IMPACT_CREDIT
from rating_kernels.group_image import (
    B_AMOUNT,
    B_GRANTED,
    B_ID,
    POSITION_PARTITION_SHIFT,
    R_POSITION,
    SECTION_BALANCES,
    SECTION_RING,
)
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import Ints


class Header(NamedTuple):
    """A shard's header, read."""

    version: Version
    catalogue: int
    recent_bytes: int
    shards: int
    epochs: dict[int, Epoch]
    floors: dict[int, Floor]


class StoredDecisions(NamedTuple):
    """One entry of a partition's decisions."""

    highest_offset: int
    events: list[DecidedEvent]


class RecentCommit(NamedTuple):
    """One entry of the list of recent commits."""

    number: int
    tag: bytes
    groups: bytes
    profiles: bytes


# MessagePack heads that the server's packer writes for a number and for bytes, and how long their length is.
_FIXED_BYTES, _FIXED_BYTES_MAX = 0xA0, 0xBF
_INTEGERS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_BYTES = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_PLAIN_MAX = 0x7F


def read_recent(entry: bytes) -> RecentCommit:
    """An entry: a number and three byte strings, one after the other; raises ValueError.

    The server writes bytes as MessagePack text, which they are not, so no decoder of MessagePack takes them.
    """
    values: list[int | bytes] = []
    at = 0
    while at < len(entry):
        head = entry[at]
        wide = _INTEGERS.get(head, 0) + _BYTES.get(head, 0)
        number = int.from_bytes(entry[at + 1 : at + 1 + wide], "big")
        at += 1 + wide
        if head <= _PLAIN_MAX:
            values.append(head)
        elif head in _INTEGERS:
            values.append(number)
        elif head in _BYTES or _FIXED_BYTES <= head <= _FIXED_BYTES_MAX:
            length = number if head in _BYTES else head - _FIXED_BYTES
            values.append(entry[at : at + length])
            at += length
        else:
            raise ValueError(f"byte {head:#x} is neither a number nor text")
    match values:
        case [int(number), bytes(tag), bytes(groups), bytes(profiles)] if at == len(entry):
            return RecentCommit(number, tag, groups, profiles)
    raise ValueError(f"{len(entry)} bytes are no recent commit")


def read_header(fields: Mapping[bytes, bytes]) -> Header:
    """The header in its hash; raises ValueError where a field is missing or no number."""
    try:
        return Header(
            Version(int(fields[b"number"]), fields[b"tag"]),
            int(fields[b"catalogue"]),
            int(fields[b"recent_bytes"]),
            int(fields[b"shards"]),
            {int(name[2:]): Epoch(*_numbers(v, 2)) for name, v in fields.items() if name.startswith(b"e:")},
            {int(name[2:]): Floor(*_numbers(v, 3)) for name, v in fields.items() if name.startswith(b"f:")},
        )
    except KeyError as error:
        raise ValueError(f"it has no field {error}") from error


def _numbers(text: bytes, count: int) -> list[int]:
    numbers = [int(number) for number in text.split()]
    if len(numbers) != count:
        raise ValueError(f"{text!r} is not {count} numbers")
    return numbers


def header_faults(fields: Mapping[bytes, bytes], shards: int) -> list[Fault]:
    """Whether a header can be read and is of this deployment."""
    if not fields:
        return [Fault(Wrong.HEADER_DAMAGED, "header", "there is none")]
    try:
        header = read_header(fields)
    except ValueError as error:
        return [Fault(Wrong.HEADER_DAMAGED, "header", str(error))]
    texts = []
    if header.shards != shards:
        texts.append(f"it is of a deployment of {header.shards} shards, not {shards}")
    unclaimed = sorted(header.floors.keys() - header.epochs.keys())
    texts += [f"partition {partition} has a floor, and nobody ever claimed it" for partition in unclaimed]
    return [Fault(Wrong.HEADER_DAMAGED, "header", text) for text in texts]


def recent_faults(header: Header, entries: list[bytes]) -> list[Fault]:
    """Whether the list of recent commits ends at the shard's version, without a gap, with its count of bytes."""
    texts = []
    try:
        commits = [read_recent(entry) for entry in entries]
    except ValueError as error:
        return [Fault(Wrong.RECENT_DAMAGED, "recent commits", str(error))]
    if not commits or commits[-1][:2] != tuple(header.version):
        said = "nothing" if not commits else f"version {commits[-1].number}"
        texts.append(f"the list ends at {said}, the header has version {header.version.number}")
    numbers = [one.number for one in commits]
    if commits and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        texts.append("versions do not follow one another")
    held = sum(len(one.groups) + len(one.profiles) for one in commits)
    if held != header.recent_bytes:
        texts.append(f"it holds {held} bytes of ids, the header says {header.recent_bytes}")
    return [Fault(Wrong.RECENT_DAMAGED, "recent commits", text) for text in texts]


def epoch_faults(header: Header, draws: Mapping[int, int]) -> list[Fault]:
    """Whether a partition's next draw would be above every epoch; else no daemon could claim it again."""
    return [
        Fault(
            Wrong.EPOCH_AHEAD,
            f"partition {partition}",
            f"it is held by draw {epoch.draw}, the counter is at {draws.get(partition, 0)}",
        )
        for partition, epoch in header.epochs.items()
        if epoch.draw > draws.get(partition, 0)
    ]


def read_decisions(entry: bytes) -> StoredDecisions:
    """An entry of a partition's list: its highest offset, a colon, the decisions; raises ValueError."""
    highest, _, packed = entry.partition(b":")
    return StoredDecisions(int(highest), unpack_decisions(packed)[1])


def decision_faults(partition: int, entries: Iterable[bytes]) -> list[Fault]:
    """Whether entries can be read and say their highest offset truly; some whose floor has passed may be there."""
    subject = f"decisions of partition {partition}"
    faults = []
    for entry in entries:
        try:
            decisions = read_decisions(entry)
        except ValueError as error:
            faults.append(Fault(Wrong.DECISIONS_DAMAGED, subject, str(error)))
            continue
        highest = max((event.offset for event in decisions.events), default=decisions.highest_offset)
        if highest != decisions.highest_offset:
            text = f"an entry says it ends at offset {decisions.highest_offset}, its last event is {highest}"
            faults.append(Fault(Wrong.DECISIONS_DAMAGED, subject, text))
    return faults


def lost_decisions(
    partition: int, events: Iterable[DecidedEvent], images: Mapping[int, Ints | None]
) -> list[Fault]:
    """What decisions that are kept say was done to groups, and the groups do not show.

    `images` must be read after the decisions, so that it can only show more. A balance that has expired shows
    nothing, and a ring forgets its oldest ids: an id is missed only where an older one of the partition is there.
    """
    groups: dict[int, tuple[Rows, ...] | None] = {
        group_id: None if image is None else rows_of(image) for group_id, image in images.items()
    }
    faults, used = [], dict[tuple[int, int], int]()
    for event in events:
        group = groups.get(event.group_id)
        if group is not None and event.outcome <= Outcome.PARTLY_CHARGED and event.duplicate_of < 0:
            position = partition << POSITION_PARTITION_SHIFT | event.offset
            ring = {row[R_POSITION] for row in group[SECTION_RING]}
            older = any(partition << POSITION_PARTITION_SHIFT <= other < position for other in ring)
            if position not in ring and older:
                text = f"the event at {partition}/{event.offset} is decided, its id is not in the ring"
                faults.append(Fault(Wrong.DECISION_LOST, f"group {event.group_id}", text))
        for impact in event.impacts:
            _add(used, impact)
    for (group_id, balance_id), amount in used.items():
        group = groups.get(group_id)
        if group is None:
            text = f"a kept decision of partition {partition} changed it, and it is not in this shard"
            faults.append(Fault(Wrong.DECISION_LOST, f"group {group_id}", text))
            continue
        for balance in group[SECTION_BALANCES]:
            taken = balance[B_GRANTED] + balance[B_AMOUNT]
            if balance[B_ID] == balance_id and taken < amount and untouched(group):
                text = f"kept decisions took {amount} from balance {balance_id}, it has lost {taken}"
                faults.append(Fault(Wrong.DECISION_LOST, f"group {group_id}", text))
    return faults


def _add(used: dict[tuple[int, int], int], impact: Impact) -> None:
    if impact.kind in (IMPACT_ALLOWANCE, IMPACT_CREDIT):
        key = (impact.group_id, impact.balance_id)
        used[key] = used.get(key, 0) + impact.amount
