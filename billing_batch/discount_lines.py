"""Pure. Discounts that come off a bill: by priority, each on what those before have left (DECISIONS 47).

A percentage is one of what was used, but never more comes off than is owed: what credit has paid is not
paid back. Amounts are millionths; what comes off is converted to minor units once per discount.
"""

from collections import defaultdict
from typing import NamedTuple

from billing_batch.bill_parts import KIND_DISCOUNT, Item, Line, line_off, to_minor
from charging.output_records import decimal_text
from config.compiled_catalogue import CompiledCatalogue, DiscountInfo
from config.exact_amounts import MONEY_DECIMALS


class _Share(NamedTuple):
    """What comes off the items of one tax, and what they held before."""

    off: int
    net: int
    capped: bool  # a percentage that found less owed than it takes off


class _Running:
    """Each item's total and what is owed of it, less the discounts so far."""

    def __init__(self, items: list[Item]) -> None:
        self.tax = {item.total.item_id: item.tax for item in items}
        self.net = {item.total.item_id: max(item.total.amount, 0) for item in items}
        self.owed = {item.total.item_id: max(item.total.owed, 0) for item in items}

    def take(self, discount: DiscountInfo) -> dict[str, _Share]:
        """Let a discount come off its items; what it was, by tax."""
        mine = [number for number in self.net if number in discount.item_ids]
        if discount.denominator == 0:
            wanted = self._spread(mine, discount.numerator)
        else:
            wanted = {n: _part(self.net[n], discount.numerator, discount.denominator) for n in mine}
        shares: dict[str, _Share] = defaultdict(lambda: _Share(0, 0, capped=False))
        for number in mine:
            off = min(wanted[number], self.owed[number])
            before = shares[self.tax[number]]
            capped = before.capped or off < wanted[number]
            shares[self.tax[number]] = _Share(before.off + off, before.net + self.net[number], capped)
            self.net[number] -= off
            self.owed[number] -= off
        return shares

    def nothing_owed(self, tax: str) -> bool:
        """Whether the discounts so far have taken everything that a tax's items owed."""
        return all(owed == 0 for number, owed in self.owed.items() if self.tax[number] == tax)

    def _spread(self, mine: list[int], amount: int) -> dict[int, int]:
        """An amount, as far as it is owed, over the items by what they owe; the parts add up to it."""
        owed = sum(self.owed[number] for number in mine)
        whole = min(amount, owed)
        parts, so_far, given = {}, 0, 0
        for number in mine:
            so_far += self.owed[number]
            parts[number] = (whole * so_far // owed if owed else 0) - given
            given += parts[number]
        return parts


def discount_lines(
    items: list[Item], lines: list[Line], bought: frozenset[str], catalogue: CompiledCatalogue, digits: int
) -> list[Line]:
    """One line per discount and tax; `lines` are those of the items and of the credit that covered them."""
    on_bill = [one for one in catalogue.discounts.values() if one.on_bill and one.code in bought]
    running = _Running(items)
    standing: dict[str, int] = defaultdict(int)
    for line in lines:
        standing[line.tax] += line.net_minor
    made = []
    for discount in sorted(on_bill, key=lambda one: one.priority):
        off_micro, off_minor = 0, 0
        for tax, share in sorted(running.take(discount).items()):
            if share.off == 0:
                continue
            # Converted as one, so that 5 euro off two taxes are 5 euro and not a cent more.
            off_micro += share.off
            minor = to_minor(off_micro, digits)[0] - off_minor
            # Items were rounded one by one: their cents must not outlive what they stand for.
            if running.nothing_owed(tax) or minor > standing[tax]:
                minor = standing[tax]
            minor = max(minor, 0)
            off_minor += minor
            standing[tax] -= minor
            text = _text(discount.code, share, catalogue)
            line = line_off(KIND_DISCOUNT, tax, text, share.off, -minor, digits)
            made.append(line._replace(discount=discount.code))
    return made


def _part(amount: int, numerator: int, denominator: int) -> int:
    """A part of an amount of 0 or more, half up; of whole numbers of any size, so not by a kernel."""
    return (2 * amount * numerator + denominator) // (2 * denominator)


def _text(code: str, share: _Share, catalogue: CompiledCatalogue) -> str:
    """What came off what, so that it can be reckoned again."""
    written = catalogue.catalogue.discounts[code]
    net = decimal_text(share.net, MONEY_DECIMALS)
    if written.percent is None:
        return f"{written.name}: {decimal_text(share.off, MONEY_DECIMALS)} off {net}"
    as_far = ", as far as it is owed" if share.capped else ""
    return f"{written.name}: {written.percent} % of {net}{as_far}"
