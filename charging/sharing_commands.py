"""Shell. `charging sharing`: who pays for whom (docs/SHARING.md).

Exit status: 0 done; 1 refused, nothing changed; 2 not asked: an argument, a file or the records; 3 recorded, but the
store does not know it yet (`care publish` goes on).
"""

import asyncio
import contextlib
import datetime
import getpass
import os
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import cyclopts
import msgspec
from cyclopts import Parameter
from sqlalchemy.exc import SQLAlchemyError

from balance_store.client import StoreClient
from balance_store.requests import StoreMismatchError, StoreRefusesError, StoreUnreachableError
from config.civil_time import local_midnight_us
from config.faults import ConfigError
from config.load import load_compiled_catalogue, load_settings
from config.settings import Settings
from customer_care.fault_reason import reason_of
from customer_care.publish import publish_waiting
from customer_care.records import RecordsError, open_records
from customer_care.sharing_desk import SharingDesk, read_sharing
from customer_care.sharing_rules import Refusal, status_at
from rating_kernels.group_image import INFINITE_US

DONE, REFUSED, NOT_ASKED, RECORDED = range(4)

Config = Annotated[str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML).")]
Json = Annotated[bool, Parameter(help="As JSON, for programs.")]
At = Annotated[str, Parameter(help="From when it counts: a day, or an instant with its zone; empty: now.")]
Priority = Annotated[int, Parameter(help="Of several groups of a member, the lowest is used first.")]


class InstantError(Exception):
    """What was given for --at is no instant."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"--at {text!r} is neither a day such as 2027-01-31 nor an instant such as 2027-01-31T10:00+01:00"
        )


app = cyclopts.App(name="sharing", help="Sharing groups: members use what the owner has.")


@app.command
def create(
    group: str,
    /,
    *,
    owner: str,
    subscription: str,
    policy: str,
    at: At = "",
    json: Json = False,
    config: Config = None,
) -> int:
    """Make a sharing group of an owner's subscription, under a policy of the catalogue."""
    return _do(
        config, at, lambda desk, at_us: desk.create(group, owner, subscription, policy, at_us), json=json
    )


@app.command
def edit(group: str, /, *, policy: str, json: Json = False, config: Config = None) -> int:
    """Give a group another policy, for every event that is charged from now on."""
    return _do(config, "", lambda desk, _: desk.edit(group, policy), json=json)


@app.command
def cancel(group: str, /, *, at: At = "", json: Json = False, config: Config = None) -> int:
    """End a group; events from before its end may still use the pool."""
    return _do(config, at, lambda desk, at_us: desk.cancel(group, at_us), json=json)


@app.command
def join(
    group: str,
    member: str,
    /,
    *,
    priority: Priority = 0,
    at: At = "",
    json: Json = False,
    config: Config = None,
) -> int:
    """Make a customer a member; they, and all who are tied to them, move to the owner's shard."""
    return _do(config, at, lambda desk, at_us: desk.join(group, member, priority, at_us), json=json)


@app.command
def edit_member(
    group: str, member: str, /, *, priority: Priority, json: Json = False, config: Config = None
) -> int:
    """Give a membership another priority."""
    return _do(config, "", lambda desk, _: desk.edit_member(group, member, priority), json=json)


@app.command
def leave(group: str, member: str, /, *, at: At = "", json: Json = False, config: Config = None) -> int:
    """End a membership; events from before its end may still use the pool, and nobody moves."""
    return _do(config, at, lambda desk, at_us: desk.leave(group, member, at_us), json=json)


@app.command
def show(group: str, /, *, json: Json = False, config: Config = None) -> int:
    """Show a group, its owner, its policy and all who are or were members."""
    with _asking(json=json):
        settings = load_settings(config, os.environ)
        zone = zoneinfo.ZoneInfo(load_compiled_catalogue(settings.catalogue.directory).site.time_zone)
        found = read_sharing(open_records(settings.records.url), group)
    if isinstance(found, Refusal):
        return _refused(found, json=json)
    pool, joined, code_of = found
    members = [
        {
            "member": code_of[one.customer_id],
            "priority": one.priority,
            "from": _instant(one.valid_from_us, zone),
            "to": _instant(min(one.valid_to_us, pool.valid_to_us), zone),
        }
        for one in joined
    ]
    view = {
        "group": pool.code,
        "owner": code_of[pool.owner_customer_id],
        "policy": pool.policy,
        "status": status_at(pool, time.time_ns() // 1000),
        "from": _instant(pool.valid_from_us, zone),
        "to": _instant(pool.valid_to_us, zone),
        "members": members,
    }
    if json:
        _write_json(view)
        return DONE
    _say(
        f"{view['group']}: {view['policy']} of {view['owner']}, {view['status']}, {view['from']} to {view['to']}"
    )
    for member in members:
        _say(f"  {member['member']}: priority {member['priority']}, {member['from']} to {member['to']}")
    return DONE


def _do(
    config: str | None, at: str, command: Callable[[SharingDesk, int], Refusal | None], *, json: bool
) -> int:
    with _asking(json=json):
        settings = load_settings(config, os.environ)
        catalogue = load_compiled_catalogue(settings.catalogue.directory)
        now_us = time.time_ns() // 1000
        desk = SharingDesk(
            open_records(settings.records.url),
            catalogue,
            settings.store.tied_customers_max,
            getpass.getuser(),
            lambda: now_us,
        )
        refusal = command(desk, _at_us(at, now_us, catalogue.site.time_zone))
    if refusal is not None:
        return _refused(refusal, json=json)
    try:
        asyncio.run(_publish(desk, settings))
    except (StoreUnreachableError, StoreMismatchError, StoreRefusesError, SQLAlchemyError) as error:
        return _not_done(RECORDED, reason_of(error), json=json)
    if json:
        _write_json({"done": True})
    else:
        _say("done")
    return DONE


@contextlib.contextmanager
def _asking(*, json: bool) -> Iterator[None]:
    """What keeps a command from being asked, or from being recorded, is said and ends it."""
    try:
        yield
    except (ConfigError, RecordsError, SQLAlchemyError, InstantError, OSError) as error:
        sys.exit(_not_done(NOT_ASKED, reason_of(error), json=json))


async def _publish(desk: SharingDesk, settings: Settings) -> None:
    store = await StoreClient.connect(settings.store)
    try:
        await publish_waiting(desk.engine, store)
    finally:
        await store.close()


def _at_us(text: str, now_us: int, zone: str) -> int:
    """The instant that a person means: a day begins at the site's midnight. Raises InstantError."""
    if not text:
        return now_us
    try:
        if len(text) == len("2027-01-31"):
            return local_midnight_us(datetime.date.fromisoformat(text), zone)
        at = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise InstantError(text) from error
    if at.tzinfo is None:
        raise InstantError(text)
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)


def _instant(at_us: int, zone: zoneinfo.ZoneInfo) -> str:
    if at_us == INFINITE_US:
        return "no end"
    whole_s, rest_us = divmod(at_us, 1_000_000)
    at = datetime.datetime.fromtimestamp(whole_s, zone) + datetime.timedelta(microseconds=rest_us)
    return at.isoformat()


def _refused(refusal: Refusal, *, json: bool) -> int:
    if json:
        _write_json({"done": False, "refusal": refusal.name, "reason": refusal.value})
    _complain(f"refused: {refusal.value}")
    return REFUSED


def _not_done(status: int, reason: str, *, json: bool) -> int:
    """Say why a command is not done, or is done in the records only; gives the status."""
    recorded = status == RECORDED
    if json:
        _write_json({"done": False, "recorded": recorded, "reason": reason})
    if recorded:
        _complain(f"recorded, but the store does not know it yet: {reason}\nrun `care publish`")
    else:
        _complain(reason)
    return status


def _write_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
