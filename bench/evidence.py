"""Pure. Whether all that was published says of every message once what became of it, and adds up to the balances.

Messages carry one event each. A record may come twice, but with the same bytes; the money that records say was
moved is what the items of the balance groups hold.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from balance_store.check_group import rows_of
from balance_store.group_record import unpack_group
from rating_kernels.group_image import I_AMOUNT, SECTION_ITEMS

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

    def verdict(self, before: Mapping[int, int], after: Mapping[int, int]) -> Verdict:
        """Judge by what the items of each group held before the first event and hold after the last."""
        differ = [g for g, amount in after.items() if amount - before.get(g, 0) != self.moved.get(g, 0)]
        nobodys = self.moved.keys() - after.keys()
        events = sum(map(len, self._seen.values()))
        return Verdict(
            events, self.missing, self._with_two_contents, self._repeated, len(differ) + len(nobodys)
        )


@functools.lru_cache(100_000)
def micros(text: str) -> int:
    """Decimal text of a money amount as millionths; raises ValueError where it is finer."""
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(fraction) > MICRO_DIGITS:
        raise ValueError(f"{text} is finer than a millionth")
    amount = int(whole + fraction.ljust(MICRO_DIGITS, "0"))
    return -amount if text.startswith("-") else amount


def in_items(record: bytes) -> int:
    """The money that the items of a stored group hold, in millionths: only money is booked to items."""
    return sum(row[I_AMOUNT] for row in rows_of(unpack_group(record))[SECTION_ITEMS])
