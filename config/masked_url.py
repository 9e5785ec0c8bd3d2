"""Pure. A URL as it may be shown: without its password, also where it is so wrong that nothing can parse it."""

import re

MASK = "***"
# Several URLs of a Cluster's nodes stand in one setting, with commas between.
_NEXT_URL = re.compile(r",(?=\s*\w+://)")
_PASSWORD_ARGUMENT = re.compile(r"(password=)[^&,]*", re.IGNORECASE)


def masked_url(text: str) -> str:
    """The text with `***` for what stands between a user name and the last `@` of each URL, and in `password=`."""
    return ",".join(_PASSWORD_ARGUMENT.sub(rf"\1{MASK}", _masked(url)) for url in _NEXT_URL.split(text))


def _masked(url: str) -> str:
    before, at, place = url.rpartition("@")
    scheme, slashes, door = before.partition("//")
    if not at:
        return url
    if not slashes:
        return f"{MASK}@{place}"
    user, colon, _ = door.partition(":")
    return f"{scheme}//{user}:{MASK}@{place}" if colon else url
