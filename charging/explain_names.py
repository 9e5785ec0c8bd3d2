"""Pure. What the numbers in a decision's steps stand for: codes, exact amounts, local times."""

import zoneinfo
from fractions import Fraction
from typing import NamedTuple

from charging.output_records import decimal_text
from charging.usage_event import UsageEvent
from config.civil_time import instant
from config.compiled_catalogue import CompiledCatalogue, EventTypeInfo, ResourceInfo
from customer_care.onboarding import Onboarded
from rating_kernels.group_image import INFINITE_US
from rating_kernels.tariff_table import MATCH_NUMBER, MATCH_TEXT

DAY_US = 86_400_000_000
DAYS_OF_A_WEEK = 7


class People(NamedTuple):
    """Codes of whom a decision names by number; what is not here keeps its number."""

    customers: dict[int, str]
    groups: dict[int, str]  # balance group -> its customer
    subscriptions: dict[int, str]
    sharing: dict[int, str]  # sharing groups


NOBODY = People({}, {}, {}, {})


def people_of(customers: list[Onboarded]) -> People:
    """The codes of the customers and of what is theirs."""
    return People(
        {one.numbers.customer_id: one.line.customer for one in customers},
        {one.numbers.group_id: one.line.customer for one in customers},
        {
            number: subscription.subscription
            for one in customers
            for number, subscription in zip(one.numbers.subscription_ids, one.line.subscriptions, strict=True)
        },
        {
            number: share.group
            for one in customers
            for number, share in zip(one.numbers.sharing_ids, one.line.shares, strict=True)
        },
    )


class Names:
    """The catalogue and the people, by number."""

    def __init__(self, catalogue: CompiledCatalogue, people: People = NOBODY) -> None:
        self.catalogue = catalogue
        self.people = people
        self.table = catalogue.table
        self.site_zone = catalogue.site.time_zone
        self.resources = sorted(catalogue.resources.values(), key=lambda info: info.index)
        self.service_types = list(catalogue.catalogue.service_types)
        # Zones are numbered as they are first met, and named then.
        self._zones = list(catalogue.names.get("zone", {}).values())

    def name(self, kind: str, number: int) -> str | int:
        """The code of an id; an id that this catalogue does not know stays a number."""
        return self.catalogue.names.get(kind, {}).get(number, number) if number else ""

    def customer(self, group_id: int) -> str | int:
        """Whose a balance group is."""
        return self.people.groups.get(group_id, "")

    def price(self, price: int) -> str:
        """Plan and price of a row."""
        return str(self.name("price", int(self.table.price_id[price])))

    def policy(self, policy: int) -> str | int:
        """The code of a sharing policy's row."""
        return self.name("policy", int(self.table.policy_id[policy]))

    def zone_of(self, detail: int) -> str:
        """The time zone of a detail's bands."""
        return self._zones[int(self.table.version_zone[self.version_of(detail)])]

    def version_of(self, detail: int) -> int:
        """The rate plan version that a detail is of."""
        return int(self.table.version_detail_first.searchsorted(detail, "right")) - 1

    def special_day(self, detail: int, position_us: int) -> str:
        """The special day that a position in the version's week lies in, or nothing."""
        kind = position_us // DAY_US - DAYS_OF_A_WEEK
        return self.catalogue.special_codes[self.version_of(detail)][kind] if kind >= 0 else ""

    def local(self, time_us: int, zone: str = "") -> str:
        """An instant in the site's zone or another; nothing for what has no end or no beginning."""
        if not 0 < time_us < INFINITE_US:
            return ""
        return instant(time_us).astimezone(zoneinfo.ZoneInfo(zone or self.site_zone)).isoformat()

    def amount(self, resource: int, amount: int) -> str:
        """An amount of a resource's row, from its stored unit."""
        return decimal_text(amount, self.resources[resource].stored_decimals)

    def exact(self, detail: int, numerator: int) -> str:
        """A sum in 1/denominator of a detail, in units of its resource."""
        info = self.resource_of(detail)
        denominator = int(self.table.detail_denominator[detail]) * 10**info.stored_decimals
        return exact_text(Fraction(numerator, denominator))

    def resource_of(self, detail: int) -> ResourceInfo:
        """The resource that a detail is an impact on."""
        return self.resources[int(self.table.detail_resource[detail])]

    def conditions(self, rule: int, info: EventTypeInfo) -> list[str]:
        """What a rule asks of the event's fields."""
        table = self.table
        slots = {field.slot: field.name for field in info.fields if field.slot >= 0}
        said = []
        for row in range(int(table.rule_condition_first[rule]), int(table.rule_condition_first[rule + 1])):
            slot, low, high = (
                int(column[row])
                for column in (table.condition_field, table.condition_low, table.condition_high)
            )
            field = slots.get(slot, str(slot))
            if table.condition_kind[row] == MATCH_TEXT:
                said.append(f"{field} = {bytes(table.text[low : low + high]).decode('utf-8', 'replace')}")
            elif table.condition_kind[row] == MATCH_NUMBER:
                said.append(f"{field} = {low}")
            else:
                said.append(f"{low} <= {field} < {high}")
        return said

    def prefix(self, detail: int, matched: int, event: UsageEvent, info: EventTypeInfo) -> str:
        """The bytes of the prefix field that the rule's prefix is."""
        slot = int(self.table.detail_prefix_field[detail])
        for field in info.fields:
            if field.slot == slot and slot >= 0:
                value = str(event.fields.get(field.name, ""))
                return value.encode("utf-8", "replace")[:matched].decode("utf-8", "replace")
        return ""


def exact_text(value: Fraction) -> str:
    """Decimal text where the decimals end, otherwise numerator/denominator."""
    decimals, rest = 0, value.denominator
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        decimals = max(decimals, power)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    return decimal_text(value.numerator * 10**decimals // value.denominator, decimals)
