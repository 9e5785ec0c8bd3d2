"""What is said of a line that cannot be taken."""

import json

import pytest

from config.load import load_compiled_catalogue
from customer_care.check_line import line_faults
from customer_care.customer_lines import canonical_line, decode_line
from tests.customer_care.example_lines import line, mandate, on_plan


@pytest.fixture(scope="module")
def catalogue():
    return load_compiled_catalogue("")


def faults(catalogue, customer) -> list[str]:
    decoded = decode_line(json.dumps(customer).encode())
    return [decoded] if isinstance(decoded, str) else line_faults(decoded, catalogue)


def with_subscription(**changes):
    customer = line(1)
    customer["subscriptions"][0] |= changes
    return customer


SERVICE = {"type": "voice", "identifier": "a"}
EMPTY = {"subscription": "S1", "plan": "basic", "services": []}


def test_every_fault_of_a_lines_form_is_said_at_once():
    assert decode_line(
        b'{"customer": 1, "colour": "red", "address": {"city": "Wien"}, "since": "2026-10-11"}'
    ) == (
        "colour: is not known; customer: expected `str`, got `int`; name: is missing; address.street: is missing; "
        "address.number: is missing; address.postcode: is missing; address.country: is missing; "
        "billing: is missing; subscriptions: is missing"
    )
    assert decode_line(b"[1]") == "Expected `object`, got `array`"


@pytest.mark.parametrize(
    ("customer", "fault"),
    [
        (line(1, colour="red"), "colour: is not known"),
        (line(1, since="soon"), "since: invalid RFC3339 encoded date"),
        (line(1, customer=" "), "customer: is empty"),
        (line(1, address=line(1)["address"] | {"country": "Austria"}), "address.country: 'Austria'"),
        (
            line(1, payment=mandate(1, iban="AT611904300234573202")),
            "payment.mandate.iban: 'AT611904300234573202'",
        ),
        (line(1, payment=mandate(1, code="M/")), "payment.mandate.id: 'M/'"),
        (line(1, billing=line(1)["billing"] | {"day": 32}), "billing.day: 32 is no billing day"),
        (line(1, billing=line(1)["billing"] | {"interval": "day", "day": 1}), "write 0: it has none"),
        (line(1, billing=line(1)["billing"] | {"every": 0}), "billing.every: 0"),
        (
            line(1, billing=line(1)["billing"] | {"currency": "data_allowance"}),
            "billing.currency: 'data_allowance'",
        ),
        (
            line(1, billing=line(1)["billing"] | {"payment_type": "prepaid"}),
            "'basic' is not sold prepaid, only postpaid",
        ),
        (line(1, subscriptions=[]), "subscriptions: there is none"),
        (line(1, subscriptions=[line(1)["subscriptions"][0], EMPTY]), "subscriptions: 'S1' is there twice"),
        (with_subscription(plan="gold"), "subscriptions[0].plan: the catalogue has no plan 'gold'"),
        (with_subscription(**{"from": "2026-09-30"}), "subscriptions[0].from: 2026-09-30 is before"),
        (with_subscription(**{"from": "2026-11-01"}), "subscriptions[0].from: 2026-11-01 is after"),
        (with_subscription(services=[SERVICE, SERVICE]), "'a' is there twice for service type 'voice'"),
        (with_subscription(services=[{"type": "tv", "identifier": "a"}]), "has no service type 'tv'"),
        (
            with_subscription(services=[{"type": "voice", "identifier": ""}]),
            "services[0].identifier: is empty",
        ),
        (line(1, credit_profile="vip"), "the catalogue has no credit profile 'vip'"),
        (line(1, balances=[{"resource": "USD", "credit": 1}]), "balances[0].resource: the catalogue has no"),
        (
            line(1, balances=[{"resource": "EUR", "credit": "0"}]),
            "balances[0].credit: '0' is no amount above 0",
        ),
        (line(1, balances=[{"resource": "EUR", "credit": "0.0000001"}]), "with up to 6 decimals"),
        (line(1, balances=[{"resource": "EUR", "credit": 1.5}]), "balances[0].credit: 1.5 is a float"),
        (line(1, balances=[{"resource": "EUR", "credit": 1, "validity": "2026-13-01"}]), "nor a date"),
        (line(1, balances=[{"resource": "EUR", "credit": 1, "validity": "2026-10-01"}]), "is not after"),
        (line(1, balances=[{"resource": "EUR", "credit": 1, "priority": 1001}]), "1001 is not -1000 to 1000"),
        (
            on_plan(1, "family", shares=[{"group": "A", "policy": "x", "subscription": "S1"}]),
            "no sharing policy 'x'",
        ),
        (
            on_plan(1, "family", shares=[{"group": "A", "policy": "family_data", "subscription": "S2"}]),
            "'S2' is none",
        ),
        (line(1, hierarchy={"owns": "H", "member_of": "H"}), "'H' cannot pay for itself"),
    ],
)
def test_a_fault_is_named_with_its_place(catalogue, customer, fault):
    found = faults(catalogue, customer)
    assert len(found) == 1
    assert fault in found[0]


def test_a_line_without_fault_has_none(catalogue):
    assert faults(catalogue, line(1, payment=mandate(1))) == []


def test_all_faults_of_a_line_are_reported_at_once(catalogue):
    customer = line(1, type="", payment=mandate(1, iban="x"), subscriptions=[])
    assert [fault.split(":")[0] for fault in faults(catalogue, customer)] == [
        "type",
        "payment.mandate.iban",
        "subscriptions",
    ]


def test_lines_that_say_the_same_are_the_same_whatever_their_order_and_defaults():
    customer = line(1)
    turned = dict(reversed(customer.items())) | {"type": "residential", "email": ""}
    first, second = (decode_line(json.dumps(one).encode()) for one in (customer, turned))
    assert canonical_line(first) == canonical_line(second)
    assert decode_line(canonical_line(first)) == first
