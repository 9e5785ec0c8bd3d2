"""A `records.url` that cannot be opened: the cure is said, and never the password."""

import sys

import pytest

from customer_care.records import RecordsError, open_records


def complaint(url) -> str:
    with pytest.raises(RecordsError) as caught:
        open_records(url)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql:u:secret@host/db", "'***@host/db'"),
        ("postgresql://u:secret@host:port/db", "'postgresql://u:***@host:port/db'"),
        ("postgresql://u:p@x:secret@host/db", "'postgresql://u:***@host/db'"),
        ("nosuch://u:secret@host/db", "'nosuch://u:***@host/db'"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url, shown):
    text = complaint(url)
    assert text.startswith(f"records.url {shown}: ")
    assert "secret" not in text
    assert "write sqlite:///FILE or postgresql://" in text


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    text = complaint("postgresql://u:secret@host/db")
    assert text.startswith("records.url 'postgresql://u:***@host/db': PostgreSQL needs psycopg: install")
    assert "pip install '.[postgres]'" in text
    assert "sqlite" not in text
