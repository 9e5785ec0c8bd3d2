"""Pure. What a server's error means for the caller: nothing was executed and it may pass, or it will not."""

import enum

# A server that says one of these has executed nothing, and may well do so later: it is loading its file,
# its master is gone, a slot is between two nodes, nobody has it, a replica too few is connected, the disk
# is full, the memory is.
PASSING = frozenset(
    [
        "LOADING",
        "MASTERDOWN",
        "TRYAGAIN",
        "CLUSTERDOWN",
        "READONLY",
        "NOREPLICAS",
        "MISCONF",
        "OOM",
        "BUSY",
        "UNBLOCKED",
    ]
)
# We may not do this, or have to log in first.
FORBIDDEN = frozenset(["NOPERM", "NOAUTH", "WRONGPASS"])


class ErrorKind(enum.Enum):
    """What a refusal is to the caller; the value completes `the store at ...`."""

    PASSES = "cannot just now"
    FORBIDDEN = "does not let this user (docs/STORE_MODES.md says what a user needs)"
    NO_FUNCTIONS = "lacks the functions of this version (run `charging store create`)"
    NO_SHARD = "lost a shard"
    OTHER = "refuses"


def error_kind(message: str) -> ErrorKind:
    """The kind of an error's text, as the server sends it."""
    code = message.partition(" ")[0]
    if code in PASSING or message.startswith("ERR max number of clients"):
        return ErrorKind.PASSES
    if code in FORBIDDEN:
        return ErrorKind.FORBIDDEN
    if code in ("NOHEADER", "LEFTOPEN"):
        return ErrorKind.NO_SHARD
    if "Function not found" in message:
        return ErrorKind.NO_FUNCTIONS
    return ErrorKind.OTHER
