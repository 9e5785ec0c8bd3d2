"""Pure. One random price: periods, tiers, packages, parts in percent, what a cycle gives for nothing."""

import random
from typing import Any

AMOUNTS = [0, "0.01", "0.05", "0.1", "0.333333", "1", "0.000007"]
BOUNDS = [1, 5, 10, 60, 100, 601]


def random_price(dice: random.Random, decimals: int, *, tiers: bool) -> dict[str, Any]:
    """A price whose quantities have at most as many decimals as its events."""
    kind = dice.choice(["periods", "periods", "tiers", "tiers", "package"] if tiers else ["periods"])
    price: dict[str, Any] = {}
    if kind == "periods":
        price["periods"] = _periods(dice, decimals)
        if dice.random() < 0.1:
            price = {"flat": dice.choice(["0", "0.5"])}
    elif kind == "tiers":
        price |= {"tiers": _tiers(dice), "mode": dice.choice(["graduated", "volume"])}
    else:
        price["package"] = {
            "size": dice.choice(BOUNDS),
            "amount": dice.choice(AMOUNTS),
            "free": dice.choice([0, 0, *BOUNDS]),
        }
    if kind != "periods":
        price["counts"] = dice.choice(["event", "cycle"])
    _options(dice, price)
    return price


def _options(dice: random.Random, price: dict[str, Any]) -> None:
    """What a price of any model may have."""
    # Tiers that count the cycle count what is free, too, so they may not have both.
    free = price.get("counts") != "cycle"
    if free and dice.random() < 0.2:
        price["free_events"] = dice.choice([1, 3])
    if free and dice.random() < 0.2:
        price["free_quantity"] = dice.choice(BOUNDS)
    if dice.random() < 0.3:
        price["connect_fee"] = dice.choice(AMOUNTS)
    if dice.random() < 0.15:
        price["flat"] = dice.choice(AMOUNTS)
    if dice.random() < 0.2:
        price["minimum"] = dice.choice(["0.05", "1"])
    if dice.random() < 0.3:
        price["maximum"] = dice.choice(["1", "1.5", "5"])
        price["cap"] = dice.choice(["free", "disconnect"])


def _cost(dice: random.Random) -> dict[str, Any]:
    """An amount for each `per`, or a part of the quantity."""
    if dice.random() < 0.15:
        return {"percent": dice.choice(["1.4", "50", "0.003"])}
    return {"amount": dice.choice(AMOUNTS), "per": dice.choice([1, 1, 7, 60])}


def _periods(dice: random.Random, decimals: int) -> list[dict[str, Any]]:
    starts = [0, *sorted(dice.sample(BOUNDS, dice.randint(0, 2)))]
    steps: list[Any] = [1, 6, 30, 60, 61]
    if decimals:
        steps.append("0.1")
    return [{"from": start, "increment": dice.choice(steps)} | _cost(dice) for start in starts]


def _tiers(dice: random.Random) -> list[dict[str, Any]]:
    bounds = sorted(dice.sample(BOUNDS, dice.randint(0, 3)))
    tiers = []
    for bound in [*bounds, None]:
        tier = _cost(dice)
        if bound is not None:
            tier["to"] = bound
        if dice.random() < 0.3:
            tier["flat"] = dice.choice(AMOUNTS)
        if dice.random() < 0.3:
            tier["block"] = dice.choice([1, 7, 10])
        tiers.append(tier)
    return tiers
