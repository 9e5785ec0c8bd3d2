"""Pure. Customers of the sample operator in memory, and short ways to say what care does to their balances."""

import datetime
from decimal import Decimal

from balance_store.group_record import pack_group, unpack_group
from customer_care.apply_command import CommandTools
from customer_care.change_balances import balance_rows
from customer_care.commands import Answer, Booking, Refusal, command_hash
from customer_care.customer_view import amount_text
from customer_care.onboarding import onboard_lines
from rating_kernels.balances import total_valid
from rating_kernels.group_image import (
    B_AMOUNT,
    B_ID,
    B_KIND,
    B_RESOURCE_ID,
    I_AMOUNT,
    I_EVENTS,
    I_ITEM_ID,
    I_OWED,
    KIND_OWED,
    SECTION_ITEMS,
)
from rating_kernels.group_layout import row_at, section_count
from tests.customer_care.example_lines import file_of, line, on_plan
from tests.rating_kernels.sample_world import SAMPLE

SNAPSHOTS_MAX = 6
CALLS = Booking("calls")
PREPAID = {"payment_type": "prepaid", "currency": "EUR", "day": 1}
PEOPLE = [on_plan(1, "prepaid", billing=PREPAID), line(2), on_plan(3, "business")]
TOOLS = CommandTools(SAMPLE, SNAPSHOTS_MAX)


def at(day: str) -> int:
    """A day's noon, UTC, in microseconds."""
    return int(datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()) * 1_000_000


def units(resource: str, text: str) -> int:
    """Decimal text in stored units of a resource."""
    return int(Decimal(text).scaleb(SAMPLE.resources[resource].stored_decimals))


class CommandWorld:
    """Group images by customer, and commands on them as the one door would put them back."""

    def __init__(self) -> None:
        onboarded, faults = onboard_lines(file_of(*PEOPLE), SAMPLE, 1)
        assert not faults, faults
        self.images = {one.line.customer: one.group for one in onboarded}
        self.profiles = {one.line.customer: one.profile for one in onboarded}

    def do(self, who: str, command, day: str, command_id: str) -> Answer | Refusal:
        """Do a command on what the store would load, and keep what it would be given."""
        loaded = unpack_group(pack_group(self.images[who], 0))
        changed = TOOLS.apply(command, command_hash(command_id), loaded, self.profiles[who], at(day))
        if changed.image is not None:
            self.images[who] = changed.image
        return changed.answer

    def total(self, who: str, resource: str, day: str) -> int:
        """What is valid on a day, in stored units."""
        return int(total_valid(self.images[who], 0, SAMPLE.resources[resource].id, at(day)))

    def shown(self, who: str, resource: str, day: str) -> str:
        """The same as people read it."""
        return amount_text(self.total(who, resource, day), SAMPLE.resources[resource].stored_decimals, 0)

    def items(self, who: str) -> dict[str, tuple[int, int, int]]:
        """(amount, owed, events) by bill item of all cycles."""
        image, found = self.images[who], {}
        for number in range(section_count(image, 0, SECTION_ITEMS)):
            row = image[row_at(image, 0, SECTION_ITEMS, number) :]
            key = SAMPLE.items[int(row[I_ITEM_ID])].bill_item
            found[key] = (int(row[I_AMOUNT]), int(row[I_OWED]), int(row[I_EVENTS]))
        return found

    def owed(self, who: str, resource: str) -> int:
        """What the cycles owe, in stored units."""
        return sum(
            amount
            for kind, resource_id, amount in self.balances(who).values()
            if kind == KIND_OWED and resource_id == SAMPLE.resources[resource].id
        )

    def balances(self, who: str) -> dict[int, tuple[int, int, int]]:
        """(kind, resource, amount) by the balance's id."""
        image = self.images[who]
        return {
            int(image[row + B_ID]): (
                int(image[row + B_KIND]),
                int(image[row + B_RESOURCE_ID]),
                int(image[row + B_AMOUNT]),
            )
            for row in balance_rows(image)
        }
