"""Pure. What a customer bought: the products of each subscription's bundles, and which of them rate a service."""

from typing import NamedTuple

from balance_store.profile_record import Candidate, DiscountEntry, Recurring
from config.compile_catalogue import CompiledCatalogue
from customer_care.customer_lines import Subscription
from rating_kernels.group_image import INFINITE_US


class Purchase(NamedTuple):
    """A product of a subscription, valid from its purchase."""

    bundle: str
    product: str
    valid_from_us: int
    valid_to_us: int


def purchases_of(
    subscription: Subscription, from_us: int, catalogue: CompiledCatalogue
) -> tuple[Purchase, ...]:
    """The products of the plan's bundles, in the catalogue's order, bought at an instant."""
    return tuple(
        Purchase(bundle, product, from_us, INFINITE_US)
        for bundle in catalogue.catalogue.plans[subscription.plan].bundles
        for product in catalogue.catalogue.bundles[bundle].products
    )


class PurchasedDiscount(NamedTuple):
    """A discount of a subscription, valid from its purchase."""

    bundle: str
    discount: str
    valid_from_us: int
    valid_to_us: int


def discounts_of(
    subscription: Subscription, from_us: int, catalogue: CompiledCatalogue
) -> tuple[PurchasedDiscount, ...]:
    """The discounts of the plan's bundles as they come off: by priority, then in the catalogue's order."""
    bought = [
        PurchasedDiscount(bundle, discount, from_us, INFINITE_US)
        for bundle in catalogue.catalogue.plans[subscription.plan].bundles
        for discount in catalogue.catalogue.bundles[bundle].discounts
    ]
    return tuple(sorted(bought, key=lambda one: catalogue.discounts[one.discount].priority))


def discount_entries(
    bought: tuple[PurchasedDiscount, ...], catalogue: CompiledCatalogue
) -> tuple[DiscountEntry, ...]:
    """As charging must know them; those of bills are none of its business."""
    return tuple(
        DiscountEntry(catalogue.discounts[one.discount].id, one.valid_from_us, one.valid_to_us)
        for one in bought
        if not catalogue.discounts[one.discount].on_bill
    )


def candidates_of(
    purchases: tuple[Purchase, ...], service_type: str, catalogue: CompiledCatalogue
) -> tuple[Candidate, ...]:
    """Products that may rate a service type: by priority, then purchase, then the order bought (DECISIONS 9)."""
    fitting = [
        (catalogue.products[purchase.product], purchase)
        for purchase in purchases
        if catalogue.products[purchase.product].service_type == service_type
    ]
    fitting.sort(key=lambda pair: (pair[0].priority, pair[1].valid_from_us))
    return tuple(
        Candidate(product.id, product.rate_plan_id, purchase.valid_from_us, purchase.valid_to_us)
        for product, purchase in fitting
    )


def recurring_of(
    group_id: int, purchases: tuple[Purchase, ...], catalogue: CompiledCatalogue
) -> tuple[Recurring, ...]:
    """Fees and allowances with which each cycle of the group starts."""
    return tuple(
        Recurring(
            group_id,
            catalogue.products[purchase.product].id,
            row.resource_id,
            row.item_id,
            row.amount,
            purchase.valid_from_us,
            purchase.valid_to_us,
        )
        for purchase in purchases
        for row in catalogue.products[purchase.product].recurring
    )
