"""Pure. Everything care shows of one customer, as data; `--json` prints it as it is."""

import datetime
from typing import NamedTuple

import msgspec

from config.civil_time import instant
from config.compile_catalogue import CompiledCatalogue
from customer_care.customer_lines import Address, PersonName
from rating_kernels.group_image import (
    B_AMOUNT,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    INFINITE_US,
    SECTION_BALANCES,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.tariff_table import Ints


class Validity(msgspec.Struct, frozen=True):
    """Half-open; no end = without one."""

    start: datetime.datetime
    end: datetime.datetime | None


class MandateView(msgspec.Struct, frozen=True):
    """A mandate, the newest last."""

    id: str
    status: str
    signed_on: datetime.date
    iban: str
    bic: str


class BillingProfileView(msgspec.Struct, frozen=True):
    """How the customer is billed."""

    number: int
    payment_type: str
    payment_method: str
    currency: str
    cycle: str


class BillView(msgspec.Struct, frozen=True):
    """A bill; amounts in the currency's smallest unit."""

    id: int
    number: int | None
    status: str
    cycle_no: int
    period: Validity
    total_minor: int
    due_minor: int
    currency: str


class ServiceView(msgspec.Struct, frozen=True):
    """A service of a subscription."""

    type: str
    identifier: str
    status: str
    validity: Validity


class SubscriptionView(msgspec.Struct, frozen=True):
    """A subscription with what it brought."""

    code: str
    number: int
    plan: str
    status: str
    validity: Validity
    products: list[str]
    services: list[ServiceView]


class SharingView(msgspec.Struct, frozen=True):
    """A sharing group, from its owner's or from a member's side."""

    group: str
    policy: str
    owner: str
    members: list[str]


class HierarchyView(msgspec.Struct, frozen=True):
    """A group of bills that one customer pays."""

    group: str
    payer: str
    members: list[str]


class CustomerView(msgspec.Struct, frozen=True):
    """One customer."""

    code: str
    number: int
    shard: int
    published: bool
    type: str
    status: str
    since: datetime.date
    name: PersonName
    email: str
    phone: str
    address: Address
    billing_profile: BillingProfileView
    mandates: list[MandateView]
    bills: list[BillView]
    subscriptions: list[SubscriptionView]
    shares: list[SharingView]
    member_of: list[SharingView]
    pays_for: list[HierarchyView]
    paid_by: list[HierarchyView]
    group_ids: list[int]


class BalanceView(msgspec.Struct, frozen=True):
    """A sub-balance as the store has it: positive = owed, negative = prepaid or free (DECISIONS 1)."""

    resource: str
    amount: str
    unit: str
    validity: Validity


def validity_of(from_us: int, to_us: int) -> Validity:
    """An interval of microseconds as people read it."""
    return Validity(instant(from_us), None if to_us == INFINITE_US else instant(to_us))


class ShownResource(NamedTuple):
    """How amounts of a resource are shown."""

    code: str
    unit: str
    stored_decimals: int
    decimals: int

    def text(self, amount: int) -> str:
        """A stored amount as people read it."""
        return amount_text(amount, self.stored_decimals, self.decimals)


def shown_resource(catalogue: CompiledCatalogue, resource_id: int) -> ShownResource:
    """A resource by its id; one that a later catalogue dropped has no name any more."""
    info = catalogue.resources.get(catalogue.names["resource"].get(resource_id, ""))
    if info is None:
        return ShownResource(str(resource_id), "", 0, 0)
    return ShownResource(info.code, info.unit, info.stored_decimals, info.decimals if info.is_money else 0)


def balance_views(words: Ints, catalogue: CompiledCatalogue) -> list[BalanceView]:
    """The sub-balances of a group's image, in the order of their creation."""
    views = []
    for number in range(section_count(words, 0, SECTION_BALANCES)):
        row = words[row_at(words, 0, SECTION_BALANCES, number) :]
        shown = shown_resource(catalogue, int(row[B_RESOURCE_ID]))
        validity = validity_of(int(row[B_VALID_FROM_US]), int(row[B_VALID_TO_US]))
        views.append(BalanceView(shown.code, shown.text(int(row[B_AMOUNT])), shown.unit, validity))
    return views


def amount_text(amount: int, stored_decimals: int, shown_decimals: int) -> str:
    """An amount of 10**-stored_decimals exactly, with at least the decimals people expect."""
    whole, rest = divmod(abs(amount), 10**stored_decimals)
    digits = f"{rest:0{stored_decimals}d}" if stored_decimals else ""
    kept = digits.rstrip("0").ljust(shown_decimals, "0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{kept}" if kept else f"{sign}{whole}"
