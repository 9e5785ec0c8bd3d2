"""A `store.url` that is wrong: what is said names the setting or the file, and never the password."""

import asyncio

import pytest

from balance_store import bulk_write
from balance_store.connection import read_urls
from balance_store.requests import StoreMismatchError
from config.settings import Store


def complaint(**settings) -> str:
    with pytest.raises(StoreMismatchError) as caught:
        read_urls(Store(**settings))
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://u:secret@host", "store.url http://u:***@host: all URLs"),
        (
            "redis://u:secret@h1,rediss://u:secret@h2",
            "store.url redis://u:***@h1,rediss://u:***@h2: all URLs",
        ),
        (
            "redis://u:secret@host:port",
            "store.url redis://u:***@host:port: port and database must be numbers",
        ),
        ("redis://u:secret/more@host", "store.url redis://u:***@host: port and database must be numbers"),
        ("redis://u:[secret@host", "store.url redis://u:***@host: port and database must be numbers"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url, said):
    text = complaint(url=url)
    assert text.startswith(said)
    assert "secret" not in text


def test_a_password_may_hold_every_mark_if_it_is_escaped():
    _, access = read_urls(Store(url="redis://u:a%2Fb%3Ac%40d%2Ce@host"))
    assert access.password == "a/b:c@d,e"


def test_a_missing_file_is_named_with_its_setting(tmp_path):
    text = complaint(url="rediss://host", ssl_cafile=f"{tmp_path}/ca.pem")
    assert text == f"store.ssl_cafile {tmp_path}/ca.pem: No such file or directory"


def test_a_store_that_is_in_use_is_named_without_its_password(monkeypatch):
    settings = Store(url="redis://u:secret@host", shards=1)

    class Link:
        def close(self):
            pass

    async def open_link(_):
        return Link()

    async def checked(*_):
        pass

    async def one_of_everything(*_):
        return [1]

    async def fill():
        async with bulk_write.BulkWriter.open(settings):
            pass

    monkeypatch.setattr(bulk_write, "open_link", open_link)
    monkeypatch.setattr(bulk_write, "check_servers", checked)
    monkeypatch.setattr(bulk_write, "ask", one_of_everything)
    with pytest.raises(StoreMismatchError, match=r"^the store at redis://u:\*\*\*@host is not empty"):
        asyncio.run(fill())
