"""Pure. Customers of the sample operator: what chance says of one, and the line for `care import` that follows.

They are the mobile operator's of `config/samples`: a company that pays for its employees, families that share data
(the owner first), prepaid customers and single postpaid ones.
"""

import datetime
from typing import Any, NamedTuple

MONTH = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC)
FAMILY_POLICY = "family_data"
FAMILY, FAMILY_MEMBER, PREPAID, BASIC, BUSINESS = "family", "family_member", "prepaid", "basic", "business"


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
    if draw.plan == BUSINESS:
        owns = {"owns": "COMPANY-1"} if draw.place == 0 else {"member_of": "COMPANY-1"}
        line |= {"hierarchy": owns, "type": "commercial"}
    elif draw.plan == FAMILY:
        subscription = f"S{number:07d}"
        group = f"FAMILY-{number}"
        line["shares"] = [{"group": group, "policy": FAMILY_POLICY, "subscription": subscription}]
    elif draw.plan == FAMILY_MEMBER:
        line["member_of"] = [{"group": f"FAMILY-{first_number}"}]
    return line
