"""Shell. The sample operator's customers, seeded: those of the demo, of every figure and of a synthetic store.

Customers are the mobile operator's of `config/samples`: a company that pays for its employees, families that share
data (the owner first), prepaid customers and single postpaid ones. The same arguments give the same customers.
What chance says of a customer is drawn first (`customer_draws`); its line for `care import` follows from that.
"""

import datetime
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

MONTH = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC)
SEED = 20_261_001
FAMILY_SIZE = 4
COMPANY_SIZE = 12
# How often a family, a prepaid and a single customer comes next, unless told.
KINDS = ("family", "prepaid", "basic")
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


class Draw(NamedTuple):
    """What chance says of one customer."""

    number: int  # counts from 0
    plan: str
    place: int  # in a family or the company: 0 = its owner; 0 for who is alone
    postcode: str
    city: str
    pays_by_debit: bool
    first_name: str
    last_name: str
    house: int
    credit: int  # of a prepaid customer, in whole units of money; 0 = not prepaid


def identifier_of(number: int) -> str:
    """The telephone number of a customer."""
    return f"+43660{number:07d}"


def austrian_iban(account: int) -> str:
    """A well-formed IBAN of a bank code that no bank has."""
    bban = f"19043{account:011d}"
    check = 98 - int(bban + "102900") % 97
    return f"AT{check:02d}{bban}"


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
        yield _draw(number, "business", place, rng)
        number += 1
    while number < count:
        kind = rng.choices(KINDS, weights)[0]
        yield _draw(number, kind, 0, rng)
        number += 1
        if kind == "family":
            for place in range(1, 1 + min(FAMILY_SIZE - 1, count - number)):
                yield _draw(number, "family_member", place, rng)
                number += 1


def _draw(number: int, plan: str, place: int, rng: random.Random) -> Draw:
    postcode, city = rng.choice(CITIES)
    prepaid = plan == "prepaid"
    pays_by_debit = not prepaid and rng.random() < 0.8
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    house = rng.randint(1, 200)
    credit = rng.choice(CREDITS) if prepaid else 0
    return Draw(number, plan, place, postcode, city, pays_by_debit, first, last, house, credit)


def customer_lines(count: int, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """The same customers, as `care import` takes them."""
    return map(customer_line, customer_draws(count, seed))


def customer_line(draw: Draw) -> dict[str, Any]:
    """A customer's line; a member's owner is the one `place` numbers before it."""
    number, first_number = draw.number, draw.number - draw.place
    code = f"C{number:07d}"
    identifier = identifier_of(number)
    line: dict[str, Any] = {
        "customer": code,
        "type": "residential",
        "since": MONTH.date().isoformat(),
        "name": {"first": draw.first_name, "last": draw.last_name},
        "email": f"{code.lower()}@customers.example",
        "phone": identifier,
        "address": {
            "street": "Hauptstraße",
            "number": str(draw.house),
            "postcode": draw.postcode,
            "city": draw.city,
            "country": "AT",
        },
        "payment": {"method": "invoice"},
        "billing": {
            "payment_type": "prepaid" if draw.credit else "postpaid",
            "currency": "EUR",
            "interval": "month",
            "every": 1,
            "day": 1,
        },
        "subscriptions": [
            {
                "subscription": f"S{number:07d}",
                "plan": draw.plan,
                "services": [
                    {"type": kind, "identifier": identifier} for kind in ("voice", "messaging", "data")
                ],
            }
        ],
    }
    if draw.pays_by_debit:
        line["payment"] = {
            "method": "direct_debit",
            "mandate": {"id": f"M{number:07d}", "signed_on": "2026-09-15", "iban": austrian_iban(number)},
        }
    if draw.credit:
        line["balances"] = [{"resource": "EUR", "credit": f"{draw.credit}.00", "validity": "infinite"}]
    if draw.plan == "business":
        owns = {"owns": "COMPANY-1"} if draw.place == 0 else {"member_of": "COMPANY-1"}
        line |= {"hierarchy": owns, "type": "commercial"}
    elif draw.plan == "family":
        subscription = f"S{number:07d}"
        group = f"FAMILY-{number}"
        line["shares"] = [{"group": group, "policy": "family_data", "subscription": subscription}]
    elif draw.plan == "family_member":
        line["member_of"] = [{"group": f"FAMILY-{first_number}"}]
    return line
