"""The judge judged: where all agrees it finds nothing, and each thing that is not as it must be is found."""

from collections import Counter
from types import SimpleNamespace

import pytest

from charging.messages import Message
from customer_care.commands import Answer
from tests.chaos.desk import Entry
from tests.chaos.evidence import Published
from tests.chaos.verdict import (
    Verdict,
    judge_balances,
    judge_calm,
    judge_commands,
    judge_events,
    judge_records,
)

PLACE, NAME = (0, 4, 0), ("rated", "usage/0/4/0")
LOGS = {0: {4: Message(0, 4, 0, b"{}", ())}}
RECORDS = {NAME: b"rated"}
JOURNALS = {"top-up": Entry("top-up", 0, -5, repeated=False)}
GROUPS = {1: [b"group"]}


def replay(**changes):
    return SimpleNamespace(
        **{
            "decided": Counter({PLACE: 1}),
            "faults": [],
            "records": RECORDS,
            "given": Counter({"top-up": 1}),
            "answers": {"top-up": Answer(1, "EUR", 0, -5)},
            "groups": lambda: {1: b"group"},
        }
        | changes
    )


def published(records=RECORDS, differing=()):
    return Published(dict(records), dict.fromkeys(records, 0), set(differing), 0)


def judged(one=None, output=None, journals=JOURNALS, groups=GROUPS, calm=None, calm_groups=GROUPS):
    """(lost, twice, wrong) of a run of one event and one command."""
    verdict, one, output = Verdict(), one or replay(), output or published()
    judge_events(verdict, LOGS, one)
    judge_records(verdict, output, one)
    judge_commands(verdict, journals, one)
    judge_balances(verdict, groups, one)
    judge_calm(verdict, calm_groups, calm or published(), one, set(), {(0, 4)})
    assert verdict.holds == (not list(verdict.findings()))
    return len(verdict.lost), len(verdict.twice), len(verdict.wrong)


def test_nothing_is_found_where_all_agrees():
    assert judged() == (0, 0, 0)


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        ((1, 0, 0), {"one": replay(decided=Counter())}),
        ((0, 1, 0), {"one": replay(decided=Counter({PLACE: 2}))}),
        ((0, 0, 1), {"one": replay(decided=Counter({PLACE: 1, (0, 5, 0): 1}))}),
        ((0, 0, 1), {"one": replay(faults=["a group that nobody changed"])}),
        ((1, 0, 0), {"output": published({})}),
        ((0, 0, 1), {"output": published({NAME: b"otherwise"})}),
        ((0, 0, 1), {"output": published(RECORDS | {("rated", "usage/0/5/0"): b"more"})}),
        ((0, 0, 1), {"output": published(differing=[NAME])}),
        ((1, 0, 0), {"one": replay(given=Counter(), answers={})}),
        ((0, 1, 0), {"one": replay(given=Counter({"top-up": 2}))}),
        ((0, 0, 1), {"journals": {}}),
        ((0, 0, 1), {"journals": {"top-up": Entry("top-up", 0, -6, repeated=False)}}),
        ((0, 0, 1), {"groups": {1: []}}),
        ((0, 0, 1), {"groups": {1: [b"group", b"group"]}}),
        ((0, 0, 1), {"groups": {1: [b"other"]}}),
        ((0, 0, 1), {"calm_groups": {1: [b"other"]}}),
        ((0, 0, 1), {"calm": published({})}),
        ((0, 0, 1), {"calm": published({NAME: b"otherwise"})}),
    ],
)
def test_what_is_not_as_it_must_be_is_found(found, changes):
    assert judged(**changes) == found
