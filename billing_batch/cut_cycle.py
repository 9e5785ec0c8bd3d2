"""Pure. The cut: end a group's cycle if nobody did, seal it, and take out what its bill is made of.

Safe to do again at any time: a cycle that is over stays over, a sealed one gives the same content.
"""

from typing import NamedTuple

from balance_store.group_change import Changed
from balance_store.profile_record import Profile
from config.compiled_catalogue import CompiledCatalogue
from customer_care.group_rotation import GroupRotation
from rating_kernels.group_image import (
    H_CYCLE_NO,
    I_AMOUNT,
    I_CYCLE_NO,
    I_EVENTS,
    I_ITEM_ID,
    I_OWED,
    I_QUANTITY,
    ITEM_WORDS,
    S_CYCLE_NO,
    S_SEALED,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import remove_row, row_at, section_count
from rating_kernels.tariff_table import Ints

SECTIONS_BY_CYCLE = (SECTION_ITEMS, SECTION_COUNTERS, SECTION_SNAPSHOTS)


class ItemTotal(NamedTuple):
    """An item's total of a cycle; amounts in the resource's stored unit."""

    item_id: int
    amount: int
    owed: int
    quantity: int
    events: int


class CutTools:
    """A catalogue version made ready for cutting."""

    def __init__(self, catalogue: CompiledCatalogue, snapshots_max: int) -> None:
        # Billing is what empties the snapshots, so it is not held up by their number.
        self._rotation = GroupRotation(catalogue, snapshots_max + 1)

    def cut(self, image: Ints, profile: Profile, cycle_no: int, end_us: int) -> Changed:
        """Rotate past `end_us`, seal the cycle, drop what was billed before; answers its item totals."""
        rotated = self._rotation.rotate(image, profile, end_us)
        assert rotated is not None, "there is room for the cycle that is cut"
        for number in range(section_count(rotated, 0, SECTION_SNAPSHOTS)):
            row = row_at(rotated, 0, SECTION_SNAPSHOTS, number)
            if rotated[row + S_CYCLE_NO] == cycle_no:
                rotated[row + S_SEALED] = 1
        assert rotated[H_CYCLE_NO] > cycle_no, "a cycle that is cut is over"
        drop_cycles(rotated, cycle_no)
        return Changed(rotated, items_of(rotated, cycle_no))


def items_of(image: Ints, cycle_no: int) -> list[ItemTotal]:
    """The item totals of a cycle, open or ended."""
    totals = []
    row = row_at(image, 0, SECTION_ITEMS, 0)
    for _ in range(section_count(image, 0, SECTION_ITEMS)):
        if image[row + I_CYCLE_NO] == cycle_no:
            columns = (I_ITEM_ID, I_AMOUNT, I_OWED, I_QUANTITY, I_EVENTS)
            totals.append(ItemTotal._make(int(image[row + column]) for column in columns))
        row += ITEM_WORDS
    return totals


def all_items(image: Ints) -> list[ItemTotal]:
    """The item totals of every cycle that is still in the group."""
    cycles = {
        int(image[row_at(image, 0, SECTION_ITEMS, number) + I_CYCLE_NO])
        for number in range(section_count(image, 0, SECTION_ITEMS))
    }
    return [total for cycle_no in sorted(cycles) for total in items_of(image, cycle_no)]


def drop_cycles(image: Ints, before_cycle_no: int) -> bool:
    """Remove items, counters and snapshots of the cycles before this one; whether there were any."""
    dropped = False
    for section in SECTIONS_BY_CYCLE:
        # The cycle's number is the first column of all three.
        for number in range(section_count(image, 0, section) - 1, -1, -1):
            if image[row_at(image, 0, section, number)] < before_cycle_no:
                remove_row(image, 0, section, number)
                dropped = True
    return dropped


assert I_CYCLE_NO == S_CYCLE_NO == 0
