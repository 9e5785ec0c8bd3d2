"""Pure. What was done to a balance group: the commands that it remembers, and the customer's activity log."""

import datetime

import msgspec

from config.civil_time import instant
from config.compiled_catalogue import CompiledCatalogue
from customer_care.activity import Activity
from customer_care.answer_view import AnswerView, RefusalView, answer_view
from customer_care.commands import COMMAND_NUMBERS, GroupRef, command_hash
from customer_care.group_view import GroupView
from customer_care.recent_commands import RecentCommand, recent_commands
from rating_kernels.tariff_table import Ints

COMMAND_NAMES = {number: str(kind.__struct_config__.tag) for kind, number in COMMAND_NUMBERS.items()}


class CommandView(msgspec.Struct, frozen=True):
    """A command that the group remembers; without an id its record is missing, and repeating it writes it."""

    done: datetime.datetime
    command: str
    id: str | None
    balance: int | None


class ActivityView(msgspec.Struct, frozen=True):
    """A row of the activity log; `before` and `after` as they were recorded, null = there was nothing."""

    time: datetime.datetime
    actor: str
    action: str
    id: str | None
    answer: AnswerView | RefusalView | None
    before: msgspec.Raw | None
    after: msgspec.Raw | None


class HistoryView(msgspec.Struct, frozen=True):
    """A group as it is, and how it came to be so."""

    group: GroupView
    commands: list[CommandView]
    activities: list[ActivityView]


def history_view(
    ref: GroupRef, view: GroupView, image: Ints, activities: list[Activity], catalogue: CompiledCatalogue
) -> HistoryView:
    """The newest rows of the log, oldest first, beside what the group itself remembers."""
    ids = {command_hash(one.command_id): one.command_id for one in activities if one.command_id}
    return HistoryView(
        group=view,
        commands=[_command(one, ids) for one in recent_commands(image)],
        activities=[_activity(ref, one, catalogue) for one in activities],
    )


def _command(one: RecentCommand, ids: dict[int, str]) -> CommandView:
    # A number that a later program gave stays a number.
    name = COMMAND_NAMES.get(one.command, str(one.command))
    return CommandView(instant(one.done_us), name, ids.get(one.id_hash), one.balance_id or None)


def _activity(ref: GroupRef, one: Activity, catalogue: CompiledCatalogue) -> ActivityView:
    answer = None
    if one.done is not None and one.command_id is not None:
        there = ref._replace(group_id=one.done.group_id)
        answer = answer_view(there, one.done.command, one.command_id, one.done.answer, catalogue)
    return ActivityView(
        instant(one.at_us), one.actor, one.action, one.command_id, answer, _raw(one.before), _raw(one.after)
    )


def _raw(text: str) -> msgspec.Raw | None:
    return msgspec.Raw(text) if text else None
