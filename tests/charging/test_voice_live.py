"""The 60 real calls through Kafka, daemon and store: each rated record equals the exact price."""

import decimal

import msgspec
import pytest

from tests.charging.deployment import Deployment
from tests.config.voice_tariff_catalogue import plan_of_subject, voice_cases, voice_tariff, write_catalogue

pytestmark = pytest.mark.live


def customer(subject: str, plan: str) -> dict:
    return {
        "customer": f"C-{subject}",
        "type": "residential",
        "since": "2014-07-01",
        "name": {"first": "Voice", "last": subject},
        "email": f"{subject.lower()}@customers.example",
        "phone": "",
        "address": {"street": "S", "number": "1", "postcode": "1", "city": "C", "country": "AT"},
        "payment": {"method": "invoice"},
        "billing": {"payment_type": "postpaid", "currency": "EUR", "interval": "month", "every": 1, "day": 1},
        "subscriptions": [
            {
                "subscription": f"S-{subject}",
                "plan": plan,
                "services": [{"type": "voice", "identifier": subject}],
            }
        ],
    }


def test_sixty_calls_through_kafka_daemon_and_store_cost_exactly_what_they_must(
    tmp_path, live_servers, store_url, topic_prefix
):
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    write_catalogue(catalogue)
    tariff, cases = voice_tariff(), voice_cases()
    deployment = Deployment(tmp_path, live_servers, store_url, topic_prefix, str(catalogue))
    subjects = sorted({case["subject"] for case in cases})
    lines = [msgspec.json.encode(customer(s, plan_of_subject(tariff, s))) for s in subjects]
    deployment.create(lines)
    deployment.send(
        (
            case["subject"].encode(),
            msgspec.json.encode(
                {
                    "id": f"case-{number}",
                    "source": "cases",
                    "type": "call",
                    "service": case["subject"],
                    "time": case["start"],
                    "quantity": case["seconds"],
                    "fields": {"destination": case["destination"]},
                }
            ),
            [],
            None,
        )
        for number, case in enumerate(cases)
    )
    daemon = deployment.start_daemon()
    try:
        records = deployment.read("rated", len(cases))
    finally:
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    priced = {record["event"]["id"]: record["amounts"] for record in records}
    for number, case in enumerate(cases):
        (amount,) = priced[f"case-{number}"].values()
        assert decimal.Decimal(amount) == decimal.Decimal(case["exact"]), case
