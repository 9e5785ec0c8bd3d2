"""Pure. Graduated and volume prices, within an event or over a cycle, and what a cycle gives for nothing.

A tier's upper bound belongs to it (DECISIONS 11). Over a cycle an event costs what all of the cycle costs
with it, less what it cost before: exact at every moment, and in total what one event of everything would.
"""

from rating_kernels import table_words as t
from rating_kernels.kernel import kernel
from rating_kernels.quantities import checked_product, checked_sum, div_ceil
from rating_kernels.tariff_table import BY_PERIOD, PER_CYCLE, VOLUME, Ints


@kernel
def price_counts(table: Ints, price: int) -> bool:
    """Whether a price goes by what the cycle has used of it."""
    return (
        table[table[t.PRICE_SCOPE] + price] == PER_CYCLE
        or table[table[t.PRICE_FREE_EVENTS] + price] >= 0
        or table[table[t.PRICE_FREE_QUANTITY] + price] >= 0
    )


@kernel
def free_part(table: Ints, price: int, quantity: int, events_before: int, quantity_before: int) -> int:
    """How much of a quantity costs nothing: the first events of a cycle, up to a quantity."""
    events = table[table[t.PRICE_FREE_EVENTS] + price]
    most = table[table[t.PRICE_FREE_QUANTITY] + price]
    if (events < 0 and most < 0) or (events >= 0 and events_before >= events):
        return 0
    if most < 0:
        return quantity
    return min(max(most - quantity_before, 0), quantity)


@kernel
def costs_nothing(table: Ints, price: int, quantity: int, free: int, events_before: int) -> bool:
    """Whether the whole event is free, its connect and flat fee too."""
    return free == quantity and (quantity > 0 or events_before < table[table[t.PRICE_FREE_EVENTS] + price])


@kernel
def is_tiered(table: Ints, price: int) -> bool:
    """Whether a price has tiers or packages rather than periods."""
    return table[table[t.PRICE_MODEL] + price] != BY_PERIOD


@kernel
def tier_sum(table: Ints, price: int, quantity: int) -> int:
    """What a quantity costs in 1/denominator when it is counted from nothing; OVERFLOW where too large."""
    first = table[table[t.PRICE_PERIOD_FIRST] + price]
    end = table[table[t.PRICE_PERIOD_FIRST] + price + 1]
    if table[table[t.PRICE_MODEL] + price] == VOLUME:
        reached = first
        while reached + 1 < end and table[table[t.PERIOD_FROM] + reached + 1] < quantity:
            reached += 1
        return _part(table, reached, quantity)
    total = _part(table, first, quantity if first + 1 == end else _within(table, first, quantity))
    for tier in range(first + 1, end):
        start = table[table[t.PERIOD_FROM] + tier]
        if quantity <= start:
            break
        part = quantity - start if tier + 1 == end else _within(table, tier, quantity)
        total = checked_sum(total, _part(table, tier, part))
    return total


@kernel
def _within(table: Ints, tier: int, quantity: int) -> int:
    """The part of a quantity that lies in a tier which another follows."""
    return min(quantity, table[table[t.PERIOD_FROM] + tier + 1]) - table[table[t.PERIOD_FROM] + tier]


@kernel
def _part(table: Ints, tier: int, quantity: int) -> int:
    """Entering a tier, and a quantity at its price; a started block is charged whole."""
    blocks = div_ceil(quantity, table[table[t.PERIOD_INCREMENT] + tier])
    return checked_sum(
        table[table[t.PERIOD_FLAT_NUM] + tier],
        checked_product(blocks, table[table[t.PERIOD_INCREMENT_NUM] + tier]),
    )
