"""Shell. One world from a seed: feed it, shake it, let it come to rest, and say what must hold."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import msgspec

from balance_store.group_record import SCHEMA
from balance_store.model import ModelStore
from balance_store.requests import NO_FLOOR, Claim, Epoch, PartitionClaim
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from tests.simulation.edits import Edit
from tests.simulation.make_world import store_of
from tests.simulation.office import Clerk, finish_moves, lost_or_doubled
from tests.simulation.sim_daemon import SimDaemon, shared_metrics
from tests.simulation.virtual_loop import run
from tests.simulation.world import SETTINGS, Faults, World

DAEMONS = 2
REST_S = 120.0
# After that nothing goes wrong any more, so that a world comes to rest.
CALM_AFTER_S = 5.0
CACHE_ROWS = 10_000  # all of them


def live_through(world: World) -> None:
    """Run daemons over the world's logs until every message is below its partition's floor."""
    run(_live_through(world))


async def _live_through(world: World) -> None:
    daemons: dict[int, SimDaemon] = {}
    tasks: dict[int, asyncio.Task[None]] = {}
    number = 0

    def start() -> None:
        nonlocal number
        number += 1
        daemons[number] = SimDaemon(world, number)
        tasks[number] = asyncio.ensure_future(daemons[number].live())

    for _ in range(DAEMONS):
        start()
    clerk, working = _clerk(world, 1)
    _assign(world, list(daemons))
    await _tell(daemons, world, zombie=0.0)
    faults = world.faults
    while True:
        await asyncio.sleep(0.05)
        now_s = asyncio.get_running_loop().time()
        assert now_s < REST_S, f"seed {world.seed}: not at rest, floors {_floors(world)}"
        if now_s > CALM_AFTER_S:
            world.faults, world.crash_at = Faults(), frozenset()
            # Whatever the store was closed to, the folder has it in the end.
            world.in_folder = max(world.in_folder, *(version for _, version in world.closed), 1)
            for daemon in daemons.values():
                daemon.look()
        if world.dice.random() < world.faults.upgrade:
            _replace_oldest(world, daemons, number)
        dead = [n for n, daemon in daemons.items() if daemon.dead]
        for n in dead:
            await tasks.pop(n)
            del daemons[n]
            start()
        if clerk.dead:
            clerk, working = _clerk(world, clerk.number + 1)
        if dead or world.dice.random() < world.faults.rebalance:
            _assign(world, list(daemons))
            await _tell(daemons, world, zombie=world.faults.zombie)
        elif now_s > CALM_AFTER_S:
            await _tell(daemons, world, zombie=0.0)
        working_still = not working.done()
        if not working_still and not world.late_under_way() and _at_rest(world):
            break
    world.faults = Faults()
    for daemon in daemons.values():
        daemon.pump.stop()
    await asyncio.gather(working, *tasks.values())
    await finish_moves(world)
    world.faults = faults


def _replace_oldest(world: World, daemons: dict[int, SimDaemon], started: int) -> None:
    """End a daemon of the version before; after the last of them, a person tells the store so."""
    old = [daemon for daemon in daemons.values() if daemon.old]
    if old:
        old[0].dead = True
    elif started >= world.old_daemons:
        world.store.group_schema = SCHEMA


def _clerk(world: World, number: int) -> tuple[Clerk, asyncio.Future[None]]:
    clerk = Clerk(world, number)
    return clerk, asyncio.ensure_future(clerk.work())


def _assign(world: World, numbers: list[int]) -> None:
    for partition in range(world.partitions):
        world.owner[partition] = world.dice.choice(numbers)


async def _tell(daemons: dict[int, SimDaemon], world: World, zombie: float) -> None:
    """Tell the members what they have now; a zombie does not hear it and goes on with what it had."""
    for number, daemon in list(daemons.items()):
        mine = frozenset(p for p, owner in world.owner.items() if owner == number)
        if daemon.dead or mine == daemon.source.heard or world.dice.random() < zombie:
            continue
        await daemon.hear()


def _floors(world: World) -> dict[int, int]:
    return {p: world.store.highest_floor(p).next_offset for p in range(world.partitions)}


def _at_rest(world: World) -> bool:
    return all(floor >= len(world.logs[p]) for p, floor in _floors(world).items())


def check(world: World) -> None:
    """Every event decided once, every record published and never with two contents, by the catalogue it names."""
    decided = Counter(place for _, _, places in world.commits for place in places)
    expected = {(p, m.offset, 0) for p, log in enumerate(world.logs) for m in log}
    assert set(decided) == expected, f"seed {world.seed}: lost {expected - set(decided)}"
    twice = [place for place, count in decided.items() if count > 1]
    assert not twice, f"seed {world.seed}: decided twice {twice}"
    _check_order(world)
    different = [name for name, values in world.published.items() if len(values) > 1]
    assert not different, f"seed {world.seed}: published with two contents {different}"
    ids = {name.split(" ", 1)[1] for name in world.published if not name.startswith("notifications")}
    wanted = {f"{SETTINGS.kafka.topics.usage}/{p}/{offset}/{index}" for p, offset, index in expected}
    assert ids == wanted, f"seed {world.seed}: not published {wanted - ids}"
    _check_catalogues(world)
    _check_moves(world)
    _check_commands(world)


def _check_moves(world: World) -> None:
    """Everybody lives in one place with all that is theirs, and nobody's events were told that there is nobody."""
    assert not world.incomplete, f"seed {world.seed}: lost, the store has it all: {world.incomplete}"
    wrong = lost_or_doubled(world)
    assert not wrong, f"seed {world.seed}: {wrong}"
    for partition, offset, index in sorted(world.nobodys):
        event = msgspec.json.decode(world.logs[partition][offset].value)
        from_us = world.office.handed_over.get(event["service"], event["time"] + 1)
        known = event["service"] != "+0" and event["time"] < from_us
        assert not known, f"seed {world.seed}: lost, {partition}/{offset}/{index} had a customer"


def _check_commands(world: World) -> None:
    """A command that was answered was done once, however often it was given."""
    wrong = {order: world.done[order] for order in world.done if world.done[order] > 1}
    assert not wrong, f"seed {world.seed}: a command was done twice {wrong}"
    missing = [order for order in world.answered if not world.done[order]]
    assert not missing, f"seed {world.seed}: lost, commands were answered and not done {missing}"


def _check_order(world: World) -> None:
    """A customer's events of one partition are decided in the order in which they were sent.

    A number is handed over as of a time that may have passed: an event of it that was not committed by then becomes
    the taker's late, behind what the taker has sent since. Only such a number's own events are in order.
    """
    last: dict[tuple[int, int, str], int] = {}
    for _, _, places in world.commits:
        for place in places:
            partition, offset, _ = place
            if world.customer_of[place]:
                service = msgspec.json.decode(world.logs[partition][offset].value)["service"]
                changed_hands = service if service in world.office.handed_over else ""
                who = (partition, world.customer_of[place], changed_hands)
                assert last.get(who, -1) < offset, f"seed {world.seed}: decided out of order {who} {offset}"
                last[who] = offset


def _check_catalogues(world: World) -> None:
    """A record names the version of its decision, and none is older than what the store was closed to."""
    for commits_before, lowest in world.closed:
        older = [commit for commit in world.commits[commits_before:] if commit[1] < lowest]
        assert not older, f"seed {world.seed}: an older catalogue than {lowest} decided {older}"
    topic = SETTINGS.kafka.topics.usage
    version_of = {
        f"rated {topic}/{p}/{offset}/{index}": version
        for _, version, places in world.commits
        for p, offset, index in places
    }
    for name, values in world.published.items():
        if name.startswith("rated "):
            named = {msgspec.json.decode(value)["catalogue"] for value in values}
            assert named == {version_of[name]}, (
                f"seed {world.seed}: an older catalogue or a newer one, {name}"
            )


def replayed(world: World, store: ModelStore | None = None) -> dict[int, bytes]:
    """Balance groups after the same events, decided in commit order by one daemon in a world without moves.

    `store`: of one shard, where it is not to begin as the world did.
    """
    store = store or store_of(world.seed, 1)
    run(_replay(world, store))
    return store.group_records()


async def _replay(world: World, store: ModelStore) -> None:
    await store.claim(Claim(0, tuple(PartitionClaim(p, Epoch(1, 0)) for p in range(world.partitions))))
    owned = {p: Ownership(p, Epoch(1, 0), NO_FLOOR, {}) for p in range(world.partitions)}
    tags = iter(n.to_bytes(8, "big") for n in range(1, 1_000_000))
    cache = BalanceCache(world.catalogues[1], CACHE_ROWS)
    charger = _replayer(store, cache, tags)
    for edits, version, messages in _in_order(world):
        for edit in edits:
            await edit.apply_again(store)
        if not messages:
            continue
        if version != cache.catalogue.version:
            # Nothing of the other version is left, whatever a switch would keep.
            cache = BalanceCache(world.catalogues[version], CACHE_ROWS)
            charger = _replayer(store, cache, tags)
        decoded = decode_messages(
            message_columns(messages), cache.catalogue, SETTINGS.charging.message_bytes_max
        )
        await charger.charge(ChargedBatch(decoded, owned, version), owned)


def _in_order(world: World) -> Iterator[tuple[list[Edit], int, list[Message]]]:
    """What was committed, in order: what others changed, then messages that one catalogue decided after it."""
    edits = list(world.edits)
    messages: list[Message] = []
    running = 0
    for number, (_, version, places) in enumerate(world.commits):
        if version != running or (edits and edits[0][0] <= number):
            yield [], running, messages
            before = [edit for at, edit in edits if at <= number]
            del edits[: len(before)]
            yield before, version, []
            running, messages = version, []
        # What belonged to nobody changed nothing, and by now it may be somebody's.
        messages += [world.logs[place[0]][place[1]] for place in places if place not in world.nobodys]
    yield [], running, messages
    yield [edit for _, edit in edits], running, []


def _replayer(store: ModelStore, cache: BalanceCache, tags: Iterator[bytes]) -> BatchCharger:
    limits = decision_limits(SETTINGS.charging)
    return BatchCharger(ShardSessions(store, cache), limits, b"replay", lambda: next(tags), shared_metrics())
