"""Pure. Answers and refusals of commands on balances as people and programs read them (amounts: DECISIONS 1)."""

import datetime
from typing import Literal

import msgspec

from config.civil_time import instant
from config.code_ids import code_id
from config.compiled_catalogue import CompiledCatalogue
from customer_care.commands import Answer, Command, GroupRef, Refusal, command_name
from customer_care.customer_view import ShownResource, shown_resource


class NoticeView(msgspec.Struct, frozen=True):
    """A crossed threshold, as in notifications of usage; `reset`: the credit profile changed, not the balance."""

    time: datetime.datetime
    type: str
    resource: str
    direction: str
    threshold: str
    before: str
    after: str
    reason: str


class ChangeView(msgspec.Struct, frozen=True):
    """What became of one balance, by its number in the group."""

    balance: int
    before: str
    after: str


class AnswerView(msgspec.Struct, frozen=True):
    """A command that was done; the amounts are totals of the resource, and empty where it has none."""

    command: str
    id: str
    customer: str
    group: int
    done: datetime.datetime
    repeated: bool
    resource: str
    unit: str
    amount: str
    before: str
    after: str
    balance: int | None
    changes: list[ChangeView]
    bill_item: str
    notices: list[NoticeView]
    status: Literal["done"] = "done"


class RefusalView(msgspec.Struct, frozen=True):
    """A command that was refused: nothing changed; `text` says the cure."""

    command: str
    id: str
    customer: str
    group: int
    reason: str
    text: str
    status: Literal["refused"] = "refused"


def answer_view(
    ref: GroupRef, command: Command, command_id: str, answer: Answer | Refusal, catalogue: CompiledCatalogue
) -> AnswerView | RefusalView:
    """An answer with its amounts as text."""
    name = command_name(command)
    if isinstance(answer, Refusal):
        return RefusalView(name, command_id, ref.customer, ref.group_id, answer.name, answer.value)
    shown = _shown(answer.resource, catalogue)
    text = shown.text if answer.resource else _nothing
    item = catalogue.items.get(answer.item_id)
    return AnswerView(
        command=name,
        id=command_id,
        customer=ref.customer,
        group=ref.group_id,
        done=instant(answer.done_us),
        repeated=answer.repeated,
        resource=answer.resource,
        unit=shown.unit if answer.resource else "",
        amount=text(answer.after - answer.before),
        before=text(answer.before),
        after=text(answer.after),
        balance=answer.balance_id or None,
        changes=[ChangeView(one.balance_id, text(one.before), text(one.after)) for one in answer.changes],
        bill_item=item.bill_item if item else "",
        notices=_notices(answer, catalogue),
    )


def _notices(answer: Answer, catalogue: CompiledCatalogue) -> list[NoticeView]:
    views = []
    for one in answer.notices:
        text = _shown(one.resource, catalogue).text
        views.append(
            NoticeView(
                instant(answer.done_us),
                "threshold",
                one.resource,
                one.direction,
                text(one.threshold),
                text(one.before),
                text(one.after),
                one.reason,
            )
        )
    return views


def _shown(code: str, catalogue: CompiledCatalogue) -> ShownResource:
    return shown_resource(catalogue, code_id("resource", code))


def _nothing(_: int) -> str:
    return ""
