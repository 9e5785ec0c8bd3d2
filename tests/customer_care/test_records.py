"""Programs that use the same records at the same time, in each kind of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from customer_care.import_file import Desk, import_lines
from customer_care.records import RecordsError, open_records, reading, writing
from customer_care.tables import customers, schema_version
from tests.customer_care.example_lines import file_of, line
from tests.rating_kernels.sample_world import SAMPLE

PROGRAMS, LINES = 4, 20
NOW_US = 1_790_805_600_000_000


@pytest.fixture
def engine(records_url):
    engine = open_records(records_url)
    yield engine
    engine.dispose()


def test_programs_that_open_new_records_at_once_make_the_tables_once(records_url):
    with ThreadPoolExecutor(PROGRAMS) as programs:
        engines = list(programs.map(open_records, [records_url] * PROGRAMS))
    with reading(engines[0]) as connection:
        assert connection.execute(select(func.count()).select_from(schema_version)).scalar_one() == 1
    for engine in engines:
        engine.dispose()


def test_a_reader_sees_one_state(engine):
    with reading(engine) as connection:
        count = select(func.count()).select_from(customers)
        assert connection.execute(count).scalar_one() == 0
        take(engine, 1)
        assert connection.execute(count).scalar_one() == 0
    with reading(engine) as connection:
        assert connection.execute(count).scalar_one() == 1


def take(engine, *numbers: int) -> None:
    desk = Desk(SAMPLE, 2, 4_000, "tester", lambda: NOW_US)
    reports = list(import_lines(file_of(*map(line, numbers)), engine, desk))
    assert not [fault for report in reports for fault in report.faults]


def test_imports_at_the_same_time_give_each_customer_numbers_of_their_own(engine):
    def import_some(program: int) -> None:
        for number in range(LINES):
            take(engine, 1 + program * LINES + number)

    with ThreadPoolExecutor(PROGRAMS) as programs:
        list(programs.map(import_some, range(PROGRAMS)))
    with reading(engine) as connection:
        ids = connection.execute(select(customers.c.id).order_by(customers.c.id)).scalars().all()
    assert len(ids) == len(set(ids)) == PROGRAMS * LINES


def test_records_of_another_version_are_refused(engine, records_url):
    with writing(engine) as connection:
        connection.execute(update(schema_version).values(version=1_000))
    with pytest.raises(RecordsError, match="schema version 1000"):
        open_records(records_url)


def test_a_server_that_is_away_is_said_with_its_address(postgres):
    host, _, _ = postgres.new_database().rpartition(":")
    with pytest.raises(RecordsError, match=r"127\.0\.0\.1"):
        open_records(f"{host}:1/records")
