"""Pure. What the activity log says of a command on balances (DECISIONS 34)."""

import msgspec

from customer_care.commands import Answer, Command


class Before(msgspec.Struct, frozen=True):
    """What was there: the total of the command's resource, and the balances that it changed."""

    total: int
    balances: dict[str, int]
    credit_profile: str


class Recorded(msgspec.Struct, frozen=True):
    """What was done, to which group; amounts in the resource's stored unit."""

    group_id: int
    command: Command
    answer: Answer


class Activity(msgspec.Struct, frozen=True):
    """A row of the log; `done` only where it is a command on balances."""

    at_us: int
    actor: str
    action: str
    before: str
    after: str
    command_id: str | None
    done: Recorded | None
