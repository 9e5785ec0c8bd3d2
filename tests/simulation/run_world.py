"""Shell. One world from a seed: feed it, shake it, let it come to rest, and say what must hold."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import msgspec

from balance_store.directory_record import with_customer
from balance_store.model import ModelStore
from balance_store.move_customers import Mover
from balance_store.profile_record import unpack_profile
from balance_store.requests import NO_FLOOR, Claim, Epoch, PartitionClaim
from charging.balance_cache import BalanceCache
from charging.charge_batch import BatchCharger
from charging.charged_batch import ChargedBatch
from charging.decide_batch import decision_limits
from charging.decode_events import decode_messages
from charging.messages import message_columns
from charging.metrics import Metrics
from charging.ownership import Ownership
from charging.shard_sessions import ShardSessions
from customer_care.onboarding import directory_of
from tests.simulation.office import Clerk, lost_or_doubled
from tests.simulation.virtual_loop import run
from tests.simulation.world import SETTINGS, Faults, SimDaemon, World

DAEMONS = 2
REST_S = 120.0


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
    calm_after_s = 5.0
    faults = world.faults
    while True:
        await asyncio.sleep(0.05)
        now_s = asyncio.get_running_loop().time()
        assert now_s < REST_S, f"seed {world.seed}: not at rest, floors {_floors(world)}"
        if now_s > calm_after_s:
            world.faults, world.crash_at = Faults(), frozenset()
            # Whatever the store was closed to, the folder has it in the end.
            world.in_folder = max(world.in_folder, *(version for _, version in world.closed), 1)
            for daemon in daemons.values():
                daemon.look()
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
        elif now_s > calm_after_s:
            await _tell(daemons, world, zombie=0.0)
        working_still = not working.done()
        if now_s > calm_after_s and not working_still and not world.late_under_way() and _at_rest(world):
            break
    world.faults = faults
    for daemon in daemons.values():
        daemon.pump.stop()
    await asyncio.gather(working, *tasks.values())


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


def _check_order(world: World) -> None:
    """A customer's events of one partition are decided in the order in which they were sent."""
    last: dict[tuple[int, int], int] = {}
    for _, _, places in world.commits:
        for place in places:
            partition, offset, _ = place
            who = (partition, world.customer_of[place])
            if who[1]:
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


def replay(world: World, fresh: World) -> None:
    """Decide the same events in commit order on a fresh store: the balances must come out the same."""
    run(_replay(world, fresh))


async def _replay(world: World, fresh: World) -> None:
    claims = tuple(PartitionClaim(p, Epoch(1, 0)) for p in range(world.partitions))
    for shard in range(fresh.store.shards):
        await fresh.store.claim(Claim(shard, claims))
    owned = {p: Ownership(p, Epoch(1, 0), NO_FLOOR, {}) for p in range(world.partitions)}
    metrics = Metrics()
    cache = BalanceCache(fresh.catalogues[1], 10_000)
    sessions = ShardSessions(fresh.store, cache)
    tags = iter(n.to_bytes(8, "big") for n in range(1, 1_000_000))
    charger = _replayer(sessions, tags, metrics)
    edits = list(world.edits)
    for number, (_, version, every) in enumerate(world.commits):
        while edits and edits[0][0] <= number:
            await _apply_edit(fresh.store, edits.pop(0)[1])
        # What belonged to nobody changed nothing, and by now it may be somebody's.
        places = [place for place in every if place not in world.nobodys]
        if not places:
            continue
        messages = [world.logs[p][offset] for p, offset, _ in places]
        if version != cache.catalogue.version:
            # Nothing of the other version is left, whatever a switch would keep.
            cache = BalanceCache(fresh.catalogues[version], 10_000)
            sessions = ShardSessions(fresh.store, cache)
            charger = _replayer(sessions, tags, metrics)
        decoded = decode_messages(
            message_columns(messages), cache.catalogue, SETTINGS.charging.message_bytes_max
        )
        await charger.charge(ChargedBatch(decoded, owned, version), owned)


async def _apply_edit(store: ModelStore, record: bytes) -> None:
    """Change a profile as it was changed; nobody moves in a world of one shard."""
    profile = unpack_profile(record)
    mover = Mover(store, b"replay", lambda: os.urandom(8))
    shard = min(s for s in range(store.shards) if profile.customer_id in store._shards[s].profiles)
    await mover.change_profile(profile.customer_id, shard, lambda _: profile)
    for identifier, entries in directory_of(profile, shard):
        (stored,) = await store.find_identifiers([identifier])
        after = with_customer(stored, profile.customer_id, tuple(one._replace(move_no=0) for one in entries))
        assert await store.swap_identifier(identifier, stored, after)


def _replayer(sessions: ShardSessions, tags: Iterator[bytes], metrics: Metrics) -> BatchCharger:
    return BatchCharger(sessions, decision_limits(SETTINGS.charging), b"replay", lambda: next(tags), metrics)
