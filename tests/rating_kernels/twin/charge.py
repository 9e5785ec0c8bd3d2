"""Pure. The twin of the batch kernel: one event after the other, in plain Python (DECISIONS 4-21)."""

from fractions import Fraction
from typing import NamedTuple

from balance_store.decision_record import Impact, Notice
from config.catalogue import Catalogue
from config.code_ids import code_id
from rating_kernels.batch_columns import FLAG_LATE, FLAG_RING_EVICTED
from rating_kernels.group_image import RING_POSITIONS
from rating_kernels.outcomes import REJECTED_FROM, Outcome
from tests.rating_kernels.twin.civil import instant_us
from tests.rating_kernels.twin.customers import Customers, Service
from tests.rating_kernels.twin.detail import DetailCharge
from tests.rating_kernels.twin.groups import Group
from tests.rating_kernels.twin.numbers import whole
from tests.rating_kernels.twin.plans import UNIT_US, TwinVersion, price_id
from tests.rating_kernels.twin.use import StoppedError, Use


class TwinSettings(NamedTuple):
    ring_max: int
    ended_max: int


class TwinDecision(NamedTuple):
    """What is compared with the kernel's decision of the same event."""

    outcome: int
    flags: int = 0
    customer_id: int = 0
    subscription_id: int = 0
    group_id: int = 0
    product_id: int = 0
    price_id: int = 0
    duplicate_of: int = -1
    impacts: tuple[Impact, ...] = ()
    notices: tuple[Notice, ...] = ()


class Twin:
    """Customers of a catalogue, and what events do to them."""

    def __init__(self, catalogue: Catalogue, lines: list[dict], settings: TwinSettings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.customers = Customers(catalogue, lines)
        self.event_types = catalogue.event_types
        self.taxes = {
            code: [
                (
                    Fraction(rate.percent) / 100,
                    instant_us(rate.valid_from, catalogue.site.time_zone),
                    instant_us(rate.valid_to, catalogue.site.time_zone) if rate.valid_to else None,
                )
                for rate in sorted(tax.rate, key=lambda rate: rate.valid_from)
            ]
            for code, tax in catalogue.taxes.items()
        }
        self.versions = {
            code: sorted(
                (TwinVersion(catalogue, plan, version) for version in plan.version),
                key=lambda version: version.from_us,
            )
            for code, plan in catalogue.rate_plans.items()
        }
        self.position = -1

    def charge(self, event: dict) -> TwinDecision:
        self.position += 1
        refused, quantity = self._checked(event)
        if refused is not None:
            return TwinDecision(refused)
        services = self.customers.services.get(event["service"])
        if services is None:
            return TwinDecision(Outcome.UNKNOWN_IDENTIFIER)
        wanted = self.event_types[event["type"]].service_type
        time_us = event["time"]
        for service in services:
            if service.type == wanted and service.from_us <= time_us:
                return self._of_service(event, quantity, service)
        return TwinDecision(Outcome.NO_SERVICE)

    def _checked(self, event: dict) -> tuple[Outcome | None, int]:
        kind = self.event_types.get(event["type"])
        if kind is None:
            return Outcome.UNKNOWN_EVENT_TYPE, 0
        quantity = whole(event["quantity"], kind.quantity_decimals)
        if not 0 <= quantity <= whole(kind.quantity_max, kind.quantity_decimals):
            return Outcome.QUANTITY_OUT_OF_RANGE, 0
        if any(field.mandatory and field.name not in event["fields"] for field in kind.field):
            return Outcome.MISSING_FIELD, 0
        return None, quantity

    def _of_service(self, event: dict, quantity: int, service: Service) -> TwinDecision:
        """A repeated id, a closed account and cycles that are over come before rating."""
        group, time_us = service.group, event["time"]
        decision = TwinDecision(
            Outcome.DUPLICATE,
            customer_id=service.customer_id,
            subscription_id=service.subscription_id,
            group_id=group.id,
        )
        key = event["source"], event["id"]
        if key in dict(group.ring):
            # Of the last ids alone it is kept where they were.
            return decision._replace(duplicate_of=dict(group.ring[-RING_POSITIONS:]).get(key, -1))
        if group.closed_us <= time_us:
            return decision._replace(outcome=Outcome.ACCOUNT_CLOSED)
        for member in service.memberships:
            # An owner whose bills wait too long pays from its last cycle.
            member.owner.end_cycles(time_us, self.settings.ended_max)
        if not group.end_cycles(time_us, self.settings.ended_max):
            return decision._replace(outcome=Outcome.SNAPSHOTS_FULL)
        return self._rate(event, quantity, service, decision)

    def _rate(self, event: dict, quantity: int, service: Service, decision: TwinDecision) -> TwinDecision:
        for product in service.products:
            before = [v for v in self.versions[product.rate_plan] if v.from_us <= event["time"]]
            if not before:
                continue
            version = before[-1]
            fitting = [detail.fitting(event["fields"]) for detail in version.details]
            prices = [
                detail.price_at(rules, event["time"])
                for detail, rules in zip(version.details, fitting, strict=True)
            ]
            if all(price is not None for price in prices):
                charged = self._charge(
                    event,
                    quantity,
                    service,
                    list(zip(version.details, prices, fitting, strict=True)),
                    decision,
                )
                if charged.outcome >= REJECTED_FROM:
                    return charged
                return charged._replace(
                    product_id=code_id("product", product.code), price_id=price_id(prices[0])
                )
        return decision._replace(outcome=Outcome.NO_RATE)

    def _charge(
        self, event: dict, quantity: int, service: Service, details: list, decision: TwinDecision
    ) -> TwinDecision:
        group = service.group
        payers = [member for member in service.memberships if member.from_us <= event["time"]]
        touched = {id(g): g for g in [group, *(member.owner for member in payers)]}
        saved = {key: one.saved() for key, one in touched.items()}
        kind = self.event_types[event["type"]]
        _, late = group.booking_cycle(event["time"])
        use = Use(
            self.catalogue,
            self.taxes,
            service,
            payers,
            event["time"],
            quantity,
            UNIT_US.get(kind.unit, 0) // 10**kind.quantity_decimals,
        )
        use.flags = FLAG_LATE if late else 0
        outcome = Outcome.CHARGED
        try:
            for detail, price, fitting in details:
                outcome = max(outcome, DetailCharge(use, detail, price, fitting).run())
        except StoppedError as stopped:
            for key, one in touched.items():
                one.restore(saved[key])
            if stopped.outcome >= REJECTED_FROM:
                return decision._replace(outcome=stopped.outcome)
            flags = use.flags | self._remember(group, event)
            return decision._replace(outcome=stopped.outcome, flags=flags)
        notices = use.notices()
        return decision._replace(
            outcome=outcome,
            flags=use.flags | self._remember(group, event),
            impacts=tuple(use.impacts),
            notices=tuple(notices),
        )

    def _remember(self, group: Group, event: dict) -> int:
        """The id into the ring; every message here is as old as the other, so what leaves is always young."""
        if self.settings.ring_max == 0:
            return 0
        group.ring.append(((event["source"], event["id"]), self.position))
        if len(group.ring) <= self.settings.ring_max:
            return 0
        del group.ring[0]
        return FLAG_RING_EVICTED
