"""Shell. The samples that come with us, as their files say: catalogue, customers, usage."""

import functools
import json
from decimal import Decimal

from balance_store.decision_record import DecidedEvent
from config.code_ids import code_id
from config.compiled_catalogue import CompiledCatalogue
from config.load import SAMPLE_DIRECTORY, load_compiled_catalogue
from rating_kernels.batch_columns import IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED
from rating_kernels.group_image import B_AMOUNT, B_RESOURCE_ID, SECTION_BALANCES
from tests.rating_kernels.kernel_world import KernelWorld

SAMPLES = SAMPLE_DIRECTORY.parent
MOVES_BALANCES = (IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED)


@functools.cache
def catalogue_of(sample: str) -> CompiledCatalogue:
    """A sample's catalogue, compiled once."""
    return load_compiled_catalogue(SAMPLES / sample)


def customers_of(sample: str) -> list[dict]:
    """The lines of a sample's customers."""
    return [json.loads(line) for line in (SAMPLES / sample / "customers.ndjson").read_text().splitlines()]


class SampleWorld(KernelWorld):
    """A sample's customers in memory, asked in codes and in units that people count in."""

    def __init__(self, sample: str, catalogue: CompiledCatalogue | None = None, **changes: dict) -> None:
        """`changes`: customer -> fields of the line that are another."""
        lines = [line | changes.get(line["customer"], {}) for line in customers_of(sample)]
        super().__init__(catalogue or catalogue_of(sample), lines)
        self.codes = {group: customer for customer, group in self.group_of.items()}
        self.decimals = {
            info.id: (info.code, info.stored_decimals) for info in self.catalogue.resources.values()
        }

    def units(self, resource_id: int, amount: int) -> Decimal:
        """Stored units as people count them."""
        return Decimal(amount).scaleb(-self.decimals[resource_id][1])

    def paid(self, decided: DecidedEvent, resource: str = "EUR") -> dict[str, Decimal]:
        """What an event took of a resource, by the customer whose balances it was."""
        wanted = code_id("resource", resource)
        found: dict[str, Decimal] = {}
        for impact in decided.impacts:
            if impact.kind in MOVES_BALANCES and impact.resource_id == wanted:
                payer = self.codes[impact.group_id]
                found[payer] = found.get(payer, Decimal(0)) + self.units(wanted, impact.amount)
        return found

    def balances(self, customer: str, resource: str = "EUR") -> list[Decimal]:
        """A customer's balances of a resource, in the order of their creation."""
        wanted = code_id("resource", resource)
        rows = self.rows(customer, SECTION_BALANCES)
        return [self.units(wanted, row[B_AMOUNT]) for row in rows if row[B_RESOURCE_ID] == wanted]

    def told(self, decided: DecidedEvent) -> list[tuple[str, str, Decimal]]:
        """The thresholds that an event crossed: whose, of which resource, at which amount."""
        return [
            (self.codes[n.group_id], self.decimals[n.resource_id][0], self.units(n.resource_id, n.threshold))
            for n in decided.notices
        ]


def amounts(**texts: str) -> dict[str, Decimal]:
    """Decimal texts as `SampleWorld.paid` gives them."""
    return {name: Decimal(text) for name, text in texts.items()}
