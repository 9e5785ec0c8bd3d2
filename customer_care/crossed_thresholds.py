"""Pure. Thresholds that a command crosses, in both directions (DECISIONS 7).

A percent of free units moves with what was granted, so a crossing is a change of being reached, each state
judged by the threshold as it stood then.
"""

from typing import Literal, NamedTuple

from config.compiled_catalogue import ResourceInfo
from customer_care.commands import Notice
from rating_kernels import table_words as t
from rating_kernels.balances import total_valid
from rating_kernels.charge_group import NO_LIMIT, find_limit
from rating_kernels.tariff_table import Ints
from rating_kernels.thresholds import threshold_amount

_DIRECTION: dict[bool, Literal["up", "down"]] = {True: "up", False: "down"}


class Threshold(NamedTuple):
    """Where a threshold of a group stands, and whether the total has reached it."""

    amount: int
    reached: bool


def thresholds_of(
    table: Ints, image: Ints, resource: ResourceInfo, at_us: int, total: int
) -> list[Threshold]:
    """The thresholds of a resource in the order of the credit profile, judged by a total."""
    limit = find_limit(table, image, 0, resource.index)
    if limit == NO_LIMIT:
        return []
    first = table[t.LIMIT_THRESHOLD_FIRST] + limit
    amounts = [
        int(threshold_amount(table, image, 0, limit, number, at_us))
        for number in range(table[first], table[first + 1])
    ]
    return [Threshold(amount, total >= amount) for amount in amounts]


def crossings(
    resource: str, was: list[Threshold], now: list[Threshold], before: int, after: int
) -> tuple[Notice, ...]:
    """A notice for each threshold that is reached now and was not, or the other way round."""
    return tuple(
        Notice(resource, _DIRECTION[new.reached], new.amount, before, after)
        for old, new in zip(was, now, strict=True)
        if old.reached != new.reached
    )


class Reached(NamedTuple):
    """A threshold that the total of a resource has reached."""

    resource: str
    amount: int
    total: int


def reached_thresholds(table: Ints, image: Ints, resources: list[ResourceInfo], at_us: int) -> set[Reached]:
    """Every threshold that the group's credit profile sets for these resources and that is reached."""
    reached = set()
    for resource in resources:
        total = int(total_valid(image, 0, resource.id, at_us))
        for one in thresholds_of(table, image, resource, at_us, total):
            if one.reached:
                reached.add(Reached(resource.code, one.amount, total))
    return reached


def reset_notices(was: set[Reached], now: set[Reached]) -> tuple[Notice, ...]:
    """What another credit profile makes of unchanged balances: thresholds newly reached, and no longer."""
    changed = [(one, True) for one in now - was] + [(one, False) for one in was - now]
    return tuple(
        Notice(one.resource, _DIRECTION[reached], one.amount, one.total, one.total, "reset")
        for one, reached in sorted(changed)
    )
