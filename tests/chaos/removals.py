"""Shell. Moves families to other shards: `python -m tests.chaos.removals SETTINGS LINES` until TERM.

Killed in the middle of a move it leaves that to whoever finds it. Asked to end, it finishes every move that
was left half done.
"""

import asyncio
import os
import random
import sys

import msgspec

from balance_store.client import StoreClient
from balance_store.move_customers import Mover
from balance_store.requests import StoreMismatchError, StoreRefusesError, StoreUnreachableError
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.onboarding import Onboarded, onboard_lines
from tests.chaos.network import read_lines, until_term

PAUSE_S = 0.2


def families_of(customers: list[Onboarded]) -> list[frozenset[int]]:
    """Who is tied to whom, owners and members; those who are alone too."""
    tied: dict[int, set[int]] = {}
    for one in customers:
        customer_id = one.numbers.customer_id
        tied[customer_id] = {customer_id}
        for member in one.profile.memberships:
            tied[member.owner_customer_id].add(customer_id)
            tied[customer_id] = tied[member.owner_customer_id]
    return list({frozenset(some): None for some in tied.values()})


async def move_one(settings: Settings, family: frozenset[int], first_shard: int) -> None:
    """To any other shard than where they are."""
    store = await StoreClient.connect(settings.store)
    try:
        mover = Mover(store, b"removals", lambda: os.urandom(8))
        lives = await mover.locate(dict.fromkeys(family, first_shard))
        (source,) = set(lives.values())
        await mover.move(family, source, (source + random.randrange(1, store.shards)) % store.shards)
    finally:
        await store.close()


async def finish_all(settings: Settings, customers: list[Onboarded]) -> None:
    """Follow every mark, whoever left it half done."""
    store = await StoreClient.connect(settings.store)
    try:
        mover = Mover(store, b"removals", lambda: os.urandom(8))
        await mover.locate({one.numbers.customer_id: one.shard for one in customers})
    finally:
        await store.close()


async def work(settings: Settings, lines: list[dict]) -> None:
    """One family after the other; what fails is tried again with the next."""
    stop = await until_term()
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    customers, faults = onboard_lines(map(msgspec.json.encode, lines), catalogue, settings.store.shards)
    assert not faults, faults
    families, shards = families_of(customers), {one.numbers.customer_id: one.shard for one in customers}
    while True:
        try:
            if stop.is_set():
                await finish_all(settings, customers)
                return
            family = random.choice(families)
            await move_one(settings, family, shards[min(family)])
            print("moved", sorted(family), flush=True)
        except (StoreUnreachableError, StoreRefusesError, StoreMismatchError) as error:
            print(error, flush=True)
        await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    settings_file, lines_file = sys.argv[1:]
    asyncio.run(work(load_settings(settings_file, {}), read_lines(lines_file)))
