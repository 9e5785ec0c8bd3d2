"""Why an event was decided as it was: told scenario by scenario, and held against the decision itself."""

import random
from fractions import Fraction

import numpy as np
import pytest

from charging.explain_decision import HANDLERS
from charging.explain_names import exact_text
from charging.explain_text import WIDTH, explanation_text
from charging.explanation import Explanation
from charging.output_records import CHANGES_BALANCE
from rating_kernels import trace as k
from rating_kernels.batch_columns import IMPACT_DISCOUNT, IMPACT_TAX, IMPACT_UNRATED, LIMITS
from rating_kernels.outcomes import Outcome
from rating_kernels.workspace import TRACE_MAX, new_workspace
from tests.charging.explain_catalogue import event, explained_world
from tests.rating_kernels.kernel_world import KernelWorld
from tests.rating_kernels.random_tariff import CUSTOMER, random_call, random_tariff
from tests.rating_kernels.sample_world import call, data, sample_world
from tests.rating_kernels.test_laws import stream


@pytest.fixture
def world():
    return explained_world()


def explained(world, *events) -> Explanation:
    """Why the last of these was decided as it was."""
    return world.explained(*events)[-1][1]


def receipt(world, *events) -> str:
    return explanation_text(explained(world, *events), world.catalogue.catalogue)


def only(things):
    (one,) = things
    return one


# Finding the price ----------------------------------------------------------------------------------


def test_the_product_is_named_and_why_another_was_not_chosen(world):
    products = explained(world, event("call", "PLAIN", "a", 60)).products
    assert [(one.product, one.why) for one in products] == [
        ("later", "no_version_yet"),
        ("calls", "chosen"),
    ]


def test_an_event_without_a_rate_says_for_which_detail_there_is_no_price(world):
    explanation = explained(world, event("call", "PLAIN", "a", 60, fields={"destination": "49"}))
    assert explanation.outcome == Outcome.NO_RATE
    last = explanation.products[-1]
    assert (last.why, last.no_price_for, last.prices[0].price) == ("no_price", "EUR", "")


def test_a_service_that_was_not_valid_then_is_shown(world):
    explanation = explained(world, event("call", "PLAIN", "a", 60, time="2026-09-01T10:00:00Z"))
    assert explanation.outcome_name == "NO_SERVICE"
    assert [(one.service_type, one.why) for one in explanation.services] == [
        ("voice", "not_valid_then"),
        ("api", "other_service_type"),
        ("disk", "other_service_type"),
    ]
    assert explanation.services[0].valid_from == "2026-10-01T00:00:00+02:00"


def test_what_came_before_a_decision_says_what_is_wrong(world):
    explanation = explained(world, event("nothing", "PLAIN", "a", 60))
    assert explanation.outcome_name == "UNKNOWN_EVENT_TYPE"
    assert "'nothing'" in explanation.detail
    assert explanation.products == explanation.details == []


def test_a_repeated_event_names_the_first(world):
    assert explained(world, *[event("call", "PLAIN", "a", 60)] * 2).duplicate_of == "usage/0/0"


def test_a_rule_shows_prefix_conditions_and_weight(world):
    fields = {"destination": "43199", "level": 7}
    price = only(only(explained(world, event("call", "PLAIN", "a", 60, fields=fields)).details).prices)
    assert (price.price, price.prefix, price.conditions, price.weight) == (
        "voice/third",
        "431",
        ["level = 7"],
        2,
    )


def test_a_call_over_a_bands_end_shows_each_band_at_local_time(world):
    explanation = explained(world, event("call", "PLAIN", "a", 3600, time="2026-10-05T16:30:00Z"))
    detail = only(explanation.details)
    assert [(one.at, one.band, one.band_since, one.elapsed) for one in detail.prices] == [
        ("2026-10-05T18:30:00+02:00", "peak", "08:00:00", "0"),
        ("2026-10-05T19:00:00+02:00", "", "", "1800"),
    ]
    assert [(part.price, part.quantity, part.amount) for part in detail.pricing.periods] == [
        ("voice/dear", "1800", "3.6"),
        ("voice/national", "1800", "1.8"),
    ]
    assert (detail.pricing.sum, detail.pricing.held_by, detail.pricing.bounded) == ("5.4", "maximum", "3")


def test_a_special_day_is_named(world):
    text = receipt(world, event("call", "PLAIN", "a", 60, time="2026-12-25T10:00:00Z"))
    assert "Fri 2026-12-25 11:00:00 +01:00, holiday (Public holidays): voice/feast" in text
    assert "2 cycles of PLAIN, before the event" in text


# From a price to an amount --------------------------------------------------------------------------


def test_a_fraction_is_shown_before_it_is_rounded(world):
    fields = {"destination": "431", "level": 7}
    pricing = only(explained(world, event("call", "PLAIN", "a", 10, fields=fields)).details).pricing
    part = only(pricing.periods)
    assert (part.count, part.size, part.each, part.amount) == (10, "1", "1/70", "1/7")
    assert (pricing.sum, pricing.amount, pricing.rounding, pricing.decimals) == ("1/7", "0.1429", "up", 4)


def test_a_minimum_is_named(world):
    fields = {"destination": "431", "level": 7}
    pricing = only(explained(world, event("call", "PLAIN", "a", 1, fields=fields)).details).pricing
    assert (pricing.sum, pricing.held_by, pricing.bounded) == ("1/70", "minimum", "0.05")


def test_tiers_of_a_cycle_show_their_parts_with_the_event_and_before_it(world):
    events = [event("requests", "PLAIN", name, size) for name, size in (("a", 5), ("b", 4500), ("c", 2500))]
    _, _, last = [explanation for _, explanation in world.explained(*events)]
    detail = only(last.details)
    counted = detail.counted
    assert (counted.quantity_before, counted.quantity_after, counted.events_before) == ("4505", "7005", 2)
    after, before = detail.pricing.tiers
    assert [(part.quantity, part.count, part.flat, part.amount) for part in after.parts] == [
        ("1000", 1000, "0", "0"),
        ("4000", 4, "0", "1.6"),
        ("2005", 2005, "10", "10.50125"),
    ]
    assert (after.sum, before.sum, detail.pricing.sum) == ("12.10125", "1.6", "10.50125")


def test_discounts_and_tax_follow_one_another(world):
    detail = only(explained(world, event("call", "LOYAL", "a", 125)).details)
    assert detail.pricing.amount == "0.145"
    assert [(one.discount, one.why, one.amount, one.net) for one in detail.discounts] == [
        ("loyal", "taken", "0.0145", "0.1305"),
        ("more", "other_use", "0", "0.1305"),
    ]
    tax = detail.tax
    assert (tax.tax, tax.percent, tax.net, tax.amount, tax.gross) == (
        "vat_at_once",
        "20",
        "0.1305",
        "0.0261",
        "0.1566",
    )
    assert only(detail.payers).asked == "0.1566"


# Who pays -------------------------------------------------------------------------------------------


def test_an_allowance_shows_the_balance_and_what_stays_to_be_priced(world):
    detail = only(explained(world, event("call", "OWNER", "a", 6060)).details)
    turn = only(detail.allowances)
    assert (turn.asked, turn.units_needed, turn.taken, turn.used) == ("6060", "101", "6000", "100")
    balance = only(turn.balances)
    assert (balance.why, balance.before, balance.used, balance.after) == ("used", "-100", "100", "0")
    assert (detail.covered, detail.pricing.sum) == ("6000", "0.08")


def test_a_pool_shows_its_percent_its_caps_and_what_it_lacks(world):
    explanation = explained(world, event("call", "MEMBER", "a", 1000))
    assert [(one.sharing, one.owner, one.why) for one in explanation.memberships] == [
        ("TALK", "OWNER", "holds"),
        ("WORK", "OWNER", "holds"),
    ]
    half, strict, own = only(explanation.details).allowances
    policy = half.policy
    assert (policy.why, policy.percent, policy.offered, policy.lacking) == ("applies", 50, "500", "200")
    assert (policy.member_used, policy.member_cap, policy.group_cap) == ("0", "5", "80")
    assert (half.customer, half.taken, half.used) == ("OWNER", "300", "5")
    assert (strict.policy.why, strict.for_what) == ("other_service_type", "")
    assert (own.customer, own.taken, own.balances) == ("MEMBER", "0", [])


def test_an_event_denied_by_its_limit_says_what_there_was(world):
    explanation = explained(sample_world(), call(4, "a", 60))
    limit = only(only(explanation.details).payers).limit
    assert (limit.says, limit.limit, limit.total_before, limit.room) == ("beyond", "0", "0", "0")
    assert (limit.asked, limit.allowed, limit.on_breach) == ("0.08", "0", "deny")
    text = explanation_text(explanation, sample_world().catalogue.catalogue)
    assert "undone      the event changed nothing" in text


def test_what_the_limit_leaves_is_unrated(world):
    detail = only(explained(world, event("call", "PREPAID", "a", 60)).details)
    assert (detail.unrated, only(detail.payers).limit.on_breach) == ("0.096", "up_to_limit")


def test_the_owner_pays_first_and_the_rest_spills_to_the_member():
    explanation = explained(sample_world(), data(3, "a", 11_000))
    detail = only(explanation.details)
    owner, member = detail.allowances
    assert (owner.customer, owner.policy.lacking, owner.policy.denies) == ("C2", "1000", False)
    assert (member.customer, member.taken) == ("C3", "0")
    assert [(one.customer, one.for_what, one.used) for one in detail.payers] == [
        ("C2", "", ""),
        ("C3", "amount", "5"),
    ]
    assert [(one.threshold, one.before, one.after) for one in explanation.thresholds] == [
        ("-2000", "-10000", "0"),
        ("0", "-10000", "0"),
    ]


def test_a_pool_that_denies_says_what_it_lacks(world):
    events = [event("requests", "MEMBER", str(n), 900_000) for n in range(3)]
    explanation = explained(world, *events)
    assert explanation.outcome_name == "DENIED_SHARING"
    half, strict = only(explanation.details).payers
    assert half.policy.why == "other_service_type"
    policy = strict.policy
    assert (policy.group_used, policy.group_cap) == ("235.35", "300")
    assert (policy.offered, policy.lacking, policy.denies) == ("225", "160.35", True)
    text = explanation_text(explanation, world.catalogue.catalogue)
    assert "lacks 160.35 €: the policy denies the event" in text


def test_a_cheaper_tier_gives_back(world):
    events = [event("stored", "PLAIN", name, size) for name, size in (("a", 10), ("b", 2))]
    detail = only(explained(world, *events).details)
    assert [one.sum for one in detail.pricing.tiers] == ["6", "10"]
    assert (detail.pricing.sum, detail.pricing.amount, detail.tax.amount) == ("-4", "-4", "-0.8")
    payer = only(detail.payers)
    assert (payer.for_what, payer.used) == ("refund", "-4.8")
    balance = only(payer.balances)
    assert (balance.before, balance.used, balance.after) == ("12", "-4.8", "7.2")


def test_balances_come_in_their_order_with_those_that_were_not_needed():
    world = sample_world()
    world.charge(data(5, "a", 1))
    # November first, so that both months' allowances are there; then a late one of October.
    explanation = explained(
        world,
        data(5, "b", 1, time="2026-11-05T20:00:00Z"),
        data(5, "c", 1, time="2026-10-05T20:00:00Z"),
    )
    turn = only(only(explanation.details).allowances)
    assert turn.order == "EET"
    assert [(one.why, one.before, one.valid_from[:10]) for one in turn.balances] == [
        ("used", "-4999", "2026-10-01"),
        ("not_valid_then", "-4999", "2026-11-01"),
    ]


# Laws -----------------------------------------------------------------------------------------------


def streams():
    """Worlds with random events: the sample's, random tariffs', and those of the small catalogue."""
    for seed in range(6):
        yield f"sample {seed}", sample_world, stream(seed)
    for seed in range(12):
        dice = random.Random(f"explain/{seed}")
        tariff = random_tariff(dice)
        calls = [random_call(dice, number) for number in range(20)]
        yield f"tariff {seed}", lambda tariff=tariff: KernelWorld(tariff, [CUSTOMER]), calls
    for seed in range(6):
        yield f"small {seed}", explained_world, _small_events(random.Random(f"small/{seed}"))


def _small_events(dice: random.Random) -> list[dict]:
    events = []
    for number in range(60):
        who = dice.choice(["PLAIN", "LOYAL", "PREPAID", "OWNER", "MEMBER"])
        time = f"2026-{dice.randint(10, 12)}-{dice.randint(1, 28):02}T{dice.randint(0, 23):02}:00:00Z"
        if dice.random() < 0.2:
            events.append(event("stored", who, str(number), dice.choice([1, 4, 9, 30]), time=time))
        elif dice.random() < 0.5:
            quantity = dice.choice([0, 1, 900, 4_000, 30_000])
            events.append(event("requests", who, str(number), quantity, time=time))
        else:
            fields = {"destination": dice.choice(["43", "4311", "49"]), "level": dice.choice([1, 7])}
            length = dice.choice([0, 1, 59, 3600, 50_000])
            events.append(event("call", who, str(number), length, time=time, fields=fields))
    return events


STREAMS = list(streams())


@pytest.fixture(scope="module", params=STREAMS, ids=[name for name, _, _ in STREAMS])
def told(request):
    """(world, decisions made without asking why, decisions with their explanations)."""
    _, make, events = request.param
    plain, asked = make(), make()
    return asked, plain.charge(*events), plain.records(), asked.explained(*events)


def test_asking_why_changes_nothing(told):
    world, decided, records, answers = told
    assert [one for one, _ in answers] == decided
    assert world.records() == records


def test_the_balances_that_are_told_are_the_impacts(told):
    world, _, _, answers = told
    for decided, explanation in answers:
        uses = [
            (payer.group, one.balance, payer.resource, number(one.used))
            for detail in explanation.details
            for payer in [*detail.allowances, *detail.payers]
            for one in payer.balances
            if one.why in ("used", "owes")
        ]
        impacts = [
            (one.group_id, one.balance_id, *unit_amount(world, one))
            for one in decided.impacts
            if one.kind in CHANGES_BALANCE
        ]
        if decided.outcome <= Outcome.PARTLY_CHARGED:
            assert uses == impacts
        else:
            assert impacts == []


def test_rounded_less_discounts_plus_tax_is_what_the_payers_pay(told):
    world, _, _, answers = told
    for decided, explanation in answers:
        if decided.outcome > Outcome.PARTLY_CHARGED:
            continue
        for detail in explanation.details:
            pricing, tax = detail.pricing, detail.tax
            amount = number(pricing.amount if pricing else "")
            net = amount - sum(number(one.amount) for one in detail.discounts)
            gross = net + number(tax.amount if tax else "")
            assert gross == number(detail.unrated) + sum(number(one.used) for one in detail.payers)
            assert tax is None or (number(tax.net), number(tax.gross)) == (net, gross)
        for kind, said in (
            (IMPACT_DISCOUNT, -sum(number(o.amount) for d in explanation.details for o in d.discounts)),
            (IMPACT_UNRATED, sum(number(detail.unrated) for detail in explanation.details)),
        ):
            assert said == sum(unit_amount(world, one)[1] for one in decided.impacts if one.kind == kind)
        if not any(detail.unrated for detail in explanation.details):
            taxes = sum(unit_amount(world, one)[1] for one in decided.impacts if one.kind == IMPACT_TAX)
            assert taxes == sum(number(d.tax.amount) for d in explanation.details if d.tax)


def test_the_parts_of_a_price_add_up_to_its_exact_sum(told):
    for _, explanation in told[3]:
        for detail in explanation.details:
            pricing = detail.pricing
            if pricing is None or not pricing.sum:
                continue
            parts = number(pricing.connect) + number(pricing.flat)
            parts += sum(number(part.amount) for part in pricing.periods)
            for sign, tiers in zip((1, -1), pricing.tiers, strict=False):
                assert number(tiers.sum) == sum(number(part.amount) for part in tiers.parts)
                parts += sign * number(tiers.sum)
            assert parts == number(pricing.sum)
            quantity = number(detail.quantity) - number(detail.covered)
            quantity -= number(detail.counted.free if detail.counted else "")
            if pricing.periods:
                assert quantity == sum(number(part.quantity) for part in pricing.periods)


def test_a_receipt_fits_its_width(told):
    world, _, _, answers = told
    for _, explanation in answers:
        assert explanation.steps_left_out == 0
        for line in explanation_text(explanation, world.catalogue.catalogue).splitlines():
            assert len(line) <= WIDTH, line


def number(text: str) -> Fraction:
    return Fraction(text or 0)


def unit_amount(world, impact) -> tuple[str, Fraction]:
    """(resource, amount in its units) of an impact."""
    for info in world.catalogue.resources.values():
        if info.id == impact.resource_id:
            return info.code, Fraction(impact.amount, 10**info.stored_decimals)
    raise AssertionError(impact)


# The steps themselves -------------------------------------------------------------------------------


def test_every_kind_of_step_is_read():
    kinds = {
        number
        for name, number in vars(k).items()
        if name.startswith("TRACE_") and name[6:] not in ("MAX", "WORDS")
    }
    assert kinds == set(HANDLERS) == set(range(len(kinds)))


def test_steps_that_do_not_fit_are_counted():
    work = new_workspace(np.zeros(LIMITS, np.int64), traced=True)
    for number_of_step in range(TRACE_MAX + 5):
        k.trace(work, k.TRACE_CHARGE, number_of_step)
    rows, left_out = k.noted_steps(work)
    assert (len(rows), left_out, rows[-1, 1]) == (TRACE_MAX, 5, TRACE_MAX - 1)


def test_nothing_is_noted_where_nobody_asks():
    work = new_workspace(np.zeros(LIMITS, np.int64))
    k.trace(work, k.TRACE_CHARGE, 1)
    assert len(k.noted_steps(work)[0]) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(1, 7), "1/7"), (Fraction(-3, 8), "-0.375"), (Fraction(5), "5"), (Fraction(1, 70), "1/70")],
)
def test_a_number_is_decimal_where_its_decimals_end(value, text):
    assert exact_text(value) == text
    assert Fraction(text) == value
