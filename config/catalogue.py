"""Pure. The catalogue as people write it: what is sold, how it is priced, where it is booked.

Each struct is a TOML table; docs/CATALOGUE.md shows one of each. Amounts and quantities are decimal text
or integers, never floats: "0.10" is exact, 0.10 is not. References are codes. Times are ISO 8601: a date
stands for its local midnight. `compile_catalogue` checks everything that spans tables.
"""

from typing import Literal

from msgspec import Struct

from config.rate_plan import Decimal, RatePlan, RoundingMode

PaymentType = Literal["prepaid", "pay_now", "postpaid"]
PAYMENT_TYPES: tuple[PaymentType, ...] = ("prepaid", "pay_now", "postpaid")
ConsumptionOrder = Literal[
    "EST", "LST", "EET", "LET", "ESTLET", "ESTEET", "LSTEET", "LSTLET", "EETEST", "EETLST", "LETEST", "LETLST"
]


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """The operator. `currency` is the code of a monetary resource."""

    name: str
    time_zone: str
    currency: str


class Resource(Struct, frozen=True, forbid_unknown_fields=True):
    """What a balance can hold. `decimals` are those people see; money is kept in millionths whatever they are."""

    code: str
    name: str
    monetary: bool = False
    decimals: int = 0
    rounding: RoundingMode = "half_up"
    consumption_order: ConsumptionOrder = "EST"
    unit: str = ""


class ServiceType(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of service a customer can have, with an identifier of its own."""

    code: str
    name: str


class EventField(Struct, frozen=True, forbid_unknown_fields=True):
    """A field of an event beside its quantity. Rules can test it unless `rating` is false."""

    name: str
    kind: Literal["text", "number"] = "text"
    mandatory: bool = True
    rating: bool = True


class EventType(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of usage event. Quantities are counted in 10**-quantity_decimals of `unit`."""

    code: str
    name: str
    service_type: str
    unit: str
    quantity_max: Decimal
    quantity_decimals: int = 0
    field: tuple[EventField, ...] = ()


class SpecialDay(Struct, frozen=True, forbid_unknown_fields=True):
    """Days that bands can name: "2026-04-06", or "12-25" for every year."""

    code: str
    name: str
    dates: tuple[str, ...]


class RecurringAllowance(Struct, frozen=True, forbid_unknown_fields=True):
    """Free units at the start of every cycle, gone at its end."""

    resource: str
    amount: Decimal


class Product(Struct, frozen=True, forbid_unknown_fields=True):
    """A service product has a rate plan; a recurring product a fee, allowances or both per cycle.

    The fee is charged forward, at the cycle's start; `prorate` charges a short first cycle by its days.
    """

    code: str
    name: str
    rate_plan: str = ""
    priority: int = 0
    fee: Decimal = 0
    fee_resource: str = ""  # empty: the site's currency
    prorate: bool = True
    allowances: tuple[RecurringAllowance, ...] = ()
    charge_tag: str = ""
    bill_item: str = ""
    general_ledger: str = ""
    tax: str = ""


class Discount(Struct, frozen=True, forbid_unknown_fields=True):
    """Percent or an amount off what an event costs, where its impact bears one of the tags (none: always).

    Sold in bundles like products. Lower `priority` first, each on what the one before has left, never
    below zero. `at` event: off each event; bill: off the item totals of the cycle.
    """

    code: str
    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    resource: str = ""  # empty: the site's currency
    priority: int = 0
    charge_tags: tuple[str, ...] = ()
    resource_tags: tuple[str, ...] = ()
    at: Literal["event", "bill"] = "event"


class Bundle(Struct, frozen=True, forbid_unknown_fields=True):
    """Products that are sold together, and the discounts that come with them."""

    code: str
    name: str
    products: tuple[str, ...] = ()
    discounts: tuple[str, ...] = ()


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer subscribes to."""

    code: str
    name: str
    bundles: tuple[str, ...]
    payment_types: tuple[PaymentType, ...]
    credit_profile: str = ""


class CreditLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a resource may go for a payment type, and where a notification is due.

    `limit` left out: no limit. A threshold is an amount ("-5") or a part of the way from floor to limit ("80%").
    """

    payment_type: PaymentType
    resource: str
    floor: Decimal = 0
    limit: Decimal | None = None
    on_breach: Literal["deny", "up_to_limit", "allow"] | None = None  # None: deny if prepaid, else allow
    thresholds: tuple[Decimal, ...] = ()


class CreditProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for each payment type."""

    code: str
    name: str
    limit: tuple[CreditLimit, ...]


class SharingPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What a group's owner pays for its members. Lists that are left out cover everything."""

    code: str
    name: str
    service_types: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    charge_tags: tuple[str, ...] = ()
    percent: int = 100
    strategy: Literal["owner_first", "member_first"] = "owner_first"
    when_exhausted: Literal["spill", "deny"] = "spill"
    cap_per_member: Decimal | None = None
    cap_per_group: Decimal | None = None
    shared_tiers: bool = False  # tiers that count the cycle count the whole group's use


class BillItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A bill's bucket of charges, as the invoice shows it."""

    code: str
    name: str
    on_invoice: bool = True


class GeneralLedger(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the books take a charge."""

    code: str
    name: str


class TaxRate(Struct, frozen=True, forbid_unknown_fields=True):
    """A rate in percent, from an instant on, to another or to the next rate."""

    percent: Decimal
    valid_from: str
    valid_to: str = ""


class Tax(Struct, frozen=True, forbid_unknown_fields=True):
    """A tax code with dated rates. `category` is EN 16931's (S, Z, E, AE, ...).

    `at` bill: on the sum of the bill's lines; rating: with each event, on top of its net amount.
    """

    code: str
    name: str
    rate: tuple[TaxRate, ...]
    category: str = "S"
    at: Literal["bill", "rating"] = "bill"


class Tag(Struct, frozen=True, forbid_unknown_fields=True):
    """A mark on impacts that discounts and sharing policies can look for."""

    code: str
    name: str
    kind: Literal["charge", "resource"] = "charge"


class CatalogueFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The tables one file may hold, under the names they have in TOML."""

    version: int | None = None
    site: Site | None = None
    resource: tuple[Resource, ...] = ()
    special_day: tuple[SpecialDay, ...] = ()
    service_type: tuple[ServiceType, ...] = ()
    event_type: tuple[EventType, ...] = ()
    rate_plan: tuple[RatePlan, ...] = ()
    product: tuple[Product, ...] = ()
    discount: tuple[Discount, ...] = ()
    bundle: tuple[Bundle, ...] = ()
    plan: tuple[Plan, ...] = ()
    credit_profile: tuple[CreditProfile, ...] = ()
    sharing_policy: tuple[SharingPolicy, ...] = ()
    bill_item: tuple[BillItem, ...] = ()
    general_ledger: tuple[GeneralLedger, ...] = ()
    tax: tuple[Tax, ...] = ()
    tag: tuple[Tag, ...] = ()


class Catalogue(Struct, frozen=True):
    """All files together: by code, in the order of the files."""

    version: int
    site: Site
    resources: dict[str, Resource]
    special_days: dict[str, SpecialDay]
    service_types: dict[str, ServiceType]
    event_types: dict[str, EventType]
    rate_plans: dict[str, RatePlan]
    products: dict[str, Product]
    discounts: dict[str, Discount]
    bundles: dict[str, Bundle]
    plans: dict[str, Plan]
    credit_profiles: dict[str, CreditProfile]
    sharing_policies: dict[str, SharingPolicy]
    bill_items: dict[str, BillItem]
    general_ledgers: dict[str, GeneralLedger]
    taxes: dict[str, Tax]
    tags: dict[str, Tag]
    # Where each code stands, by (table, code): for faults.
    files: dict[tuple[str, str], str]
    # Codes whose table is at fault by itself: references to them are no further fault.
    broken: frozenset[tuple[str, str]] = frozenset()


# Table in TOML -> attribute of Catalogue.
PLURALS = {
    "resource": "resources",
    "special_day": "special_days",
    "service_type": "service_types",
    "event_type": "event_types",
    "rate_plan": "rate_plans",
    "product": "products",
    "discount": "discounts",
    "bundle": "bundles",
    "plan": "plans",
    "credit_profile": "credit_profiles",
    "sharing_policy": "sharing_policies",
    "bill_item": "bill_items",
    "general_ledger": "general_ledgers",
    "tax": "taxes",
    "tag": "tags",
}
