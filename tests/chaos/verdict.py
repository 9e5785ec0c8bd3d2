"""Pure. What must hold after all of it, and what did not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from charging.messages import Message
from customer_care.commands import Answer
from tests.chaos.desk import Entry
from tests.chaos.evidence import Published
from tests.chaos.replay import Replay

TOLD_MAX = 10


@dataclass
class Verdict:
    """Events and commands that were lost or done twice, and all else that is not as it must be."""

    events: int = 0
    commands: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.twice or self.wrong)

    def findings(self) -> Iterable[str]:
        """The first of each kind, for a person to begin with."""
        for kind, found in (("lost", self.lost), ("twice", self.twice), ("wrong", self.wrong)):
            yield from (f"{kind}: {one}" for one in found[:TOLD_MAX])


def judge_events(verdict: Verdict, logs: dict[int, dict[int, Message]], replay: Replay) -> None:
    """Every message of the log was decided, by exactly one entry of exactly one commit."""
    places = {(partition, offset, 0) for partition, log in logs.items() for offset in log}
    verdict.events = len(places)
    verdict.lost += [f"event {place} was never decided" for place in sorted(places - replay.decided.keys())]
    verdict.twice += [
        f"event {place} was decided {count} times" for place, count in replay.decided.items() if count > 1
    ]
    unknown = replay.decided.keys() - places
    verdict.wrong += [f"event {place} was decided and does not exist" for place in sorted(unknown)]
    verdict.wrong += replay.faults


def judge_records(verdict: Verdict, published: Published, replay: Replay) -> None:
    """Published is what the replay publishes: every record, with one content, and no other."""
    verdict.lost += [
        f"record {name} was never published" for name in replay.records.keys() - published.records.keys()
    ]
    verdict.wrong += [f"record {name} has two contents" for name in published.differing]
    for name, content in published.records.items():
        if name not in replay.records:
            verdict.wrong.append(f"record {name} belongs to no decision")
        elif replay.records[name] != content:
            verdict.wrong.append(f"record {name} is not what the replay makes of it")


def judge_commands(verdict: Verdict, journals: dict[str, Entry], replay: Replay) -> None:
    """A command that was answered took effect once, and this is its answer; no other took effect, unless in the air."""
    given: Counter[str] = replay.given
    verdict.commands = len(journals)
    verdict.lost += [f"command {name} was answered, not done" for name in journals.keys() - given.keys()]
    verdict.twice += [f"command {name} was done {count} times" for name, count in given.items() if count > 1]
    verdict.wrong += [
        f"command {name} was done and never answered" for name in given.keys() - journals.keys()
    ]
    for name, entry in journals.items():
        answer: Answer | None = replay.answers.get(name)
        if answer is not None and (answer.before, answer.after) != (entry.before, entry.after):
            verdict.wrong.append(f"command {name} was answered {entry}, the replay says {answer}")


def judge_balances(verdict: Verdict, groups: dict[int, list[bytes]], replay: Replay) -> None:
    """What the store holds at the end is what the replay holds, in one place."""
    expected = replay.groups()
    for group_id, records in groups.items():
        if records != [expected[group_id]]:
            verdict.wrong.append(f"group {group_id}: {len(records)} records, not the one of the replay")


def judge_calm(
    verdict: Verdict,
    calm_groups: dict[int, list[bytes]],
    calm: Published,
    replay: Replay,
    commanded_groups: set[int],
    left_alone: set[tuple[int, int]],
) -> None:
    """Who was left alone by commands has the balances and records of a run in which nothing happened to anybody.

    `left_alone` are the places of their events.
    """
    expected = replay.groups()
    for group_id, records in calm_groups.items():
        if group_id not in commanded_groups and records != [expected[group_id]]:
            verdict.wrong.append(f"group {group_id} is not what it is in an undisturbed run")
    ours = {name: content for name, content in replay.records.items() if place_of(name[1]) in left_alone}
    theirs = {name: content for name, content in calm.records.items() if place_of(name[1]) in left_alone}
    for name in ours.keys() ^ theirs.keys():
        verdict.wrong.append(f"record {name} is in one run only: this one or the undisturbed one")
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            verdict.wrong.append(f"record {name} is not what it is in an undisturbed run")


def place_of(record_id: str) -> tuple[int, int]:
    """(partition, offset) of the message that caused a record: topic/partition/offset/index, and more of notifications."""
    _, partition, offset, *_ = record_id.split("/")
    return int(partition), int(offset)
