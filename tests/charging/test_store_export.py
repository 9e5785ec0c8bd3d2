"""A store in a file and back: the same content, in the same shards or others; damage is refused with its place."""

import asyncio
import contextlib
import struct

import msgspec
import pytest
from redis import Redis

from balance_store import bulk_write
from balance_store.client import StoreClient
from balance_store.content_hash import group_digest
from balance_store.export_format import FRAME_HEAD_BYTES, START
from balance_store.export_store import export_store
from balance_store.hash_store import StoreMovedError, hash_store
from balance_store.import_store import ExportRefusedError, check_export, import_store
from balance_store.keyspace import (
    decisions_key,
    directory_key,
    draw_key,
    groups_key,
    header_key,
    profiles_key,
)
from balance_store.measure_size import measure_size
from balance_store.requests import StoreMismatchError
from balance_store.scan import StoreScan
from balance_store.verify import verify
from charging.store_tools import booking_of
from config.load import load_compiled_catalogue
from config.settings import Settings, Store
from customer_care.customer_rows import new_rows
from customer_care.place_customers import place_customers
from customer_care.records import insert_rows, open_records, writing
from customer_care.sample_customers import customer_lines
from tests.charging.charged_store import charge_store

pytestmark = pytest.mark.live

SHARDS = 2
PARTITION = 0


def idle(_: int) -> None:
    """Nobody watches."""


def hash_of(settings: Store) -> str:
    async def read():
        async with StoreScan.open(settings) as scan:
            return (await hash_store(scan, idle)).hex

    return asyncio.run(read())


def findings(settings: Store) -> list[str]:
    async def look():
        async with StoreScan.open(settings) as scan:
            booking = booking_of(load_compiled_catalogue(""))
            return [str(finding) async for finding in verify(scan, booking, idle)]

    return asyncio.run(look())


def export_to(path, settings: Store):
    async def write():
        async with StoreScan.open(settings) as scan:
            return await export_store(scan, path, idle)

    return asyncio.run(write())


def import_from(path, settings: Store):
    checked = check_export(path, settings.shards, idle)
    asyncio.run(import_store(settings, path, checked, idle))
    return checked


@pytest.fixture(scope="module")
def charged(live_servers):
    settings = Store(url=f"{live_servers.store_url}?db=14", shards=SHARDS)
    charge_store(settings)
    yield settings
    Redis.from_url(settings.url).flushdb()


@pytest.fixture(scope="module")
def exported(charged, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "store.export"
    counts = export_to(path, charged)
    assert counts["groups"] == counts["profiles"] == counts["directory"] == 60
    assert counts["decisions"] > 0
    return path


def records(url: str, shards: int) -> list[dict[bytes, bytes]]:
    redis = Redis.from_url(url)
    return [redis.hgetall(key(n)) for key in (groups_key, profiles_key, directory_key) for n in range(shards)]


def test_two_runs_have_one_hash_whatever_their_shards(charged, store_url):
    other = Store(url=store_url, shards=5)
    charge_store(other)
    assert hash_of(other) == hash_of(charged)


def test_a_hash_differs_where_an_amount_does(charged):
    redis = Redis.from_url(charged.url)
    (field, record), *_ = redis.hgetall(groups_key(0)).items()
    before = hash_of(charged)
    with pytest.raises(ValueError, match="balance group"):
        group_digest(1, record[:-1])
    others = [r for f, r in redis.hgetall(groups_key(0)).items() if f != field]
    try:
        redis.hset(groups_key(0), field, others[0])
        assert hash_of(charged) != before
    finally:
        redis.hset(groups_key(0), field, record)
    assert hash_of(charged) == before


def test_a_store_that_moves_has_no_hash(charged):
    redis = Redis.from_url(charged.url)

    async def read():
        async with StoreScan.open(charged) as scan:

            def commit_meanwhile(_: int) -> None:
                redis.hincrby(header_key(1), "number", 1)

            return await hash_store(scan, commit_meanwhile)

    header = redis.dump(header_key(1))
    try:
        with pytest.raises(StoreMovedError, match="shards 1 changed meanwhile"):
            asyncio.run(read())
    finally:
        redis.restore(header_key(1), 0, header, replace=True)


def test_into_the_same_shards_everything_comes_back_as_it_was(charged, exported, store_url):
    other = Store(url=store_url, shards=SHARDS)
    import_from(exported, other)
    assert records(store_url, SHARDS) == records(charged.url, SHARDS)
    old, new = Redis.from_url(charged.url), Redis.from_url(store_url)
    for shard in range(SHARDS):
        key = decisions_key(shard, PARTITION)
        assert new.lrange(key, 0, -1) == old.lrange(key, 0, -1)
        fields = (f"e:{PARTITION}", f"f:{PARTITION}", "catalogue", "shards")
        assert new.hmget(header_key(shard), fields) == old.hmget(header_key(shard), fields)
    assert new.get(draw_key(PARTITION)) == old.get(draw_key(PARTITION))
    assert hash_of(other) == hash_of(charged)
    assert findings(other) == []


def test_decisions_cannot_go_into_other_shards(exported):
    with pytest.raises(
        ExportRefusedError, match=r"decisions above the floors of 2 shards.* drain all daemons"
    ):
        check_export(exported, 5, idle)


def test_into_other_shards_families_stay_together_and_floors_are_the_highest(
    charged, store_url, other_store_url, tmp_path
):
    drained = Store(url=store_url, shards=SHARDS)
    import_from_drained(charged, drained, tmp_path)
    path = tmp_path / "drained.export"
    export_to(path, drained)
    other = Store(url=other_store_url, shards=5)
    checked = import_from(path, other)
    assert checked.placement is not None
    assert hash_of(other) == hash_of(charged)
    assert findings(other) == []
    redis = Redis.from_url(other_store_url)
    floors = {redis.hget(header_key(shard), f"f:{PARTITION}") for shard in range(5)}
    assert floors == {b"500 499 7"}
    assert {redis.hget(header_key(shard), "catalogue") for shard in range(5)} == {b"1"}


def import_from_drained(charged: Store, drained: Store, tmp_path) -> None:
    """As after a drain: no decisions, and floors that a sweep has not told to every shard yet."""
    path = tmp_path / "charged.export"
    export_to(path, charged)
    import_from(path, drained)
    redis = Redis.from_url(drained.url)
    for shard in range(SHARDS):
        redis.delete(decisions_key(shard, PARTITION))
        redis.hset(header_key(shard), f"f:{PARTITION}", f"{400 + 100 * shard} {399 + 100 * shard} 7")
    redis.hset(header_key(0), "catalogue", "1")


def test_a_store_that_holds_anything_is_not_filled(charged, exported):
    with pytest.raises(StoreMismatchError, match=r"not empty \(it is in use\)"):
        import_from(exported, charged)


def test_a_store_that_was_filled_half_way_is_none(exported, store_url, monkeypatch):
    other = Store(url=store_url, shards=SHARDS)

    async def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk_write.BulkWriter, "finish", die)
    with contextlib.suppress(KeyboardInterrupt):
        import_from(exported, other)
    monkeypatch.undo()
    with pytest.raises(StoreMismatchError, match=r"lacks 2 of 2 shards|no deployment"):
        asyncio.run(StoreClient.connect(other))
    with pytest.raises(StoreMismatchError, match="an earlier filling was not finished"):
        import_from(exported, other)


def test_an_export_is_never_written_over_and_leaves_nothing_behind(charged, exported, tmp_path):
    with pytest.raises(FileExistsError):
        export_to(exported, charged)
    redis = Redis.from_url(charged.url)
    header = redis.dump(header_key(0))

    async def write():
        async with StoreScan.open(charged) as scan:
            await export_store(
                scan, tmp_path / "moved", lambda _: redis.hincrby(header_key(0), "number", 1) and None
            )

    try:
        with pytest.raises(StoreMovedError):
            asyncio.run(write())
    finally:
        redis.restore(header_key(0), 0, header, replace=True)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_export_is_refused_with_its_place(exported, tmp_path):
    whole = exported.read_bytes()
    path = tmp_path / "torn"
    for length in [*range(12), *range(12, len(whole), 397), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ExportRefusedError, match=r"byte \d+: "):
            check_export(path, SHARDS, idle)


def test_a_damaged_export_is_refused_with_its_place(exported, tmp_path):
    whole = bytearray(exported.read_bytes())
    path = tmp_path / "damaged"
    for at in [*range(0, 40), *range(40, len(whole), 211)]:
        whole[at] ^= 16
        path.write_bytes(whole)
        with pytest.raises(ExportRefusedError, match=r"byte \d+: |format 17"):
            check_export(path, SHARDS, idle)
        whole[at] ^= 16


def test_frames_that_were_left_out_doubled_or_exchanged_are_missed(exported, tmp_path):
    whole = exported.read_bytes()
    parts, at = [], len(START)
    while at < len(whole):
        _, length, _ = struct.unpack_from(">BII", whole, at)
        parts.append(whole[at : at + FRAME_HEAD_BYTES + length])
        at += FRAME_HEAD_BYTES + length
    path = tmp_path / "frames"
    for spoilt in (
        parts[:2] + parts[3:],
        parts[:2] + parts[1:],
        [parts[0], parts[2], parts[1], *parts[3:]],
        parts[:-1],
        [*parts, parts[-1]],
    ):
        path.write_bytes(START + b"".join(spoilt))
        with pytest.raises(ExportRefusedError, match=r"byte \d+: "):
            check_export(path, SHARDS, idle)


def test_a_synthetic_store_is_the_one_that_importing_gives(store_url, other_store_url):
    from charging.store_tools import load_synthetic_store

    synthetic = Settings(store=Store(url=store_url, shards=SHARDS))
    asyncio.run(load_synthetic_store(synthetic, 300, 20_261_001, None))
    imported = Store(url=other_store_url, shards=SHARDS)
    charge_store(imported, customers=300, events=0)
    assert records(store_url, SHARDS) == records(other_store_url, SHARDS)
    assert findings(synthetic.store) == []


def test_sizes_are_those_of_the_server(charged):
    async def measure():
        async with StoreScan.open(charged) as scan:
            return await measure_size(scan, 1_000)

    found = asyncio.run(measure())
    assert [one.kind for one in found.entries] == ["group", "profile", "identifier"]
    for one in found.entries:
        assert one.entries == 60
        assert one.memory > one.record >= one.percentiles[0] > 0
        assert one.percentiles[0] <= one.percentiles[1] <= one.percentiles[2] <= one.record_max
    assert found.customers == 60
    assert found.memory_a_customer == sum(one.memory for one in found.entries)
    assert found.used_memory > found.memory_a_customer * 60


def test_records_are_told_where_customers_live(tmp_path):
    from customer_care.onboarding import onboard_lines

    catalogue = load_compiled_catalogue("")
    engine = open_records(f"sqlite:///{tmp_path}/records.sqlite")
    onboarded, _ = onboard_lines(map(msgspec.json.encode, customer_lines(10)), catalogue, SHARDS)
    with writing(engine) as connection:
        insert_rows(connection, [new_rows(one, catalogue, 1, "test") for one in onboarded])
    assert place_customers(engine, lambda number: number % 5) > 0
    assert place_customers(engine, lambda number: number % 5) == 0
