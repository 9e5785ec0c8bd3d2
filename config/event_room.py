"""Pure. What one event can add to a balance group at the most, so that kernels can make sure of the room."""

from config.catalogue import Catalogue
from config.compilation import Compilation
from config.rate_plan import RatePlanVersion

# Counters of a price: quantity and events; and one for each policy cap that an allowance or amount goes by.
COUNTERS_A_PRICE = 2


def add_room(compilation: Compilation) -> None:
    """Append `room_rows`: rows of balances, items and counters."""
    catalogue = compilation.catalogue
    versions = [version for plan in catalogue.rate_plans.values() for version in plan.version]
    details = max((len(version.detail) for version in versions), default=0)
    # The tax of an event is an item of its own.
    items = max((_items(version, catalogue) for version in versions), default=0)
    for rows in (details, items, max((_counters(version) for version in versions), default=0)):
        compilation.columns.add(room_rows=rows)


def _items(version: RatePlanVersion, catalogue: Catalogue) -> int:
    taxed = [d for d in version.detail if d.tax in catalogue.taxes and catalogue.taxes[d.tax].at == "rating"]
    return len(version.detail) + len(taxed)


def _counters(version: RatePlanVersion) -> int:
    """Each detail's price may count, and each allowance and amount may count towards a cap."""
    return sum(COUNTERS_A_PRICE + 1 + len(detail.allowances) for detail in version.detail)
