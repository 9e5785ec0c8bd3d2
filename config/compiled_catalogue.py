"""Pure. A compiled catalogue: the kernels' table, and what else the system must know of each code.

Ids are stable for ever and stand in records; indexes are rows of `table` and hold for this version only.
"""

from msgspec import Struct

from config.catalogue import Catalogue, Site
from rating_kernels.tariff_table import TariffTable


class FieldInfo(Struct, frozen=True):
    """A field of an event; `slot` is its place among the fields that rules test, -1 = none."""

    name: str
    kind: str  # "text" or "number"
    mandatory: bool
    slot: int


class EventTypeInfo(Struct, frozen=True):
    """An event type; quantities count 10**-quantity_decimals of the unit."""

    code: str
    index: int
    service_type: str
    service_type_index: int
    quantity_unit: str
    quantity_decimals: int
    quantity_max: int
    fields: tuple[FieldInfo, ...]


class ResourceInfo(Struct, frozen=True):
    """A resource; amounts count 10**-stored_decimals of it, people see `decimals`."""

    code: str
    id: int
    index: int
    is_money: bool
    decimals: int
    stored_decimals: int
    unit: str


class ItemKey(Struct, frozen=True):
    """What an item total is kept by; empty = none. `is_tax`: the tax itself, charged with the event."""

    bill_item: str
    general_ledger: str
    tax: str
    resource: str
    is_tax: bool = False


class RecurringInfo(Struct, frozen=True):
    """What a product brings at each cycle start: a fee (amount > 0) or an allowance (amount < 0)."""

    resource_id: int
    resource_index: int
    item_id: int
    amount: int  # in stored units
    prorate: bool


class ProductInfo(Struct, frozen=True):
    """A product; a recurring product has no rate plan: id 0, index -1."""

    code: str
    id: int
    service_type: str
    service_type_index: int
    rate_plan_id: int
    rate_plan_index: int
    priority: int
    recurring: tuple[RecurringInfo, ...]


class DiscountInfo(Struct, frozen=True):
    """A discount; lower priority goes first.

    Kernels know those of events; those of bills have the index -1 and name the items that they come off.
    """

    code: str
    id: int
    index: int
    priority: int
    on_bill: bool
    numerator: int  # of a part; with the denominator 0 an amount in stored units
    denominator: int
    item_ids: frozenset[int]


class TaxRateInfo(Struct, frozen=True):
    """A tax rate in millionths of a percent, valid from, inclusive, to, exclusive."""

    percent_micro: int
    valid_from_us: int
    valid_to_us: int


class CompiledCatalogue(Struct, frozen=True):
    """One version of the catalogue, ready for use."""

    version: int
    site: Site
    table: TariffTable
    event_types: dict[str, EventTypeInfo]
    resources: dict[str, ResourceInfo]
    products: dict[str, ProductInfo]
    discounts: dict[str, DiscountInfo]
    tax_rates: dict[str, tuple[TaxRateInfo, ...]]
    # Kind -> id -> code. Kinds: resource, service_type, rate_plan, price, product, policy, discount, tag, zone, credit.
    names: dict[str, dict[int, str]]
    items: dict[int, ItemKey]
    # Id -> row of `table`.
    resource_index: dict[int, int]
    service_type_index: dict[int, int]
    plan_index: dict[int, int]
    policy_index: dict[int, int]
    discount_index: dict[int, int]
    # The catalogue as written; its dictionaries are by code.
    catalogue: Catalogue
