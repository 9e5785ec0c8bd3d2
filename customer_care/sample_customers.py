"""Shell. The sample operator's customers, seeded: those of the demo, of every figure and of a synthetic store.

The same arguments give the same customers.
"""

import random
from collections.abc import Iterator
from typing import Any

from customer_care.sample_lines import (
    BASIC,
    BUSINESS,
    FAMILY,
    FAMILY_MEMBER,
    PREPAID,
    Draw,
    customer_line,
)

SEED = 20_261_001
FAMILY_SIZE = 4
COMPANY_SIZE = 12
# How often a family, a prepaid and a single customer comes next, unless told.
KINDS = (FAMILY, PREPAID, BASIC)
KIND_WEIGHTS = (5, 4, 6)
CREDITS = (10, 20, 50)
FIRST_NAMES = (
    "Ana",
    "Bernd",
    "Clara",
    "Denis",
    "Eva",
    "Franz",
    "Greta",
    "Hugo",
    "Iris",
    "Jonas",
    "Katja",
    "Luka",
)
LAST_NAMES = ("Novak", "Huber", "Gruber", "Kovač", "Wagner", "Horvat", "Bauer", "Krajnc", "Steiner", "Zupan")
CITIES = (("1010", "Wien"), ("8010", "Graz"), ("4020", "Linz"), ("5020", "Salzburg"), ("6020", "Innsbruck"))


def kind_weights(sharing_percent: int) -> tuple[int, int, int]:
    """Weights by which this part of the customers outside the company lives in families."""
    # A family brings FAMILY_SIZE customers at once; prepaid and single ones keep their proportion.
    _, prepaid, basic = KIND_WEIGHTS
    alone = FAMILY_SIZE * (100 - sharing_percent)
    return (prepaid + basic) * sharing_percent, prepaid * alone, basic * alone


def customer_draws(
    count: int, seed: int = SEED, weights: tuple[int, int, int] = KIND_WEIGHTS
) -> Iterator[Draw]:
    """`count` customers: a company first, then families, prepaid and single customers in turn."""
    rng = random.Random(f"{seed}/customers")
    number = 0
    for place in range(min(COMPANY_SIZE, count)):
        yield _draw(number, BUSINESS, place, rng)
        number += 1
    while number < count:
        kind = rng.choices(KINDS, weights)[0]
        yield _draw(number, kind, 0, rng)
        number += 1
        if kind == FAMILY:
            for place in range(1, 1 + min(FAMILY_SIZE - 1, count - number)):
                yield _draw(number, FAMILY_MEMBER, place, rng)
                number += 1


def _draw(number: int, plan: str, place: int, rng: random.Random) -> Draw:
    postcode, city = rng.choice(CITIES)
    prepaid = plan == PREPAID
    pays_by_debit = not prepaid and rng.random() < 0.8
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    house = rng.randint(1, 200)
    credit = rng.choice(CREDITS) if prepaid else 0
    return Draw(number, plan, place, postcode, city, pays_by_debit, first, last, house, credit)


def customer_lines(count: int, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """The same customers, as `care import` takes them."""
    return map(customer_line, customer_draws(count, seed))
