"""Shell. What every `charging balance` command needs: settings, catalogue, records, store, and the group meant."""

import asyncio
import getpass
import os
import sys
import time
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NoReturn

import msgspec
from cyclopts import Parameter
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from balance_store.client import StoreClient
from balance_store.group_record import unpack_group
from balance_store.one_door import GroupMissingError
from balance_store.requests import Load, StoreUnreachableError
from config.load import load_compiled_catalogue, load_settings
from customer_care.answer_view import AnswerView, RefusalView, answer_view
from customer_care.apply_command import CommandTools
from customer_care.commands import Answer, Command, GroupRef, Refusal
from customer_care.fault_reason import reason_of
from customer_care.find_group import By, NotFound, find_group
from customer_care.records import open_records, reading
from customer_care.run_command import BalanceDesk, run_command
from customer_care.show_balances import print_answer
from rating_kernels.tariff_table import Ints

REFUSED, NOT_DONE = 1, 2


@Parameter(name="*")
@dataclass(frozen=True)
class Look:
    """How a group is found and shown."""

    by: Annotated[By | None, Parameter(help="What WHO is, where it could be several things.")] = None
    json: Annotated[bool, Parameter(help="One JSON object, for programs.", negative="")] = False
    config: Annotated[str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML).")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Told(Look):
    """How a command is given."""

    id: Annotated[
        str | None,
        Parameter(
            help="The command's own id, made once: given again, the command is done once. Without it one is made and "
            "printed."
        ),
    ] = None


class OpenDesk:
    """Settings, catalogue and records, and the group that a person means."""

    def __init__(self, look: Look, who: str) -> None:
        self.look = look
        self.settings = load_settings(look.config, os.environ)
        self.catalogue = load_compiled_catalogue(self.settings.catalogue.directory)
        self.tools = CommandTools(self.catalogue, self.settings.charging.snapshots_max)
        self.engine = open_records(self.settings.records.url)
        self.zone = zoneinfo.ZoneInfo(self.catalogue.site.time_zone)
        self.now_us = time.time_ns() // 1000
        with reading(self.engine) as connection:
            found = find_group(connection, who, look.by, self.now_us)
        if isinstance(found, NotFound):
            if look.json:
                write_json({"status": "refused", "reason": found.name, "text": found.value})
            complain(f"{who!r}: {found.value}", REFUSED)
        self.group: GroupRef = found

    async def load_image(self) -> Ints:
        """The group as the store has it; raises GroupMissingError."""
        store = await StoreClient.connect(self.settings.store)
        try:
            answer = await store.load(Load(self.group.shard, None, (self.group.group_id,), ()))
        finally:
            await store.close()
        record = answer.records.groups[self.group.group_id]
        if record is None:
            raise GroupMissingError(
                f"the store has no balance group {self.group.group_id}: run `care publish`"
            )
        return unpack_group(record)

    async def run(self, command: Command, command_id: str) -> Answer | Refusal:
        """Do a command; raises what `run_command` raises."""
        store = await StoreClient.connect(self.settings.store)
        try:
            desk = BalanceDesk(self.engine, store, self.tools, getpass.getuser())
            return await run_command(desk, self.group, command, command_id, self.now_us)
        finally:
            await store.close()


def give(told: Told, who: str, command_of: Callable[[OpenDesk], Command]) -> None:
    """Find the group, do the command, print what became of it; status 1 where it was refused."""
    desk = OpenDesk(told, who)
    command = command_of(desk)
    command_id = uuid.uuid4().hex if told.id is None else told.id
    try:
        answer = asyncio.run(desk.run(command, command_id))
    except (StoreUnreachableError, SQLAlchemyError) as error:
        complain(
            f"{reason_of(error)}\nwhether it was done is not known: give the same command with --id {command_id}",
            NOT_DONE,
        )
    view = answer_view(desk.group, command, command_id, answer, desk.catalogue)
    _print(view, as_json=told.json)
    if isinstance(view, RefusalView):
        sys.exit(REFUSED)


def write_json(value: object) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def complain(text: str, status: int) -> NoReturn:
    """Say what is wrong on standard error, and end with a status."""
    sys.stderr.write(f"{text}\n")
    sys.exit(status)


def _print(view: AnswerView | RefusalView, *, as_json: bool) -> None:
    if as_json:
        write_json(view)
    else:
        print_answer(view, Console(stderr=isinstance(view, RefusalView), soft_wrap=True))
