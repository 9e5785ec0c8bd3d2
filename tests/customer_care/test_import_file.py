"""Customers into the records and on to the store: once, whatever crashes."""

import asyncio
import itertools

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from balance_store.group_record import unpack_group
from balance_store.model import ModelStore
from balance_store.profile_record import unpack_profile
from balance_store.requests import Commit, CommitStatus, DirectoryEntry, Load, Records, StoreUnreachableError
from config.load import load_compiled_catalogue
from customer_care import tables
from customer_care.import_file import Desk, import_lines
from customer_care.publish import publish_waiting
from customer_care.records import RecordsError, open_records, reading, waiting_count, writing
from rating_kernels.group_image import H_CUSTOMER_ID
from tests.customer_care.example_lines import file_of, line, mandate, member, owner

SHARDS = 4
TIED_MAX = 4_000
NOW_US = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def catalogue():
    return load_compiled_catalogue("")


@pytest.fixture
def engine(records_url):
    engine = open_records(records_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store():
    ticks = itertools.count()
    return ModelStore(SHARDS, clock_ms=lambda: next(ticks))


class Care:
    """What a person does with `care`."""

    def __init__(self, engine, catalogue):
        self.engine = engine
        self.desk = Desk(catalogue, SHARDS, TIED_MAX, "tester", lambda: NOW_US)

    def take(self, *lines):
        reports = list(import_lines(file_of(*lines), self.engine, self.desk))
        return (
            sum(one.new for one in reports),
            sum(one.changed for one in reports),
            sum(one.unchanged for one in reports),
            [str(fault) for one in reports for fault in one.faults],
        )

    def rows(self, table, *columns):
        with reading(self.engine) as connection:
            names = [table.c[name] for name in columns]
            return [tuple(row) for row in connection.execute(select(*names).order_by(*table.primary_key))]

    def counts(self):
        with reading(self.engine) as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables.metadata.sorted_tables
            }

    def publish(self, store):
        return asyncio.run(publish_waiting(self.engine, store))


@pytest.fixture
def care(engine, catalogue):
    return Care(engine, catalogue)


def stored(store, shard, group_ids=(), profile_ids=()) -> Records:
    return asyncio.run(store.load(Load(shard, None, group_ids, profile_ids))).records


class CrashError(Exception):
    """The process is gone."""


class CrashingStore:
    """A store whose caller dies, or loses the answer, at a call of its own choice."""

    def __init__(self, store, crash_at):
        self._store = store
        self._calls = itertools.count()
        self._crash_at = crash_at
        self.shards = store.shards
        self.group_schema = store.group_schema
        self.crashed = False

    async def _step(self):
        if next(self._calls) == self._crash_at:
            self.crashed = True
            raise CrashError

    async def load(self, load):
        await self._step()
        return await self._store.load(load)

    async def commit(self, commit):
        await self._step()
        answer = await self._store.commit(commit)
        await self._step()
        return answer

    async def settle(self, shard):
        await self._store.settle(shard)

    async def find_identifiers(self, identifiers):
        await self._step()
        return await self._store.find_identifiers(identifiers)

    async def swap_identifier(self, identifier, before, after):
        await self._step()
        swapped = await self._store.swap_identifier(identifier, before, after)
        await self._step()
        return swapped


# Records ---------------------------------------------------------------------------------------------


def test_a_new_customer_has_an_active_bill_and_the_next_one_inactive(care):
    assert care.take(line(1)) == (1, 0, 0, [])
    bills = care.rows(tables.bills, "status", "cycle_no", "period_start_us", "period_end_us", "number")
    (active, inactive) = bills
    assert (active[0], active[1], inactive[0], inactive[1]) == ("active", 1, "inactive", 2)
    assert active[3] == inactive[2]
    assert active[4] is inactive[4] is None


def test_a_billing_profile_cannot_have_two_active_bills(care, engine):
    care.take(line(1))
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(update(tables.bills).values(status="active"))


def test_importing_again_changes_nothing(care):
    file = [owner(1, "A"), member(2, "A"), line(3, payment=mandate(3), hierarchy={"owns": "H"})]
    assert care.take(*file) == (3, 0, 0, [])
    before = care.counts()
    assert care.take(*file) == (0, 0, 3, [])
    assert care.counts() == before


def test_good_lines_are_kept_beside_bad_ones_and_no_number_is_lost(care):
    new, _, _, faults = care.take(line(1), line(2, type=""), line(3), member(4, "NONE"))
    assert new == 2
    assert faults == [
        "line 2: type: is empty",
        "line 4: member_of: there is no sharing group 'NONE'; its owner must come earlier",
    ]
    assert care.rows(tables.customers, "id", "code") == [(1, "C1"), (2, "C3")]
    care.take(line(5))
    assert care.rows(tables.customers, "id", "code")[-1] == (3, "C5")


def test_contact_and_payment_may_change_and_leave_an_activity_record(care):
    care.take(line(1, payment=mandate(1)))
    other = mandate(1, iban="DE89370400440532013000", code="M1b")
    assert care.take(line(1, payment=other, email="new@x.example")) == (0, 1, 0, [])
    assert care.rows(tables.customers, "email") == [("new@x.example",)]
    assert care.rows(tables.mandates, "code", "status", "valid_to_us")[0] == ("M1", "stopped", NOW_US)
    assert care.rows(tables.mandates, "code", "status")[1] == ("M1b", "active")
    assert care.rows(tables.activity_log, "action", "actor") == [
        ("customer created", "tester"),
        ("customer changed", "tester"),
    ]
    assert care.take(line(1)) == (0, 1, 0, [])
    assert care.rows(tables.billing_profiles, "payment_method") == [("invoice",)]
    assert [status for (status,) in care.rows(tables.mandates, "status")] == ["stopped", "stopped"]


def test_another_account_under_the_same_mandate_is_refused(care):
    care.take(line(1, payment=mandate(1)))
    *_, faults = care.take(line(1, payment=mandate(1, iban="DE89370400440532013000")))
    assert faults == ["line 1: mandate 'M1' was given before; another mandate needs another id"]


def test_what_was_sold_is_not_changed_by_an_import(care):
    care.take(line(1))
    *_, faults = care.take(
        line(1, billing={"payment_type": "postpaid", "currency": "EUR", "day": 2}, email="x")
    )
    assert len(faults) == 1
    assert "customer 'C1' is there with other billing;" in faults[0]
    assert care.rows(tables.customers, "email") == [("",)]


@pytest.mark.parametrize("separately", [True, False])
def test_what_one_customer_has_another_cannot_have(care, separately):
    first = line(1, payment=mandate(1), hierarchy={"owns": "H"}) | {"shares": owner(1, "A")["shares"]}
    second = line(2, payment=mandate(1), hierarchy={"owns": "H"}) | {"shares": owner(2, "A")["shares"]}
    second["subscriptions"] = first["subscriptions"]
    second["shares"][0]["subscription"] = "S1"
    files = [[first], [second]] if separately else [[first, second]]
    faults = [care.take(*file)[3] for file in files][-1]
    assert [fault.split(": ", 1)[1] for fault in faults] == [
        "mandate 'M1' belongs to customer 'C1'; subscription 'S1' belongs to customer 'C1'; "
        "identifier '+436600000001' belongs to customer 'C1'; sharing group 'A' is there already; "
        "hierarchy group 'H' is there already"
    ]


def test_members_join_a_group_that_was_imported_before(care, store):
    care.take(line(9), owner(1, "A"))
    care.take(line(8), member(2, "A"))
    assert care.rows(tables.sharing_memberships, "sharing_group_id", "member_customer_id") == [(1, 4)]
    assert care.rows(tables.customers, "code", "shard") == [("C9", 1), ("C1", 2), ("C8", 3), ("C2", 2)]
    care.publish(store)
    profile = unpack_profile(stored(store, 2, profile_ids=(4,)).profiles[4])
    assert profile.memberships[0].owner_group_id == 2


def test_groups_of_owners_on_different_shards_are_refused(care):
    *_, faults = care.take(owner(1, "A"), owner(2, "B"), member(3, "A", "B"))
    assert faults == [
        "line 3: member_of: the owners of 'A', 'B' live on different shards, and nobody lives on two"
    ]


def test_hierarchies_are_recorded_and_a_payer_must_be_there(care):
    *_, faults = care.take(
        line(1, hierarchy={"member_of": "H"}),
        line(2, hierarchy={"owns": "H"}),
        line(3, hierarchy={"member_of": "H", "owns": "I"}),
        line(4, hierarchy={"member_of": "I"}),
    )
    assert faults == ["line 1: hierarchy: there is no group 'H'; its owner must come earlier"]
    assert care.rows(tables.hierarchy_groups, "code", "owner_billing_profile_id") == [("H", 1), ("I", 2)]
    assert care.rows(tables.hierarchy_memberships, "hierarchy_group_id", "billing_profile_id") == [
        (1, 2),
        (2, 3),
    ]


def test_the_activity_log_takes_no_change_and_no_deletion(care, engine):
    care.take(line(1))
    for statement in (update(tables.activity_log).values(actor="x"), tables.activity_log.delete()):
        with pytest.raises(DatabaseError, match="append only"), writing(engine) as connection:
            connection.execute(statement)


@pytest.mark.parametrize("together", [True, False])
def test_more_members_than_may_be_tied_are_refused(care, together):
    care.desk = care.desk._replace(tied_max=3)
    # 1 and 3 share nothing, and are tied by 2.
    second = owner(2, "B") | {"member_of": [{"group": "A"}]}
    lines = [owner(1, "A"), second, member(3, "B"), member(4, "A"), line(5)]
    taken = [care.take(*lines)] if together else [care.take(one) for one in lines]
    assert [sum(some[0] for some in taken), [fault for some in taken for fault in some[3]]] == [
        4,
        [
            f"line {4 if together else 1}: member_of: 4 customers would be tied together, and "
            "store.tied_customers_max is 3"
        ],
    ]


def test_records_of_another_schema_version_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/old.sqlite"
    engine = open_records(url)
    with writing(engine) as connection:
        connection.execute(tables.schema_version.delete())
        connection.execute(insert(tables.schema_version), {"version": 99})
    engine.dispose()
    with pytest.raises(RecordsError, match="schema version 99"):
        open_records(url)


# The store -------------------------------------------------------------------------------------------


def test_publishing_tells_the_store_everything_once(care, store):
    care.take(line(1), line(2))
    assert care.publish(store) == 2
    assert care.publish(store) == 0
    records = stored(store, 1, (1,), (1,))
    assert unpack_group(records.groups[1])[H_CUSTOMER_ID] == 1
    assert unpack_profile(records.profiles[1]).services[0].identifier == "+436600000001"
    ((entry,),) = asyncio.run(store.find_identifiers(["+436600000002"]))
    assert (entry.shard, entry.customer_id, entry.subscription_id) == (2, 2, 2)


def test_a_crash_at_any_call_to_the_store_is_repaired_by_publishing_again(engine, catalogue, tmp_path):
    crashes = itertools.count()
    while True:
        crash_at = next(crashes)
        engine = open_records(f"sqlite:///{tmp_path}/{crash_at}.sqlite")
        care, ticks = Care(engine, catalogue), itertools.count()
        store = ModelStore(SHARDS, clock_ms=lambda: next(ticks))  # noqa: B023  # used within the round
        care.take(owner(1, "A"), member(2, "A"), line(3))
        crashing = CrashingStore(store, crash_at)
        try:
            care.publish(crashing)
        except CrashError:
            with reading(engine) as connection:
                assert waiting_count(connection) == 3
            assert care.publish(store) == 3
        assert all(
            stored(store, shard, (one,), (one,)).groups[one] for one, shard in ((1, 1), (2, 1), (3, 3))
        )
        assert all(asyncio.run(store.find_identifiers([f"+43660000000{n}" for n in (1, 2, 3)])))
        assert care.publish(store) == 0
        engine.dispose()
        if not crashing.crashed:
            break
    assert crash_at > 10


def test_a_group_that_the_store_has_is_never_overwritten(care, store, engine):
    care.take(line(1))
    with reading(engine) as connection:
        waiting = connection.execute(select(tables.outbox)).mappings().one()
    care.publish(store)
    before = asyncio.run(store.load(Load(1, None, (1,), ())))
    used = Commit(1, before.version, b"usage001", b"daemon", 1, Records({1: b"used"}, {}), (), (), ())
    assert asyncio.run(store.commit(used)).status is CommitStatus.ACCEPTED
    with writing(engine) as connection:
        connection.execute(insert(tables.outbox), dict(waiting))
    assert care.publish(store) == 1
    assert stored(store, 1, (1,)).groups == {1: b"used"}


def test_another_customers_entry_of_an_identifier_stays(care, store):
    old = DirectoryEntry(3, 77, 700, 0, 5)
    asyncio.run(store.swap_identifier("+436600000001", (), (old,)))
    care.take(line(1))
    care.publish(store)
    ((first, second),) = asyncio.run(store.find_identifiers(["+436600000001"]))
    assert first == old
    assert second.customer_id == 1


def test_publishing_tries_again_when_somebody_else_was_first(care, store):
    class Contended(CrashingStore):
        raced = False

        async def commit(self, commit):
            if not self.raced:
                self.raced = True
                other = commit._replace(tag=b"another1", caller=b"other")
                assert (await store.commit(other)).status is CommitStatus.ACCEPTED
            return await store.commit(commit)

    care.take(line(1))
    assert care.publish(Contended(store, -1)) == 1
    assert stored(store, 1, (1,)).groups[1] is not None


def test_a_store_that_does_not_answer_leaves_all_waiting(care, engine):
    class Silent(CrashingStore):
        async def load(self, load):
            raise StoreUnreachableError("nobody there")

    care.take(line(1), line(2))
    with pytest.raises(StoreUnreachableError):
        care.publish(Silent(ModelStore(SHARDS, clock_ms=lambda: 0), -1))
    with reading(engine) as connection:
        assert waiting_count(connection) == 2
