"""A small operator that prices in every way there is something to explain about, and its customers."""

from tests.config.small_catalogue import compiled_from
from tests.rating_kernels.kernel_world import KernelWorld

CATALOGUE = """
version = 1
site = { name = "Explained", time_zone = "Europe/Vienna", currency = "EUR" }
resource = [
  { code = "EUR", name = "Euro", monetary = true, decimals = 2, unit = "€", consumption_order = "EET" },
  { code = "minutes", name = "Free minutes", decimals = 3, unit = "min" },
]
service_type = [{ code = "voice", name = "Calls" }, { code = "api", name = "API" }, { code = "disk", name = "Storage" }]
bill_item = [{ code = "calls", name = "Calls" }, { code = "api", name = "API" }, { code = "disk", name = "Storage" }]
tag = [{ code = "usage", name = "Usage" }, { code = "extra", name = "Extra" }]
special_day = [{ code = "holiday", name = "Public holidays", dates = ["12-25"] }]

[[tax]]
code = "vat_at_once"
name = "Value added tax"
at = "rating"
rate = { valid_from = "2016-01-01", percent = 20 }

[[event_type]]
code = "call"
name = "A call"
service_type = "voice"
unit = "s"
quantity_max = 100000
field = [{ name = "destination" }, { name = "level", kind = "number", mandatory = false }]

[[event_type]]
code = "requests"
name = "Requests"
service_type = "api"
unit = "call"
quantity_max = 1000000

[[event_type]]
code = "stored"
name = "Gigabytes stored"
service_type = "disk"
unit = "GB"
quantity_max = 1000

[[rate_plan]]
code = "voice"
name = "Calls"
service_type = "voice"

[[rate_plan.version]]
valid_from = "2026-01-01"
band = { peak = { weekdays = [1, 2, 3, 4, 5], from = "08:00", to = "19:00" }, feast = { special_days = ["holiday"] } }

[[rate_plan.version.detail]]
resource = "EUR"
bill_item = "calls"
tax = "vat_at_once"
charge_tag = "usage"
prefix_field = "destination"
rounding = { mode = "up", decimals = 4 }
allowances = [{ resource = "minutes", units = 1, per = 60 }]
rule = [
  { prefix = "43", price = "national" },
  { prefix = "43", band = "peak", price = "dear" },
  { prefix = "43", band = "feast", price = "feast" },
  { prefix = "431", match = { level = 7 }, weight = 2, price = "third" },
]

[rate_plan.version.price]
national = { connect_fee = "0.02", periods = [{ per = 60, amount = "0.06", increment = 60 }, { from = 60, per = 60, amount = "0.06", increment = 1 }] }
dear = { periods = [{ per = 60, amount = "0.12", increment = 1 }], maximum = "3", cap = "free" }
feast = { flat = "0.5" }
third = { periods = [{ per = 7, amount = "0.10", increment = 1 }], minimum = "0.05" }

[[rate_plan]]
code = "voice_later"
name = "Calls, a later plan"
service_type = "voice"

[[rate_plan.version]]
valid_from = "2030-01-01"
detail = [{ resource = "EUR", bill_item = "calls", rule = [{ price = "one" }] }]
price = { one = { flat = 1 } }

[[rate_plan]]
code = "api"
name = "API"
service_type = "api"

[[rate_plan.version]]
valid_from = "2026-01-01"
detail = [{ resource = "EUR", bill_item = "api", charge_tag = "usage", rule = [{ price = "calls" }] }]

[rate_plan.version.price.calls]
counts = "cycle"
tiers = [{ to = 1000, amount = 0 }, { to = 5000, amount = "0.40", per = 1000, block = 1000 }, { amount = "0.25", per = 1000, flat = 10 }]

[[rate_plan]]
code = "disk"
name = "Storage"
service_type = "disk"

[[rate_plan.version]]
valid_from = "2026-01-01"
detail = [{ resource = "EUR", bill_item = "disk", tax = "vat_at_once", rule = [{ price = "by_volume" }] }]

[rate_plan.version.price.by_volume]
mode = "volume"
counts = "cycle"
tiers = [{ to = 10, amount = 1 }, { amount = "0.50" }]

[[product]]
code = "disk"
name = "Storage"
rate_plan = "disk"

[[product]]
code = "later"
name = "Calls, later"
rate_plan = "voice_later"
priority = 1

[[product]]
code = "calls"
name = "Calls"
rate_plan = "voice"
priority = 2

[[product]]
code = "api"
name = "API"
rate_plan = "api"

[[product]]
code = "minutes"
name = "100 free minutes"
allowances = [{ resource = "minutes", amount = 100 }]

[[discount]]
code = "loyal"
name = "For the loyal"
percent = 10
charge_tags = ["usage"]

[[discount]]
code = "more"
name = "For extras"
amount = "0.01"
priority = 1
charge_tags = ["extra"]

[[bundle]]
code = "usage"
name = "Usage"
products = ["later", "calls", "api", "disk"]

[[bundle]]
code = "loyalty"
name = "Loyalty"
discounts = ["loyal", "more"]

[[bundle]]
code = "minutes"
name = "Minutes"
products = ["minutes"]

[[plan]]
code = "plain"
name = "Plain"
bundles = ["usage"]
payment_types = ["postpaid", "prepaid"]
credit_profile = "standard"

[[plan]]
code = "loyal"
name = "Loyal"
bundles = ["usage", "loyalty"]
payment_types = ["postpaid"]
credit_profile = "standard"

[[plan]]
code = "free"
name = "With minutes"
bundles = ["usage", "minutes"]
payment_types = ["postpaid"]
credit_profile = "standard"

[[credit_profile]]
code = "standard"
name = "Standard"
limit = [
  { payment_type = "prepaid", resource = "EUR", limit = 0, on_breach = "up_to_limit", thresholds = ["-1"] },
  { payment_type = "postpaid", resource = "EUR", limit = 20, thresholds = [5] },
  { payment_type = "postpaid", resource = "minutes", limit = 0, thresholds = ["50%"] },
]

[[sharing_policy]]
code = "half"
name = "Half of the minutes"
service_types = ["voice"]
resources = ["minutes"]
percent = 50
cap_per_member = 5
cap_per_group = 80

[[sharing_policy]]
code = "strict"
name = "API at the owner's cost"
service_types = ["api"]
resources = ["EUR"]
cap_per_group = 300
when_exhausted = "deny"
shared_tiers = true
"""
LATER = "2026-10-05T20:00:00Z"  # a Monday evening, no band


def customer(code: str, plan: str = "plain", payment: str = "postpaid", **changes) -> dict:
    """A customer of October 2026; the identifier is the code."""
    return {
        "customer": code,
        "since": "2026-10-01",
        "name": {"last": code},
        "address": {"street": "R", "number": "1", "postcode": "1010", "city": "Wien", "country": "AT"},
        "billing": {"payment_type": payment, "currency": "EUR", "day": 1},
        "subscriptions": [
            {
                "subscription": f"S-{code}",
                "plan": plan,
                "services": [{"type": kind, "identifier": code} for kind in ("voice", "api", "disk")],
            }
        ],
    } | changes


def explained_world() -> KernelWorld:
    """PLAIN, LOYAL and PREPAID alone; OWNER shares minutes (half) and API (strict) with MEMBER."""
    shares = [
        {"group": group, "policy": policy, "subscription": "S-OWNER"}
        for group, policy in (("TALK", "half"), ("WORK", "strict"))
    ]
    return KernelWorld(
        compiled_from(CATALOGUE),
        [
            customer("PLAIN"),
            customer("LOYAL", "loyal"),
            customer("PREPAID", payment="prepaid"),
            customer("OWNER", "free", shares=shares),
            customer("MEMBER", member_of=[{"group": "TALK"}, {"group": "WORK", "priority": 1}]),
        ],
    )


def event(kind: str, who: str, event_id: str, quantity: int, **changes) -> dict:
    """An event of a customer on a Monday evening; its fields are those given."""
    fields = {"destination": "4366"} if kind == "call" else {}
    fields |= changes.pop("fields", {})
    return {
        "id": event_id,
        "source": "test",
        "type": kind,
        "service": who,
        "time": LATER,
        "quantity": quantity,
        "fields": fields,
    } | changes
