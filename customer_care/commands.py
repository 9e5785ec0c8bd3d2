"""Pure. Commands on the balances of a group: what is asked, what is answered, and why one is refused.

Amounts are in the resource's stored unit and have the signs of DECISIONS 1: credit is negative (the customer is
given something), debit positive (the customer owes). Times are microseconds since 1970, UTC.
"""

import enum
import hashlib
from typing import Literal, NamedTuple

from msgspec import Struct

# Until when a credit holds: the current cycle, for ever, an instant, or as the resource's kind has it (DECISIONS 5).
Validity = Literal["cycle", "infinite"] | int | None


class Booking(Struct, frozen=True, omit_defaults=True):
    """The item of the bill; a ledger or a tax that is not named is the one the catalogue books it with."""

    bill_item: str
    general_ledger: str | None = None
    tax: str | None = None


class TopUp(Struct, frozen=True, tag="top-up", tag_field="command", omit_defaults=True):
    """Credit that the customer paid for; amount < 0. Merges with credit of the same end and priority."""

    resource: str
    amount: int
    validity: Validity = None
    priority: int = 0


class Grant(Struct, frozen=True, tag="grant", tag_field="command", omit_defaults=True):
    """Credit that the customer is given; otherwise as a top-up."""

    resource: str
    amount: int
    validity: Validity = None
    priority: int = 0


class Create(Struct, frozen=True, tag="create", tag_field="command", omit_defaults=True):
    """A balance made by hand: a credit of its own, or a debit that the cycle owes whatever credit there is."""

    resource: str
    amount: int
    validity: Validity = None
    priority: int = 0
    booking: Booking | None = None


class Adjust(Struct, frozen=True, tag="adjust", tag_field="command", omit_defaults=True):
    """A correction that adds a signed amount to one balance, to an item of the bill, or to both.

    Without a balance a debit is used up like usage: credits in order, then the cycle owes; a credit lowers what
    the cycle owes, and what is more than that becomes credit without end.
    """

    resource: str
    amount: int
    balance_id: int | None = None
    booking: Booking | None = None
    tax_supplier: str = ""


class Expire(Struct, frozen=True, tag="expire", tag_field="command", omit_defaults=True):
    """End the validity of a credit now."""

    balance_id: int


class SetCreditProfile(Struct, frozen=True, tag="credit-profile", tag_field="command", omit_defaults=True):
    """Put the group under another credit profile; an empty code takes every limit away."""

    credit_profile: str
    payment_type: str


class Close(Struct, frozen=True, tag="close", tag_field="command", omit_defaults=True):
    """Close the group now: events from now on are rejected, and no further cycle grants or charges anything."""


Command = TopUp | Grant | Create | Adjust | Expire | SetCreditProfile | Close

# Numbers under which a group remembers what was done; fixed for ever, they stand in records.
COMMAND_NUMBERS: dict[type[Command], int] = {
    TopUp: 1,
    Grant: 2,
    Create: 3,
    Adjust: 4,
    Expire: 5,
    SetCreditProfile: 6,
    Close: 7,
}


class Notice(Struct, frozen=True):
    """A threshold that was crossed (DECISIONS 7); `reason` is `reset` where the profile changed, not the balance."""

    resource: str
    direction: Literal["up", "down"]
    threshold: int
    before: int
    after: int
    reason: Literal["balance", "reset"] = "balance"


class BalanceChange(Struct, frozen=True):
    """What became of one balance; a balance that was not there had 0."""

    balance_id: int
    before: int
    after: int


class Answer(Struct, frozen=True, omit_defaults=True):
    """A command that was done: totals of its resource valid then, before and after; nothing for those without one."""

    done_us: int
    resource: str = ""
    before: int = 0
    after: int = 0
    balance_id: int = 0  # where a credit is kept, or what was named
    changes: tuple[BalanceChange, ...] = ()
    item_id: int = 0  # whose total of the open cycle the amount was added to
    notices: tuple[Notice, ...] = ()
    repeated: bool = False  # it had been done before; this is its first answer


class Refusal(enum.Enum):
    """Why a command was refused: nothing was changed. The text says the cure."""

    UNKNOWN_RESOURCE = "the catalogue has no such resource; `charging catalog show` lists them"
    WRONG_SIGN = "the amount is 0 or has the wrong sign: a top-up and a grant are credit"
    AMOUNT_OUT_OF_RANGE = "the balance or the item would pass the largest amount; make the amount smaller"
    VALIDITY_OVER = "the validity ends now or earlier; name a later day"
    PRIORITY_OUT_OF_RANGE = "the priority is not between -1000 and 1000"
    DEBIT_NEEDS_CYCLE = "a debit is owed in the current cycle; leave the validity out"
    BOOKING_MISSING = (
        "a debit of money, or an adjustment of what is owed, needs a bill item: without one no bill has it"
    )
    BOOKING_UNKNOWN = "the catalogue books nothing of this resource to such a bill item, ledger and tax"
    BOOKING_AMBIGUOUS = (
        "the catalogue books this bill item with several ledgers or taxes; name the ledger and the tax"
    )
    BOOKING_TAXED_BY_EVENT = (
        "the tax of this item is charged with each event; adjust with an item that is taxed on the bill"
    )
    ADJUSTS_NOTHING = "name a balance, a bill item, or both"
    UNKNOWN_BALANCE = "the group has no such balance; `charging balance show` lists them with their numbers"
    OTHER_RESOURCE = "the balance is of another resource"
    BALANCE_ENDED = "the balance is not valid now; only what holds now can be changed"
    BALANCE_TOO_SMALL = (
        "the balance would pass 0; make the amount smaller, or adjust a bill item without a balance"
    )
    BALANCE_IS_OWED = "the balance is what the customer owes, which does not expire; adjust it"
    TOO_MANY_BALANCES = "the group has as many balances as it may; expire some, or top up one that is there"
    UNKNOWN_CREDIT_PROFILE = "the catalogue has no such credit profile; `charging catalog show` lists them"
    GROUP_CLOSED = "the group is closed; only adjustments are possible"
    SNAPSHOTS_FULL = "too many ended cycles wait for billing: `billing run` first"
    BAD_COMMAND_ID = "a command's id has 1 to 100 printable characters without blanks at its ends"
    COMMAND_ID_USED = "the command's id was used for another command; make a new id"


class GroupRef(NamedTuple):
    """A balance group, and where it is."""

    group_id: int
    customer_id: int
    customer: str
    shard: int
    payment_type: str
    credit_profile: str


COMMAND_ID_MAX = 100


def command_name(command: Command) -> str:
    """What a command is called, on the command line and in records."""
    return str(type(command).__struct_config__.tag)


def is_command_id(text: str) -> bool:
    """Whether a caller may use this as the id of a command."""
    return 1 <= len(text) <= COMMAND_ID_MAX and text == text.strip() and text.isprintable()


def command_hash(command_id: str) -> int:
    """The id as a group remembers it: the chance that one of 32 meets a new one by accident is 32 / 2**64."""
    digest = hashlib.blake2b(command_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
