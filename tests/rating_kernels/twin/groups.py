"""Pure. A balance group in plain objects: balances, item totals, counters, cycles (DECISIONS 1-8, 18, 23)."""

import dataclasses
import datetime
from typing import NamedTuple

from rating_kernels.group_image import KIND_CREDIT, KIND_OWED
from tests.rating_kernels.twin.civil import FOREVER_US, midnight_us, next_cycle_start

AMOUNT_MAX = 2**53 - 1
QUANTITY_MAX = 2**53 - 1


@dataclasses.dataclass(slots=True)
class Balance:
    id: int
    resource: str
    amount: int
    from_us: int
    to_us: int
    created_us: int
    priority: int
    granted: int
    kind: int

    def holds(self, time_us: int) -> bool:
        return self.from_us <= time_us < self.to_us


class Recurring(NamedTuple):
    """What a cycle starts with: a fee (amount > 0, with its item) or an allowance (amount < 0)."""

    resource: str
    item_id: int
    amount: int
    from_us: int


class Cycle(NamedTuple):
    number: int
    start_us: int
    end_us: int


@dataclasses.dataclass
class Group:
    """One customer's balance group; `items` and `counters` are by cycle and what they count."""

    id: int
    zone: str
    billing: dict
    since: datetime.date
    limits: dict
    cycle: Cycle
    end_date: datetime.date
    recurring: list[Recurring] = dataclasses.field(default_factory=list)
    balances: list[Balance] = dataclasses.field(default_factory=list)
    items: dict[tuple, list[int]] = dataclasses.field(default_factory=dict)
    counters: dict[tuple, int] = dataclasses.field(default_factory=dict)
    ended: list[Cycle] = dataclasses.field(default_factory=list)
    sealed: set[int] = dataclasses.field(default_factory=set)
    ring: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    next_id: int = 1
    closed_us: int = FOREVER_US

    def saved(self) -> tuple:
        """What an event can change, to put back where it is denied: balances move, and come at the end."""
        return (
            [balance.amount for balance in self.balances],
            {key: list(totals) for key, totals in self.items.items()},
            dict(self.counters),
            self.next_id,
        )

    def restore(self, saved: tuple) -> None:
        amounts, self.items, self.counters, self.next_id = saved
        del self.balances[len(amounts) :]
        for balance, amount in zip(self.balances, amounts, strict=True):
            balance.amount = amount

    # Cycles -------------------------------------------------------------------------------------

    def cycles_over(self, time_us: int) -> list[datetime.date]:
        """First days of the cycles that begin at or before an instant and have not begun here."""
        starts = []
        date = self.end_date
        while midnight_us(date, self.zone) <= time_us:
            starts.append(date)
            date = next_cycle_start(date, self.billing, self.since)
        return starts

    def end_cycles(self, time_us: int, ended_max: int) -> bool:
        """Begin every cycle that is due; False, and nothing done, where too many would wait for billing."""
        starts = self.cycles_over(time_us)
        if len(self.ended) + len(starts) > ended_max:
            return not starts
        for date in starts:
            self.ended.append(self.cycle)
            self.end_date = next_cycle_start(date, self.billing, self.since)
            self.cycle = Cycle(
                self.cycle.number + 1, self.cycle.end_us, midnight_us(self.end_date, self.zone)
            )
            self._begin_cycle()
        if starts:
            # What an unsealed cycle may still use stays; the kernel keeps what the oldest one began with.
            self.balances = [b for b in self.balances if b.to_us > self.ended[0].start_us]
        return True

    def _begin_cycle(self) -> None:
        start_us, end_us = self.cycle.start_us, self.cycle.end_us
        if self.closed_us <= start_us:
            return
        for one in self.recurring:
            if one.from_us > start_us:
                continue
            if one.amount < 0:
                self.grant(one.resource, one.amount, start_us, end_us, start_us)
            else:
                self.charge_fee(one.resource, one.item_id, one.amount, start_us)

    def charge_fee(self, resource: str, item_id: int, amount: int, created_us: int) -> None:
        """A fee is owed, whatever credits there are."""
        self.owed(resource, self.cycle, created_us).amount += amount
        self.book(self.cycle.number, item_id, (amount, amount, 0, 0))

    def booking_cycle(self, time_us: int) -> tuple[Cycle, bool]:
        """(the cycle an event of this time is booked to, whether it is late): its own until that is sealed."""
        if time_us >= self.cycle.start_us:
            return self.cycle, False
        for cycle in self.ended:
            if cycle.start_us <= time_us < cycle.end_us and cycle.number not in self.sealed:
                return cycle, False
        return self.cycle, True

    # Balances -----------------------------------------------------------------------------------

    def grant(
        self, resource: str, amount: int, from_us: int, to_us: int, created_us: int, priority: int = 0
    ) -> None:
        """Same resource, validity and priority merge (DECISIONS 5)."""
        for balance in self.balances:
            key = (balance.resource, balance.from_us, balance.to_us, balance.priority, balance.kind)
            if key == (resource, from_us, to_us, priority, KIND_CREDIT):
                balance.amount += amount
                balance.granted -= amount
                return
        self._add(Balance(0, resource, amount, from_us, to_us, created_us, priority, -amount, KIND_CREDIT))

    def owed(self, resource: str, cycle: Cycle, created_us: int) -> Balance:
        """The balance of a cycle that takes what no credit covers."""
        for balance in self.balances:
            if (balance.kind, balance.resource, balance.from_us) == (KIND_OWED, resource, cycle.start_us):
                return balance
        return self._add(Balance(0, resource, 0, cycle.start_us, cycle.end_us, created_us, 0, 0, KIND_OWED))

    def _add(self, balance: Balance) -> Balance:
        balance.id = self.next_id
        self.next_id += 1
        self.balances.append(balance)
        return balance

    def total(self, resource: str, time_us: int) -> int:
        """What limits and thresholds go by; of a late event also what the open cycle owes, to which it is booked."""
        cycle, late = self.booking_cycle(time_us)
        return sum(
            b.amount
            for b in self.balances
            if b.resource == resource
            and (b.holds(time_us) or (late and b.kind == KIND_OWED and b.from_us == cycle.start_us))
        )

    def granted(self, resource: str, time_us: int) -> int:
        return sum(b.granted for b in self.balances if b.resource == resource and b.holds(time_us))

    def credits(self, resource: str, order: str, time_us: int) -> list[Balance]:
        """Whose credit is used, first to last (DECISIONS 3-4)."""
        found = [b for b in self.balances if b.resource == resource and b.amount < 0 and b.holds(time_us)]
        return sorted(found, key=lambda b: (b.priority, *order_keys(order, b), b.created_us, b.id))

    def book(self, cycle_no: int, item_id: int, added: tuple[int, int, int, int]) -> bool:
        """Add (amount, owed, quantity, events) to an item's totals; whether they can be kept."""
        totals = self.items.setdefault((cycle_no, item_id), [0, 0, 0, 0])
        for place, number in enumerate(added):
            totals[place] += number
        return abs(totals[0]) <= AMOUNT_MAX and totals[2] <= QUANTITY_MAX

    def counted(self, cycle_no: int, what: tuple) -> int | None:
        return self.counters.get((cycle_no, what))

    def count(self, cycle_no: int, what: tuple, amount: int) -> None:
        self.counters[cycle_no, what] = self.counters.get((cycle_no, what), 0) + amount


def order_keys(order: str, balance: Balance) -> list[int]:
    """EST ... LETLST by their letters: E earliest, L latest; S start, E end."""
    keys = []
    for part in (order[:3], order[3:]):
        if part:
            key = balance.from_us if part[1] == "S" else balance.to_us
            keys.append(key if part[0] == "E" else -key)
    return keys
