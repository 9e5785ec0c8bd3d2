"""Pure. Whether all that was published says of every message once what became of it, and adds up to the balances.

Messages carry one event each. A record may come twice, but with the same bytes; the money that records say was
moved is what the items of the balance groups hold. No record tells of a cycle's fee: each cycle must hold the same.
"""

import functools
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from balance_store.check_group import rows_of
from balance_store.group_record import unpack_group
from rating_kernels.group_image import I_AMOUNT, I_ITEM_ID, SECTION_ITEMS, SECTION_SNAPSHOTS

NOT_SEEN = 0
# A hash that is never NOT_SEEN.
ODD = 1
MICRO_DIGITS = 6


class Impact(msgspec.Struct):
    """What a record says of one balance; those that only tell have none."""

    group: int
    resource: str
    amount: str
    balance: int = 0


class Record(msgspec.Struct):
    """A rated or a rejected record, as far as it is looked at."""

    id: str
    impacts: list[Impact] = []  # msgspec copies an empty default for each record


class Held(NamedTuple):
    """The money in a group's items, in millionths, and how many cycles the fees are of."""

    used: int
    fees: int
    cycles: int


NOTHING = Held(0, 0, 1)


class Verdict(NamedTuple):
    """What was found; all but `events` and `repeated` must be 0."""

    events: int
    lost: int
    with_two_contents: int
    repeated: int
    groups_that_differ: int


class Evidence:
    """Collects records; `ends` is where each partition of `usage` ends."""

    def __init__(self, ends: Mapping[int, int], money: str, decode: msgspec.msgpack.Decoder[Record]) -> None:
        self._money = money
        self._decode = decode
        self._seen = {partition: np.full(end, NOT_SEEN, np.int64) for partition, end in ends.items()}
        self.missing = sum(ends.values())  # messages that nothing was said of yet
        self._with_two_contents = 0
        self._repeated = 0
        self.moved: dict[int, int] = {}  # by group, in millionths

    def take(self, value: bytes) -> None:
        """One published record."""
        record = self._decode.decode(value)
        _, partition, offset, _ = record.id.split("/")
        seen, place, content = self._seen[int(partition)], int(offset), hash(value) | ODD
        if seen[place] != NOT_SEEN:
            self._repeated += 1
            self._with_two_contents += int(seen[place] != content)
            return
        seen[place] = content
        self.missing -= 1
        for impact in record.impacts:
            if impact.balance and impact.resource == self._money:
                self.moved[impact.group] = self.moved.get(impact.group, 0) + micros(impact.amount)

    def verdict(self, before: Mapping[int, Held], after: Mapping[int, Held]) -> Verdict:
        """Judge by what the items of each group held before the first event and hold after the last."""
        differ = [g for g, one in after.items() if not self._is_right(g, before.get(g, NOTHING), one)]
        nobodys = self.moved.keys() - after.keys()
        events = sum(map(len, self._seen.values()))
        return Verdict(
            events, self.missing, self._with_two_contents, self._repeated, len(differ) + len(nobodys)
        )

    def _is_right(self, group: int, before: Held, after: Held) -> bool:
        return (
            after.used - before.used == self.moved.get(group, 0)
            and after.fees * before.cycles == before.fees * after.cycles
        )


@functools.lru_cache(100_000)
def micros(text: str) -> int:
    """Decimal text of a money amount as millionths; raises ValueError where it is finer."""
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(fraction) > MICRO_DIGITS:
        raise ValueError(f"{text} is finer than a millionth")
    amount = int(whole + fraction.ljust(MICRO_DIGITS, "0"))
    return -amount if text.startswith("-") else amount


def in_items(record: bytes, fee_items: Collection[int]) -> Held:
    """What a stored group holds, of which these items are fees: only money is booked to items."""
    rows = rows_of(unpack_group(record))
    fees = sum(row[I_AMOUNT] for row in rows[SECTION_ITEMS] if row[I_ITEM_ID] in fee_items)
    both = sum(row[I_AMOUNT] for row in rows[SECTION_ITEMS])
    return Held(both - fees, fees, 1 + len(rows[SECTION_SNAPSHOTS]))
