"""Shell. A clerk of customer care: `python -m tests.chaos.desk SETTINGS LINES DESK JOURNAL` gives orders until TERM.

Killed and started again, a clerk goes on with the first order that is not in the journal, under the same id:
nobody knows whether it was done.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from balance_store.client import StoreClient
from balance_store.requests import StoreMismatchError, StoreRefusesError, StoreUnreachableError
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.apply_command import CommandTools
from customer_care.commands import Answer
from customer_care.find_group import find_group
from customer_care.records import open_records, reading
from customer_care.run_command import BalanceDesk, run_command
from tests.chaos.network import read_lines, until_term
from tests.chaos.workload import Order, order

PAUSE_S = 0.1


class Entry(msgspec.Struct):
    """An order that was answered."""

    command_id: str
    before: int
    after: int
    repeated: bool


def read_journal(path: Path) -> list[Entry]:
    """What was answered; a last line that a kill has cut is none."""
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [msgspec.json.decode(line, type=Entry) for line in whole.splitlines() if line]


def mend_journal(path: Path) -> int:
    """Cut off what a kill has left of a line, which was not answered; returns how many were."""
    entries = read_journal(path)
    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    return len(entries)


class Clerk:
    """Gives one order after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        catalogue = load_compiled_catalogue(settings.catalogue.directory)
        self._tools = CommandTools(catalogue, settings.charging.snapshots_max)
        self._engine = open_records(settings.records.url)

    async def give(self, one: Order) -> Answer:
        """Until it is known to be done, always under its id."""
        while True:
            try:
                store = await StoreClient.connect(self._settings.store)
                try:
                    return await self._give(store, one)
                finally:
                    await store.close()
            except (StoreUnreachableError, StoreRefusesError, StoreMismatchError, SQLAlchemyError) as error:
                print(f"{one.command_id}: {error}", flush=True)
                await asyncio.sleep(PAUSE_S)

    async def _give(self, store: StoreClient, one: Order) -> Answer:
        now_us = time.time_ns() // 1_000
        with reading(self._engine) as connection:
            group = find_group(connection, one.customer, "customer", now_us)
        desk = BalanceDesk(self._engine, store, self._tools, "clerk")
        answer = await run_command(desk, group, one.command, one.command_id, now_us)
        assert isinstance(answer, Answer), f"{one} was refused: {answer}"
        return answer


async def work(settings: Settings, lines: list[dict], desk: str, journal: Path) -> None:
    """Orders in turn; what is answered is in the journal before the next one is given."""
    stop = await until_term()
    clerk = Clerk(settings)
    number = mend_journal(journal)
    with open(journal, "ab", buffering=0) as file:  # noqa: ASYNC230  # a line to this machine's disk
        while not stop.is_set():
            one = order(lines, desk, number)
            answer = await clerk.give(one)
            entry = Entry(one.command_id, answer.before, answer.after, answer.repeated)
            file.write(msgspec.json.encode(entry) + b"\n")
            number += 1
            await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    settings_file, lines_file, desk_name, journal_file = sys.argv[1:]
    asyncio.run(work(load_settings(settings_file, {}), read_lines(lines_file), desk_name, Path(journal_file)))
