"""Shell. `make chaos`: real processes under load are killed and paused, the store's disk fills; then all must be right.

    python -m tests.chaos.run [--kills 100] [--minutes 20] [--seed 1] [--rate 1000] [--keep DIR]

What must be right, and what this cannot see: docs/PROOFS.md. The last line is `kills N, events N, commands N, lost N,
twice N, wrong N`; status 1 unless the last three are 0, and then the folder of the run is kept.
"""

import asyncio
import datetime
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import cyclopts
import msgspec
from redis.asyncio import Redis

from balance_store.deployment import create
from charging.embedded_processes import start_child, stop_child
from charging.server_plan import valkey_arguments
from charging.servers import valkey_binary
from charging.topics import create_topics
from config.load import load_settings
from config.settings import Settings
from tests.balance_store.own_valkey import until_it_answers
from tests.chaos.cast import Cast, python
from tests.chaos.desk import Entry, read_journal
from tests.chaos.evidence import Published, chunks_of, read_groups, read_published, read_usage
from tests.chaos.network import read_lines
from tests.chaos.replay import Replay
from tests.chaos.store_log import commits_of
from tests.chaos.storm import SESSION_MS, Storm
from tests.chaos.verdict import (
    Verdict,
    judge_balances,
    judge_calm,
    judge_commands,
    judge_events,
    judge_records,
)
from tests.chaos.workload import events_of_others, identifiers_of_commanded, lines_of, order

DAEMONS = 3
CUSTOMERS = 160
START_S, DRAIN_S = 60, 180


def settings_text(cast: Cast, store_url: str, prefix: str) -> str:
    """Settings of a run; all runs read one usage topic, each writes its own output."""
    topics = ", ".join(f'{name} = "{prefix}{name}"' for name in ("rated", "notifications", "rejected"))
    return (
        f'[kafka]\nbootstrap = "{cast.bootstrap}"\ngroup_id = "{prefix}charging"\npartitions = 6\n'
        f'session_timeout_ms = {SESSION_MS}\ntopics = {{ usage = "usage", {topics} }}\n'
        f'[store]\nurl = "{store_url}"\nshards = 4\ntimeout_ms = 2000\n'
        f'[records]\nurl = "sqlite:///{cast.directory}/{prefix}records.sqlite"\n'
        "[charging]\nhorizon_hours = 0\nahead_seconds = 0\nsweep_seconds = 1\nbatch_events_max = 2000\n"
        '[http]\nport = 0\n[log]\nlevel = "info"\n'
    )


def prepare(cast: Cast, settings_file: Path, text: str) -> Settings:
    """Topics, shards and customers of one run."""
    settings_file.write_text(text)
    settings = load_settings(str(settings_file), {})
    asyncio.run(create_topics(settings.kafka))
    asyncio.run(create(settings.store))
    cast.run(
        *python(
            "customer_care.command_line:main", "import", str(cast.lines_file), "--config", str(settings_file)
        )
    )
    return settings


def come_to_rest(cast: Cast) -> dict[str, Entry]:
    """The network and customer care end their day; what was answered to whom."""
    # Who was started a moment ago does not hear TERM as a request yet.
    cast.wait_for_signs_of_life(START_S)
    wrong = {
        part: cast.stop(part) for part in ("network", *(one.stem for one in cast.desks.values()), "mover")
    }
    assert not any(wrong.values()), f"ended with {wrong}"
    cast.finish_errand()
    journals = {entry.command_id: entry for path in cast.desks.values() for entry in read_journal(path)}
    for one in cast.errands:
        journals[one["id"]] = Entry(one["id"], _units(one["before"]), _units(one["after"]), one["repeated"])
    return journals


def _units(text: str) -> int:
    """Decimal text of a resource with six decimals, in its stored unit."""
    return int(Decimal(text).scaleb(6))


def ask_again(cast: Cast, journals: dict[str, Entry], verdict: Verdict) -> None:
    """The last command of every desk, typed once more: done before, with the answer of then."""
    lines = read_lines(str(cast.lines_file))
    for desk in (*cast.desks, cast.errand_desk):
        number = sum(name.startswith(f"{desk}-") for name in journals) - 1
        one = order(lines, desk, number)
        done = subprocess.run(cast.typed(one), capture_output=True, text=True, check=True, cwd=cast.directory)
        answer = msgspec.json.decode(done.stdout)
        said = Entry(answer["id"], _units(answer["before"]), _units(answer["after"]), repeated=True)
        first = journals[one.command_id]
        if not answer["repeated"] or (said.before, said.after) != (first.before, first.after):
            verdict.wrong.append(f"asked again, {one.command_id} said {answer}, at first {first}")


def undisturbed(
    cast: Cast, events: int, group_ids: tuple[int, ...]
) -> tuple[dict[int, list[bytes]], Published]:
    """One daemon and a store of their own read the same usage, and nothing happens to them."""
    directory = cast.directory / "calm"
    directory.mkdir()
    socket = directory / "valkey.sock"
    store = start_child(
        [valkey_binary(), *valkey_arguments(str(directory), str(socket))], directory / "store.log", directory
    )
    settings_file = directory / "settings.toml"
    text = settings_text(cast, f"unix://{socket}", "calm-")
    settings_file.write_text(text)
    asyncio.run(until_it_answers(Redis(unix_socket_path=str(socket))))
    settings = prepare(cast, settings_file, text)
    command = python("charging.command_line:main", "run", "--config", str(settings_file))
    daemon = start_child(command, directory / "daemon.log", directory)
    try:
        published = asyncio.run(read_published(settings.kafka, events, DRAIN_S))
        groups = asyncio.run(read_groups(settings.store, group_ids))
    finally:
        stop_child(daemon, START_S)
        stop_child(store, START_S)
    return groups, published


def verify(cast: Cast, verdict: Verdict) -> None:
    """What the store's own tool says of it: sums, directory, nobody left half way."""
    asked = python("charging.command_line:main", "store", "verify", "--config", str(cast.settings_file))
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=cast.directory)
    if done.returncode != 0:
        verdict.wrong.append(f"`charging store verify`: {done.stdout}{done.stderr}")


def judge(cast: Cast, settings: Settings, journals: dict[str, Entry], ended_ms: int) -> Verdict:
    """Look at all that is left; the daemons go on until everything is published, or for DRAIN_S."""
    verdict = Verdict()
    ask_again(cast, journals, verdict)
    logs = asyncio.run(read_usage(settings.kafka))
    events = sum(map(len, logs.values()))
    published = asyncio.run(read_published(settings.kafka, events, DRAIN_S))
    in_time = sum(at <= ended_ms for (kind, _), at in published.first_ms.items() if kind != "notifications")
    print(
        f"{events} events, {in_time} of them published while processes died, {published.copies} records again"
    )
    verdict.wrong += [
        f"{part} ended with {code}" for part in cast.parts("daemon") if (code := cast.stop(part))
    ]
    lines = read_lines(str(cast.lines_file))
    orders = [
        order(lines, desk, n) for desk in (*cast.desks, cast.errand_desk) for n in range(len(journals) + 1)
    ]
    replay = Replay(settings, logs, orders)
    customers = tuple(range(1, 1 + len(lines)))
    groups = asyncio.run(read_groups(settings.store, customers))
    verify(cast, verdict)
    cast.stop("store")
    replay.run(commits_of(chunks_of(cast.log_files())))
    judge_events(verdict, logs, replay)
    judge_records(verdict, published, replay)
    judge_commands(verdict, journals, replay)
    judge_balances(verdict, groups, replay)
    calm_groups, calm = undisturbed(cast, events, tuple(groups))
    identifiers = identifiers_of_commanded(lines)
    left_alone = events_of_others(logs, identifiers)
    judge_calm(verdict, calm_groups, calm, replay, replay.groups_of(identifiers), left_alone)
    return verdict


def chaos(directory: Path, *, kills: int, minutes: float, seed: int, rate: int) -> tuple[Storm, Verdict]:
    """A whole run in a folder."""
    today = datetime.datetime.now(datetime.UTC).date()
    lines = lines_of(CUSTOMERS, str(today - datetime.timedelta(days=1)))
    cast = Cast(directory, b"".join(msgspec.json.encode(line) + b"\n" for line in lines), DAEMONS, rate, seed)
    try:
        cast.start("broker")
        cast.start("store")
        cast.wait_for_broker()
        asyncio.run(until_it_answers(Redis.from_url(cast.store_url)))
        settings = prepare(cast, cast.settings_file, settings_text(cast, cast.store_url, ""))
        for part in cast.clients():
            cast.start(part)
        cast.wait_for_daemons(START_S)
        storm = Storm(cast, settings.kafka.partitions)
        storm.rage(seed, kills, minutes)
        print(
            f"killed {dict(storm.kills)}, paused {storm.pauses} daemons, filled the disk {cast.full_disks} times"
        )
        print(f"ended by themselves: {dict(cast.ended_alone) or 'none'}")
        verdict = judge(cast, settings, come_to_rest(cast), storm.ended_ms)
    finally:
        cast.stop_all()
    return storm, verdict


def main(
    *, kills: int = 100, minutes: float = 20.0, seed: int = 1, rate: int = 1_000, keep: Path | None = None
) -> None:
    """Kill, pause and fill, then look.

    Parameters
    ----------
    kills
        How many processes are killed, at least.
    minutes
        No longer than this, whatever the number of kills.
    rate
        Events a second.
    keep
        A folder for the run, which stays.
    """
    directory = keep or Path(tempfile.mkdtemp(prefix="chargeline-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        storm, verdict = chaos(directory.resolve(), kills=kills, minutes=minutes, seed=seed, rate=rate)
    except BaseException:
        print(f"the evidence is in {directory}")
        raise
    for finding in verdict.findings():
        print(finding)
    if keep is None and verdict.holds:
        shutil.rmtree(directory)
    else:
        print(f"the evidence is in {directory}")
    counts = f"lost {len(verdict.lost)}, twice {len(verdict.twice)}, wrong {len(verdict.wrong)}"
    print(f"kills {storm.kills.total()}, events {verdict.events}, commands {verdict.commands}, {counts}")
    sys.exit(not verdict.holds)


if __name__ == "__main__":
    cyclopts.run(main)
