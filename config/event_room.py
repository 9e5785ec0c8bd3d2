"""Pure. What one event can add to a balance group at the most, so that kernels can make sure of the room."""

from config.catalogue import Catalogue
from config.compilation import Compilation
from config.rate_plan import Price, RatePlanVersion

# Counters of a price: quantity and events; and one for each policy cap that an allowance or amount goes by.
COUNTERS_A_PRICE = 2


def add_room(compilation: Compilation) -> None:
    """Append `room_rows`: rows of balances, items and counters."""
    catalogue = compilation.catalogue
    versions = [version for plan in catalogue.rate_plans.values() for version in plan.version]
    details = max((len(version.detail) for version in versions), default=0)
    # The tax of an event is an item of its own.
    items = max((_items(version, catalogue) for version in versions), default=0)
    counters = max((_counters(version, catalogue) for version in versions), default=0)
    for rows in (details, items, counters):
        compilation.columns.add(room_rows=rows)


def _items(version: RatePlanVersion, catalogue: Catalogue) -> int:
    taxed = [d for d in version.detail if d.tax in catalogue.taxes and catalogue.taxes[d.tax].at == "rating"]
    return len(version.detail) + len(taxed)


def _counters(version: RatePlanVersion, catalogue: Catalogue) -> int:
    """Of the prices that count, and of each allowance and amount where some policy has a cap."""
    capped = any(
        cap is not None
        for policy in catalogue.sharing_policies.values()
        for cap in (policy.cap_per_member, policy.cap_per_group)
    )
    rows = 0
    for detail in version.detail:
        prices = [version.price[rule.price] for rule in detail.rule if rule.price in version.price]
        rows += COUNTERS_A_PRICE * any(_counts(price) for price in prices)
        rows += (1 + len(detail.allowances)) * capped
    return rows


def _counts(price: Price) -> bool:
    return price.counts == "cycle" or price.free_events is not None or price.free_quantity is not None
