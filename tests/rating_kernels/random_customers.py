"""Pure. Random customers of a catalogue, and the events, grants and seals that come to them."""

import datetime
import random
from typing import Any

from tests.rating_kernels.random_prices import BOUNDS
from tests.rating_kernels.twin.civil import (
    DAY_US,
    FOREVER_US,
    SECOND_US,
    is_cycle_start,
    midnight_us,
    next_cycle_start,
)

DAYS = 50
CREDITS = [1, 5, 10, 60, 100]
ADDRESS = {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"}
RHYTHMS = [
    {"interval": "month", "day": 1},
    {"interval": "month", "day": 15},
    {"interval": "month", "day": 31},
    {"interval": "week", "day": 3},
    {"interval": "day", "every": 10, "day": 0},
]


def random_lines(dice: random.Random, tables: dict[str, Any], first_day: str) -> list[dict[str, Any]]:
    """Two owners, who may use one another's groups, two members and one of their own."""
    lines = []
    groups: list[str] = []
    for number in range(1, 6):
        line = _line(dice, number, first_day)
        joined = dice.sample(groups, dice.randint(number > 2, len(groups))) if number in (2, 3, 4) else []
        line["member_of"] = [{"group": group, "priority": dice.randint(0, 1)} for group in joined]
        if number <= 2:
            shared = [f"g{number}{letter}" for letter in "xy"[: dice.randint(1, 2)]]
            line["shares"] = [
                {
                    "group": group,
                    "policy": dice.choice(tables["sharing_policy"])["code"],
                    "subscription": dice.choice(line["subscriptions"])["subscription"],
                }
                for group in shared
            ]
            groups += shared
        lines.append(line)
    return lines


def _line(dice: random.Random, number: int, first_day: str) -> dict[str, Any]:
    since = _day(first_day, dice.choice([0, 0, 4]))
    subscriptions = [_subscription(dice, f"S{number}", str(number))]
    if dice.random() < 0.3:
        subscriptions.append(_subscription(dice, f"T{number}", f"{number}t"))
        if dice.random() < 0.5:
            subscriptions[-1]["from"] = since
    billing = {"payment_type": dice.choice(["prepaid", "postpaid"]), "currency": "EUR"} | dice.choice(RHYTHMS)
    if "from" in subscriptions[-1]:
        # The last day of the first cycle, which is the latest that a line may name.
        day = datetime.date.fromisoformat(since)
        end = next_cycle_start(day, billing, day)
        subscriptions[-1]["from"] = str(end - datetime.timedelta(days=1))
    return {
        "customer": f"C{number}",
        "since": since,
        "name": {"first": "Ana", "last": "Novak"},
        "address": ADDRESS,
        "billing": billing,
        "subscriptions": subscriptions,
        "balances": [
            {
                "resource": resource,
                "credit": dice.choice(CREDITS),
                "priority": dice.choice([0, 0, 1]),
                "validity": dice.choice(["cycle", "infinite", _day(first_day, 20)]),
            }
            for resource in dice.choices(["EUR", "free", "bonus", "kWh"], k=dice.randint(0, 4))
        ],
    }


def _subscription(dice: random.Random, code: str, identifier: str) -> dict[str, Any]:
    return {
        "subscription": code,
        "plan": dice.choice(["full", "rich", "bare"]),
        "services": [{"type": kind, "identifier": identifier} for kind in ("voice", "power")],
    }


def _day(first_day: str, later: int) -> str:
    return str(datetime.date.fromisoformat(first_day) + datetime.timedelta(days=later))


def random_steps(
    dice: random.Random, tables: dict[str, Any], lines: list, kinds: list, first_day: str, events: int
) -> list[tuple[str, Any]]:
    """("grant", ...), ("events", [...]), ("seal", customer) and ("close", ...) in the order they happen."""
    made = _Events(dice, tables, lines, kinds, first_day).make(events)
    steps: list[tuple[str, Any]] = [
        ("grant", _grant(dice, tables["site"]["time_zone"], first_day)) for _ in range(dice.randint(0, 8))
    ]
    cuts = sorted(dice.sample(range(1, events), min(2, events - 1)))
    for first, end in zip([0, *cuts], [*cuts, events], strict=True):
        steps.append(("events", made[first:end]))
        if dice.random() < 0.5:
            steps.append(("seal", dice.choice(lines)["customer"]))
        if dice.random() < 0.05:
            steps.append(("close", (dice.choice(lines)["customer"], made[end - 1]["time"])))
    return steps


def _grant(dice: random.Random, zone: str, first_day: str) -> dict[str, Any]:
    """A top-up from one day to another; few days, so that ties of the consumption orders are common."""
    first = datetime.date.fromisoformat(first_day)
    start, end = sorted(dice.sample([0, 6, 12, 20, 60], 2))
    start_us = midnight_us(first + datetime.timedelta(days=start), zone)
    return {
        "customer": f"C{dice.randint(1, 5)}",
        "resource": dice.choice(["EUR", "free", "bonus", "kWh"]),
        "credit": dice.choice(CREDITS),
        "from_us": start_us,
        "to_us": dice.choice([FOREVER_US, midnight_us(first + datetime.timedelta(days=end), zone)]),
        "created_us": start_us + dice.randint(0, 1),
        "priority": dice.choice([0, 0, 0, -1, 1]),
    }


class _Events:
    """Events of a scene, most of them in the order of their time."""

    def __init__(self, dice: random.Random, tables: dict[str, Any], lines: list, kinds: list, first_day: str):
        self.dice, self.kinds = dice, kinds
        self.identifiers = [s["services"][0]["identifier"] for line in lines for s in line["subscriptions"]]
        zone = tables["site"]["time_zone"]
        first = datetime.date.fromisoformat(first_day)
        days = [first + datetime.timedelta(days=number) for number in range(DAYS)]
        self.midnights = [midnight_us(day, zone) for day in days]
        cycle_starts = [
            midnight_us(day, zone)
            for line in lines
            for day in days
            if is_cycle_start(day, line["billing"], datetime.date.fromisoformat(line["since"]))
        ]
        edges = sorted(
            {
                _seconds(window[end])
                for plan in tables["rate_plan"]
                for version in plan["version"]
                for windows in version["band"].values()
                for window in windows
                for end in ("from", "to")
            }
        ) or [0]
        self.cycle_starts, self.edges = cycle_starts, edges

    def make(self, count: int) -> list[dict[str, Any]]:
        dice = self.dice
        reach = dice.choice([5, 20, DAYS])
        times = sorted(self._time(reach) for _ in range(count))
        for _ in range(count // 10):
            one, other = dice.randrange(count), dice.randrange(count)
            times[one], times[other] = times[other], times[one]
        made: list[dict[str, Any]] = []
        for number, time_us in enumerate(times):
            again = made and dice.random() < 0.04
            made.append(dice.choice(made) if again else self._event(number, time_us))
        return made

    def _time(self, reach: int) -> int:
        """A moment within the first days: at random, about a band's edge, or about a cycle's."""
        dice = self.dice
        kind = dice.random()
        if kind < 0.1 and self.cycle_starts:
            return dice.choice(self.cycle_starts) + dice.choice([-1, 0, 1])
        day_us = dice.choice(self.midnights[:reach])
        if kind < 0.4:
            return day_us + dice.choice(self.edges) * SECOND_US + dice.choice([-1, 0, 0, -59_000_000])
        return day_us + dice.randrange(DAY_US)

    def _event(self, number: int, time_us: int) -> dict[str, Any]:
        dice = self.dice
        kind = dice.choice(self.kinds)
        fields: dict[str, Any] = {"cell": "x"} if dice.random() < 0.99 else {}
        if dice.random() < 0.9:
            fields["destination"] = "".join(dice.choices("012", k=dice.randint(0, 3)))
        if dice.random() < 0.6:
            fields["kind"] = dice.choice(["a", "b", "c"])
        if dice.random() < 0.6:
            fields["level"] = dice.randint(0, 5)
        return {
            "id": str(number),
            "source": "test",
            "type": kind.event if dice.random() < 0.995 else "fax",
            "service": dice.choice(self.identifiers) if dice.random() < 0.99 else "9",
            "time": time_us,
            "quantity": self._quantity(kind),
            "fields": fields,
        }

    def _quantity(self, kind: Any) -> int | str:
        """Nothing, a bound, next to one, or anything; seldom too much."""
        dice = self.dice
        smallest = 10**kind.decimals
        most = kind.quantity_max * smallest
        quantity = dice.choice([0, 1, *(bound * smallest for bound in BOUNDS)])
        chance = dice.random()
        if chance < 0.3:
            quantity = max(0, quantity + dice.choice([-1, 1]))
        elif chance < 0.5:
            quantity = dice.randint(0, dice.choice([200, most]))
        elif chance < 0.52:
            quantity = most + dice.randint(-1, 1)
        whole, rest = divmod(quantity, smallest)
        return f"{whole}.{rest:0{kind.decimals}}" if kind.decimals else quantity


def _seconds(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60
