"""The voice tariff of tests/cases as a catalogue of ours: facts in, TOML out.

A subject of the tariff becomes a plan of the same code with one product; who is not named is on `any`.
"""

import json
from pathlib import Path

from config.catalogue import Catalogue
from config.load import load_catalogue

CASES = Path(__file__).parent.parent / "cases"
CATEGORIES = {"voice": "call"}  # service of a case -> category of the tariff
EVENT_TYPE = "call"

HEAD = """
[site]
name = "Voice tariff"
time_zone = "UTC"
currency = "EUR"

[[resource]]
code = "EUR"
name = "Euro"
monetary = true
decimals = 2

[[service_type]]
code = "voice"
name = "Calls"

[[event_type]]
code = "call"
name = "A call"
service_type = "voice"
unit = "s"
quantity_max = 86400
field = [{ name = "destination" }]

[[bill_item]]
code = "calls"
name = "Calls"
"""


def voice_tariff() -> dict:
    return json.loads((CASES / "voice_tariff.json").read_text())


def voice_cases() -> list[dict]:
    return json.loads((CASES / "voice_tariff_cases.json").read_text())


def plan_of_subject(tariff: dict, subject: str, service: str = "voice") -> str:
    """The code of the plan a subject is on: its own, otherwise `any`."""
    named = {p["subject"] for p in tariff["rating_profiles"] if p["category"] == CATEGORIES[service]}
    return subject if subject in named else "any"


def write_catalogue(directory: Path) -> None:
    """Write the tariff as a folder of TOML files."""
    (directory / "voice_tariff.toml").write_text(catalogue_text(voice_tariff()))


def voice_tariff_catalogue(directory: Path) -> Catalogue:
    write_catalogue(directory)
    return load_catalogue(directory)


def catalogue_text(tariff: dict) -> str:
    parts = [HEAD]
    for profile in tariff["rating_profiles"]:
        if profile["category"] not in CATEGORIES.values():
            continue
        subject = profile["subject"]
        parts.append(rate_plan_text(tariff, profile))
        parts.append(
            f'[[product]]\ncode = "{subject}"\nname = "Calls"\nrate_plan = "{subject}"\n\n'
            f'[[bundle]]\ncode = "{subject}"\nname = "Calls"\nproducts = ["{subject}"]\n\n'
            f'[[plan]]\ncode = "{subject}"\nname = "Subject {subject}"\nbundles = ["{subject}"]\n'
            'payment_types = ["postpaid"]\n'
        )
    return "\n".join(parts)


def rate_plan_text(tariff: dict, profile: dict) -> str:
    entries = tariff["rating_plans"][profile["rating_plan"]]
    rows = [(entry, row) for entry in entries for row in tariff["destination_rates"][entry["rates"]]]
    assert {(row["rounding"], row["decimals"]) for _, row in rows} == {("up", 4)}
    timings = sorted({entry["timing"] for entry in entries} - {"any"})
    bands = [f"{name} = {json_windows(name, timings, tariff['timings'])}" for name in timings]
    rules = [rule_text(tariff, entry, row) for entry, row in rows]
    prices = {price_name(row): price_text(tariff, row) for _, row in rows}
    price_tables = "\n".join(f"[rate_plan.version.price.{name}]\n{text}" for name, text in prices.items())
    rule_rows = ",\n  ".join(rules)
    return f"""
[[rate_plan]]
code = "{profile["subject"]}"
name = "{profile["rating_plan"]}"
service_type = "voice"

[[rate_plan.version]]
valid_from = {profile["from"]}
bands = "split"
band = {{ {", ".join(bands)} }}

[[rate_plan.version.detail]]
resource = "EUR"
prefix_field = "destination"
bill_item = "calls"
rounding = {{ mode = "up", decimals = 4 }}
rule = [
  {rule_rows},
]

{price_tables}
"""


def json_windows(name: str, timings: list[str], facts: dict) -> str:
    """A band's windows: each day from its start to the next start of any of the plan's timings."""
    windows = []
    for day in facts[name]["weekdays"].split(";"):
        starts = [facts[t]["from"] for t in timings if day in facts[t]["weekdays"].split(";")]
        begin = facts[name]["from"]
        end = min((start for start in starts if start > begin), default="24:00")
        windows.append(f'{{ weekdays = [{day}], from = "{begin}", to = "{end}" }}')
    return f"[{', '.join(windows)}]"


def rule_text(tariff: dict, entry: dict, row: dict) -> str:
    parts = [f'price = "{price_name(row)}"', f"weight = {entry['weight']}"]
    if row["destination"] != "*any":
        parts.append(f"prefix = {json.dumps(tariff['destination_prefixes'][row['destination']])}")
    if entry["timing"] != "any":
        parts.append(f'band = "{entry["timing"]}"')
    return f"{{ {', '.join(parts)} }}"


def price_name(row: dict) -> str:
    return f"{row['rate']}_{row['max_cost_strategy'] or 'uncapped'}"


def price_text(tariff: dict, row: dict) -> str:
    rates = tariff["rates"][row["rate"]]
    periods = [
        f'{{ from = {rate["from_s"]}, amount = "{rate["price"]}", per = {rate["per"]}, increment = {rate["increment"]} }}'
        for rate in rates
    ]
    text = f'connect_fee = "{rates[0]["connect_fee"]}"\nperiods = [{", ".join(periods)}]\n'
    if row["max_cost_strategy"]:
        text += f'maximum = "{row["max_cost"]}"\ncap = "{row["max_cost_strategy"]}"\n'
    return text
