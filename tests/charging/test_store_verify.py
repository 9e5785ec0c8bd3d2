"""Every kind of damage is found by its name, and a store without any is found in order."""

import asyncio
import contextlib
import json

import pytest
from redis import Redis

from balance_store.check_group import Booking
from balance_store.deployment import create
from balance_store.directory_record import pack_entries, unpack_entries
from balance_store.findings import Wrong
from balance_store.group_record import pack_group, unpack_group
from balance_store.keyspace import (
    bucket_of,
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    pack_id,
    profiles_key,
    recent_key,
)
from balance_store.profile_record import pack_profile, unpack_profile
from balance_store.scan import StoreScan
from balance_store.verify import entry_count, verify
from bench.workload import identifier_of
from charging import command_line
from config.load import load_compiled_catalogue
from config.settings import Store
from rating_kernels import group_image as g
from rating_kernels.group_layout import row_at, section_count
from tests.charging.charged_store import charge_store, fill_and_charge
from tests.house.modules import ROOT

pytestmark = pytest.mark.live

SHARDS = 2
PARTITION = 0


def booking() -> Booking:
    catalogue = load_compiled_catalogue("")
    return Booking(
        {item: catalogue.resources[key.resource].id for item, key in catalogue.items.items()},
        frozenset(info.id for info in catalogue.resources.values() if info.is_money),
    )


class Damaged:
    """A charged store, ways to read and spoil it, and what is found in it."""

    def __init__(self, settings: Store) -> None:
        self.settings = settings
        self.redis = Redis.from_url(settings.url)

    def findings(self) -> set[tuple[Wrong, str]]:
        async def look():
            seen = 0

            def advance(count: int) -> None:
                nonlocal seen
                seen += count

            async with StoreScan.open(self.settings) as scan:
                total = await entry_count(scan)
                found = [finding async for finding in verify(scan, booking(), advance)]
                assert seen == total
                print(*found, sep="\n")  # shown by pytest where a test fails
                return found

        return {(finding.wrong, finding.subject) for finding in asyncio.run(look())}

    def customer(self, number: int) -> tuple[int, bytes]:
        """(shard, profile) of the workload's customer of this number, counted from 0."""
        name = identifier_of(number)
        entry, *_ = unpack_entries(self.redis.hget(directory_key(bucket_of(name, SHARDS)), name))
        return entry.shard, self.redis.hget(profiles_key(entry.shard), pack_id(entry.customer_id))

    def profile(self, number: int):
        shard, record = self.customer(number)
        return shard, unpack_profile(record)

    def group(self, shard: int, group_id: int):
        return unpack_group(self.redis.hget(groups_key(shard), pack_id(group_id)))

    def put_group(self, shard: int, group_id: int, image) -> None:
        self.redis.hset(groups_key(shard), pack_id(group_id), pack_group(image, 0))

    @contextlib.contextmanager
    def kept(self, *keys: str):
        """Spoil keys within the block; they are put back after it."""
        before = {key: self.redis.dump(key) for key in keys}
        try:
            yield
        finally:
            for key, value in before.items():
                self.redis.delete(key)
                if value is not None:
                    self.redis.restore(key, 0, value)


@pytest.fixture(scope="module")
def damaged(live_servers):
    settings = Store(url=f"{live_servers.store_url}?db=15", shards=SHARDS)
    charge_store(settings)
    yield Damaged(settings)
    Redis.from_url(settings.url).flushdb()


def first_row(image, section: int) -> int:
    return row_at(image, 0, section, 0)


def test_a_store_that_was_charged_is_in_order(damaged):
    assert damaged.findings() == set()


@pytest.mark.parametrize(
    ("column", "section", "wrong"),
    [
        (g.I_OWED, g.SECTION_ITEMS, Wrong.GROUP_SUMS),
        (g.B_AMOUNT, g.SECTION_BALANCES, Wrong.GROUP_SUMS),
        (g.I_CYCLE_NO, g.SECTION_ITEMS, Wrong.GROUP_ROWS),
        (g.B_ID, g.SECTION_BALANCES, Wrong.GROUP_ROWS),
    ],
)
def test_a_sum_or_a_row_that_was_changed(damaged, column, section, wrong):
    shard, profile = damaged.profile(20)
    (group_id,) = profile.group_ids
    with damaged.kept(groups_key(shard)):
        image = damaged.group(shard, group_id)
        # The balance that is owed in money, whichever it is.
        for row in range(section_count(image, 0, section)):
            at = row_at(image, 0, section, row)
            if section == g.SECTION_BALANCES and image[at + g.B_KIND] != g.KIND_OWED:
                continue
            image[at + column] += 1_000
            break
        damaged.put_group(shard, group_id, image)
        assert (wrong, f"group {group_id}") in damaged.findings()


def test_a_credit_that_was_taken_without_an_item(damaged):
    for number in range(60):
        shard, profile = damaged.profile(number)
        (group_id,) = profile.group_ids
        image = damaged.group(shard, group_id)
        at = first_row(image, g.SECTION_BALANCES)
        resources = booking().money
        if image[at + g.B_KIND] == g.KIND_CREDIT and image[at + g.B_RESOURCE_ID] in resources:
            break
    with damaged.kept(groups_key(shard)):
        image[at + g.B_AMOUNT] += 1
        damaged.put_group(shard, group_id, image)
        assert damaged.findings() == {(Wrong.GROUP_SUMS, f"group {group_id}")}
        image[at + g.B_AMOUNT] -= 10_000_000_000
        damaged.put_group(shard, group_id, image)
        assert (Wrong.GROUP_ROWS, f"group {group_id}") in damaged.findings()


def test_a_group_that_went_back_in_time_lost_what_was_decided(damaged):
    """As if a write of it had been lost: consistent in itself, but kept decisions say more."""
    found = set()
    for number in range(60):
        shard, profile = damaged.profile(number)
        (group_id,) = profile.group_ids
        image = damaged.group(shard, group_id)
        rings = [
            first_row(image, g.SECTION_RING) + g.RING_WORDS * r
            for r in range(section_count(image, 0, g.SECTION_RING))
        ]
        if len(rings) < 2:
            continue
        last = max(rings, key=lambda at: image[at + g.R_POSITION])
        with damaged.kept(groups_key(shard)):
            image[last + g.R_POSITION] = 0
            image[last + g.R_ID_HASH] = 1
            damaged.put_group(shard, group_id, image)
            found |= damaged.findings()
        break
    assert found == {(Wrong.DECISION_LOST, f"group {group_id}")}


def test_records_that_are_none(damaged):
    shard, profile = damaged.profile(1)
    (group_id,) = profile.group_ids
    with damaged.kept(groups_key(shard)):
        damaged.redis.hset(groups_key(shard), pack_id(group_id), b"\x01no")
        assert (Wrong.GROUP_DAMAGED, f"group {group_id}") in damaged.findings()
    with damaged.kept(profiles_key(shard)):
        damaged.redis.hset(profiles_key(shard), pack_id(profile.customer_id), b"\x01no")
        found = damaged.findings()
        assert (Wrong.PROFILE_DAMAGED, f"customer {profile.customer_id}") in found
        # What stood on it is an orphan now.
        assert (Wrong.GROUP_ORPHANED, f"group {group_id}") in found
        assert (Wrong.IDENTIFIER_ORPHANED, f"identifier {identifier_of(1)}") in found
    bucket = directory_key(bucket_of(identifier_of(1), SHARDS))
    with damaged.kept(bucket):
        damaged.redis.hset(bucket, identifier_of(1), b"no")
        found = damaged.findings()
        assert (Wrong.IDENTIFIER_DAMAGED, f"identifier {identifier_of(1)}") in found
        assert (Wrong.IDENTIFIER_MISSING, f"customer {profile.customer_id}") in found


def test_records_in_the_wrong_place(damaged):
    shard, profile = damaged.profile(2)
    (group_id,) = profile.group_ids
    with damaged.kept(groups_key(shard), profiles_key(shard)):
        damaged.redis.hset(groups_key(shard), pack_id(9_999), pack_group(damaged.group(shard, group_id), 0))
        damaged.redis.hset(profiles_key(shard), pack_id(9_998), pack_profile(profile))
        assert damaged.findings() == {
            (Wrong.GROUP_ORPHANED, "group 9999"),
            (Wrong.PROFILE_MISPLACED, "customer 9998"),
        }
    name = identifier_of(2)
    bucket = bucket_of(name, SHARDS)
    right, wrong = directory_key(bucket), directory_key(1 - bucket)
    with damaged.kept(right, wrong):
        damaged.redis.hset(wrong, name, damaged.redis.hget(right, name))
        assert damaged.findings() == {(Wrong.IDENTIFIER_DAMAGED, f"identifier {name}")}


def test_what_is_missing_on_one_side(damaged):
    shard, profile = damaged.profile(3)
    (group_id,) = profile.group_ids
    with damaged.kept(groups_key(shard)):
        damaged.redis.hdel(groups_key(shard), pack_id(group_id))
        assert (Wrong.GROUP_MISSING, f"group {group_id}") in damaged.findings()
    name = identifier_of(3)
    key = directory_key(bucket_of(name, SHARDS))
    with damaged.kept(key):
        damaged.redis.hdel(key, name)
        assert damaged.findings() == {(Wrong.IDENTIFIER_MISSING, f"customer {profile.customer_id}")}
    with damaged.kept(key):
        entries = unpack_entries(damaged.redis.hget(key, name))
        later = tuple(e._replace(valid_from_us=1, valid_to_us=2) for e in entries)
        damaged.redis.hset(key, name, pack_entries(later))
        assert damaged.findings() == {
            (Wrong.IDENTIFIER_MISSING, f"customer {profile.customer_id}"),
            (Wrong.IDENTIFIER_ORPHANED, f"identifier {name}"),
        }


def test_a_member_whose_owner_lives_elsewhere(damaged):
    for number in range(60):
        shard, profile = damaged.profile(number)
        if profile.memberships:
            break
    owner_id = profile.memberships[0].owner_customer_id
    with damaged.kept(profiles_key(shard)):
        damaged.redis.hdel(profiles_key(shard), pack_id(owner_id))
        assert (Wrong.OWNER_MISSING, f"customer {profile.customer_id}") in damaged.findings()
    with damaged.kept(profiles_key(shard)):
        alone = type(profile)(
            profile.schema,
            profile.customer_id,
            profile.services,
            (),
            profile.recurring,
            profile.group_ids,
        )
        damaged.redis.hset(profiles_key(shard), pack_id(profile.customer_id), pack_profile(alone))
        assert damaged.findings() == {(Wrong.PROFILE_INCONSISTENT, f"customer {profile.customer_id}")}


def test_headers_and_decisions(damaged):
    header, recent, kept = header_key(0), recent_key(0), decisions_key(0, PARTITION)
    with damaged.kept(header):
        damaged.redis.hdel(header, "catalogue")
        assert damaged.findings() == {(Wrong.HEADER_DAMAGED, "header")}
    with damaged.kept(header):
        damaged.redis.hincrby(header, "number", 1)
        assert damaged.findings() == {(Wrong.RECENT_DAMAGED, "recent commits")}
    with damaged.kept(recent):
        damaged.redis.lpop(recent)
        damaged.redis.lpush(recent, b"\x91")
        assert damaged.findings() == {(Wrong.RECENT_DAMAGED, "recent commits")}
    with damaged.kept(kept):
        entry = damaged.redis.lindex(kept, 0)
        damaged.redis.lset(kept, 0, entry[:-1])
        assert damaged.findings() == {(Wrong.DECISIONS_DAMAGED, f"decisions of partition {PARTITION}")}
        highest, _, packed = entry.partition(b":")
        damaged.redis.lset(kept, 0, b"%d:%s" % (int(highest) + 1, packed))
        assert damaged.findings() == {(Wrong.DECISIONS_DAMAGED, f"decisions of partition {PARTITION}")}
    with damaged.kept(draw_key(PARTITION)):
        damaged.redis.delete(draw_key(PARTITION))
        assert damaged.findings() == {(Wrong.EPOCH_AHEAD, f"partition {PARTITION}")}


def test_nothing_is_found_while_customers_come_and_usage_flows(store_url):
    settings = Store(url=store_url, shards=SHARDS)

    async def walk(done: asyncio.Event) -> list[str]:
        found, walks = [], 0
        while not done.is_set() or walks < 2:
            async with StoreScan.open(settings) as scan:
                found += [str(finding) async for finding in verify(scan, booking(), lambda _: None)]
            walks += 1
            await asyncio.sleep(0)
        return found

    async def play():
        await create(settings)
        done = asyncio.Event()
        walking = asyncio.create_task(walk(done))
        await fill_and_charge(settings, 200, 3_000)
        done.set()
        return await walking

    assert asyncio.run(play()) == []


def test_the_command_says_what_is_wrong_and_ends_with_1(damaged, tmp_path, capsys):
    file = tmp_path / "settings.toml"
    file.write_text(f'[store]\nurl = "{damaged.settings.url}"\nshards = {SHARDS}\n')
    command_line.app(["store", "verify", "-c", str(file)], result_action="return_value")
    assert "0 findings" in capsys.readouterr().out
    with damaged.kept(draw_key(PARTITION)):
        damaged.redis.delete(draw_key(PARTITION))
        with pytest.raises(SystemExit) as ended:
            command_line.app(["store", "verify", "-c", str(file), "--json"], result_action="return_value")
    assert ended.value.code == 1
    *found, counts = map(json.loads, capsys.readouterr().out.splitlines())
    assert {finding["wrong"] for finding in found} == {"epoch-ahead"}
    assert len(found) == counts["findings"] == SHARDS


def test_the_page_explains_every_finding():
    page = (ROOT / "docs" / "STORE_TOOLS.md").read_text()
    for wrong in Wrong:
        assert f"`{wrong}`" in page, f"STORE_TOOLS.md does not say what {wrong} means"
