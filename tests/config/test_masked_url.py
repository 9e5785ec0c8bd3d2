"""No password is shown, however wrong the URL is that holds it."""

import pytest

from config.masked_url import masked_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://user@host/0", "redis://user@host/0"),
        ("redis://user:secret@host/0", "redis://user:***@host/0"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("redis://a:secret@h1:1,redis://a:secret@h2:2", "redis://a:***@h1:1,redis://a:***@h2:2"),
        ("postgresql://user:sec:r/e@t@host:port/db", "postgresql://user:***@host:port/db"),
        ("postgresql:user:secret@host/db", "***@host/db"),
        ("postgresql://host/db?user=a&password=secret&x=1", "postgresql://host/db?user=a&password=***&x=1"),
        ("sqlite:///records.sqlite", "sqlite:///records.sqlite"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert masked_url(url) == shown
