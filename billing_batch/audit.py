"""Pure. Do the sums agree, from rated records to the bank file? Every comparison is exact.

rated impacts + fees
+ commands of care   = billed items + items of open cycles      in millionths, per item and, where a tax is
                                                                charged with the events, per tax
billed items         = bill lines, minor units and residue      per bill
bill lines + taxes   = bill totals                              per bill
children's bills     = items of their owners' bills
collected bills      = transactions = control sum of the file
"""

from typing import NamedTuple


class Comparison(NamedTuple):
    """Two sums that must be equal, in the unit that `unit` names."""

    what: str
    left_name: str
    left: int
    right_name: str
    right: int
    unit: str

    @property
    def agrees(self) -> bool:
        """Whether they are."""
        return self.left == self.right


class ItemSums(NamedTuple):
    """What is known of one item from all sides, in stored units."""

    rated: int
    fees: int
    adjusted: int
    billed: int
    open: int


def compare_items(items: dict[str, ItemSums], unit: str) -> list[Comparison]:
    """One comparison an item, by its name."""
    return [
        Comparison(
            name,
            "rated, fees, adjusted",
            sums.rated + sums.fees + sums.adjusted,
            "billed and open",
            sums.billed + sums.open,
            unit,
        )
        for name, sums in sorted(items.items())
    ]


def all_agree(comparisons: list[Comparison]) -> bool:
    """Whether nothing differs."""
    return all(comparison.agrees for comparison in comparisons)
