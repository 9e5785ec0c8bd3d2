"""Pure. Random whole catalogues with customers and what happens to them, from a seed.

Values come from short lists, and events take theirs from the bounds of the catalogue, so that exact hits on
tiers, periods, bands, limits and cycle ends are common.
"""

import random
from typing import Any, NamedTuple

from tests.rating_kernels.random_customers import CREDITS, random_lines, random_steps
from tests.rating_kernels.random_prices import random_price

ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu"]
ORDERS = [
    "EST",
    "LST",
    "EET",
    "LET",
    "ESTEET",
    "ESTLET",
    "LSTEET",
    "LSTLET",
    "EETEST",
    "EETLST",
    "LETEST",
    "LETLST",
]
MODES = ["half_up", "half_even", "up", "down", "floor"]
DIGITS = "012"
# Bands and the minute after a quarter at which they start: two that start together could not be told apart.
BANDS = {"day": 0, "peak": 1, "late": 2}
DATES = {"feast": ["03-08", "2026-03-29", "10-25", "2026-11-02"], "fair": ["03-10", "2026-03-30", "11-01"]}
SPRING, AUTUMN = "2026-03-01", "2026-10-15"


# Prefix and weight of rules so far -> their bands and the fields they test.
Taken = dict[tuple[str, int], list[tuple[str, set[str]]]]


def counts_use(price: dict[str, Any]) -> bool:
    """Whether what a cycle has used of the price is counted: then only one detail of a version may name it."""
    return price.get("counts") == "cycle" or "free_events" in price or "free_quantity" in price


class Scene(NamedTuple):
    """A catalogue as tables, customers as lines, and what happens in order."""

    tables: dict[str, Any]
    lines: list[dict[str, Any]]
    steps: list[tuple[str, Any]]
    ring_max: int
    ended_max: int


class ServiceKind(NamedTuple):
    """A service type and the one event type of its events."""

    code: str
    event: str
    unit: str
    decimals: int
    quantity_max: int
    fields: list[dict[str, Any]]


FIELDS = [
    {"name": "destination", "mandatory": False},
    {"name": "kind", "mandatory": False},
    {"name": "level", "kind": "number", "mandatory": False},
    {"name": "cell", "rating": False},
]


def random_scene(seed: int, events: int) -> Scene:
    """Everything a seed says."""
    dice = random.Random(f"catalogue/{seed}")
    first_day = dice.choice([SPRING, AUTUMN])
    kinds = [
        ServiceKind("voice", "call", dice.choice(["s", "s", "min", "ms"]), 0, 20_000, FIELDS),
        ServiceKind("power", "reading", "kWh", dice.choice([0, 1, 3]), 1_000, FIELDS),
    ]
    tables = _Tables(dice, first_day, kinds).build()
    lines = random_lines(dice, tables, first_day)
    steps = random_steps(dice, tables, lines, kinds, first_day, events)
    return Scene(tables, lines, steps, dice.choice([0, 4, 32]), dice.choice([2, 6, 12]))


class _Tables:
    """A catalogue in the making."""

    def __init__(self, dice: random.Random, first_day: str, kinds: list[ServiceKind]) -> None:
        self.dice, self.first_day, self.kinds = dice, first_day, kinds
        self.decimals = {"EUR": 6, "free": dice.choice([0, 2]), "bonus": 0, "kWh": 3}

    def chance(self, probability: float) -> bool:
        return self.dice.random() < probability

    def build(self) -> dict[str, Any]:
        dice = self.dice
        plans = [self.rate_plan(kind, n) for kind in self.kinds for n in range(dice.randint(1, 2))]
        products = [
            {
                "code": f"use_{plan['code']}",
                "name": "Use",
                "rate_plan": plan["code"],
                "priority": dice.randint(0, 1),
            }
            for plan in plans
        ]
        discounts = [self.discount(number) for number in range(dice.randint(0, 3))]
        return {
            "version": 1,
            "site": {"name": "Random", "time_zone": dice.choice(ZONES), "currency": "EUR"},
            "resource": [self.resource(code) for code in self.decimals],
            "special_day": [{"code": code, "name": code, "dates": dates} for code, dates in DATES.items()],
            "service_type": [{"code": kind.code, "name": kind.code} for kind in self.kinds],
            "event_type": [
                {
                    "code": kind.event,
                    "name": kind.event,
                    "service_type": kind.code,
                    "unit": kind.unit,
                    "quantity_decimals": kind.decimals,
                    "quantity_max": kind.quantity_max,
                    "field": kind.fields,
                }
                for kind in self.kinds
            ],
            "rate_plan": plans,
            "product": [*products, self.recurring("monthly"), self.recurring("extra")],
            "discount": discounts,
            "bundle": [
                {
                    "code": "usage",
                    "name": "Usage",
                    "products": dice.sample([one["code"] for one in products], len(products)),
                    "discounts": [one["code"] for one in discounts],
                },
                {"code": "base", "name": "Base", "products": ["monthly"]},
                {"code": "more", "name": "More", "products": ["extra"]},
            ],
            "plan": [
                self.plan("full", ["base", "usage"]),
                self.plan("rich", ["usage", "more", "base"]),
                self.plan("bare", ["usage"]),
            ],
            "credit_profile": [{"code": "credit", "name": "Credit", "limit": self.limits()}],
            "sharing_policy": [self.policy(number) for number in range(3)],
            "bill_item": [{"code": code, "name": code} for code in ("calls", "power", "fees")],
            "general_ledger": [{"code": "usage", "name": "Usage"}],
            "tax": [self.tax("vat", "bill"), self.tax("now", "rating"), self.tax("soon", "rating")],
            "tag": [
                {"code": "a", "name": "A"},
                {"code": "b", "name": "B"},
                {"code": "r", "name": "R", "kind": "resource"},
            ],
        }

    def resource(self, code: str) -> dict[str, Any]:
        return {
            "code": code,
            "name": code,
            "monetary": code == "EUR",
            "decimals": 2 if code == "EUR" else self.decimals[code],
            "rounding": self.dice.choice(MODES),
            "consumption_order": self.dice.choice(ORDERS),
        }

    def plan(self, code: str, bundles: list[str]) -> dict[str, Any]:
        return {
            "code": code,
            "name": code,
            "bundles": bundles,
            "payment_types": ["prepaid", "postpaid"],
            "credit_profile": "credit",
        }

    # Rate plans ---------------------------------------------------------------------------------

    def rate_plan(self, kind: ServiceKind, number: int) -> dict[str, Any]:
        starts = ["2025-01-01"]
        if self.chance(0.1):
            starts = [f"{self.first_day[:8]}20"]
        elif self.chance(0.4):
            starts.append(f"{self.first_day[:8]}{self.dice.choice(['18', '22', '29'])}")
        return {
            "code": f"{kind.code}{number}",
            "name": "Rates",
            "service_type": kind.code,
            "version": [self.version(kind, start) for start in starts],
        }

    def version(self, kind: ServiceKind, valid_from: str) -> dict[str, Any]:
        dice = self.dice
        may_split = kind.unit != "kWh" and self.chance(0.5)
        prices: dict[str, Any] = {}
        details = [
            self.detail(kind, number, prices, tiers=not may_split)
            for number in range(dice.choice([1, 1, 2, 3]))
        ]
        used = {rule["band"] for detail in details for rule in detail["rule"] if "band" in rule}
        version = {
            "valid_from": valid_from,
            "bands": "split" if may_split else "start",
            "band": {name: self.windows(name) for name in sorted(used)},
            "price": prices,
            "detail": details,
        }
        if self.chance(0.4):
            version["time_zone"] = dice.choice(ZONES)
        return version

    def windows(self, name: str) -> list[dict[str, Any]]:
        """A window or two; only the band `late` goes over midnight."""
        dice, windows = self.dice, []
        for number in range(dice.choice([1, 1, 2])):
            # What goes over midnight counts as starting there, so nothing else may.
            start, end = sorted(dice.sample(range(15, 24 * 60, 15), 2))
            if name == "late" and number == 0 and self.chance(0.5):
                start, end = end, start
            window: dict[str, Any] = {
                "from": f"{start // 60:02}:{start % 60 + BANDS[name]:02}",
                "to": f"{end // 60:02}:{end % 60:02}",
            }
            over = start > end
            if self.chance(0.7) or over:
                window["weekdays"] = sorted(dice.sample(range(1, 8), dice.randint(1, 7)))
            if self.chance(0.3) and not over:
                window["special_days"] = dice.sample(sorted(DATES), dice.randint(1, 2))
            windows.append(window)
        return windows

    def detail(
        self, kind: ServiceKind, number: int, prices: dict[str, Any], *, tiers: bool
    ) -> dict[str, Any]:
        dice = self.dice
        resource = dice.choice(["EUR", "EUR", "EUR", "kWh", "bonus"])
        rules = self.rules(f"d{number}_")
        for rule in rules:
            others = sorted(name for name, price in prices.items() if not counts_use(price))
            if others and self.chance(0.1):
                rule["price"] = dice.choice(others)
            prices.setdefault(rule["price"], random_price(dice, kind.decimals, tiers=tiers))
        detail: dict[str, Any] = {"resource": resource, "rule": rules, "prefix_field": "destination"}
        if resource == "EUR":
            detail["bill_item"] = dice.choice(["calls", "power"])
            detail["general_ledger"] = dice.choice(["", "usage"])
            detail["tax"] = dice.choice(["", "vat", "now", "soon"])
        if self.chance(0.6):
            detail["charge_tag"] = dice.choice(["a", "b"])
        if self.chance(0.3):
            detail["resource_tag"] = "r"
        if self.chance(0.6):
            detail["rounding"] = {
                "mode": dice.choice(MODES),
                "decimals": dice.randint(0, self.decimals[resource]),
            }
        if self.chance(0.5):
            detail["allowances"] = [
                {"resource": code, "units": dice.choice([1, 2, "0.5", 3]), "per": dice.choice([1, 60, 7])}
                for code in dice.sample(["free", "bonus"], dice.randint(1, 2))
                if code != resource
            ]
            if self.decimals["free"] == 0:
                for use in detail["allowances"]:
                    use["units"] = dice.choice([1, 2])
        return detail

    def rules(self, prefix: str) -> list[dict[str, Any]]:
        """Rules that can be told from one another; mostly one that fits everything is among them."""
        dice = self.dice
        rules: list[dict[str, Any]] = [] if self.chance(0.1) else [{"price": f"{prefix}any"}]
        taken: Taken = {("", 0): [("", set())]} if rules else {}
        for number in range(dice.randint(0 if rules else 1, 5)):
            rule: dict[str, Any] = {"price": f"{prefix}{number}"}
            if self.chance(0.6):
                rule["prefix"] = "".join(dice.choices(DIGITS, k=dice.randint(1, 2)))
            elif self.chance(0.2):
                rule["prefix"] = dice.sample(["0", "01", "2"], 2)
            if self.chance(0.5):
                rule["band"] = dice.choice(list(BANDS))
            if self.chance(0.2):
                rule["match"] = {"kind": dice.choice(["a", "b", ["a", "b"]])}
            if self.chance(0.15):
                rule["within"] = {"level": {"from": dice.randint(0, 2), "to": dice.randint(3, 5)}}
            self._set_weight(rule, taken)
            rules.append(rule)
        return rules

    def _set_weight(self, rule: dict[str, Any], taken: Taken) -> None:
        """The lowest weight at which no rule before it fits all that it fits: that would go first for ever."""
        prefixes = rule.get("prefix", [""])
        prefixes = [prefixes] if isinstance(prefixes, str) else prefixes
        tested = {name for name in ("match", "within") if name in rule}
        band = rule.get("band", "")
        weight = self.dice.choice([0, 0, 0, 1])
        while any(
            band == other and above <= tested
            for prefix in prefixes
            for other, above in taken.get((prefix, weight), [])
        ):
            weight += 1
        for prefix in prefixes:
            taken.setdefault((prefix, weight), []).append((band, tested))
        if weight:
            rule["weight"] = weight

    # What else is sold ----------------------------------------------------------------------------

    def recurring(self, code: str) -> dict[str, Any]:
        dice = self.dice
        product: dict[str, Any] = {
            "code": code,
            "name": code,
            "fee": dice.choice([0, "9.99", 3]),
            "bill_item": "fees",
            "tax": "vat",
            "prorate": self.chance(0.7),
            "allowances": [
                {"resource": name, "amount": dice.choice(CREDITS)}
                for name in dice.sample(["free", "bonus", "kWh"], dice.randint(1, 3))
            ],
        }
        return product

    def discount(self, number: int) -> dict[str, Any]:
        dice = self.dice
        resource = dice.choice(["EUR", "EUR", "kWh"])
        discount: dict[str, Any] = {
            "code": f"off{number}",
            "name": "Off",
            "resource": "" if resource == "EUR" and self.chance(0.5) else resource,
            "priority": dice.randint(0, 2),
        }
        if self.chance(0.6):
            discount["percent"] = dice.choice(["10", "33.3333333", "50", "12.5", "100"])
        else:
            discount["amount"] = dice.choice(["0.01", "1", "0.5"])
        if self.chance(0.4):
            discount["charge_tags"] = dice.choice([["a"], ["a", "b"]])
        if self.chance(0.2):
            discount["resource_tags"] = ["r"]
        return discount

    def limits(self) -> list[dict[str, Any]]:
        """Limits of both payment types; a prepaid one of money there must be."""
        dice, limits = self.dice, []
        for payment_type in ("prepaid", "postpaid"):
            for resource in ("EUR", "kWh", "free", "bonus"):
                must = (payment_type, resource) == ("prepaid", "EUR")
                if not must and self.chance(0.4):
                    continue
                limit: dict[str, Any] = {
                    "payment_type": payment_type,
                    "resource": resource,
                    "floor": dice.choice([-10, -5, 0]),
                }
                if must or self.chance(0.8):
                    limit["limit"] = dice.choice([0, 0, 5, 20])
                if self.chance(0.7):
                    limit["on_breach"] = dice.choice(["deny", "up_to_limit", "allow"])
                amounts = ["-5", "-1", 0, "1", 5]
                parts = ["1%", "50%", "80%", "99%", "100%"] if "limit" in limit else []
                limit["thresholds"] = dice.sample(amounts + parts, dice.randint(0, 4))
                limits.append(limit)
        return limits

    def policy(self, number: int) -> dict[str, Any]:
        dice = self.dice
        policy: dict[str, Any] = {
            "code": f"policy{number}",
            "name": "Policy",
            "percent": dice.choice([100, 100, 50, 33, 1]),
            "strategy": dice.choice(["owner_first", "member_first"]),
            "when_exhausted": dice.choice(["spill", "spill", "spill", "deny"]),
            "shared_tiers": self.chance(0.5),
        }
        if self.chance(0.3):
            policy["service_types"] = [dice.choice(self.kinds).code]
        if self.chance(0.3):
            policy["charge_tags"] = dice.choice([["a"], ["a", "b"]])
        if self.chance(0.5):
            policy["resources"] = [dice.choice(["EUR", "free", "bonus", "kWh"])]
            if self.chance(0.6):
                policy["cap_per_member"] = dice.choice([0, 1, 5, 100])
            if self.chance(0.6):
                policy["cap_per_group"] = dice.choice([1, 5, 100])
        elif self.chance(0.3):
            policy["resources"] = ["EUR", "free"]
        return policy

    def tax(self, code: str, at: str) -> dict[str, Any]:
        rates = [{"valid_from": "2020-01-01", "percent": self.dice.choice(["20", "19.5", "0", "7.7"])}]
        if self.chance(0.4):
            rates.append({"valid_from": f"{self.first_day[:8]}24", "percent": "25"})
        if self.chance(0.1):
            rates[-1]["valid_to"] = "2026-11-20"
        return {"code": code, "name": code, "at": at, "rate": rates}
