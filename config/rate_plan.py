"""Pure. A rate plan as people write it: versions, bands, prices, and the details that events go by.

Each struct is a TOML table below [[rate_plan]]; docs/CATALOGUE.md shows one of each.
"""

from typing import Literal

from msgspec import Struct, field

# Decimal text or an integer, never a float: "0.10" is exact, 0.10 is not.
Decimal = str | int
RoundingMode = Literal["half_up", "half_even", "up", "down", "floor"]


class Rounding(Struct, frozen=True, forbid_unknown_fields=True):
    """How an event's total is rounded, once."""

    mode: RoundingMode
    decimals: int


class BandWindow(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the local week: ISO weekdays (Monday = 1), from a time of day to another or to midnight.

    `special_days` are codes; a day that some band of the version names so is no weekday for any of its
    bands. Neither given: every weekday. A window whose end is not after its start lasts into the next day.
    """

    weekdays: tuple[int, ...] | None = None
    special_days: tuple[str, ...] = ()
    from_: str = field(name="from", default="00:00")
    to: str = "24:00"


class Period(Struct, frozen=True, forbid_unknown_fields=True):
    """From a quantity since the event's start on: `amount` for each `per`, charged in whole increments.

    `percent` instead of `amount`: of the quantity, where that is itself an amount.
    """

    amount: Decimal | None = None
    percent: Decimal | None = None
    per: Decimal = 1
    increment: Decimal | None = None  # None: as `per`
    from_: Decimal = field(name="from", default=0)


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to a quantity, inclusive: `flat` for entering it, `amount` for each `per` (or `percent`).

    With `block` every started block is charged whole; the last tier has no `to`.
    """

    to: Decimal | None = None
    amount: Decimal | None = None
    percent: Decimal | None = None
    per: Decimal = 1
    block: Decimal | None = None
    flat: Decimal = 0


class Package(Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` for every started package of `size`, after `free` units."""

    size: Decimal
    amount: Decimal
    free: Decimal = 0


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """What an event costs, in units of its detail's resource: by periods, tiers or packages.

    `mode` graduated: each part at its tier; volume: all at the tier reached. `counts` cycle: tiers and
    packages count all that the price was used for in the balance group's cycle. The first `free_events` of a
    cycle, up to `free_quantity`, cost nothing.
    """

    periods: tuple[Period, ...] = ()
    tiers: tuple[Tier, ...] = ()
    package: Package | None = None
    mode: Literal["graduated", "volume"] = "graduated"
    counts: Literal["event", "cycle"] = "event"
    free_events: int | None = None
    free_quantity: Decimal | None = None
    connect_fee: Decimal = 0
    flat: Decimal = 0
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    cap: Literal["free", "disconnect"] = "free"


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers from `from`, inclusive, to `to`, exclusive."""

    from_: int = field(name="from")
    to: int


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """When a price holds. Everything that is left out fits anything; a list fits each of its values."""

    price: str
    prefix: str | tuple[str, ...] = ()
    match: dict[str, str | int | tuple[str | int, ...]] = field(default_factory=dict)
    within: dict[str, Range] = field(default_factory=dict)
    band: str = ""
    weight: int = 0


class AllowanceUse(Struct, frozen=True, forbid_unknown_fields=True):
    """A resource used up before money is charged: `units` of it for each `per` of the event's quantity."""

    resource: str
    units: Decimal = 1
    per: Decimal = 1


class Detail(Struct, frozen=True, forbid_unknown_fields=True):
    """One impact of an event: on which resource, by which price, booked where."""

    resource: str
    rule: tuple[Rule, ...]
    charge_tag: str = ""
    resource_tag: str = ""
    bill_item: str = ""
    general_ledger: str = ""
    tax: str = ""
    rounding: Rounding | None = None
    prefix_field: str = ""
    allowances: tuple[AllowanceUse, ...] = ()


class RatePlanVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """Prices from an instant on, until the next version's."""

    valid_from: str
    detail: tuple[Detail, ...]
    price: dict[str, Price]
    time_zone: str = ""  # empty: the site's
    bands: Literal["split", "start"] | None = None  # None: split where the quantity is time
    band: dict[str, tuple[BandWindow, ...]] = field(default_factory=dict)


class RatePlan(Struct, frozen=True, forbid_unknown_fields=True):
    """How events of a service type are priced."""

    code: str
    name: str
    service_type: str
    version: tuple[RatePlanVersion, ...]
