"""Pure. What the details of one event share: what was done, whose thresholds to look at (DECISIONS 6-7)."""

from fractions import Fraction

from balance_store.decision_record import Impact, Notice
from config.code_ids import code_id
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.twin.groups import Group
from tests.rating_kernels.twin.numbers import rounded


class StoppedError(Exception):
    """The event is denied or rejected: nothing that it did stays."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome


class Use:
    """What the details of one event share: who may pay, what was done, whose thresholds to look at."""

    def __init__(self, catalogue, taxes, service, payers, time_us, quantity, unit_us) -> None:
        self.catalogue, self.taxes, self.service, self.payers = catalogue, taxes, service, payers
        self.time_us, self.quantity, self.unit_us = time_us, quantity, unit_us
        self.flags = 0
        self.impacts: list[Impact] = []
        self.watched: dict[tuple[int, str], tuple[Group, int]] = {}
        # The best membership's strategy decides, whatever its policy covers.
        self.member_first = not payers or payers[0].policy.strategy == "member_first"

    def watch(self, group: Group, resource: str) -> None:
        """Note a total before its first change."""
        limit = group.limits.get(resource)
        if limit is not None and limit.thresholds and (group.id, resource) not in self.watched:
            self.watched[group.id, resource] = (group, group.total(resource, self.time_us))

    def notices(self) -> list[Notice]:
        """Once per crossing: upward when before < T <= after, downward when after < T <= before."""
        found = []
        for (_, resource), (group, before) in self.watched.items():
            limit, after = group.limits[resource], group.total(resource, self.time_us)
            floor = limit.floor if limit.monetary else -group.granted(resource, self.time_us)
            for is_percent, value in limit.thresholds:
                if is_percent:
                    value = floor + rounded(Fraction((limit.amount - floor) * value, 100), "down")
                direction = 1 if before < value <= after else -1 if after < value <= before else 0
                if direction:
                    resource_id = code_id("resource", resource)
                    found.append(Notice(group.id, resource_id, direction, value, before, after))
        return found

    def note(self, kind, group_id, balance_id, resource, item_id, quantity, amount) -> None:
        resource_id = code_id("resource", resource)
        self.impacts.append(Impact(kind, group_id, balance_id, resource_id, item_id, quantity, amount))
