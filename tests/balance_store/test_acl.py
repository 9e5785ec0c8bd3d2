"""The shipped users can do their work, and nothing else."""

import asyncio
import importlib.resources

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from balance_store.client import StoreClient
from balance_store.deployment import create, retire_functions
from balance_store.keyspace import groups_key
from balance_store.requests import CommitStatus, DirectoryEntry, Epoch, StoreMismatchError
from config.settings import Store
from tests.balance_store.given import claim, commit, load, usage, writes
from tests.balance_store.own_valkey import own_valkey

pytestmark = pytest.mark.live

ENTRY = (DirectoryEntry(0, 1, 1, 0, 9),)
REFUSED = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("CONFIG", "SET", "appendfsync", "no"),
    ("DEL", groups_key(0)),
    ("EVAL", "return 1", "0"),
    ("SHUTDOWN",),
    ("ACL", "LIST"),
    ("REPLICAOF", "NO", "ONE"),
    ("CLUSTER", "RESET"),
    ("HGET", "somebody-else", "field"),
]
FUNCTIONS = [("FUNCTION", "FLUSH"), ("FUNCTION", "DELETE", "chargeline5")]


def shipped() -> list[str]:
    return (importlib.resources.files("balance_store") / "acl" / "users.acl").read_text().splitlines()


@pytest.fixture
def as_user(tmp_path):
    """Settings of a server with the shipped users, for one of them."""
    file = tmp_path / "users.acl"
    file.write_text("".join(f"{line} >secret\n" for line in shipped()))
    with own_valkey(tmp_path, "--aclfile", str(file)) as (url, _):
        yield lambda name: Store(url=url, shards=2, username=f"chargeline-{name}", password="secret")


async def change_a_balance(store) -> None:
    seen = (await store.load(load(None, 1, profiles=(1,)))).version
    answer = await store.commit(commit(seen, writes=writes(g1=b"new", g2=None), lowest_catalogue=1))
    assert answer.status is CommitStatus.ACCEPTED
    stale = await store.commit(commit(seen, writes=writes(g1=b"newer")))
    assert stale.status is CommitStatus.STALE


def test_each_user_can_do_its_work_and_not_that_of_another(as_user):
    async def play():
        assert "2 shards made" in await create(as_user("deployment"))
        daemon = await StoreClient.connect(as_user("daemon"))
        billing = await StoreClient.connect(as_user("billing"))
        care = await StoreClient.connect(as_user("care"))
        for store in (daemon, billing, care):
            await change_a_balance(store)
        assert await care.swap_identifier("491", (), ENTRY)
        assert await daemon.draw_epoch(3) == 1
        await daemon.claim(claim(3, 1))
        floor_rises = usage(3, Epoch(1, 0), b"decided", 5)
        assert (await daemon.commit(commit(None, usage=(floor_rises,)))).status is CommitStatus.ACCEPTED
        assert await daemon.find_identifiers(["491", "492"]) == [ENTRY, ()]
        assert await billing.find_identifiers(["491"]) == [ENTRY]
        for call in (
            billing.draw_epoch(3),
            care.draw_epoch(3),
        ):
            with pytest.raises(StoreMismatchError, match="does not let this user"):
                await call
        for store in (daemon, billing, care):
            await store.close()
        assert await retire_functions(as_user("deployment")) == []

    asyncio.run(play())


@pytest.mark.parametrize("name", ["daemon", "billing", "care", "deployment"])
def test_nothing_else_is_allowed(as_user, name):
    settings = as_user(name)
    commands = REFUSED + (FUNCTIONS if name != "deployment" else [])

    async def play():
        client = Redis.from_url(settings.url, username=settings.username, password=settings.password)
        async with client:
            for command in commands:
                with pytest.raises(NoPermissionError):
                    await client.execute_command(*command)

    asyncio.run(play())


def test_a_wrong_password_is_said_as_such(as_user):
    wrong = msgspec.structs.replace(as_user("daemon"), password="guess")
    with pytest.raises(StoreMismatchError, match="does not let us in: WRONGPASS"):
        asyncio.run(StoreClient.connect(wrong))
    nobody = msgspec.structs.replace(as_user("daemon"), username="", password="")
    with pytest.raises(StoreMismatchError, match="charging store create"):
        asyncio.run(StoreClient.connect(nobody))
