"""Pure. What is known of a decision while its steps are read one after the other."""

from collections.abc import Callable
from dataclasses import dataclass, field

from charging.explain_names import Names
from charging.explanation import (
    CycleStep,
    DetailStep,
    EndedCycles,
    MembershipStep,
    PartStep,
    PayerStep,
    PriceStep,
    PricingStep,
    ProductStep,
    ServiceStep,
)
from charging.output_records import decimal_text
from charging.usage_event import UsageEvent, scaled
from config.compiled_catalogue import EventTypeInfo


@dataclass
class Reading:
    """The explanation so far, and where in it we are."""

    names: Names
    event: UsageEvent | None
    info: EventTypeInfo | None
    services: list[ServiceStep] = field(default_factory=list)
    products: list[ProductStep] = field(default_factory=list)
    memberships: list[MembershipStep] = field(default_factory=list)
    ended_cycles: list[EndedCycles] = field(default_factory=list)
    cycle: CycleStep | None = None
    details: list[DetailStep] = field(default_factory=list)
    detail: int = 0  # row of the detail at hand
    covering: bool = True  # before the detail is covered payers give allowances, then they pay
    payer: PayerStep | None = None  # whose turn it is
    rule: tuple[int, int, int, int] = (0, 0, 0, 0)  # the one noted last
    prices: list[PriceStep] = field(default_factory=list)  # of the product at hand
    sum_so_far: int = 0  # of the price at hand
    tiers: list[PartStep] = field(default_factory=list)  # not summed up yet

    @property
    def total_quantity(self) -> int:
        """The event's quantity in its smallest unit."""
        assert self.event is not None
        assert self.info is not None
        quantity = scaled(self.event.quantity, self.info.quantity_decimals)
        assert quantity is not None, "an event with such a quantity is not decided"
        return quantity

    @property
    def pricing(self) -> PricingStep:
        """The price at hand; it begins with its fees."""
        pricing = self.details[-1].pricing
        assert pricing is not None, "the fees of a price come first"
        return pricing

    def quantity(self, quantity: int) -> str:
        """A quantity in the event type's unit."""
        return decimal_text(quantity, 0 if self.info is None else self.info.quantity_decimals)

    def exact(self, numerator: int) -> str:
        """A sum in the denominator of the detail at hand."""
        return self.names.exact(self.detail, numerator)

    def amount(self, amount: int) -> str:
        """An amount in the resource of the detail at hand."""
        return decimal_text(amount, self.names.resource_of(self.detail).stored_decimals)


Handler = Callable[[Reading, list[int]], None]
