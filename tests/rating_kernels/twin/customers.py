"""Pure. From customer lines to groups, services and memberships (DECISIONS 5, 20, 24)."""

import datetime
from fractions import Fraction
from typing import NamedTuple

from config.code_ids import item_id
from tests.rating_kernels.twin.civil import (
    FOREVER_US,
    cycle_start_at_or_before,
    midnight_us,
    next_cycle_start,
)
from tests.rating_kernels.twin.groups import Cycle, Group, Recurring
from tests.rating_kernels.twin.numbers import rounded, stored_decimals, whole


class Limit(NamedTuple):
    """A credit limit in stored units; `room` None = no limit; thresholds are (is percent, value)."""

    floor: int
    amount: int | None
    on_breach: str
    thresholds: list[tuple[bool, int]]
    monetary: bool


class Membership(NamedTuple):
    sharing_id: int
    policy: object
    owner: Group
    from_us: int


class Service(NamedTuple):
    type: str
    from_us: int
    subscription_id: int
    customer_id: int
    group: Group
    products: list  # those that rate the service type, best first
    discounts: list  # as they come off
    memberships: list[Membership]


class Customers:
    """Customers in the order of their lines; numbers count from 1."""

    def __init__(self, catalogue, lines: list[dict]) -> None:
        self.catalogue = catalogue
        self.zone = catalogue.site.time_zone
        self.groups: dict[str, Group] = {}
        self.services: dict[str, list[Service]] = {}
        self._pools: dict[str, Membership] = {}
        self._subscriptions = 0
        for number, line in enumerate(lines, 1):
            self._take(number, line)

    def _take(self, number: int, line: dict) -> None:
        since = datetime.date.fromisoformat(line["since"])
        end = next_cycle_start(since, line["billing"], since)
        cycle = Cycle(1, midnight_us(since, self.zone), midnight_us(end, self.zone))
        group = Group(number, self.zone, line["billing"], since, self._limits(line), cycle, end)
        self.groups[line["customer"]] = group
        for balance in line.get("balances", []):
            self._open_balance(group, balance)
        memberships = [
            self._pools[member["group"]]._replace(
                from_us=max(cycle.start_us, self._pools[member["group"]].from_us)
            )
            for member in sorted(
                line.get("member_of", []), key=lambda m: (m["priority"], self._pools[m["group"]].sharing_id)
            )
        ]
        starts = {}
        for subscription in line["subscriptions"]:
            self._subscriptions += 1
            day = datetime.date.fromisoformat(subscription.get("from", line["since"]))
            starts[subscription["subscription"]] = midnight_us(day, self.zone)
            self._subscribe(number, group, subscription, day, memberships)
        for share in line.get("shares", []):
            self._pools[share["group"]] = Membership(
                len(self._pools) + 1,
                self.catalogue.sharing_policies[share["policy"]],
                group,
                starts[share["subscription"]],
            )

    def _limits(self, line: dict) -> dict[str, Limit]:
        code = self.catalogue.plans[line["subscriptions"][0]["plan"]].credit_profile
        profile = self.catalogue.credit_profiles.get(code)
        payment_type = line["billing"]["payment_type"]
        limits = {}
        for limit in profile.limit if profile else ():
            if limit.payment_type != payment_type:
                continue
            resource = self.catalogue.resources[limit.resource]
            decimals = stored_decimals(resource)
            thresholds = [
                (True, int(str(text).rstrip("%")))
                if str(text).endswith("%")
                else (False, whole(text, decimals))
                for text in limit.thresholds
            ]
            limits[limit.resource] = Limit(
                whole(limit.floor, decimals),
                None if limit.limit is None else whole(limit.limit, decimals),
                limit.on_breach or ("deny" if payment_type == "prepaid" else "allow"),
                thresholds,
                resource.monetary,
            )
        return limits

    def _open_balance(self, group: Group, balance: dict) -> None:
        resource = self.catalogue.resources[balance["resource"]]
        validity = balance.get("validity") or ("infinite" if resource.monetary else "cycle")
        if validity == "cycle":
            to_us = group.cycle.end_us
        elif validity == "infinite":
            to_us = FOREVER_US
        else:
            to_us = midnight_us(datetime.date.fromisoformat(validity), self.zone)
        start_us = group.cycle.start_us
        amount = -whole(balance["credit"], stored_decimals(resource))
        group.grant(resource.code, amount, start_us, to_us, start_us, balance.get("priority", 0))

    def _subscribe(
        self, number: int, group: Group, subscription: dict, day: datetime.date, memberships: list
    ) -> None:
        catalogue = self.catalogue
        from_us = midnight_us(day, self.zone)
        bundles = [catalogue.bundles[code] for code in catalogue.plans[subscription["plan"]].bundles]
        products = [catalogue.products[code] for bundle in bundles for code in bundle.products]
        discounts = [catalogue.discounts[code] for bundle in bundles for code in bundle.discounts]
        discounts.sort(key=lambda one: one.priority)
        for product in products:
            self._recurring(group, product, day, from_us)
        for service in subscription["services"]:
            fitting = [
                product
                for product in products
                if product.rate_plan
                and catalogue.rate_plans[product.rate_plan].service_type == service["type"]
            ]
            self.services.setdefault(service["identifier"], []).append(
                Service(
                    service["type"],
                    from_us,
                    self._subscriptions,
                    number,
                    group,
                    sorted(fitting, key=lambda product: product.priority),
                    discounts,
                    memberships,
                )
            )

    def _recurring(self, group: Group, product, day: datetime.date, from_us: int) -> None:
        """The first cycle's fee goes by its days, its allowances are whole; later cycles begin with both whole."""
        if Fraction(product.fee):
            code = product.fee_resource or self.catalogue.site.currency
            fee = whole(product.fee, stored_decimals(self.catalogue.resources[code]))
            item = item_id(product.bill_item, product.general_ledger, product.tax, code)
            group.recurring.append(Recurring(code, item, fee, from_us))
            first = fee
            if product.prorate:
                full_start = cycle_start_at_or_before(group.since, group.billing, group.since)
                days, full = (group.end_date - day).days, (group.end_date - full_start).days
                first = rounded(Fraction(fee * days, full), "half_up")
            group.charge_fee(code, item, first, from_us)
        for allowance in product.allowances:
            amount = -whole(allowance.amount, stored_decimals(self.catalogue.resources[allowance.resource]))
            group.recurring.append(Recurring(allowance.resource, 0, amount, from_us))
            group.grant(allowance.resource, amount, from_us, group.cycle.end_us, from_us)
