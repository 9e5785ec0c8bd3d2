"""Commands through the real store and into the records: once, whatever is lost, and undisturbed by usage."""

import asyncio

import pytest
from sqlalchemy import select

from balance_store.client import StoreClient
from balance_store.deployment import create
from balance_store.group_record import unpack_group
from balance_store.one_door import GroupMissingError
from balance_store.requests import Load
from config.settings import Store
from customer_care import tables
from customer_care.activity_records import activities, recorded_command
from customer_care.commands import Adjust, Answer, Close, Grant, Refusal, SetCreditProfile, TopUp
from customer_care.find_group import NotFound, find_group
from customer_care.import_file import Desk, import_lines
from customer_care.publish import publish_waiting
from customer_care.records import open_records, reading, writing
from customer_care.run_command import BalanceDesk, run_command
from rating_kernels.balances import total_valid
from tests.customer_care.command_world import CALLS, PEOPLE, TOOLS, at, units
from tests.customer_care.example_lines import file_of, line
from tests.customer_care.test_apply_command import DONE, SCENARIOS
from tests.rating_kernels.sample_world import SAMPLE

SHARDS = 2
TIED_MAX = 4_000
DAY = "2026-10-05"


@pytest.fixture
def engine(records_url):
    """The records of C1, C2 and C3."""
    engine = open_records(records_url)
    desk = Desk(SAMPLE, SHARDS, TIED_MAX, "tester", lambda: at(DAY))
    assert not [fault for report in import_lines(file_of(*PEOPLE), engine, desk) for fault in report.faults]
    yield engine
    engine.dispose()


class Live:
    """The real store with these customers, and commands on them."""

    def __init__(self, engine, settings):
        self.engine = engine
        self.settings = settings

    def __call__(self, play):
        """Run a coroutine function of (self) on a connection of its own."""

        async def run():
            self.store = await StoreClient.connect(self.settings)
            try:
                return await play()
            finally:
                await self.store.close()

        return asyncio.run(run())

    def group(self, who, day=DAY):
        with reading(self.engine) as connection:
            return find_group(connection, who, None, at(day))

    async def do(self, who, command, command_id, day=DAY):
        desk = BalanceDesk(self.engine, self.store, TOOLS, "ana")
        return await run_command(desk, self.group(who), command, command_id, at(day))

    async def total(self, who, resource, day):
        group = self.group(who)
        loaded = await self.store.load(Load(group.shard, None, (group.group_id,), ()))
        image = unpack_group(loaded.records.groups[group.group_id])
        return int(total_valid(image, 0, SAMPLE.resources[resource].id, at(day)))

    def log(self):
        with reading(self.engine) as connection:
            return [one for one in activities(connection, self.group("C1").customer_id, 99) if one.command_id]


@pytest.fixture
def live(engine, store_url):
    settings = Store(url=store_url, shards=SHARDS)
    asyncio.run(create(settings))
    made = Live(engine, settings)
    made(lambda: publish_waiting(engine, made.store))
    return made


LIVE = [
    row
    for row in SCENARIOS
    if row[0].startswith(
        ("prepaid money", "free data", "goodwill", "a correction", "groups that", "and its next", "what exp")
    )
]


@pytest.mark.parametrize(
    ("who", "steps", "outcome", "resource", "after"), [row[1:] for row in LIVE], ids=[row[0] for row in LIVE]
)
def test_scenarios_through_the_real_store(live, who, steps, outcome, resource, after):
    async def play():
        for number, (command, day) in enumerate(steps):
            answer = await live.do(who, command, f"#{number}", day)
        assert (DONE if isinstance(answer, Answer) else answer) == outcome
        assert await live.total(who, resource, steps[-1][1]) == units(resource, after)

    live(play)


def test_many_at_once_are_each_done_once(live):
    async def play():
        answers = await asyncio.gather(
            *(live.do("C1", TopUp("EUR", -1_000_000), f"#{number % 10}") for number in range(20))
        )
        assert sum(not one.repeated for one in answers) == 10
        assert await live.total("C1", "EUR", DAY) == -10_000_000
        assert sorted(one.command_id for one in live.log()) == [f"#{number}" for number in range(10)]

    live(play)


def test_what_the_group_has_forgotten_the_records_know(live):
    async def play():
        first = await live.do("C1", TopUp("EUR", -1_000_000), "first")
        for number in range(40):
            await live.do("C1", TopUp("EUR", -1_000_000), f"#{number}")
        again = await live.do("C1", TopUp("EUR", -1_000_000), "first")
        assert again.repeated
        assert again.after == first.after
        assert await live.do("C2", TopUp("EUR", -1_000_000), "first") is Refusal.COMMAND_ID_USED
        assert await live.total("C1", "EUR", DAY) == -41_000_000

    live(play)


def test_records_follow_a_profile_and_a_closing(live):
    async def play():
        await live.do("C1", SetCreditProfile("", "prepaid"), "profile")
        await live.do("C1", Close(), "close")
        with reading(live.engine) as connection:
            table = tables.balance_groups
            row = connection.execute(select(table).where(table.c.id == live.group("C1").group_id)).one()
        assert (row.credit_profile, row.valid_to_us) == ("", at(DAY))

    live(play)


def test_no_id_no_command(live):
    async def play():
        assert await live.do("C1", TopUp("EUR", -1), "") is Refusal.BAD_COMMAND_ID
        assert live.log() == []

    live(play)


def test_a_customer_who_is_not_published_is_said(engine, store_url):
    settings = Store(url=store_url, shards=SHARDS)
    asyncio.run(create(settings))
    live = Live(engine, settings)
    with pytest.raises(GroupMissingError, match="care publish"):
        live(lambda: live.do("C1", TopUp("EUR", -1), "early"))
    assert live.log() == []


def test_every_command_is_read_back_as_it_was_recorded(live):
    commands = [
        TopUp("EUR", -5_000_000, at("2026-12-01"), 3),
        Grant("EUR", -1, "cycle"),
        Adjust("EUR", 1, booking=CALLS, tax_supplier="Alpha"),
        SetCreditProfile("standard", "prepaid"),
        Close(),
    ]

    async def play():
        for number, command in enumerate(commands):
            answer = await live.do("C1", command, f"#{number}")
            with reading(live.engine) as connection:
                found = recorded_command(connection, f"#{number}")
            assert (found.command, found.answer) == (command, answer)

    live(play)


def test_a_name_of_several_things_must_be_said_closer(engine):
    """C1 has group 1; a customer who is called 2, and one who has two groups."""
    desk = Desk(SAMPLE, SHARDS, TIED_MAX, "tester", lambda: at(DAY))
    assert not [f for r in import_lines(file_of(line(4, customer="2")), engine, desk) for f in r.faults]
    with writing(engine) as connection:
        group = connection.execute(select(tables.balance_groups).limit(1)).mappings().one()
        connection.execute(tables.balance_groups.insert(), dict(group) | {"id": 99, "name": "second"})
    with reading(engine) as connection:
        assert find_group(connection, "2", None, at(DAY)) is NotFound.SEVERAL
        assert find_group(connection, "2", "group", at(DAY)).customer == "C2"
        assert find_group(connection, "2", "customer", at(DAY)).customer == "2"
        assert find_group(connection, "C1", None, at(DAY)) is NotFound.SEVERAL
        assert find_group(connection, "99", None, at(DAY)).group_id == 99
        assert find_group(connection, "+436600000001", None, at("2026-09-30")) is NotFound.NOBODY
        assert find_group(connection, "+436600000001", None, at(DAY)).group_id == 1


def test_records_of_the_version_before_are_brought_up_to_date(tmp_path):
    url = f"sqlite:///{tmp_path}/old.sqlite"
    engine = open_records(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP INDEX uq_sharing_memberships_active")
        connection.exec_driver_sql("DROP INDEX uq_activity_log_command_id")
        connection.exec_driver_sql("ALTER TABLE activity_log DROP COLUMN command_id")
        connection.execute(tables.schema_version.update().values(version=2))
        connection.exec_driver_sql(
            "INSERT INTO activity_log (at_us, actor, action, before, after) VALUES (1, 'a', 'kept', '', '')"
        )
    engine.dispose()
    engine = open_records(url)
    with reading(engine) as connection:
        (row,) = connection.execute(select(tables.activity_log)).all()
        assert (row.action, row.command_id) == ("kept", None)
        version = connection.execute(select(tables.schema_version.c.version)).scalar_one()
    assert version == tables.SCHEMA_VERSION
    engine.dispose()
