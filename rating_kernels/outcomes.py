"""Pure. The one list of outcomes, shared by kernels, store, records, metrics and docs.

Numbers are fixed for ever: they are stored in decisions and published in records. Below 100 the event
was rated or recognised; from 100 on it was rejected and nothing changed.
"""

import enum


class Outcome(enum.IntEnum):
    """What became of one event; `text` is what people read."""

    text: str

    def __new__(cls, number: int, text: str) -> "Outcome":
        """Keep the text on the member, so number and text cannot drift apart."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = text
        return member

    CHARGED = 0, "charged in full"
    CHARGED_OVER_LIMIT = 1, "charged in full, beyond the credit limit"
    PARTLY_CHARGED = 2, "charged up to the credit limit, the rest is unrated"
    DENIED_LIMIT = 10, "denied: the credit limit does not allow it; nothing was consumed"
    DENIED_SHARING = 11, "denied: the shared pool is exhausted and its policy does not spill"
    DUPLICATE = 20, "the same source and id were seen before; nothing was changed"

    BAD_ENCODING = 100, "the bytes are no event: not JSON, MessagePack or CloudEvents"
    MISSING_FIELD = 101, "a mandatory field is missing"
    BAD_FIELD = 102, "a field has the wrong type or cannot be represented"
    UNKNOWN_EVENT_TYPE = 103, "the catalogue has no such event type"
    UNKNOWN_IDENTIFIER = 104, "no customer has this service identifier"
    NO_SERVICE = 105, "the identifier has no service of this type at the event's time"
    NO_RATE = 106, "no product of the subscription has a rate for the event"
    TOO_OLD = 107, "the event is older than the horizon"
    IN_FUTURE = 108, "the event's time is ahead of its message"
    TOO_LARGE = 109, "the message is larger than allowed"
    QUANTITY_OUT_OF_RANGE = 110, "the quantity is negative or larger than its event type allows"
    AMOUNT_OUT_OF_RANGE = 111, "the price would pass the largest amount"
    SNAPSHOTS_FULL = 112, "too many ended cycles wait for billing"
    ACCOUNT_CLOSED = 113, "the account was closed before the event's time"
    TOO_MANY_BALANCES = 114, "the balance groups hold more balances than one event may look at"
    STORE_INCOMPLETE = 115, "the store lacks a balance group or an owner that the customer's profile names"


REJECTED_FROM = 100


OUTCOME_NAMES = {int(outcome): outcome.name for outcome in Outcome}
