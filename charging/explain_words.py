"""Pure. The words of an explanation: what its codes mean to people."""

import datetime
from typing import Protocol

from charging.explanation import LimitStep

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SERVICE = {
    "found": "found",
    "other_service_type": "another service type",
    "not_valid_then": "not valid then",
}
PRODUCT = {
    "chosen": "chosen",
    "not_valid_then": "not valid then",
    "no_version_yet": "no version yet",
    "no_price": "no price",
}
MEMBER = {
    "holds": "holds",
    "not_valid_then": "not valid then",
    "owner_not_here": "the owner is not here",
    "one_too_many": "more pools than one event may use",
}
POLICY = {
    "applies": "applies",
    "other_service_type": "does not cover the service type",
    "other_resource": "does not cover the resource",
    "other_charge_tag": "does not cover the charge tag",
}
DISCOUNT = {
    "not_valid_then": "not valid then",
    "other_use": "for other resources or tags",
    "nothing_left": "nothing is left to take it off",
}
BALANCE = {
    "used": "used",
    "owes": "owes",
    "not_needed": "not needed any more",
    "not_valid_then": "not valid then",
    "empty": "empty",
    "owed": "holds what is owed, no credit",
}
BREACHES = {
    "deny": "the event is denied",
    "up_to_limit": "the rest stays unrated",
    "allow": "charged all the same",
}
FIRST = {"E": "earliest", "L": "latest"}
END = {"S": "start", "E": "end"}


class OfGroup(Protocol):
    """Whatever happens to a balance group."""

    group: int
    customer: str | int


def who(step: OfGroup) -> str:
    """The customer, or the group where nobody knows whose it is."""
    return str(step.customer or f"group {step.group}")


def order(code: str) -> str:
    """A consumption order in words: EST, earliest start first."""
    parts = [code[at : at + 3] for at in range(0, len(code), 3)]
    words = [f"{FIRST[part[0]]} {END[part[1]]} first" for part in parts]
    return f"{code} ({', then '.join(words)})"


def time(text: str) -> str:
    """An instant with its weekday; a midnight as its date."""
    if not text:
        return ""
    moment = datetime.datetime.fromisoformat(text)
    if moment.timetz().replace(tzinfo=None) == datetime.time():
        return moment.date().isoformat()
    offset = text[-6:]
    clock = moment.replace(tzinfo=None).isoformat(" ")
    return f"{WEEKDAYS[moment.weekday()]} {clock} {offset}"


def span(start: str, end: str) -> str:
    """A validity, half-open."""
    parts = [f"from {time(start)}" if start else "", f"to {time(end)}" if end else ""]
    return " ".join(filter(None, parts)) or "at all times"


def limit(step: LimitStep, unit: str) -> str:
    """What the credit limit says."""
    if step.says == "no_limit":
        return "no credit limit"
    stood = f"limit {step.limit} {unit} of {step.profile}, total before {step.total_before}, room {step.room}"
    if step.says == "within":
        return f"{stood}: {step.asked} is within"
    if step.says == "over":
        return f"{stood}: {step.asked} passes it, and is {BREACHES[step.on_breach]}"
    return f"{stood}: of {step.asked} {step.allowed} {unit} may be charged; {BREACHES[step.on_breach]}"
