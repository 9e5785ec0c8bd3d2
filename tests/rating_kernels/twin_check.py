"""Pure. A scene played by the kernels and by the twin, and every difference between them."""

import functools
from fractions import Fraction

from balance_store.decision_record import DecidedEvent
from config.code_ids import code_id
from config.compile_catalogue import compile_catalogue
from config.read_catalogue import catalogue_from_tables
from config.settings import Charging
from rating_kernels.balances import NO_ROOM, credit_balance
from rating_kernels.counters import EVENTS, QUANTITY, price_counter_id
from rating_kernels.group_image import (
    FORGOTTEN,
    H_CLOSED_AT_US,
    H_CYCLE_END_US,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    R_POSITION,
    RING_POSITIONS,
    S_SEALED,
    SECTION_BALANCES,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_RING,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import row_at, section_count
from rating_kernels.sharing import SHARING_SHIFT
from tests.rating_kernels.grown_group import grown_group
from tests.rating_kernels.kernel_world import KernelWorld
from tests.rating_kernels.random_catalogue import Scene
from tests.rating_kernels.twin.charge import Twin, TwinDecision, TwinSettings
from tests.rating_kernels.twin.groups import Group
from tests.rating_kernels.twin.numbers import stored_decimals

CATALOGUE_FILE = "random.toml"
COMPARED = ("outcome", "flags", "customer_id", "subscription_id", "group_id", "product_id", "price_id")


class Played:
    """A scene on both sides; `decided` and `expected` are event by event."""

    def __init__(self, scene: Scene) -> None:
        written, faults = catalogue_from_tables({CATALOGUE_FILE: scene.tables})
        assert not faults, faults
        self.scene = scene
        settings = Charging(
            horizon_hours=0, ahead_seconds=0, ring_max=scene.ring_max, snapshots_max=scene.ended_max
        )
        self.world = KernelWorld(compile_catalogue(written), scene.lines, settings)
        self.twin = Twin(written, scene.lines, TwinSettings(scene.ring_max, scene.ended_max))
        self.events: list[dict] = []
        self.decided: list[DecidedEvent] = []
        self.expected: list[TwinDecision] = []

    def play(self) -> list[str]:
        """Every step on both sides; what differs, with the event it differs at."""
        for kind, what in self.scene.steps:
            if kind == "events":
                found = self._charge(what)
                if found:
                    return found
            elif kind == "grant":
                self._grant(what)
            elif kind == "seal":
                self._seal(what)
            else:
                self._close(*what)
        return self.state_differences()

    def _charge(self, events: list[dict]) -> list[str]:
        decided, expected = self.world.charge(*events), [self.twin.charge(event) for event in events]
        self.events += events
        self.decided += decided
        self.expected += expected
        for event, one, other in zip(events, decided, expected, strict=True):
            wrong = _decision_differences(one, other)
            if wrong:
                return [f"event {event}: {text}" for text in wrong]
        return []

    def _grant(self, grant: dict) -> None:
        resource = self.twin.catalogue.resources[grant["resource"]]
        amount = -int(Fraction(grant["credit"]) * 10 ** stored_decimals(resource))
        rest = (grant["from_us"], grant["to_us"], grant["created_us"], grant["priority"])
        self.twin.customers.groups[grant["customer"]].grant(resource.code, amount, *rest)
        cache, group_id = self.world.cache, self.world.group_of[grant["customer"]]
        resource_id = code_id("resource", resource.code)
        while credit_balance(cache.words, cache.image_at(group_id), resource_id, amount, *rest) == NO_ROOM:
            grown_group(cache, group_id, SECTION_BALANCES)

    def _seal(self, customer: str) -> None:
        """Billing takes the oldest ended cycle that it has not taken."""
        group = self.twin.customers.groups[customer]
        cycle = next((one for one in group.ended if one.number not in group.sealed), None)
        if cycle is None:
            return
        words, at = self.world.cache.words, self.world.cache.image_at(self.world.group_of[customer])
        words[row_at(words, at, SECTION_SNAPSHOTS, group.ended.index(cycle)) + S_SEALED] = 1
        group.sealed.add(cycle.number)

    def _close(self, customer: str, time_us: int) -> None:
        self.twin.customers.groups[customer].closed_us = time_us
        at = self.world.cache.image_at(self.world.group_of[customer])
        self.world.cache.words[at + H_CLOSED_AT_US] = time_us

    def state_differences(self) -> list[str]:
        """What differs in the groups after all that happened."""
        return [
            f"{customer} {what}: kernels {mine}, twin {theirs}"
            for customer, group in self.twin.customers.groups.items()
            for what, mine, theirs in self._states(customer, group)
            if mine != theirs
        ]

    def _states(self, customer: str, group: Group) -> list[tuple]:
        world = self.world
        words, at = world.cache.words, world.cache.image_at(world.group_of[customer])
        cycle = tuple(int(words[at + word]) for word in (H_CYCLE_NO, H_CYCLE_START_US, H_CYCLE_END_US))
        balances = [
            [
                b.id,
                _resource_id(b.resource),
                b.amount,
                b.from_us,
                b.to_us,
                b.created_us,
                b.priority,
                b.granted,
                b.kind,
            ]
            for b in group.balances
        ]
        items = {tuple(row[:2]): row[2:] for row in world.rows(customer, SECTION_ITEMS)}
        counters = {tuple(row[:2]): row[2] for row in world.rows(customer, SECTION_COUNTERS)}
        ended = [[*one, int(one.number in group.sealed)] for one in group.ended]
        ring = {row[R_POSITION] for row in world.rows(customer, SECTION_RING)}
        positions = {position for _, position in group.ring[-RING_POSITIONS:]}
        if len(group.ring) > RING_POSITIONS:
            positions.add(FORGOTTEN)
        return [
            ("cycle", cycle, tuple(group.cycle)),
            ("balances", world.rows(customer, SECTION_BALANCES), balances),
            ("items", items, group.items),
            ("counters", counters, {(no, _counter_id(what)): n for (no, what), n in group.counters.items()}),
            ("ended cycles", world.rows(customer, SECTION_SNAPSHOTS), ended),
            ("ring", ring, positions),
            ("commands", 0, section_count(words, at, SECTION_RING + 1)),
        ]


@functools.cache
def _resource_id(code: str) -> int:
    return code_id("resource", code)


def _counter_id(what: tuple) -> int:
    kind, sharing_id, named = what
    if kind == "cap":
        return (sharing_id << SHARING_SHIFT) | _resource_id(named)
    return price_counter_id(
        sharing_id, code_id("price", "/".join(named)), QUANTITY if kind == "used" else EVENTS
    )


def _decision_differences(decided: DecidedEvent, expected: TwinDecision) -> list[str]:
    return [
        f"{name}: kernels {getattr(decided, name)}, twin {getattr(expected, name)}"
        for name in (*COMPARED, "duplicate_of", "impacts", "notices")
        if getattr(decided, name) != getattr(expected, name)
    ]


def differences(scene: Scene) -> list[str]:
    return Played(scene).play()
