"""Discounts at billing: off what was used, by priority, never more than is owed, and before tax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from billing_batch.audit import all_agree
from billing_batch.bill import build_bill
from billing_batch.bill_parts import KIND_DISCOUNT
from billing_batch.cut_cycle import ItemTotal
from config.catalogue import Discount
from customer_care.purchases import PurchasedDiscount, discount_entries
from customer_care.records import reading, writing
from customer_care.tables import bill_lines, bills, purchased_discounts
from tests.billing_batch.billing_world import AS_OF_US, USAGE, BillingWorld
from tests.billing_batch.taxed_catalogue import taxed_catalogue
from tests.billing_batch.test_close_cycles import CrashError, DyingStore
from tests.customer_care.example_lines import line, on_plan
from tests.rating_kernels.sample_world import call

EURO = 1_000_000
TENTH = Discount("tenth", "A tenth off calls", percent=10, priority=1, charge_tags=("voice",), at="bill")
TWO = Discount("two", "Two euro off calls", amount=2, priority=2, resource_tags=("money",), at="bill")
FIVE = Discount("five", "Welcome back", amount="5.01", priority=3, at="bill")
ALL = Discount("all", "On us", percent=100, priority=9, at="bill")
FEE = Discount("half_fee", "Half the fee", percent="50", charge_tags=("fee",), at="bill")


class Till:
    """Bills of amounts by bill item, under some discounts; calls bear another tax than the rest."""

    def __init__(self, *discounts: Discount, calls_tax: str = "reduced") -> None:
        self.catalogue = taxed_catalogue(*discounts, calls_tax=calls_tax)
        self.bought = frozenset(one.code for one in discounts)
        self.items = {key.bill_item: number for number, key in self.catalogue.items.items()}

    def bill(self, owed: dict[str, int] | None = None, **amounts: int):
        totals = [
            ItemTotal(self.items[name], amount, amount if owed is None else owed[name], 1, 1)
            for name, amount in amounts.items()
        ]
        return build_bill(totals, (), self.catalogue, 2, AS_OF_US, self.bought)


def off(bill) -> list[tuple[str, str, int]]:
    """Discount, tax and cents of the lines that take something off."""
    return [(one.discount, one.tax, one.net_minor) for one in bill.lines if one.kind == KIND_DISCOUNT]


def test_a_percentage_lowers_the_base_of_its_tax_and_no_other():
    made = Till(TENTH).bill(calls=10 * EURO, data=10 * EURO)
    assert off(made) == [("tenth", "reduced", -100)]
    assert [(one.tax, one.base_minor, one.tax_minor) for one in made.taxes] == [
        ("reduced", 900, 90),
        ("vat", 1000, 200),
    ]
    assert made.lines[-1].text == "A tenth off calls: 10 % of 10"


def test_each_discount_comes_off_what_those_before_have_left():
    later = Discount("later", "Half of the rest", percent=50, priority=3, charge_tags=("voice",), at="bill")
    made = Till(later, TWO, TENTH).bill(calls=10 * EURO)
    assert off(made) == [("tenth", "reduced", -100), ("two", "reduced", -200), ("later", "reduced", -350)]
    assert [one.text for one in made.lines[1:]] == [
        "A tenth off calls: 10 % of 10",
        "Two euro off calls: 2 off 9",
        "Half of the rest: 50 % of 7",
    ]


def test_an_amount_takes_no_more_than_there_is():
    made = Till(TWO).bill(calls=EURO // 2)
    assert off(made) == [("two", "reduced", -50)]
    assert made.total_minor == 0


def test_an_amount_off_two_taxes_is_split_by_what_is_owed_and_not_a_cent_more():
    made = Till(FIVE).bill(calls=10 * EURO, data=10 * EURO)
    assert off(made) == [("five", "reduced", -251), ("five", "vat", -250)]
    assert sum(one.amount_micro for one in made.lines if one.kind == KIND_DISCOUNT) == 5_010_000


def test_a_discount_on_everything_leaves_no_cent_of_rounding():
    made = Till(ALL, calls_tax="vat").bill(calls=5_000, data=5_000)
    assert off(made) == [("all", "vat", -2)]
    assert made.total_minor == 0


def test_what_credit_has_paid_is_not_paid_back():
    till = Till(TENTH)
    # A tenth of ten euro, though only four of them are owed; of half an euro owed no more than that.
    assert off(till.bill(owed={"calls": 4 * EURO}, calls=10 * EURO)) == [("tenth", "reduced", -100)]
    made = till.bill(owed={"calls": EURO // 2}, calls=10 * EURO)
    assert off(made) == [("tenth", "reduced", -50)]
    assert made.lines[-1].text == "A tenth off calls: 10 % of 10, as far as it is owed"
    assert made.total_minor == 0
    assert off(till.bill(owed={"calls": 0}, calls=10 * EURO)) == []


def test_a_discount_of_events_does_not_come_off_again():
    made = Till(Discount("now", "At once", percent=10)).bill(calls=10 * EURO)
    assert off(made) == []


money = st.integers(0, 10**12)


@given(st.dictionaries(st.sampled_from(["calls", "data", "messages"]), st.tuples(money, st.integers(0, 100))))
def test_discounts_never_take_a_bill_below_zero(amounts):
    made = TILL.bill(
        owed={name: amount * part // 100 for name, (amount, part) in amounts.items()},
        **{name: amount for name, (amount, _) in amounts.items()},
    )
    assert all(one.net_minor <= 0 for one in made.lines if one.kind == KIND_DISCOUNT)
    assert all(one.base_minor >= 0 for one in made.taxes)
    assert made.net_minor == sum(one.net_minor for one in made.lines)
    without = build_bill(
        [ItemTotal(TILL.items[n], a, a * p // 100, 1, 1) for n, (a, p) in amounts.items()],
        (),
        TILL.catalogue,
        2,
        AS_OF_US,
    )
    taken = sum(one.amount_micro for one in made.lines if one.kind == KIND_DISCOUNT)
    assert 0 <= taken <= sum(a * p // 100 for a, p in amounts.values())
    assert made.net_minor <= without.net_minor


TILL = Till(TENTH, TWO, FIVE, Discount("third", "A third", percent="33.3333", priority=8, at="bill"))
WITH_DISCOUNTS = taxed_catalogue(TENTH, FEE)


def discounts_of(world) -> dict[int, list[tuple]]:
    """Discount, cents and millionths of each numbered bill."""
    statement = (
        select(bills.c.number, bill_lines.c.discount, bill_lines.c.net_minor, bill_lines.c.amount_micro)
        .join(bills, bill_lines.c.bill_id == bills.c.id)
        .where(bill_lines.c.kind == KIND_DISCOUNT)
        .order_by(bills.c.number, bill_lines.c.position)
    )
    found: dict[int, list[tuple]] = {}
    with reading(world.engine) as connection:
        for number, *values in connection.execute(statement):
            found.setdefault(number, []).append(tuple(values))
    return found


def test_what_a_customer_bought_comes_off_the_bill_and_not_off_the_events(tmp_path):
    world = BillingWorld(tmp_path, [line(1)], catalogue=WITH_DISCOUNTS)
    world.charge(call(1, "a", 600))
    assert world.rated[0]["amounts"] == {"EUR": "0.62"}
    world.bill()
    # The lower priority first, though its plan names it last.
    assert discounts_of(world) == {1: [("half_fee", -495, 4_950_000), ("tenth", -6, 62_000)]}
    assert world.bills("billing")["C1"][0][3:] == (551, 110, 661, 661)
    assert all_agree(world.audit()), world.audit()


def test_charging_is_not_told_of_discounts_at_billing():
    now = Discount("now", "At once", percent=10)
    catalogue = taxed_catalogue(now, TENTH)
    bought = tuple(PurchasedDiscount("usage", code, 0, 1) for code in ("now", "tenth"))
    (entry,) = discount_entries(bought, catalogue)
    assert entry.discount_id == catalogue.discounts["now"].id


def test_two_subscriptions_with_the_same_discount_have_it_once_on_their_bill(tmp_path):
    customer = line(1)
    second = {"subscription": "S1b", "plan": "basic", "services": []}
    customer["subscriptions"] = [
        *customer["subscriptions"],
        second | {"services": [{"type": "voice", "identifier": "+43999"}]},
    ]
    world = BillingWorld(tmp_path, [customer], catalogue=WITH_DISCOUNTS)
    world.charge(call(1, "a", 600), call(1, "b", 600, service="+43999"))
    world.bill()
    assert discounts_of(world) == {1: [("half_fee", -990, 9_900_000), ("tenth", -12, 124_000)]}


@pytest.mark.parametrize(("ended_before_us", "comes_off"), [(0, True), (1, False)])
def test_a_discount_counts_that_is_valid_in_the_cycles_last_instant(tmp_path, ended_before_us, comes_off):
    world = BillingWorld(tmp_path, [line(1)], catalogue=WITH_DISCOUNTS)
    world.charge(call(1, "a", 600))
    with writing(world.engine) as connection:
        ends = select(bills.c.period_end_us).where(bills.c.status == "active").scalar_subquery()
        connection.execute(update(purchased_discounts).values(valid_to_us=ends - ended_before_us))
    world.bill()
    assert bool(discounts_of(world)) is comes_off


def test_a_childs_discount_is_in_what_moves_to_its_owners_bill(tmp_path):
    owner = on_plan(1, "business", hierarchy={"owns": "TOP"})
    child = on_plan(2, "business", hierarchy={"member_of": "TOP"})
    world = BillingWorld(tmp_path, [owner, child], catalogue=WITH_DISCOUNTS)
    world.bill()
    # 19.90 at half its price, and its tax.
    assert world.bills("billing")["C1"][0][5] == 2 * (995 + 199)
    assert all_agree(world.audit()), world.audit()


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_changes_no_discount(tmp_path, after):
    calm = charged(tmp_path, "calm")
    calm.bill()
    for step in range(1, 100):
        world = charged(tmp_path, f"crash{step}")
        try:
            world.bill(store=DyingStore(world.store, step, after=after))
        except CrashError:
            world.bill()
            assert world.everything() == calm.everything(), step
        else:
            break
    assert step > 8
    assert all_agree(world.audit()), world.audit()


def test_the_audit_finds_a_discount_that_is_changed(tmp_path):
    world = charged(tmp_path, "changed")
    world.bill()
    with writing(world.engine) as connection:
        changed = update(bill_lines).where(bill_lines.c.kind == KIND_DISCOUNT)
        connection.execute(changed.values(amount_micro=bill_lines.c.amount_micro + 1))
    assert not all_agree(world.audit())


def charged(directory, name) -> BillingWorld:
    folder = directory / name
    folder.mkdir()
    world = BillingWorld(folder, catalogue=WITH_DISCOUNTS)
    world.charge(*USAGE)
    return world
