"""Pure. One customer as one line of NDJSON: the form that `care import` and `charging rate` read.

docs/CUSTOMERS.md shows a line with everything in it. Codes (customer, subscription, group) are texts of
the operator's own choice, unique in their kind; numbers are given when the line is taken. Dates are civil
dates of the site's time zone and begin at its midnight. Amounts are decimal text, never floats.
"""

import datetime
from typing import Literal

import msgspec
from msgspec import Struct, field

from config.checked_tables import struct_from_table
from config.faults import Fault
from rating_kernels.group_image import CALENDAR_DAYS, CALENDAR_MONTHS, CALENDAR_WEEKS, CALENDAR_YEARS

Interval = Literal["day", "week", "month", "year"]
CALENDAR_KINDS: dict[Interval, int] = {
    "day": CALENDAR_DAYS,
    "week": CALENDAR_WEEKS,
    "month": CALENDAR_MONTHS,
    "year": CALENDAR_YEARS,
}


class PersonName(Struct, frozen=True, forbid_unknown_fields=True):
    """A company has its name in `last`."""

    last: str
    first: str = ""


class Address(Struct, frozen=True, forbid_unknown_fields=True):
    """Where invoices go; `country` by ISO 3166-1 alpha-2."""

    street: str
    number: str
    postcode: str
    city: str
    country: str


class Mandate(Struct, frozen=True, forbid_unknown_fields=True):
    """A SEPA direct debit mandate. `bic` may be left out: SEPA allows IBAN only."""

    id: str
    signed_on: datetime.date
    iban: str
    bic: str = ""


class ByInvoice(Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="invoice"):
    """The customer pays on receipt of the invoice."""


class ByDirectDebit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="direct_debit"):
    """We collect from the customer's bank account."""

    mandate: Mandate


class Billing(Struct, frozen=True, forbid_unknown_fields=True):
    """The billing profile: every n-th interval, on a day (DECISIONS 23; 0 = none, for intervals of days)."""

    payment_type: Literal["prepaid", "pay_now", "postpaid"]
    currency: str
    interval: Interval = "month"
    every: int = 1
    day: int = 0


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """A service and the identifier (telephone number, device, ...) its events come under."""

    type: str
    identifier: str


class Subscription(Struct, frozen=True, forbid_unknown_fields=True):
    """A plan and its services, from the customer's first day unless `from` says later."""

    subscription: str
    plan: str
    services: tuple[Service, ...]
    from_: datetime.date | None = field(name="from", default=None)


class OpeningBalance(Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer has at the start, a positive `credit`; kept below zero as every credit is.

    `validity`: "cycle" (the default of units), "infinite" (of money) or the date at whose start it ends.
    `priority`: lower is used first, before what the resource's consumption order says.
    """

    resource: str
    credit: str | int
    validity: str | None = None
    priority: int = 0


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """A sharing group the customer owns: members use what this subscription has, as the policy says."""

    group: str
    policy: str
    subscription: str


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """Membership of a sharing group; of several, the lowest priority is used first."""

    group: str
    priority: int = 0


class Hierarchy(Struct, frozen=True, forbid_unknown_fields=True):
    """The group whose bills this customer pays, and the one whose owner pays this customer's."""

    owns: str = ""
    member_of: str = ""


class CustomerLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One customer."""

    customer: str
    since: datetime.date
    name: PersonName
    address: Address
    billing: Billing
    subscriptions: tuple[Subscription, ...]
    type: str = "residential"
    email: str = ""
    phone: str = ""
    payment: ByInvoice | ByDirectDebit = field(default_factory=ByInvoice)
    balances: tuple[OpeningBalance, ...] = ()
    credit_profile: str = ""  # empty: that of the plans
    shares: tuple[Share, ...] = ()
    member_of: tuple[Member, ...] = ()
    hierarchy: Hierarchy = field(default_factory=Hierarchy)


# What a customer who is already there may bring anew; the rest was sold, and changes by its own commands.
CHANGEABLE = ("type", "name", "email", "phone", "address", "payment")

_DECODER = msgspec.json.Decoder(CustomerLine)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def decode_line(line: bytes) -> CustomerLine | str:
    """The customer of a line; a text with every reason and its place if it is none."""
    try:
        return _DECODER.decode(line)
    except msgspec.ValidationError as error:
        return _every_fault(line) or str(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"is not JSON: {error}"


def _every_fault(line: bytes) -> str:
    """All that is wrong with the form of a line; the decoder, which is quick, stops at the first."""
    faults: list[Fault] = []
    struct_from_table(CustomerLine, msgspec.json.decode(line), "", "", faults)
    return "; ".join(f"{fault.path}: {fault.message}" for fault in faults if fault.path)


def canonical_line(line: CustomerLine) -> bytes:
    """The line in its one form, by which two lines are compared; `decode_line` reads it back."""
    return _ENCODER.encode(line)


def changed_fields(before: CustomerLine, after: CustomerLine) -> list[str]:
    """Names of the fields in which two lines differ, as they are written in the line."""
    return [name for name in CustomerLine.__struct_fields__ if getattr(before, name) != getattr(after, name)]
