"""Pure. A catalogue of one price for everything, in versions."""

import pathlib

TEXT = """
version = {version}
site = {{ name = "Test", time_zone = "Europe/Vienna", currency = "EUR" }}
resource = [{{ code = "EUR", name = "Euro", monetary = true, decimals = 2 }}]
service_type = [{{ code = "api", name = "API" }}]
bill_item = [{{ code = "usage", name = "Usage" }}]
{more}
[[event_type]]
code = "call"
name = "Call"
service_type = "api"
unit = "call"
quantity_max = 1000
[[rate_plan]]
code = "calls"
name = "Calls"
service_type = "api"
[[rate_plan.version]]
valid_from = 2026-01-01
detail = {{ resource = "EUR", bill_item = "{item}", rule = {{ price = "each" }} }}
price = {{ each = {{ flat = "{price}" }} }}
[[product]]
code = "calls"
name = "Calls"
rate_plan = "calls"
[[bundle]]
code = "calls"
name = "Calls"
products = ["calls"]
[[plan]]
code = "calls"
name = "Calls"
bundles = ["calls"]
payment_types = ["postpaid"]
"""


def write(folder: pathlib.Path, version: int, price: str, more: str = "", item: str = "usage") -> None:
    """Replace the folder's catalogue at one blow, as a careful deployment does."""
    new = folder / "catalogue.new"
    new.write_text(TEXT.format(version=version, price=price, more=more, item=item))
    new.replace(folder / "catalogue.toml")


def customer(number: int) -> dict:
    return {
        "customer": f"C{number}",
        "type": "residential",
        "since": "2026-10-01",
        "name": {"first": "Ada", "last": f"No{number}"},
        "email": f"c{number}@customers.example",
        "phone": "",
        "address": {"street": "S", "number": "1", "postcode": "1", "city": "C", "country": "AT"},
        "payment": {"method": "invoice"},
        "billing": {"payment_type": "postpaid", "currency": "EUR", "interval": "month", "every": 1, "day": 1},
        "subscriptions": [
            {
                "subscription": f"S{number}",
                "plan": "calls",
                "services": [{"type": "api", "identifier": f"api-{number}"}],
            }
        ],
    }
