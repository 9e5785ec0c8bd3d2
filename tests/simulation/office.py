"""Shell. Customer care in a simulated world: customers join, leave and move, numbers change hands, clerks die.

An order stays until it is done, as a row of the outbox does, and one clerk works at a time, as the records'
lock has it; a call that a clerk gave up may still reach the store.
"""

import asyncio
import functools
import random
from dataclasses import dataclass, field

import msgspec

from balance_store.directory_record import with_customer
from balance_store.group_change import Changed, Compute
from balance_store.group_record import unpack_group
from balance_store.mark_record import is_mark, unpack_mark
from balance_store.move_customers import Mover
from balance_store.one_door import GroupMissingError, change_groups
from balance_store.profile_record import Membership, Profile, unpack_profile
from balance_store.requests import DirectoryEntry, StoreRefusesError, StoreUnreachableError
from bench.workload import MONTH
from billing_batch.cut_cycle import CutTools, ItemTotal, drop_cycles
from customer_care.apply_command import CommandTools
from customer_care.bring_together import bring_together, publish_memberships
from customer_care.commands import Answer, Command, Grant, TopUp, command_hash
from customer_care.onboarding import directory_of
from rating_kernels.group_image import H_CYCLE_END_US, H_CYCLE_NO
from rating_kernels.tariff_table import Ints
from tests.simulation.catalogues import catalogues
from tests.simulation.edits import GroupEdit
from tests.simulation.sim_store import SimStore
from tests.simulation.world import SETTINGS, CrashError, World

# What orders are drawn from.
MOVES = ("move", "move", "join", "join", "leave", "hand_over")
JOINS = ("join", "leave", "move")
NUMBERS = ("hand_over", "hand_over", "hand_over", "move")
COMMANDS = ("top_up", "top_up", "grant", "cut", "cut", "move", "leave")
HOUR_US = 3_600_000_000
MONTH_HOURS = 31 * 24


@dataclass
class Order:
    """What somebody asked for; what it comes to is settled once, when it is first taken."""

    number: int
    kind: str  # a name in MOVES, NUMBERS or COMMANDS
    dice: random.Random
    settled: tuple = ()
    # Of a cut: what its bill is made of, once the store has said; what is sealed does not change.
    totals: list[ItemTotal] | None = None


@dataclass
class Office:
    """What the records say: who is tied to whom, and where everybody should live."""

    world: World
    profiles: dict  # customer -> profile as last published, but for its move number
    found_at: dict[int, int]  # where they lived when the last order about them was done
    shard_of: dict[int, int]
    tied: dict[int, frozenset[int]]
    orders: list[Order]
    pools: list[Membership]  # one of each sharing group, as any member has it
    first_cycles: dict[int, tuple[int, int]]  # balance group -> number and end of its first cycle
    handed_over: dict[str, int] = field(default_factory=dict)  # identifier -> from when it is another's
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def settle(self, order: Order) -> tuple:
        """What to do: (customers tied by then, target) and what is particular to the order."""
        if order.settled:
            return order.settled
        dice = order.dice
        at_us = int(MONTH.timestamp()) * 1_000_000 + dice.randrange(MONTH_HOURS) * HOUR_US
        customer = dice.choice(sorted(self.profiles))
        target = dice.randrange(self.world.store.shards)
        order.settled = getattr(self, f"_{order.kind}")(customer, target, at_us, dice)
        family, target = order.settled[0], order.settled[1]
        for one in family:
            self.tied[one] = family
            self.shard_of[one] = target
        return order.settled

    def _move(self, customer: int, target: int, *_) -> tuple:
        return self.tied[customer], target, ()

    def _join(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        pool = dice.choice(self.pools)
        profile = self.profiles[customer]
        already = any(one.sharing_id == pool.sharing_id for one in profile.memberships)
        if already or pool.owner_customer_id == customer:
            return self._move(customer, target)
        joined = msgspec.structs.replace(pool, valid_from_us=at_us)
        self._set_memberships(customer, (*profile.memberships, joined))
        family = self.tied[customer] | self.tied[pool.owner_customer_id]
        return family, self.shard_of[pool.owner_customer_id], (customer,)

    def _leave(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        members = [c for c, profile in sorted(self.profiles.items()) if profile.memberships]
        customer = dice.choice(members)
        ended = tuple(
            msgspec.structs.replace(one, valid_to_us=min(one.valid_to_us, max(at_us, one.valid_from_us)))
            for one in self.profiles[customer].memberships
        )
        self._set_memberships(customer, ended)
        return self.tied[customer], self.shard_of[customer], (customer,)

    def _hand_over(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        taker = dice.choice(sorted(self.profiles))
        names = [s.identifier for s in self.profiles[customer].services]
        if taker == customer or not names or names[0] in self.handed_over:
            return self._move(customer, target)
        (identifier, *_) = names
        self.handed_over[identifier] = at_us
        before, after = self.profiles[customer], self.profiles[taker]
        closed = tuple(
            msgspec.structs.replace(s, valid_to_us=at_us) if s.identifier == identifier else s
            for s in before.services
        )
        own = after.services[0].identifier
        taken = tuple(
            msgspec.structs.replace(s, identifier=identifier, valid_from_us=at_us)
            for s in after.services
            if s.identifier == own
        )
        self.profiles[customer] = msgspec.structs.replace(before, services=closed)
        self.profiles[taker] = msgspec.structs.replace(after, services=after.services + taken)
        return self.tied[customer], self.shard_of[customer], (customer, taker)

    def _top_up(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        return self._command(TopUp, customer, at_us, dice)

    def _grant(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        return self._command(Grant, customer, at_us, dice)

    def _command(self, command: type, customer: int, at_us: int, dice: random.Random) -> tuple:
        resource = dice.choice(sorted(self.world.catalogues[1].resources))
        given = command(resource, -dice.randint(1, 1_000_000), dice.choice(("cycle", "infinite")))
        group = dice.choice(self.profiles[customer].group_ids)
        # Some are given when the month is over, and end the cycle before its late events come.
        late_us = dice.choice((0, 0, MONTH_HOURS * HOUR_US))
        return self.tied[customer], self.shard_of[customer], (customer, group, given, at_us + late_us)

    def _cut(self, customer: int, target: int, at_us: int, dice: random.Random) -> tuple:
        group = dice.choice(self.profiles[customer].group_ids)
        return self.tied[customer], self.shard_of[customer], (customer, group)

    def _set_memberships(self, customer: int, memberships: tuple) -> None:
        self.profiles[customer] = msgspec.structs.replace(self.profiles[customer], memberships=memberships)


def open_office(world: World, publications: list, orders: int, kinds: tuple[str, ...] = MOVES) -> Office:
    """The office of a world whose customers were published like this, with orders of these kinds."""
    profiles = {one.customer_id: unpack_profile(one.profile) for one in publications}
    tied: dict[int, set[int]] = {customer: {customer} for customer in profiles}
    pools = {}
    for customer, profile in profiles.items():
        for member in profile.memberships:
            pools[member.sharing_id] = member
            both = tied[customer] | tied[member.owner_customer_id]
            for one in both:
                tied[one] = both
    dice = random.Random(f"office/{world.seed}")
    return Office(
        world,
        profiles,
        {one.customer_id: one.shard for one in publications},
        {one.customer_id: one.shard for one in publications},
        {customer: frozenset(some) for customer, some in tied.items()},
        [Order(number, dice.choice(kinds), random.Random(dice.random())) for number in range(orders)],
        [pool for _, pool in sorted(pools.items())],
        {group: _cycle_of(unpack_group(record)) for one in publications for group, record in one.groups},
    )


@functools.cache
def _command_tools(version: int) -> CommandTools:
    return CommandTools(catalogues()[version], SETTINGS.charging.snapshots_max)


@functools.cache
def _cut_tools(version: int) -> CutTools:
    return CutTools(catalogues()[version], SETTINGS.charging.snapshots_max)


def _forget(image: Ints, cycle_no: int) -> Changed:
    """What billing does once the bill is written."""
    return Changed(image if drop_cycles(image, cycle_no + 1) else None, None)


def _cycle_of(image: Ints) -> tuple[int, int]:
    return int(image[H_CYCLE_NO]), int(image[H_CYCLE_END_US])


class Clerk:
    """One who works through the orders, until it is the end of them."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.dead = False
        self._world = world
        self._dice = random.Random(f"clerk/{world.seed}/{number}")
        self._store = SimStore(world, self)
        self._mover = Mover(self._store, b"clerk" + bytes([number]), lambda: self._dice.randbytes(8))

    async def work(self) -> None:
        """Do what is ordered; a crash takes only the clerk."""
        office = self._world.office
        try:
            while office.orders:
                await asyncio.sleep(self._dice.random() * 0.02)
                async with office.lock:
                    await self._do_first(office)
        except CrashError:
            self.dead = True

    async def _do_first(self, office: Office) -> None:
        if not office.orders:
            return
        order = office.orders[0]
        family, target, changed = office.settle(order)
        lives = {customer: office.found_at[customer] for customer in family}
        try:
            await bring_together(self._mover, lives, target)
            if order.kind in ("join", "leave") and changed:
                (customer,) = changed
                memberships = office.profiles[customer].memberships
                await publish_memberships(self._mover, customer, target, memberships)
            elif order.kind in ("top_up", "grant"):
                await self._command(order, *changed)
            elif order.kind == "cut":
                await self._cut(order, *changed)
            elif changed:
                await self._hand_over(office, *changed)
        except (StoreUnreachableError, StoreRefusesError):
            return
        office.orders.pop(0)
        office.found_at |= dict.fromkeys(family, target)

    async def _command(self, order: Order, customer: int, group: int, command: Command, now_us: int) -> None:
        """Do a command on a balance group, and be told."""
        tools = _command_tools(self._world.in_folder)
        id_hash = command_hash(f"order {order.number}")

        def compute(_: int, image: Ints, profile: Profile) -> Changed:
            return tools.apply(command, id_hash, image, profile, now_us)

        if isinstance(await self._change(order, customer, group, compute, once=True), Answer):
            self._world.answered.add(order.number)

    async def _cut(self, order: Order, customer: int, group: int) -> None:
        """Cut the group's first cycle, and take what was billed out of the store."""
        tools = _cut_tools(self._world.in_folder)
        cycle_no, end_us = self._world.office.first_cycles[group]

        def cut(_: int, image: Ints, profile: Profile) -> Changed:
            return tools.cut(image, profile, cycle_no, end_us)

        totals = await self._change(order, customer, group, cut)
        if order.totals is None:
            order.totals = totals
        # Nothing is left of it once it was taken out, and the answer to that may be lost.
        assert totals in (order.totals, []), f"seed {self._world.seed}: decided twice, a sealed cycle changed"
        await self._change(order, customer, group, lambda _, image, __: _forget(image, cycle_no))

    async def _change(
        self, order: Order, customer: int, group: int, compute: Compute, *, once: bool = False
    ) -> object:
        version = self._world.in_folder
        self._store.doing = GroupEdit(order.number, group, customer, version, compute, once)
        shard = self._world.office.shard_of[customer]
        caller = b"clerk" + bytes([self.number])
        try:
            answers = await change_groups(self._store, shard, {group: customer}, compute, version, caller)
        except GroupMissingError as error:
            raise AssertionError(f"seed {self._world.seed}: lost, {error}") from error
        return answers[group]

    async def _hand_over(self, office: Office, giver: int, taker: int) -> None:
        """Closed in the old profile, written to the new one, then the directory."""
        for customer in (giver, taker):
            services = office.profiles[customer].services

            def change(profile, services=services):
                pools = profile.services[0].sharing_ids
                new = tuple(msgspec.structs.replace(one, sharing_ids=pools) for one in services)
                return msgspec.structs.replace(profile, services=new)

            found = await self._mover.change_profile(customer, office.found_at[customer], change)
            assert found.profile is not None, f"seed {self._world.seed}: lost customer {customer}"
            for identifier, entries in directory_of(found.profile, found.shard):
                await self._direct(identifier, customer, entries)

    async def _direct(self, identifier: str, customer: int, entries: tuple[DirectoryEntry, ...]) -> None:
        while True:
            (stored,) = await self._store.find_identifiers([identifier])
            after = with_customer(stored, customer, entries)
            if after == stored or await self._store.swap_identifier(identifier, stored, after):
                return


async def finish_moves(world: World) -> None:
    """Follow the whole marks that a failover brought back after their move was done: it must change nothing."""
    if world.replicas is None:
        return
    for number, shard in enumerate(world.store._shards):
        whole = [c for c, record in shard.profiles.items() if is_mark(record) and unpack_mark(record).whole]
        if whole:
            await Mover(world.store, b"finish", lambda: world.dice.randbytes(8)).follow(number, tuple(whole))


def lost_or_doubled(world: World) -> list[str]:
    """Customers and groups that do not live in exactly one shard, with all they are tied to."""
    homes: dict[int, list[int]] = {}
    group_homes: dict[int, list[int]] = {}
    unfinished = []
    for number, shard in enumerate(world.store._shards):
        for customer, record in shard.profiles.items():
            if not is_mark(record):
                homes.setdefault(customer, []).append(number)
            elif unpack_mark(record).whole:
                unfinished.append(customer)
        for group in shard.groups:
            group_homes.setdefault(group, []).append(number)
    wrong = [f"lost: the move of customer {customer} was never finished" for customer in unfinished]
    for customer, profile in world.office.profiles.items():
        at = [world.office.shard_of[customer]]
        if homes.get(customer) != at or any(group_homes.get(g) != at for g in profile.group_ids):
            wrong.append(f"lost: customer {customer} lives at {homes.get(customer)}, not at {at}")
    return wrong
