"""Pure. Why one event was decided as it was: what `charging rate --explain --json` prints (docs/EXPLAIN.md).

Amounts are exact: decimal text where the decimals end, otherwise `numerator/denominator`. Times are of the
site's zone, prices' of their rate plan's, with their offset. What is empty is left out.
"""

from msgspec import Struct

from charging.usage_event import UsageEvent


class ServiceStep(Struct, omit_defaults=True):
    """A service that the identifier has or had."""

    subscription: str | int
    service_type: str
    why: str  # found, other_service_type, not_valid_then
    valid_from: str = ""
    valid_to: str = ""


class PriceStep(Struct, omit_defaults=True):
    """A look-up of a price; one of an event that is split at bands comes for each band."""

    detail: int
    at: str  # local to the rate plan's zone
    price: str = ""  # empty: no rule fits
    elapsed: str = ""
    special_day: str = ""
    prefix: str = ""
    band: str = ""
    band_since: str = ""  # time of day
    weight: int = 0
    conditions: list[str] = []


class ProductStep(Struct, omit_defaults=True):
    """A product that may rate the service's events, and what became of it."""

    product: str | int
    rate_plan: str | int
    why: str  # chosen, not_valid_then, no_version_yet, no_price
    version_from: str = ""
    no_price_for: str = ""  # resource of the detail that has none
    prices: list[PriceStep] = []  # of one without; the prices of the chosen one stand at its details


class MembershipStep(Struct, omit_defaults=True):
    """A sharing group whose pool the service may use."""

    sharing: str | int
    policy: str | int
    why: str  # holds, not_valid_then, owner_not_here, one_too_many
    owner: str | int = ""
    valid_from: str = ""
    valid_to: str = ""


class CycleStep(Struct, omit_defaults=True):
    """The cycle that the event is booked to."""

    number: int
    start: str
    end: str
    late: bool = False


class EndedCycles(Struct, omit_defaults=True):
    """Cycles of a group that the event ended, coming after them."""

    group: int
    cycles: int
    customer: str | int = ""


class PartStep(Struct, omit_defaults=True):
    """A part of a price: increments of a period, or blocks of a tier, at their amount each."""

    price: str
    amount: str  # of the part
    begins: str = ""  # the period or tier, in quantity
    quantity: str = ""
    count: int = 0
    size: str = ""
    each: str = ""
    flat: str = ""  # for entering the tier, in `amount`


class TierStep(Struct, omit_defaults=True):
    """What a quantity costs by tiers, counted from nothing."""

    quantity: str
    sum: str
    parts: list[PartStep] = []


class FreeStep(Struct, omit_defaults=True):
    """What the cycle has counted of the price, and what it gives for nothing."""

    group: int
    price: str
    quantity_before: str
    quantity_after: str
    events_before: int
    events_after: int
    customer: str | int = ""
    free: str = ""
    whole_event: bool = False


class PricingStep(Struct, omit_defaults=True):
    """From a price to an amount, exact until it is rounded."""

    price: str
    connect: str = ""
    flat: str = ""
    periods: list[PartStep] = []
    tiers: list[TierStep] = []  # of a cycle two: with the event, less before it
    sum: str = ""
    minimum: str = ""
    maximum: str = ""
    bounded: str = ""
    held_by: str = ""  # minimum or maximum
    amount: str = ""  # rounded; empty: there is none
    rounding: str = ""
    decimals: int = 0


class DiscountStep(Struct, omit_defaults=True):
    """A discount of the subscription."""

    discount: str | int
    why: str  # taken, not_valid_then, other_use, nothing_left
    amount: str = ""
    net: str = ""


class TaxStep(Struct, omit_defaults=True):
    """The tax that is charged with the event."""

    tax: str
    percent: str = ""  # empty: the code has no rate then
    net: str = ""
    amount: str = ""
    gross: str = ""


class PolicyStep(Struct, omit_defaults=True):
    """What a sharing policy says of this use."""

    sharing: str | int
    policy: str | int
    why: str  # applies, other_service_type, other_resource, other_charge_tag
    percent: int
    offered: str = ""  # of the quantity (allowances) or of the amount, where it applies
    member_cap: str = ""
    member_used: str = ""
    group_cap: str = ""
    group_used: str = ""
    lacking: str = ""  # what the pool did not have of what was offered
    denies: bool = False


class LimitStep(Struct, omit_defaults=True):
    """What the credit limit lets an amount be."""

    says: str  # within, over, beyond, no_limit
    asked: str
    allowed: str
    profile: str = ""
    limit: str = ""
    total_before: str = ""
    room: str = ""
    on_breach: str = ""


class BalanceStep(Struct, omit_defaults=True):
    """A balance of the resource, in the order in which they are consumed."""

    balance: int
    before: str
    why: str  # used, owes, not_needed, not_valid_then, empty, owed
    used: str = ""
    after: str = ""
    valid_from: str = ""
    valid_to: str = ""
    priority: int = 0


class PayerStep(Struct, omit_defaults=True):
    """One group's turn: an allowance, or a part of the amount."""

    group: int
    resource: str
    customer: str | int = ""
    for_what: str = ""  # allowance, amount, refund; empty: it was not its turn
    order: str = ""
    policy: PolicyStep | None = None
    limit: LimitStep | None = None
    asked: str = ""  # quantity of an allowance, else an amount
    units_needed: str = ""  # of the allowance
    taken: str = ""  # quantity that the allowance covered
    used: str = ""
    balances: list[BalanceStep] = []


class DetailStep(Struct, omit_defaults=True):
    """One impact of the rate plan: covered by allowances, priced, discounted, taxed, charged."""

    number: int
    resource: str
    quantity: str
    unit: str
    charge_tag: str | int = ""
    resource_tag: str | int = ""
    bill_item: str = ""
    general_ledger: str = ""
    tax_code: str = ""
    allowances: list[PayerStep] = []
    covered: str = ""
    counted: FreeStep | None = None
    prices: list[PriceStep] = []
    pricing: PricingStep | None = None
    discounts: list[DiscountStep] = []
    tax: TaxStep | None = None
    payers: list[PayerStep] = []
    unrated: str = ""


class ThresholdStep(Struct, omit_defaults=True):
    """A threshold that the event crossed."""

    group: int
    resource: str
    direction: str  # up, down
    threshold: str
    before: str
    after: str
    customer: str | int = ""


class Explanation(Struct, omit_defaults=True):
    """One event from its service to its balances."""

    id: str
    outcome: int
    outcome_name: str
    text: str
    catalogue: int
    detail: str = ""
    event: UsageEvent | None = None
    local_time: str = ""
    customer: str | int = ""
    subscription: str | int = ""
    group: int = 0
    product: str | int = ""
    rate: str | int = ""
    flags: list[str] = []
    duplicate_of: str = ""
    services: list[ServiceStep] = []
    ended_cycles: list[EndedCycles] = []
    products: list[ProductStep] = []
    memberships: list[MembershipStep] = []
    cycle: CycleStep | None = None
    details: list[DetailStep] = []
    thresholds: list[ThresholdStep] = []
    steps_left_out: int = 0
