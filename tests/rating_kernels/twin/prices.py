"""Pure. A written price as fractions, and what a quantity costs by it (DECISIONS 11)."""

from fractions import Fraction
from typing import NamedTuple

from tests.rating_kernels.twin.numbers import ceil_div, whole

NOTHING = Fraction(0)


class Step(NamedTuple):
    """From a quantity on: each started block at its price; `flat` for a tier that is entered."""

    start: int
    block: int
    amount: Fraction
    flat: Fraction = NOTHING


class TwinPrice:
    """Amounts in stored units of the detail's resource, quantities in the event's smallest unit."""

    def __init__(self, written, name: tuple[str, str], decimals: int, quantity_decimals: int) -> None:
        unit = 10**decimals
        self.name = name
        self.connect = Fraction(written.connect_fee) * unit
        self.flat = Fraction(written.flat) * unit
        self.minimum = None if written.minimum is None else Fraction(written.minimum) * unit
        self.maximum = None if written.maximum is None else Fraction(written.maximum) * unit
        self.cuts_price = written.cap == "free"
        self.volume = written.mode == "volume"
        self.per_cycle = written.counts == "cycle"
        self.free_events = written.free_events
        free = written.free_quantity
        self.free_quantity = None if free is None else whole(free, quantity_decimals)
        self.counts = self.per_cycle or self.free_events is not None or free is not None
        self.periods = [_period(one, unit, quantity_decimals) for one in written.periods]
        self.tiers = _tiers(written.tiers, unit, quantity_decimals)
        if written.package is not None:
            self.tiers = _package(written.package, unit, quantity_decimals)

    def free_part(self, quantity: int, events_before: int, quantity_before: int) -> int:
        """What of an event costs nothing; with both set, the quantity is that of the free events."""
        if self.free_events is None and self.free_quantity is None:
            return 0
        if self.free_events is not None and events_before >= self.free_events:
            return 0
        if self.free_quantity is None:
            return quantity
        return min(quantity, max(0, self.free_quantity - quantity_before))

    def cost_by_tiers(self, quantity: int) -> Fraction:
        """From nothing to a quantity; a tier's upper bound belongs to it, and the first is always entered."""
        entered = [tier for tier in self.tiers if tier.start < quantity] or self.tiers[:1]
        if self.volume:
            return _tier_cost(entered[-1], quantity)
        ends = [tier.start for tier in entered[1:]] + [quantity]
        return sum(
            (_tier_cost(tier, end - tier.start) for tier, end in zip(entered, ends, strict=True)), NOTHING
        )

    def period_at(self, elapsed: int) -> tuple[Step, int | None]:
        """The period an elapsed quantity lies in, and where the next one begins."""
        number = max(n for n, period in enumerate(self.periods) if period.start <= elapsed)
        following = self.periods[number + 1].start if number + 1 < len(self.periods) else None
        return self.periods[number], following


def _tier_cost(tier: Step, quantity: int) -> Fraction:
    return tier.flat + ceil_div(quantity, tier.block) * tier.amount


def _amount_of_one(written) -> Fraction:
    if written.percent is not None:
        return Fraction(written.percent) / 100
    return Fraction(written.amount) / Fraction(written.per)


def _period(written, unit: int, decimals: int) -> Step:
    increment = whole(written.per if written.increment is None else written.increment, decimals)
    amount = _amount_of_one(written) * unit * increment / 10**decimals
    return Step(whole(written.from_, decimals), increment, amount)


def _tiers(written, unit: int, decimals: int) -> list[Step]:
    starts = [0] + [whole(tier.to, decimals) for tier in written[:-1]]
    steps = []
    for start, tier in zip(starts, written, strict=False):
        block = 1 if tier.block is None else whole(tier.block, decimals)
        amount = _amount_of_one(tier) * unit * block / 10**decimals
        steps.append(Step(start, block, amount, Fraction(tier.flat) * unit))
    return steps


def _package(written, unit: int, decimals: int) -> list[Step]:
    free = whole(written.free, decimals)
    blocks = Step(free, whole(written.size, decimals), Fraction(written.amount) * unit)
    return [Step(0, 1, NOTHING), blocks] if free else [blocks]
