"""The page of prices: the kernels charge its events, and every number of its tables must come out."""

import re
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from balance_store.decision_record import DecidedEvent
from charging.usage_event import TEXT_MAX
from config import catalogue, rate_plan
from config.compile_catalogue import compile_catalogue
from config.compile_prices import FREE_EVENTS_MAX, NUMERATOR_MAX
from config.compile_rules import PREFIX_BYTES_MAX
from config.compile_services import BITS_MAX, DECIMALS_MAX
from config.compile_tiers import TIERS_MAX
from config.exact_amounts import MONEY_DECIMALS
from config.faults import ConfigError
from config.read_catalogue import catalogue_from_tables
from config.settings import Charging
from config.special_days import LAST_YEAR
from rating_kernels.batch_columns import (
    FLAG_CAPPED,
    FLAG_LATE,
    IMPACT_ALLOWANCE,
    IMPACT_CREDIT,
    IMPACT_OWED,
)
from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    B_RESOURCE_ID,
    QUANTITY_MAX,
    S_CYCLE_NO,
    S_SEALED,
    SECTION_BALANCES,
    SECTION_SNAPSHOTS,
    SNAPSHOT_WORDS,
)
from rating_kernels.group_layout import row_at
from rating_kernels.outcomes import Outcome
from rating_kernels.tariff_table import FIELDS_MAX
from rating_kernels.workspace import DETAILS_MAX, LOG_MAX, PAYERS_MAX
from tests.rating_kernels.kernel_world import KernelWorld
from tests.rating_kernels.peer_world import compiled, peer_world, tables, text, use
from tests.rating_kernels.rating_page import (
    NUMBER,
    PAGE,
    Row,
    amount_of,
    billed_cycle,
    computed,
    customer_lines,
    event_of,
    examples,
    limits,
    tables_of,
)

EXAMPLES = examples(PAGE)
MOVES_BALANCES = (IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED)
BALANCE = re.compile(r"(?:([A-Z]+) )?(\w+) (left|used)")
COLUMNS = ("who", "event", "at", "computation", "amount", "paid by", "notified")


class PageWorld(KernelWorld):
    """The customers of an example, asked in codes and units."""

    def __init__(self, example) -> None:
        super().__init__(compiled(tables_of(example)), customer_lines(example))
        self.codes = {group: customer for customer, group in self.group_of.items()}
        self.resources = {
            info.id: (info.code, info.stored_decimals) for info in self.catalogue.resources.values()
        }

    def in_units(self, resource_id: int, amount: int) -> tuple[str, Decimal]:
        code, decimals = self.resources[resource_id]
        return code, Decimal(amount).scaleb(-decimals)

    def moved(self, decided: DecidedEvent, resource: str) -> dict[str, Decimal]:
        """What an event moved a resource by, by whose it was."""
        found: dict[str, Decimal] = {}
        for impact in decided.impacts:
            code, amount = self.in_units(impact.resource_id, impact.amount)
            if impact.kind in MOVES_BALANCES and code == resource:
                who = self.codes[impact.group_id]
                found[who] = found.get(who, Decimal(0)) + amount
        return found

    def balances(self, customer: str, resource: str) -> list[Decimal]:
        rows = [
            self.in_units(row[B_RESOURCE_ID], row[B_AMOUNT]) for row in self.rows(customer, SECTION_BALANCES)
        ]
        return [amount for code, amount in rows if code == resource]

    def bill(self, customer: str, cycle: int) -> None:
        """What billing does first: late events no longer go to the cycle."""
        numbers = [row[S_CYCLE_NO] for row in self.rows(customer, SECTION_SNAPSHOTS)]
        first = row_at(self.cache.words, self.cache.image_at(self.group_of[customer]), SECTION_SNAPSHOTS, 0)
        self.cache.words[first + numbers.index(cycle) * SNAPSHOT_WORDS + S_SEALED] = 1


def numbers_of(cell: str) -> list[Decimal]:
    assert re.fullmatch(rf"{NUMBER}(, {NUMBER})*", cell), f"{cell!r} are no numbers"
    return [Decimal(text) for text in cell.split(", ")]


def check_amount(world: PageWorld, row: Row, decided: DecidedEvent) -> None:
    """Amount, outcome, flags, and that the computation leads there."""
    amount, outcome, flags = amount_of(row.cells.get("amount", "0"))
    assert Outcome(decided.outcome).name == outcome
    assert sum(world.moved(decided, "EUR").values()) == amount
    told = {"capped": FLAG_CAPPED, "late": FLAG_LATE}
    assert {name for name, flag in told.items() if decided.flags & flag} == flags
    computation = row.cells["computation"]
    if computation or decided.outcome < Outcome.DENIED_LIMIT:
        value = computed(computation)
        if "amount" in row.cells and decided.outcome < Outcome.DENIED_LIMIT:
            assert value == Fraction(amount), f"computed {value}"


def check_balance(world: PageWorld, row: Row, decided: DecidedEvent, column: str) -> None:
    """A column about a balance: what the event moved it by, or what is there now."""
    match = BALANCE.fullmatch(column)
    assert match, f"{column!r} is no column"
    who, resource, what = match[1] or row.cells.get("who", "ANA"), match[2], match[3]
    assert resource in dict(world.resources.values()), f"{column!r} names no resource"
    told = numbers_of(row.cells[column])
    if what == "used":
        assert told == [world.moved(decided, resource).get(who, Decimal(0))]
    elif len(told) == 1:
        assert told == [sum(world.balances(who, resource), Decimal(0))]
    else:
        assert told == world.balances(who, resource)


def check_row(world: PageWorld, row: Row, decided: DecidedEvent) -> None:
    check_amount(world, row, decided)
    payers = [f"{who} {amount.normalize():f}" for who, amount in world.moved(decided, "EUR").items()]
    if "paid by" in row.cells:
        assert row.cells["paid by"] == ", ".join(payers)
    notices = []
    for one in decided.notices:
        resource, amount = world.in_units(one.resource_id, one.threshold)
        notices.append(f"{resource} {amount.normalize():f} {'up' if one.direction > 0 else 'down'}")
    assert row.cells.get("notified", "") == ", ".join(notices)
    for column in row.cells:
        if column not in COLUMNS:
            check_balance(world, row, decided, column)


@pytest.mark.parametrize("example", EXAMPLES, ids=[one.title for one in EXAMPLES])
def test_every_row_of_the_page_is_what_the_kernels_decide(example):
    world = PageWorld(example)
    for row in example.rows:
        cycle = billed_cycle(row)
        if cycle:
            world.bill(row.cells.get("who", "ANA"), cycle)
            continue
        (decided,) = world.charge(event_of(row))
        try:
            check_row(world, row, decided)
        except AssertionError as error:
            error.add_note(f"{row.cells}\n{decided}")
            raise
        for wrong in with_a_wrong_number(row):
            with pytest.raises(AssertionError):
                check_row(world, wrong, decided)


def with_a_wrong_number(row: Row) -> list[Row]:
    """The row with another digit in each column that says what came of the event, and with another sum."""
    told = {column: cell for column, cell in row.cells.items() if column not in COLUMNS[:4]}
    computation = f"{row.cells['computation']} + 1"
    charged = row.cells.get("amount", "") not in ("", *Outcome.__members__)
    return [row._replace(cells=row.cells | {"computation": computation})] * charged + [
        row._replace(
            cells=row.cells | {column: re.sub(r"\d(?!.*\d)", lambda m: str((int(m[0]) + 1) % 10), cell)}
        )
        for column, cell in told.items()
        if re.search(r"\d", cell)
    ]


@pytest.mark.parametrize(
    "section",
    ["```toml\nflat = 1\n```\n", "| event | amount |\n|---|---|\n| 1 SMS | 1 |\n", "no price, no events"],
)
def test_an_example_without_a_price_or_without_events_is_refused(section):
    with pytest.raises(AssertionError):
        examples(f"## Chapter\n\n### Example\n\n{section}\n## Limits\n")


@pytest.mark.parametrize("cell", ["", "1,5", "1.5 casual", "about 1", "REFUSED"])
def test_an_amount_that_is_not_understood_is_refused(cell):
    with pytest.raises(AssertionError):
        amount_of(cell)


@pytest.mark.parametrize("cell", ["", "1 = 2", "1 → 1", "1, 2", "nothing"])
def test_a_computation_that_does_not_hold_is_refused(cell):
    with pytest.raises((AssertionError, SyntaxError)):
        computed(cell)


LIMITS = {
    "amount of money: a price, a limit, a balance": Decimal(AMOUNT_MAX).scaleb(-MONEY_DECIMALS),
    "amount of anything else, in its smallest unit": AMOUNT_MAX,
    "`quantity_max`, in the smallest unit": QUANTITY_MAX,
    "quantity that a price counts in a cycle": QUANTITY_MAX,
    "digits of a number before its point, and after it": 18,
    "`quantity_decimals`; `decimals` of what is not money": DECIMALS_MAX,
    "`decimals` of money": MONEY_DECIMALS,
    "amount, or quantity, of a bill item in a cycle, in its smallest unit": AMOUNT_MAX,
    "details of a version": DETAILS_MAX,
    "rating fields of a service type": FIELDS_MAX,
    "bytes of a prefix": PREFIX_BYTES_MAX,
    "tiers of a price": TIERS_MAX,
    "`free_events`": FREE_EVENTS_MAX,
    "resources; service types": BITS_MAX,
    "characters of a code": 64,
    "memberships of a service that hold for an event": PAYERS_MAX,
    "characters of an event's `id`, `source`, `service`": TEXT_MAX,
    "changes that one event could make": LOG_MAX,
    "ended cycles that wait for billing, if not set otherwise": Charging().snapshots_max,
    "last year of special days that come every year": LAST_YEAR - 1,
}


def test_the_limits_of_the_page_are_those_of_the_code():
    assert {what: Decimal(most) for what, (most, _) in limits().items()} == LIMITS
    assert str(NUMERATOR_MAX) in PAGE
    reasons = {name for _, beyond in limits().values() for name in re.findall(r"`(\w+)`", beyond)}
    assert reasons - {"quantity_max"} <= set(Outcome.__members__)


def by_second(**detail) -> dict:
    return {"resource": "EUR", "bill_item": "use", "rule": [{"price": "price"}]} | detail


def with_details(count: int) -> dict:
    changed = tables({"flat": 1})
    changed["rate_plan"][0]["version"][0]["detail"] = [by_second()] * count
    return changed


def with_fields(count: int, prefix: str = "") -> dict:
    changed = tables({"flat": 1})
    changed["event_type"][0]["field"] = [{"name": f"f{n}"} for n in range(count)]
    if prefix:
        detail = by_second(prefix_field="f0", rule=[{"price": "price", "prefix": prefix}])
        changed["rate_plan"][0]["version"][0]["detail"] = [detail]
    return changed


def with_more(table: str, count: int) -> dict:
    changed = tables({"flat": 1})
    more = [{"code": f"more-{n}", "name": "M"} for n in range(count - len(changed[table]))]
    changed[table] = [*changed[table], *more]
    return changed


def with_code(length: int) -> dict:
    changed = tables({"flat": 1})
    changed["resource"].append({"code": "c" * length, "name": "C"})
    return changed


def with_decimals(resource: str, decimals: int) -> dict:
    changed = tables({"flat": 1}, resource={"code": "points", "name": "P"})
    changed["rate_plan"][0]["version"][0]["detail"] = [by_second()]
    for one in changed["resource"]:
        if one["code"] == resource:
            one["decimals"] = decimals
    return changed


REFUSED = {
    "amount of money: a price, a limit, a balance": (
        lambda most: tables({"flat": text(most)}),
        Decimal(1).scaleb(-MONEY_DECIMALS),
    ),
    "`quantity_max`, in the smallest unit": (lambda most: tables({"flat": 1}, maximum=most), 1),
    "digits of a number before its point, and after it": (
        lambda most: tables({"periods": [{"percent": "0." + "0" * (int(most) - 1) + "1"}]}, maximum=1),
        1,
    ),
    "`quantity_decimals`; `decimals` of what is not money": (lambda most: with_decimals("points", most), 1),
    "`decimals` of money": (lambda most: with_decimals("EUR", most), 1),
    "details of a version": (with_details, 1),
    "rating fields of a service type": (with_fields, 1),
    "bytes of a prefix": (lambda most: with_fields(1, "1" * most), 1),
    "tiers of a price": (
        lambda most: tables({"tiers": [*({"to": n, "amount": 1} for n in range(1, most)), {"amount": 1}]}),
        1,
    ),
    "`free_events`": (lambda most: tables({"flat": 1, "free_events": most}), 1),
    "resources; service types": (lambda most: with_more("resource", most), 1),
    "characters of a code": (with_code, 1),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_catalogue_may_go_up_to_a_limit_and_not_beyond(what):
    make, step = REFUSED[what]
    assert "refused" in limits()[what][1]
    faults_of(make(LIMITS[what]), expected=False)
    faults_of(make(LIMITS[what] + step), expected=True)


def faults_of(tables: dict, *, expected: bool) -> None:
    written, faults = catalogue_from_tables({"limits.toml": tables})
    try:
        compile_catalogue(written)
    except ConfigError as error:
        faults = [*faults, *error.faults]
    assert bool(faults) == expected, faults


def test_the_longest_prefix_is_found():
    digits = "1" * PREFIX_BYTES_MAX
    world = peer_world(compiled(with_fields(1, digits)))
    (decided,) = world.charge(use(1, 1) | {"fields": {"f0": digits + "2"}})
    assert decided.outcome == Outcome.CHARGED


def test_the_page_shows_every_field_of_prices_and_of_who_pays():
    tables = [kind for kind in vars(rate_plan).values() if isinstance(kind, type)]
    tables += [catalogue.Discount, catalogue.CreditLimit, catalogue.SharingPolicy]
    fields = {
        field.encode_name
        for table in tables
        if issubclass(table, msgspec.Struct) and table is not msgspec.Struct
        for field in msgspec.structs.fields(table)
    }
    # What only says where an amount is booked, or what a table is called.
    fields -= {"code", "name", "general_ledger", "service_type"}
    assert [name for name in sorted(fields) if not re.search(rf"\b{name}\b", PAGE)] == []
