"""Shell. A command on balances, from a person to the store and into the activity log.

First the store, through its one door, then the record. A crash in between is healed by the same command with
the same id: the group gives its first answer, and the record is written. An id that is recorded is answered
from the record, however long ago it was.
"""

from typing import NamedTuple

from msgspec import structs
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from balance_store.group_change import Changed
from balance_store.one_door import change_groups
from balance_store.profile_record import Profile
from balance_store.requests import Store
from customer_care.activity import Recorded
from customer_care.activity_records import record_command, recorded_command
from customer_care.apply_command import CommandTools
from customer_care.commands import Answer, Command, GroupRef, Refusal, command_hash, is_command_id
from customer_care.records import reading, writing
from rating_kernels.tariff_table import Ints

CALLER = b"customer_care"


class BalanceDesk(NamedTuple):
    """Where commands are done, and who does them."""

    engine: Engine
    store: Store
    tools: CommandTools
    actor: str


async def run_command(
    desk: BalanceDesk, group: GroupRef, command: Command, command_id: str, now_us: int
) -> Answer | Refusal:
    """Do a command on a group once; its answer is durable in the store and recorded.

    Raises what the store raises (GroupMissingError, StoreRefusesError, StoreUnreachableError): after the last
    one it is not known whether it was done, and the same call with the same id finds out.
    """
    if not is_command_id(command_id):
        return Refusal.BAD_COMMAND_ID
    with reading(desk.engine) as connection:
        recorded = recorded_command(connection, command_id)
    if recorded is not None:
        same = (recorded.group_id, recorded.command) == (group.group_id, command)
        return structs.replace(recorded.answer, repeated=True) if same else Refusal.COMMAND_ID_USED
    id_hash = command_hash(command_id)

    def compute(_: int, image: Ints, profile: Profile) -> Changed:
        return desk.tools.apply(command, id_hash, image, profile, now_us)

    answers = await change_groups(
        desk.store,
        group.shard,
        {group.group_id: group.customer_id},
        compute,
        desk.tools.catalogue.version,
        CALLER,
    )
    answer = answers[group.group_id]
    assert isinstance(answer, Answer | Refusal)
    if isinstance(answer, Answer):
        first = structs.replace(answer, repeated=False)
        done = Recorded(group.group_id, command, first)
        try:
            with writing(desk.engine) as connection:
                record_command(connection, group.customer_id, command_id, desk.actor, done)
        except IntegrityError:
            # Somebody repeated the command meanwhile, and wrote the record.
            return structs.replace(answer, repeated=True)
    return answer
