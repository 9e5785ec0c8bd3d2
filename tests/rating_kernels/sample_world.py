"""Pure. The sample operator's customers in memory, and short ways to say what they do."""

from config.load import load_compiled_catalogue
from tests.customer_care.example_lines import line, member, on_plan, owner
from tests.rating_kernels.kernel_world import NO_HORIZON, KernelWorld

SAMPLE = load_compiled_catalogue("")
EURO = 1_000_000  # millionths
GIGABYTE = 10**9  # bytes: the stored unit of the data allowance
CENT = EURO // 100


def sample_world(settings=NO_HORIZON) -> KernelWorld:
    """C1 pays later, C2 owns a family of 10 GB, C3 is its member, C4 is prepaid, C5 has 5 GB."""
    prepaid = on_plan(4, "prepaid")
    prepaid["billing"] = {"payment_type": "prepaid", "currency": "EUR", "day": 1}
    return KernelWorld(
        SAMPLE,
        [line(1), owner(2, "F"), member(3, "F"), prepaid, on_plan(5, "business")],
        settings,
    )


def call(number: int, event_id: str, seconds: int, destination: str = "+4366412345", **changes) -> dict:
    """A call of a customer on a Monday evening, where nothing is dearer."""
    return {
        "id": event_id,
        "source": "msc",
        "type": "call",
        "service": f"+4366000{number:05d}",
        "time": "2026-10-05T20:00:00Z",
        "quantity": seconds,
        "fields": {"destination": destination},
    } | changes


def data(number: int, event_id: str, megabytes: int | str, **changes) -> dict:
    """A data session of a customer."""
    return {
        "id": event_id,
        "source": "gw",
        "type": "data_session",
        "service": f"+4366000{number:05d}",
        "time": "2026-10-05T20:00:00Z",
        "quantity": megabytes,
        "fields": {},
    } | changes
