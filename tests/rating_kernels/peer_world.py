"""Pure. Known answers of peers, and small catalogues in which the real kernels are asked for them.

Everything goes from tables through the compiler into the kernels. Numbers of the cases are read as
decimals and handed on as text: no float comes near them.
"""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from config.code_ids import code_id
from config.compile_catalogue import compile_catalogue
from config.compiled_catalogue import CompiledCatalogue
from config.read_catalogue import catalogue_from_tables
from rating_kernels.balances import NO_ROOM, credit_balance
from rating_kernels.batch_columns import IMPACT_CREDIT, IMPACT_OWED
from rating_kernels.group_image import B_ID, SECTION_BALANCES
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.grown_group import grown_group
from tests.rating_kernels.kernel_world import KernelWorld

CASES = json.loads(
    (Path(__file__).parent.parent / "cases" / "peer_cases.json").read_text(), parse_float=Decimal
)
EURO = 1_000_000  # millionths
TIME = "2026-03-10T12:00:00Z"


def text(number: Decimal | int | str) -> str:
    """A number as a catalogue and an event have it."""
    return format(Decimal(number), "f")


def decimals_of(*numbers: Decimal | int | str) -> int:
    """How many decimals hold all of them."""
    return max([0, *(-int(Decimal(text(n)).as_tuple().exponent) for n in numbers)])


def parts(total: Decimal, count: int, decimals: int) -> list[Decimal]:
    """A quantity in so many parts that differ by a smallest unit at most."""
    smallest = int(total.scaleb(decimals))
    return [
        Decimal((smallest * (n + 1)) // count - (smallest * n) // count).scaleb(-decimals)
        for n in range(count)
    ]


def compiled(tables: dict) -> CompiledCatalogue:
    """The catalogue of these tables; a test that meant to break one would say so."""
    catalogue, faults = catalogue_from_tables({"peer.toml": tables})
    assert not faults, faults
    return compile_catalogue(catalogue)


def tables(
    price: dict,
    decimals: int = 0,
    maximum: Decimal | int = 100_000,
    unit: str = "unit",
    resource: dict | None = None,
    allowances: tuple = (),
    **version,
) -> dict:
    """A site that counts `use` of a service and prices it in one way: in euros, or in `resource` itself."""
    euro = {"code": "EUR", "name": "Euro", "monetary": True, "decimals": 2}
    detail: dict = {"allowances": list(allowances)}
    if resource is not None and not allowances:
        detail["resource"] = resource["code"]
    else:
        detail |= {"resource": "EUR", "bill_item": "use"}
    rules = [{"price": "price"}, *({"price": band, "band": band} for band in version.get("band", ()))]
    prices = {"price": price} | version.pop("prices", {})
    return {
        "version": 1,
        "site": {"name": "Peer", "time_zone": "UTC", "currency": "EUR"},
        "resource": [euro, *([resource] if resource else [])],
        "service_type": [{"code": "usage", "name": "Usage"}],
        "event_type": [
            {
                "code": "use",
                "name": "A use",
                "service_type": "usage",
                "unit": unit,
                "quantity_decimals": decimals,
                "quantity_max": text(maximum),
            }
        ],
        "bill_item": [{"code": "use", "name": "Use"}],
        "rate_plan": [
            {
                "code": "r",
                "name": "R",
                "service_type": "usage",
                "version": [
                    {"valid_from": "2000-01-01", "detail": [detail | {"rule": rules}], "price": prices}
                    | version
                ],
            }
        ],
        "product": [{"code": "usage", "name": "Usage", "rate_plan": "r"}],
        "bundle": [{"code": "b", "name": "B", "products": ["usage"]}],
        "plan": [{"code": "p", "name": "P", "bundles": ["b"], "payment_types": ["postpaid"]}],
    }


def peer_world(catalogue: CompiledCatalogue, **billing) -> KernelWorld:
    """Customer C1 with identifier 1, in a cycle that goes on far beyond the cases."""
    line = {
        "customer": "C1",
        "since": "2010-06-15",
        "name": {"first": "Ana", "last": "Novak"},
        "address": {"street": "Ring", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
        "billing": {"payment_type": "postpaid", "currency": "EUR", "interval": "year", "every": 20, "day": 15}
        | billing,
        "subscriptions": [
            {"subscription": "S1", "plan": "p", "services": [{"type": "usage", "identifier": "1"}]}
        ],
    }
    return KernelWorld(catalogue, [line])


def use(number: int, quantity: Decimal | int, time: str = TIME) -> dict:
    """An event of C1."""
    return {
        "id": str(number),
        "source": "peer",
        "type": "use",
        "service": "1",
        "time": time,
        "quantity": text(quantity),
        "fields": {},
    }


def charged(decided) -> Fraction:
    """What an event moved balances by, allowances aside, in whole units of money."""
    assert decided.outcome == Outcome.CHARGED, Outcome(decided.outcome)
    return Fraction(sum(i.amount for i in decided.impacts if i.kind in (IMPACT_CREDIT, IMPACT_OWED)), EURO)


def costs(price: dict, quantities: list[Decimal], decimals: int, maximum: Decimal | int) -> list[Fraction]:
    """What each of these uses costs, one after the other in one cycle."""
    world = peer_world(compiled(tables(price, decimals, maximum)))
    return [
        charged(one) for one in world.charge(*(use(n, quantity) for n, quantity in enumerate(quantities)))
    ]


def grant(
    world: KernelWorld,
    resource: str,
    amount: int,
    valid_us: tuple[int, int],
    created_us: int = 0,
    priority: int = 0,
) -> int:
    """Give C1 a credit in stored units; the balance's id. A group without room is laid out again."""
    group = world.group_of["C1"]
    while True:
        at = world.cache.image_at(group)
        number = code_id("resource", resource)
        row = credit_balance(world.cache.words, at, number, -amount, *valid_us, created_us, priority)
        if row != NO_ROOM:
            return int(world.cache.words[row + B_ID])
        grown_group(world.cache, group, SECTION_BALANCES)
