"""Pure. Stable numbers for the codes of the catalogue, so that records stay small and outlive versions.

An id is the first 31 bits of BLAKE2b over kind and code, never 0. Two codes of a kind that meet are
refused when the catalogue is compiled (chance with 10,000 codes: about 2 %, the cure is another code).
"""

import hashlib


def code_id(kind: str, code: str) -> int:
    """The id of a code: 1 .. 2**31 - 1."""
    digest = hashlib.blake2b(f"{kind}:{code}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 33) or 1


def item_id(bill_item: str, general_ledger: str, tax: str, resource: str) -> int:
    """The id under which item totals of these four are kept; empty codes stand for "none"."""
    return code_id("item", f"{bill_item}/{general_ledger}/{tax}/{resource}")


def tax_item_id(bill_item: str, general_ledger: str, tax: str, resource: str) -> int:
    """The id under which the tax that is charged with an event is kept."""
    return code_id("tax_item", f"{bill_item}/{general_ledger}/{tax}/{resource}")


def credit_id(credit_profile: str, payment_type: str) -> int:
    """The id of a credit profile's limits for one payment type."""
    return code_id("credit", f"{credit_profile}/{payment_type}")
