"""Two daemons and one pool: exact whatever contends, both get their part, and the last unit goes to one member."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from balance_store.client import StoreClient
from balance_store.one_door import change_groups
from bench.pool_run import after_use, amounts_of, ends_of_rated, shared_work, wait_for_owners, written_from
from bench.pool_workload import MONTH_US, RESOURCE, pool_events, pool_lines
from config.load import SAMPLE_DIRECTORY
from customer_care.apply_command import CommandTools
from customer_care.commands import Answer, Grant, command_hash
from rating_kernels.outcomes import Outcome
from tests.charging.deployment import Deployment

pytestmark = [pytest.mark.live, pytest.mark.slow]

DAEMONS = 2
MEMBERS = 1_000
FIRST, EVENTS = 20_000, 100_000
MEGABYTES = 10_000_000
# However long usage takes to be sent while the daemons wait, they keep their partitions.
SESSION_MS = 45_000
# A race: each member asks for the last megabyte at once.
RACES = 3
MEGABYTE = 1_000_000


class Pool:
    """One pool and two daemons that wait for usage together."""

    def __init__(self, directory: Path, servers, url: str, prefix: str, megabytes: int, catalogue: str = ""):
        self.deployment = Deployment(
            directory, servers, url, prefix, catalogue, session_timeout_ms=SESSION_MS
        )
        self.deployment.create(map(msgspec.json.encode, pool_lines(MEMBERS, megabytes)))
        self.kafka = self.deployment.settings.kafka
        self.logs = [directory / f"daemon-{number}.log" for number in range(DAEMONS)]
        self.daemons = [self.deployment.start_daemon(log) for log in self.logs]

    def charge(self, events: list[dict]) -> None:
        """Both daemons find all of it when they are let go."""
        for daemon in self.daemons:
            daemon.send_signal(signal.SIGSTOP)
        try:
            self.deployment.send(
                (event["service"].encode(), msgspec.json.encode(event), [], None) for event in events
            )
        finally:
            for daemon in self.daemons:
                daemon.send_signal(signal.SIGCONT)

    def amounts(self):
        return asyncio.run(amounts_of(self.deployment.settings, self.deployment.customers))

    def stop(self) -> list[int]:
        return [self.deployment.stop_daemon(daemon) for daemon in self.daemons]


def test_two_daemons_charge_one_pool_to_the_byte_and_each_gets_its_part(
    tmp_path, live_servers, store_url, topic_prefix
):
    pool = Pool(tmp_path, live_servers, store_url, topic_prefix, MEGABYTES)
    try:
        before = pool.amounts()
        owners = wait_for_owners(pool.logs, pool.kafka.partitions)
        # The first ones fill the caches, which one of the two may be quicker with.
        first, events = (
            list(pool_events(MEMBERS, count, name)) for name, count in (("first", FIRST), ("pool", EVENTS))
        )
        pool.charge(first)
        pool.deployment.read("rated", FIRST)
        start = asyncio.run(ends_of_rated(pool.kafka))
        pool.charge(events)
        moments = asyncio.run(written_from(pool.kafka, start, EVENTS))
        assert pool.amounts() == after_use(before, [*first, *events])
        assert set(owners.values()) == set(range(DAEMONS))
        # Nobody starves: without the reservation for the refused one of two got next to nothing.
        assert shared_work(moments, owners).balance > 0.5
    finally:
        assert pool.stop() == [0] * DAEMONS


def denying_catalogue(directory: Path) -> str:
    """The sample, except that a member is denied what the pool has not."""
    directory.mkdir()
    for file in SAMPLE_DIRECTORY.glob("*.toml"):
        text = file.read_text()
        (directory / file.name).write_text(
            text.replace('when_exhausted = "spill"', 'when_exhausted = "deny"')
        )
    return str(directory)


def grant_a_megabyte(deployment: Deployment, command_id: str) -> None:
    """The owner is given one more, through the one door."""
    owner = deployment.customers[0]
    tools = CommandTools(deployment.catalogue, deployment.settings.charging.snapshots_max)
    command = Grant(RESOURCE, -MEGABYTE, "infinite")

    async def grant():
        store = await StoreClient.connect(deployment.settings.store)
        answers = await change_groups(
            store,
            owner.shard,
            {owner.numbers.group_id: owner.numbers.customer_id},
            lambda _, image, profile: tools.apply(
                command, command_hash(command_id), image, profile, MONTH_US + 1
            ),
            deployment.catalogue.version,
            os.urandom(8),
        )
        await store.close()
        return answers[owner.numbers.group_id]

    assert isinstance(asyncio.run(grant()), Answer)


def test_a_thousand_members_race_for_the_last_unit_and_one_gets_it(
    tmp_path, live_servers, store_url, topic_prefix
):
    catalogue = denying_catalogue(tmp_path / "catalogue")
    pool = Pool(tmp_path, live_servers, store_url, topic_prefix, 1, catalogue)
    deployment = pool.deployment
    try:
        wait_for_owners(pool.logs, pool.kafka.partitions)
        for race in range(RACES):
            everybody = {
                event["service"]: event for event in pool_events(MEMBERS, 20 * MEMBERS, f"race-{race}")
            }
            assert len(everybody) == MEMBERS
            pool.charge([event | {"quantity": 1} for event in everybody.values()])
            records = deployment.read("rated", (race + 1) * MEMBERS)
            outcomes = Counter(record["outcome"] for record in records)
            assert outcomes == {
                Outcome.CHARGED: race + 1,
                Outcome.DENIED_SHARING: (race + 1) * (MEMBERS - 1),
            }
            amounts = pool.amounts()
            assert not any(any(of_all.values()) for code, of_all in amounts.items() if code == RESOURCE)
            grant_a_megabyte(deployment, f"one more {race}")
    finally:
        assert pool.stop() == [0] * DAEMONS
