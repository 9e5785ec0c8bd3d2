"""Shell. The activity log's rows of commands on balances: who, when, what, before, after (DECISIONS 34).

A command is recorded once, after the store has it; whoever repeats a command whose record is missing writes it.
"""

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from customer_care.activity import Activity, Before, Recorded
from customer_care.commands import BalanceChange, Close, SetCreditProfile, command_name
from customer_care.tables import activity_log, balance_groups

ROWS_AT_ONCE = 1_000
_DECODER = msgspec.json.Decoder(Recorded)


def recorded_command(connection: Connection, command_id: str) -> Recorded | None:
    """What was recorded of a command."""
    query = select(activity_log.c.after).where(activity_log.c.command_id == command_id)
    after = connection.execute(query).scalar_one_or_none()
    return None if after is None else _DECODER.decode(after)


def record_command(
    connection: Connection, customer_id: int, command_id: str, actor: str, done: Recorded
) -> None:
    """Write what was done, unless it is written; with it what the records keep of a group themselves."""
    if recorded_command(connection, command_id) is not None:
        return
    group = balance_groups.c.id == done.group_id
    profile = connection.execute(select(balance_groups.c.credit_profile).where(group)).scalar_one()
    connection.execute(
        insert(activity_log),
        {
            "at_us": done.answer.done_us,
            "actor": actor,
            "action": f"balance {command_name(done.command)}",
            "customer_id": customer_id,
            "before": msgspec.json.encode(
                Before(done.answer.before, _amounts_before(done.answer.changes), profile)
            ).decode(),
            "after": msgspec.json.encode(done).decode(),
            "command_id": command_id,
        },
    )
    match done.command:
        case SetCreditProfile(credit_profile=code):
            connection.execute(update(balance_groups).where(group).values(credit_profile=code))
        case Close():
            connection.execute(update(balance_groups).where(group).values(valid_to_us=done.answer.done_us))


def activities(connection: Connection, customer_id: int, limit: int) -> list[Activity]:
    """The newest rows of a customer, oldest first."""
    query = (
        select(activity_log)
        .where(activity_log.c.customer_id == customer_id)
        .order_by(activity_log.c.id.desc())
        .limit(limit)
    )
    return [_activity(row) for row in reversed(connection.execute(query).all())]


def booked_amounts(connection: Connection) -> dict[int, int]:
    """What commands added to items of bills, by the item's id, in stored units."""
    sums: dict[int, int] = defaultdict(int)
    query = select(activity_log.c.after).where(activity_log.c.command_id.is_not(None))
    for after in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query).scalars():
        answer = _DECODER.decode(after).answer
        if answer.item_id:
            sums[answer.item_id] += answer.after - answer.before
    return dict(sums)


def _activity(row: Any) -> Activity:
    done = None if row.command_id is None else _DECODER.decode(row.after)
    return Activity(row.at_us, row.actor, row.action, row.before, row.after, row.command_id, done)


def _amounts_before(changes: tuple[BalanceChange, ...]) -> dict[str, int]:
    return {str(one.balance_id): one.before for one in changes}
